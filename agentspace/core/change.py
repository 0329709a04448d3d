"""Changes of slots, as plain records: the writer, the decision, the change."""

from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class Kind(StrEnum):
    """A kind of change of a slot."""

    WRITTEN = "written"  #: a value became readable
    DELAYED = "delayed"  #: a value was accepted that becomes readable later (then WRITTEN follows)
    DELETED = "deleted"  #: the slot was emptied
    EXPIRED = "expired"  #: the value, or a delete that held the slot empty, ran out


class Writer(NamedTuple):
    """The writer of a value: a role, and the epoch of the incarnation that filled it."""

    role: str
    epoch: int = 0

    def __str__(self) -> str:
        return f"{self.role}#{self.epoch}" if self.epoch else self.role


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
