"""The subscribers of one space, roles and watchers: with what each begins, and for whom a batch is ready.

Pure. Who follows a slot is worked out at its first change and remembered as long as the slot is.
"""

import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.change import SPACE, Batch, Change, Kind, V
from agentspace.core.mailbox import Interest, Mailbox, Trigger
from agentspace.core.role import Role
from agentspace.core.slot import AT_ONCE, SlotTable
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import is_name

STEP: Final = 128  #: slots that are looked at in one step
_RUN: Final = 2048  # of those that are sorted together

_name_of = attrgetter("name")

Route = list[tuple[str | int, Mailbox[V], Interest]]  #: who follows a slot, and what of it


class Delivery(NamedTuple, Generic[V]):
    """A batch and whom it is for: the name of a role, or the number of a watcher."""

    to: str | int
    batch: Batch[V]


class Subscribers(Generic[V]):
    """The subscribers of one space.

    Args:
        roles: By name.

    Attributes:
        watchers: The mailboxes of watchers, by number.
        ready: Who may have something to be delivered.
    """

    def __init__(self, roles: Mapping[str, Role[V]]) -> None:
        self.watchers: dict[int, Mailbox[V]] = {}
        self.ready: dict[str | int, Mailbox[V]] = {}
        self._roles = roles
        self._count = 0
        self._routes: dict[str, Route[V]] = {}
        self._gone: list[dict[str, Route[V]]] = []  # routes that are true no more

    def add(self, watcher: Mailbox[V]) -> int:
        """A watcher comes; returns its number."""
        self._count += 1
        self.watchers[self._count] = watcher
        self.rearrange()
        self.note_ready(self._count, watcher)
        return self._count

    def remove(self, number: int) -> None:
        """A watcher goes."""
        self.watchers.pop(number, None)
        self.ready.pop(number, None)
        self.rearrange()

    def rearrange(self) -> None:
        """Triggers, or whole subscribers, have come or gone; of much that is known no more `tidying` lets go."""
        if len(self._routes) > STEP:
            self._gone.append(self._routes)
        self._routes = {}

    def tidying(self) -> Generator[None]:
        """The steps in which it lets go of that: to do so at once would take long."""
        while self._gone:
            routes = self._gone[0]
            for _ in range(min(len(routes), STEP)):
                routes.popitem()
            if not routes:
                self._gone.remove(routes)
            yield

    def forget(self, slots: Iterable[str]) -> None:
        """Slots are forgotten."""
        for name in slots:
            self._routes.pop(name, None)

    def tell(self, change: Change[V]) -> None:
        """A slot has changed."""
        for to, mailbox, interest in self.route(change.name):
            if mailbox.offer(change, interest) and mailbox.outstanding is None:
                self.ready[to] = mailbox

    def route(self, name: str) -> Route[V]:
        """Who follows a slot."""
        route = self._routes.get(name)
        if route is None:
            pairs = ((to, mailbox, mailbox.interest(name)) for to, mailbox in self._mailboxes())
            route = self._routes[name] = [(to, box, interest) for to, box, interest in pairs if interest]
        return route

    def note_ready(self, to: str | int, mailbox: Mailbox[V]) -> None:
        """A mailbox may have become ready."""
        if mailbox.ready:
            self.ready[to] = mailbox

    def deliveries(self, now: float) -> Iterator[Delivery[V]]:
        """Hands out every batch that can go now."""
        while self.ready:
            to = next(iter(self.ready))
            mailbox = self.ready.pop(to)
            if not mailbox.ready:
                continue
            if isinstance(to, str):
                role = self._roles[to]
                if role.state != "running":
                    continue
                role.dispatched = now
            yield Delivery(to, mailbox.take())

    def _mailboxes(self) -> Iterator[tuple[str | int, Mailbox[V]]]:
        yield from ((role.name, role.mailbox) for role in self._roles.values())
        yield from self.watchers.items()


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
        return (yield from _gathering(self._all(pattern), pattern))

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
        self, number: int, mailbox: Mailbox[V], present: list[Change[V]], mask: Mask, known: dict[str, int]
    ) -> Generator[None]:
        changes, names, here, at = dict[str, Change[V]](), set[str](), set[str](), self._table.now
        for count, change in enumerate((yield from _gathering(present, mask)), 1):
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
        if self._table.find(name) is not None:
            self._subscribers.route(name)

    def attaching(
        self, role: Role[V], mask: str, kind: Trigger, now: float, known: Sequence[Any] = ()
    ) -> Generator[None]:
        """The steps in which a role gets a trigger; a new one starts with what is there, but for EVERY.

        Args:
            role: The role.
            mask: Which slots.
            kind: Of the trigger.
            now: The time (s).
            known: Slots that another server has told it of: it is told now of those that cannot be read here, as
                far as there is room, and nothing that waits tells of them.
        """
        self._subscribers.rearrange()
        mailbox = role.mailbox
        is_new = mailbox.attach(mask, kind)
        if not (is_new or known):
            return
        pattern, interest = Mask(mask), Interest.of({kind})
        self._table.advance(now, AT_ONCE)
        mailbox.loading += 1
        try:
            there = self._all(pattern) if is_new and kind is not Trigger.EVERY else []
            for count, change in enumerate((yield from _gathering(there, pattern)), 1):
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

    def _all(self, mask: Mask) -> list[Change[V]]:
        """What holds slots now: all, or the one that a mask names."""
        if not mask.exact:
            return self._table.changes()
        slot = self._table.find(mask.text)
        return [] if slot is None or slot.change is None else [slot.change]


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


def _gathering(changes: list[Change[V]], mask: Mask) -> Generator[None, None, Iterator[Change[V]]]:
    """The steps in which changes are found whose slots a mask covers; returns them, by name."""
    runs: list[list[Change[V]]] = [[]]
    for start in range(0, len(changes), STEP):
        if start:
            yield
        runs[-1] += [change for change in changes[start : start + STEP] if mask.matches(change.name)]
        if len(runs[-1]) >= _RUN:
            runs[-1].sort(key=_name_of)
            runs.append([])
    runs[-1].sort(key=_name_of)
    return heapq.merge(*runs, key=_name_of) if len(runs) > 1 else iter(runs[0])
