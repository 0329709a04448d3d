"""How long a payload takes from a writer to its readers, with all contestants in turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Final

from agentspace.bench.crew import BenchmarkError, Crew
from agentspace.bench.figures import Spread, first_heard, last_heard, ratio, rotation, warm
from agentspace.bench.outcome import LatencyCase, Timing
from agentspace.bench.peers.all import OWN
from agentspace.bench.peers.contestant import Contestant
from agentspace.bench.peers.payloads import Payload

_PATIENCE: Final = 3.0  #: seconds that a reader waits for the last message of a burst
_FIRST: Final = 0.3  #: the same, as long as it is not certain that it hears anything
_TRIES: Final = 30  #: until all readers must hear
_ONCE: Final = 3  #: messages of a try
Told = Callable[[str], object]  #: is told in words what is done next


@dataclass(frozen=True)
class Bursts:
    """How much is sent.

    Attributes:
        rounds: In how many rounds.
        small: Messages of a burst of small payloads.
        large: Of large ones.
    """

    rounds: int
    small: int
    large: int

    def count(self, payload: Payload) -> int:
        """Messages of a burst."""
        return self.large if payload.large else self.small


@dataclass
class _Group:
    """The programs of a contestant, and what was found so far with one payload."""

    contestant: Contestant
    writer: str
    readers: list[str]
    took: list[float] = field(default_factory=list)
    medians: dict[int, float] = field(default_factory=dict)  # by round
    lost: int = 0

    def timing(self, own: "_Group") -> Timing:
        """What was found."""
        rounds = sorted(self.medians.keys() & own.medians.keys())
        found = ratio([own.medians[it] for it in rounds], [self.medians[it] for it in rounds])
        return Timing(Spread.of(self.took) if self.took else None, None if self is own else found, self.lost)


class Stage:
    """All contestants with so many readers, in their processes.

    Args:
        crew: Whose processes they are.
        contestants: Who is compared, beside this library.
        readers: How many each has.
        payloads: What will be measured.

    Attributes:
        failed: Those that could not be compared, and why.
    """

    def __init__(
        self, crew: Crew, contestants: Sequence[Contestant], readers: int, payloads: Sequence[Payload]
    ) -> None:
        self.failed: dict[str, str] = {}
        self._readers, self._payloads = readers, payloads
        self._crew = crew
        self._groups: list[_Group] = []
        self._start(contestants)

    def measure(self, payload: Payload, bursts: Bursts, tell: Told) -> LatencyCase:
        """One payload; all take their turns in each round."""
        groups = [group for group in self._groups if group.contestant.takes(payload)]
        for group in groups:
            group.took, group.medians, group.lost = [], {}, 0
        for number, turns in enumerate(rotation(groups, bursts.rounds)):
            for group in turns:
                name = group.contestant.name
                tell(f"{payload.name}, readers: {self._readers}, round {number + 1} of {bursts.rounds}: {name}")
                if name not in self.failed:
                    self._try(group, partial(self._burst, group, payload, bursts, number))
        own = next(group for group in groups if group.contestant is OWN)
        timings = {it.contestant.name: it.timing(own) for it in groups if it.contestant.name not in self.failed}
        return LatencyCase(payload.name, payload.size, payload.rate, self._readers, timings)

    def _start(self, contestants: Sequence[Contestant]) -> None:
        all_of_them = [OWN, *contestants]
        between = {it.name: self._crew.station(it.name, "serve", self._readers) for it in all_of_them if it.serves}
        for it in all_of_them:
            readers = [f"{it.name}/read/{number}" for number in range(self._readers)]
            group = _Group(it, f"{it.name}/write/0", readers)
            self._groups.append(group)
            self._try(group, partial(self._hire, it, between))
        for group in list(self._groups):
            self._try(group, partial(self._crew.await_ready, [*group.readers, group.writer]))
        for group in list(self._groups):
            self._try(group, partial(self._meet, group))

    def _hire(self, contestant: Contestant, between: dict[str, str]) -> None:
        if contestant.serves:
            self._crew.await_ready([between[contestant.name]])
        if not contestant.hires:
            for number in range(self._readers):
                self._crew.station(contestant.name, "read", number)
            self._crew.station(contestant.name, "write")

    def _meet(self, group: _Group) -> None:
        """Until all readers hear the writer."""
        for payload in filter(group.contestant.takes, self._payloads):
            for _ in range(_TRIES):
                if all(self._heard(group, payload, _ONCE, _FIRST)):
                    break
            else:
                raise BenchmarkError(f"not all readers hear anything of {payload.name}")

    def _burst(self, group: _Group, payload: Payload, bursts: Bursts, number: int) -> None:
        count = bursts.count(payload)
        took = last_heard(self._heard(group, payload, count, _PATIENCE))
        group.lost += count - len(took)
        if len(took) > 0:
            measured = warm(took)
            group.took += measured
            group.medians[number] = median(measured)

    def _heard(self, group: _Group, payload: Payload, count: int, patience: float) -> list[dict[int, float]]:
        """Of each reader: how long (us) each message took, by its stamp."""
        began = time.monotonic_ns()
        last = self._crew.ask(group.writer, payload=payload.topic, count=count)
        heard = self._crew.ask_all(group.readers, last=last, patience=patience)
        return [first_heard(each, began) for each in heard]

    def _try(self, group: _Group, work: Callable[[], object]) -> None:
        """Does it; a contestant that fails is out, and it is told why; we do not fail."""
        try:
            work()
        except BenchmarkError as error:
            if group.contestant is OWN:
                raise
            self.failed[group.contestant.name] = str(error)
            self._groups.remove(group)
