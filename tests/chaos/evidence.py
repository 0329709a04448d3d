"""All that was noted, sorted for the checker: by life of the server, by slot, by revision. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final, TypeVar

from tests.chaos.history import Acted, Decided, Delivered, Event, Full, Joined, Life, Seen

E = TypeVar("E", bound=Event)
DURABLE: Final = "durable/"
AROUND: Final = 6  #: events before and after one


@dataclass
class Change:
    """An accepted change of a slot, as far as it is known.

    Attributes:
        revision: Of the slot.
        act: What its writer was about to do.
        epoch: Under which it was accepted; 0: unknown.
        earliest: It was not accepted before.
        latest: It was accepted by then.
    """

    revision: int
    act: Acted
    epoch: int
    earliest: float
    latest: float


@dataclass
class Slot:
    """What is known of one slot in one life of the server."""

    name: str = ""
    seen: list[Seen] = field(default_factory=list)
    acted: list[Acted] = field(default_factory=list)  # by time
    answered: list[tuple[Acted, Decided]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)  # by revision


class Evidence:
    """All that was noted, sorted for the rules.

    Args:
        events: In any order.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = sorted(events, key=when)
        self.lives = [event for event in self.events if isinstance(event, Life)] or [Life(0.0, math.inf)]
        self.acts = {event.ident: event for event in self.of(Acted)}
        self.decisions = {event.ident: event for event in self.of(Decided)}
        self._starts = [life.begin for life in self.lives]

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of a kind, in the order of their ends."""
        return (event for event in self.events if isinstance(event, kind))

    def life(self, begin: float, end: float) -> Life | None:
        """The life of the server that a time is in wholly; None if there is none, or it spans two."""
        index = bisect_right(self._starts, end) - 1
        found = self.lives[index] if index >= 0 else None
        return found if found is not None and found.begin <= begin and end <= found.end else None

    def met(self, who: str, at: float) -> Life | None:
        """The life of the server that the incarnation which acts in a role at a time has joined; None: unknown.

        What it was given there it may handle when that server is gone, and another one is there.
        """
        joined = self._joined.get(who, [])
        index = bisect_right(joined, at, key=when) - 1
        return self.life(joined[index].at, joined[index].at) if index >= 0 else None

    @cached_property
    def _joined(self) -> dict[str, list[Joined]]:
        found: dict[str, list[Joined]] = defaultdict(list)
        for event in self.of(Joined):
            found[event.who].append(event)
        return found

    def goes_on(self, begin: float, end: float) -> bool:
        """Whether what held at one time has to hold at a later one: no server began anew in between."""
        if self.life(begin, begin) is None or self.life(end, end) is None:
            return False
        first, last = bisect_right(self._starts, begin), bisect_right(self._starts, end)
        return all(life.durable for life in self.lives[first:last])

    @cached_property
    def slots(self) -> dict[tuple[Life, str], Slot]:
        """Each slot in each life."""
        found: dict[tuple[Life, str], Slot] = defaultdict(Slot)
        for seen in self.of(Seen):
            if (life := self.life(seen.begin or seen.end, seen.end)) is not None:
                found[life, seen.slot].seen.append(seen)
        for act in self.of(Acted):
            for life in self._possible(act):
                found[life, act.slot].acted.append(act)
        for decided in self.of(Decided):
            answered, written = self.life(decided.begin, decided.end), self.acts.get(decided.ident)
            if answered is not None and written is not None:
                found[answered, written.slot].answered.append((written, decided))
        for (life, name), each in found.items():
            each.name, each.changes = name, list(self._changes(each, life))
        return dict(found)

    def is_kept(self, at: float) -> bool:
        """Whether what was shown at a time is kept: the disk was not full, or an answer has told so since."""
        return not any(begin <= at <= end for begin, end in self._unkept)

    @cached_property
    def _unkept(self) -> list[tuple[float, float]]:
        answers = [
            decided
            for decided in self.of(Decided)
            if decided.revision and (act := self.acts.get(decided.ident)) and act.slot.startswith(DURABLE)
        ]
        return [
            (full.begin, next((answer.end for answer in answers if answer.begin >= full.end), math.inf))
            for full in self.of(Full)
        ]

    def slots_of(self, life: Life) -> list[tuple[str, Slot]]:
        """The slots in one life, with their names."""
        return [(name, slot) for (each, name), slot in self.slots.items() if each == life]

    def _possible(self, act: Acted) -> Sequence[Life]:
        """The lives in which a write may have been accepted: without an answer it may have been tried again."""
        decided = self.decisions.get(act.ident)
        if decided is not None and (life := self.life(decided.begin, decided.end)) is not None:
            return (life,)
        first = bisect_left(self.lives, act.at, key=lambda life: life.end)
        return self.lives[first : first + 2]

    def _changes(self, slot: Slot, life: Life) -> Iterator[Change]:
        """The changes that are known, with bounds that also the order of revisions gives."""
        known: dict[int, Change] = {}
        for act, decided in slot.answered:
            if decided.revision and (not act.delete or act.validity is not None):
                known[decided.revision] = Change(decided.revision, act, 0, decided.begin, decided.end)
        for seen in slot.seen:
            act = self.acts.get(seen.ident)
            if seen.revision and act is not None and life in self._possible(act):
                change = known.setdefault(seen.revision, Change(seen.revision, act, 0, act.at, seen.end))
                change.epoch = seen.epoch
                change.latest = min(change.latest, seen.end)
        changes = [known[revision] for revision in sorted(known)]
        for before, after in pairwise(changes):
            after.earliest = max(before.earliest, after.earliest)
        for after, before in pairwise(reversed(changes)):
            before.latest = min(before.latest, after.latest)
        yield from changes

    @cached_property
    def lost(self) -> dict[tuple[Life, str], int]:
        """How many changes each role was told to be lost, in each life of the server."""
        before = {(event.who, event.revision, event.at): event.told for event in self.of(Delivered)}
        most: dict[tuple[Life, str], dict[tuple[int, float], int]] = defaultdict(lambda: defaultdict(int))
        for event in self.of(Delivered):
            if (life := self.life(event.at, event.at)) is not None:
                told, handled = most[life, event.who], (event.last, event.since)
                news = event.told - before.get((event.who, *handled), 0)
                told[handled] = max(told[handled], news)  # after a handler that died the next one hears it again
        return {key: sum(told.values()) for key, told in most.items()}

    @cached_property
    def processes(self) -> dict[tuple[str, int], set[int]]:
        """The process of each epoch of each role: one, unless the server began to count anew."""
        found: dict[tuple[str, int], set[int]] = defaultdict(set)
        for joined in self.of(Joined):
            found[joined.who, joined.epoch].add(joined.process)
        return found

    def may_sign(self, act: Acted, epoch: int) -> bool:
        """Whether a write may bear an epoch: its writer's at that time, or a later one of the same process.

        What was asked of a server that ended is asked of the next one, by an incarnation that has come back.
        """
        if epoch <= act.epoch:
            return epoch == act.epoch
        known = self.processes.get((act.who, epoch))
        return not known or process_of(act) in known

    def epochs(self, change: Change) -> tuple[int, int]:
        """The lowest and the highest epoch under which a change can have been accepted."""
        if change.epoch:
            return change.epoch, change.epoch
        act, decided = change.act, self.decisions.get(change.act.ident)
        until = act.at if decided is None else decided.end
        return act.epoch, max((epoch for epoch in self._came_back(act, until)), default=act.epoch)

    def _came_back(self, act: Acted, until: float) -> Iterator[int]:
        """The epochs under which the process of an act went on, until a time."""
        joined = self._joined.get(act.who, [])
        for each in joined[bisect_left(joined, act.at, key=when) :]:
            if each.at > until:
                return
            if each.process == process_of(act):
                yield each.epoch

    def is_over(self, act: Acted, at: float) -> bool:
        """Whether nobody asks for a write any more at a time: there was an answer, or its process went on."""
        decided = self.decisions.get(act.ident)
        if decided is not None:
            return decided.end < at
        before, _, number = act.ident.rpartition(":")
        following = self.acts.get(f"{before}:{int(number) + 1}")
        return following is not None and following.at < at

    def around(self, at: float, word: str) -> tuple[str, ...]:
        """The events next to a moment that name a slot or a role."""
        near = [event for event in self.events if word in repr(event)]
        index = bisect_right(near, at, key=when)
        return tuple(map(repr, near[max(0, index - AROUND) : index + AROUND]))


def process_of(act: Acted) -> int:
    """The process of a writer."""
    return int(act.ident.split(":")[1])


def when(event: Event) -> float:
    """When it was noted."""
    at: float = event.at if hasattr(event, "at") else event.end
    return at
