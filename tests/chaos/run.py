"""One run: faults come over a world, then everything has to run again, to end, and to have been as promised."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.agents import ROLES
from tests.chaos.checker import TOLD, Violation, check
from tests.chaos.faults import HITS, Hit
from tests.chaos.history import Delivered, Event, read
from tests.chaos.schedule import schedule
from tests.chaos.world import World


@dataclass(frozen=True)
class Report:
    """What a run has shown.

    Attributes:
        done: Faults of each sort.
        void: Of these, those that hit nothing, because nobody was there at that moment.
        events: Everything that was noted.
        violations: What was not as promised.
        folder: The histories and logs; gone if nothing was wrong.
    """

    done: Counter[str]
    void: Counter[str]
    events: Sequence[Event]
    violations: Sequence[Violation]
    folder: Path

    @property
    def delivered(self) -> int:
        """The number of changes that EVERY triggers brought to handlers."""
        return sum(isinstance(event, Delivered) for event in self.events)

    @property
    def hit(self) -> int:
        """The number of faults that hit something."""
        return self.done.total() - self.void.total()

    def __str__(self) -> str:
        sorts = [
            f"  {sort:36}{count - self.void[sort]:5d} of {count:4d} hit"
            for sort, count in sorted(self.done.items())
        ]
        rules = Counter(violation.rule for violation in self.violations)
        wrong = [*map(str, self.violations[:TOLD]), *(f"{count} x {rule}" for rule, count in rules.most_common())]
        total = f"{self.hit} of {self.done.total()} faults hit; {len(self.events)} events, "
        total += f"{self.delivered} deliveries to EVERY triggers"
        return "\n".join([*sorts, total, *wrong, f"{len(self.violations)} violations"])


def run(
    seed: int, count: int, seconds: float, only: Collection[str] = (), say: Callable[[str], object] = print
) -> Report:
    """Lets a schedule come over a world, and judges what its clients noted.

    Args:
        seed: Of the schedule.
        count: How many faults.
        seconds: After which no more faults are done.
        only: The kinds that come; none of these: all.
        say: Is told of each.
    """
    done: Counter[str] = Counter()
    void: Counter[str] = Counter()
    world = World()
    violations: Sequence[Violation] = ["unknown"]  # type: ignore[list-item]  # until it has ended well
    try:
        world.settle()
        began = time.monotonic()
        lasting: list[tuple[float, Hit]] = []
        for fault in schedule(seed, count, ROLES, only):
            if time.monotonic() > began + seconds:
                break
            lasting = _wait(lasting, time.monotonic() + fault.wait)
            world.heal()
            hit = HITS[fault.kind](world, fault)
            _make_room(hit, lasting)
            done[fault.sort] += 1
            hits = hit.do()
            if not hits:
                void[fault.sort] += 1
            elif fault.lasts:
                lasting.append((time.monotonic() + fault.lasts, hit))
            say(f"{time.monotonic() - began:7.1f} s {fault}" + ("" if hits else f": hit nothing; {hit.missed}"))
        _wait(lasting, time.monotonic() + 60.0, all_of_them=True)
        world.settle()
        world.end(hard=seed % 2 == 1)
        events = list(read(world.histories))
        violations = check(events)
        return Report(done, void, events, violations, world.folder)
    finally:
        world.close(keep=bool(violations))


def _make_room(hit: Hit, lasting: list[tuple[float, Hit]]) -> None:
    """What is done to the same thing ends what was done to it before."""
    for pair in list(lasting):
        same = pair[1].fault.kind == hit.fault.kind and pair[1].fault.target == hit.fault.target
        if same or hit.fault.kind == "restart of the server":
            pair[1].undo()
            lasting.remove(pair)


def _wait(lasting: list[tuple[float, Hit]], until: float, all_of_them: bool = False) -> list[tuple[float, Hit]]:
    """Waits until a time, and undoes what is over until then; or until all is undone."""
    for end, hit in sorted(lasting, key=lambda pair: pair[0]):
        if end > until and not all_of_them:
            break
        time.sleep(max(0.0, end - time.monotonic()))
        hit.undo()
        lasting.remove((end, hit))
    if not all_of_them:
        time.sleep(max(0.0, until - time.monotonic()))
    return lasting
