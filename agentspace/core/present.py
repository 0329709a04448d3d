"""The present state of slots, for who reads many, and for who begins to follow them. Pure."""

import heapq
from collections.abc import Generator, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, Generic

from agentspace.core.change import SPACE, Change, Kind, V
from agentspace.core.mailbox import Interest, Mailbox, Trigger
from agentspace.core.role import Role
from agentspace.core.slot import AT_ONCE, SlotTable
from agentspace.core.slot_collection import STEP
from agentspace.core.subscribers import Subscribers
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import is_name

_RUN: Final = 2048  # changes that are sorted together
_NEXT: Final = frozenset({Trigger.EVERY, Trigger.WRITES})  # these start with the next change

_name_of = attrgetter("name")


class Present(Generic[V]):
    """The present state of the slots of one space, for its readers, and for subscribers that begin to follow it.

    However many slots there are, each step takes less than a millisecond or so. Who begins to follow slots is told
    of changes from the first step on; until the last one, nothing goes out to it.
    """

    def __init__(self, table: SlotTable[V], subscribers: Subscribers[V]) -> None:
        self._table = table
        self._subscribers = subscribers

    def gathering(self, mask: str, now: float) -> Generator[None, None, Iterator[Change[V]]]:
        """The steps to what holds slots under a mask at one moment; returns it, by name."""
        pattern = Mask(mask)
        self._table.advance(now, AT_ONCE)
        while self._table.lags:
            yield
            self._table.advance(now, AT_ONCE)
        return (yield from _sorting(self._all(pattern)))

    def watching(self, mask: str, kind: Trigger, known: dict[str, int], now: float) -> tuple[int, Generator[None]]:
        """Adds a watcher; gives its number, and the steps after which its first batch goes out.

        Args:
            mask: Which slots.
            kind: NORMAL for the newest value of each, EVERY for every change.
            known: Slots that the watcher has seen, with their revisions: of these it is told which have changed,
                and which cannot be read any more.
            now: The time (s).
        """
        mailbox: Mailbox[V] = Mailbox()
        mailbox.attach(mask, kind)
        mailbox.loading = 1
        self._table.advance(now, AT_ONCE)
        number = self._subscribers.add(mailbox)
        return number, self._fill(number, mailbox, self._all(Mask(mask)), Mask(mask), known)

    def _fill(
        self,
        number: int,
        mailbox: Mailbox[V],
        present: Iterator[list[Change[V]]],
        mask: Mask,
        known: dict[str, int],
    ) -> Generator[None]:
        changes, names, here, at = dict[str, Change[V]](), set[str](), set[str](), self._table.now
        for count, change in enumerate((yield from _sorting(present)), 1):
            if known:
                here.add(change.name)
            if _is_news(change, known.get(change.name)):
                changes[change.name] = change
                names.add(change.name)
            if not count % STEP:
                yield
        for count, name in enumerate(known, 1):
            if name not in here and _is_covered(name, mask):
                changes[name] = self._is_gone(name, at)
                names.add(name)
            if not count % STEP:
                yield
        mailbox.preload(changes, names)
        mailbox.loading = 0
        self._subscribers.note_ready(number, mailbox)

    def expect(self, name: str) -> None:
        """A slot is about to change, with many others: if it is there, it is found out now who follows it."""
        slot = self._table.find(name)
        if slot is not None:
            self._subscribers.route(slot)

    def attaching(
        self, role: Role[V], mask: str, kind: Trigger, now: float, known: Sequence[Any] = ()
    ) -> Generator[None]:
        """The steps in which a role gets a trigger; a new one starts with what is there, but for EVERY and WRITES.

        Args:
            role: The role.
            mask: Which slots.
            kind: Of the trigger.
            now: The time (s).
            known: Slots that another server has told it of: it is told now of those that cannot be read here, as
                far as there is room, and nothing that waits tells of them.
        """
        mailbox = role.mailbox
        is_new = mailbox.attach(mask, kind)
        self._subscribers.attach(role.name, mailbox.attachments[mask, kind], kind)
        known = () if kind is Trigger.WRITES else known
        if not (is_new or known):
            return
        pattern, interest = Mask(mask), Interest.of(frozenset({kind}))
        self._table.advance(now, AT_ONCE)
        mailbox.loading += 1
        try:
            there = self._all(pattern) if is_new and kind not in _NEXT else iter(())
            for count, change in enumerate((yield from _sorting(there)), 1):
                if change.kind is Kind.WRITTEN and self._is_held(change):
                    mailbox.offer(change, interest)  # one that has changed meanwhile has come by itself
                if not count % STEP:
                    yield
            queued = mailbox.queued_names() if kind is Trigger.EVERY else set[str]()
            for count, name in enumerate(known, 1):
                if _is_covered(name, pattern) and not self._is_readable(name) and name not in queued:
                    mailbox.offer_late(self._is_gone(name, now), interest)
                    queued.add(name)
                if not count % STEP:
                    yield
        finally:
            mailbox.loading -= 1
            self._subscribers.note_ready(role.name, mailbox)

    def _is_gone(self, name: str, at: float) -> Change[V]:
        """What tells of a slot that can be read no more, by nobody's doing."""
        return Change(name, Kind.DELETED, self._table.revision(name), None, SPACE, 0.0, at, at, at)

    def _is_readable(self, name: str) -> bool:
        slot = self._table.find(name)
        return slot is not None and slot.change is not None and slot.change.kind is Kind.WRITTEN

    def _is_held(self, change: Change[V]) -> bool:
        slot = self._table.find(change.name)
        return slot is not None and slot.change is change

    def _all(self, mask: Mask) -> Iterator[list[Change[V]]]:
        """What holds the slots under a mask now, in pieces; of a mask that names one, that."""
        if not mask.exact:
            return self._table.moment(mask)
        slot = self._table.find(mask.text)
        return iter([] if slot is None or slot.change is None else [[slot.change]])


def _is_covered(name: Any, mask: Mask) -> bool:
    """Whether what a client calls a slot is one that a mask covers."""
    return type(name) is str and is_name(name) and mask.matches(name)


def _is_news(change: Change[V], seen: int | None) -> bool:
    """Whether a watcher that has seen a value of that revision is to be told what holds the slot now."""
    return change.revision != seen if change.kind is Kind.WRITTEN else seen is not None


def at_once(steps: Generator[None]) -> None:
    """Takes all steps."""
    for _ in steps:
        pass


def _sorting(pieces: Iterable[list[Change[V]]]) -> Generator[None, None, Iterator[Change[V]]]:
    """The steps in which changes are sorted that come in pieces; returns them, by name, each once."""
    runs: list[list[Change[V]]] = [[]]
    for some in pieces:
        runs[-1] += some
        if len(runs[-1]) >= _RUN:
            runs[-1].sort(key=_name_of)
            runs.append([])
        yield
    runs[-1].sort(key=_name_of)
    return _once(heapq.merge(*runs, key=_name_of) if len(runs) > 1 else iter(runs[0]))


def _once(changes: Iterable[Change[V]]) -> Iterator[Change[V]]:
    """Changes without those that come again."""
    before = None
    for change in changes:
        if change is not before:
            yield change
        before = change
