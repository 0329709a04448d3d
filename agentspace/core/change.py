"""Changes of slots, as plain records: writer, decision, change, many of these; and writers that take turns."""

import itertools
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

V = TypeVar("V")
_TURNS_KEPT: Final = 256  # slots; those in which it happened last
_WRITERS_KEPT: Final = 8  # of one slot
_LOOKED_AT: Final = 1024  # changes at once


class Kind(StrEnum):
    """A kind of change of a slot."""

    WRITTEN = "written"  #: a value became readable
    DELAYED = "delayed"  #: a value was accepted that becomes readable later (then WRITTEN follows)
    DELETED = "deleted"  #: the slot was emptied
    EXPIRED = "expired"  #: the value, or a delete that held the slot empty, ran out


_WRITTEN: Final = Kind.WRITTEN  # looking it up in the enum takes longer than the rest of a comparison


class Writer(NamedTuple):
    """The writer of a value: a role, and the epoch of the incarnation that filled it."""

    role: str
    epoch: int = 0

    def __str__(self) -> str:
        return f"{self.role}#{self.epoch}" if self.epoch else self.role


SPACE: Final = Writer("_")  #: the space itself


class Written(NamedTuple):
    """An accepted write or delete. True in a condition."""

    name: str
    revision: int

    def __bool__(self) -> bool:
        return True


class Refused(NamedTuple):
    """A refused write or delete, and why. False in a condition.

    Attributes:
        name: The slot.
        priority: The priority that was offered.
        holder: Who holds the slot.
        held_priority: With which priority.
        time_left: Seconds until the holder's claim runs out; None if it never does.
    """

    name: str
    priority: float
    holder: Writer
    held_priority: float
    time_left: float | None

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        left = "without end" if self.time_left is None else f"for another {self.time_left:.3g} s"
        return (
            f"{self.name!r} is held by {self.holder} with priority {self.held_priority:g} {left}; "
            f"priority {self.priority:g} is refused"
        )


Decision = Written | Refused


class Change(NamedTuple, Generic[V]):
    """One thing that happened to one slot.

    Attributes:
        name: The slot.
        kind: What happened.
        revision: The slot's revision after it.
        value: The value that became readable; None for every other kind.
        writer: Who did it; for an expiry, whose value expired.
        priority: The priority it was done with.
        at: When it happened (seconds, the space's clock).
        valid_to: When what was written runs out (`FOREVER` if never).
        origin: When the root cause was written: the camera frame that led, through a chain of
            handlers, to this joint command. ``at - origin`` is the end-to-end latency.
    """

    name: str
    kind: Kind
    revision: int
    value: V | None
    writer: Writer
    priority: float
    at: float
    valid_to: float
    origin: float


@dataclass(slots=True)
class Batch(Generic[V]):
    """The changes that a subscriber is told of at once.

    Attributes:
        number: Counts up; the acknowledgement names it.
        changed: The newest change of each slot, by name.
        every: The changes for EVERY triggers, in order, with their values.
        values: Names whose newest values travel along (those with NORMAL triggers).
        lost: Changes that were lost, of which no batch that was acknowledged has told.
    """

    number: int
    changed: dict[str, Change[V]]
    every: tuple[Change[V], ...]
    values: set[str]
    lost: int = 0
    _traced: tuple[float | None] | None = None

    def all(self) -> list[Change[V]]:
        """Every change in it."""
        return [*self.changed.values(), *self.every]

    def first(self, most: int) -> Iterator[Change[V]]:
        """The first changes in it."""
        return itertools.islice(itertools.chain(self.changed.values(), self.every), most)

    @property
    def origin(self) -> float | None:
        """The oldest root cause among the values in it (s); None if there are none."""
        if self._traced is None:
            self._traced = (_oldest_of(itertools.chain(self.changed.values(), self.every)),)
        return self._traced[0]

    def tracing(self) -> Generator[None]:
        """The steps after which its origin is known: to look at very many changes takes long."""
        changes, found = itertools.chain(self.changed.values(), self.every), list[float]()
        while some := [*itertools.islice(changes, _LOOKED_AT)]:
            oldest = _oldest_of(some)
            found += [] if oldest is None else [oldest]
            yield
        self._traced = (min(found, default=None),)


def _oldest_of(changes: Iterable[Change[V]]) -> float | None:
    return min((change.origin for change in changes if change.kind is _WRITTEN), default=None)


class QueueLog(Protocol[V]):
    """The log of what waits for EVERY triggers, so that it outlives the mailbox."""

    def queued(self, change: Change[V]) -> None:
        """A change waits."""

    def settled(self, changes: Iterable[Change[V]]) -> None:
        """Changes wait no more: they were handled or set aside."""

    def lost(self, change: Change[V]) -> None:
        """A change waits no more, as there was no room; whoever gets the next ones is to be told."""


class Turns(NamedTuple):
    """How often a valid value was written over by another writer of the same priority, and by which ones."""

    times: int
    writers: tuple[str, ...]


class TurnTable(dict[str, Turns]):
    """The turns of writers, by slot."""

    def note(self, name: str, before: str, after: str) -> None:
        """Another writer took a slot over."""
        known = self.pop(name, None)
        writers = dict.fromkeys((*(known.writers if known else ()), before, after))
        if len(self) >= _TURNS_KEPT:
            del self[next(iter(self))]
        self[name] = Turns((known.times if known else 0) + 1, tuple(writers)[-_WRITERS_KEPT:])
