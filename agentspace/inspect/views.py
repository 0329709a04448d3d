"""The views of an inspector: small frozen records, complete at the moment when they were made.

All times are seconds; ``at`` is on the clock that the observer was given (monotonic).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from agentspace.client.account import RoleAccount
from agentspace.core.mailbox import Mask
from agentspace.core.value import Value, describe

COMPONENTS: Final = 16  #: of a small vector that a sample keeps
_PIXELS: Final = 1024  #: of a large array that are looked at for its mean
_IMAGE_SIDE: Final = 8  #: pixels; what is smaller is no image


class Sample(NamedTuple):
    """One moment in the history of a slot.

    Attributes:
        at: When.
        revision: Of the slot.
        numbers: A number as it is, a small vector whole, of a large array the mean; empty for what is no number.
    """

    at: float
    revision: int
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot, now.

    Attributes:
        name: Of the slot.
        kind: Written, delayed, deleted or expired.
        type: In few words: ``float32[384]``, ``640x480x3 uint8``.
        value: None if there is nothing to read.
        holder: Who wrote it, as role#epoch.
        priority: What a write must at least have to be accepted.
        time_left: Until it runs out; None if never.
        age: Since it was written.
        revision: Of the slot.
        latency: From the root cause to this write.
        timed: It has, or had, a validity.
        rate: Writes per second.
        bandwidth: Bytes per second.
        refused: How many writes were refused so far.
        triggers: Roles that it wakes.
        writers: Roles and clients that have written it.
        readers: Roles and clients that have read it; triggers not counted.
        history: Up to 120 samples, oldest first.
    """

    name: str
    kind: str
    type: str
    value: Value
    holder: str
    priority: float
    time_left: float | None
    age: float
    revision: int
    latency: float
    timed: bool
    rate: float = 0.0
    bandwidth: float = 0.0
    refused: int = 0
    triggers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    history: tuple[Sample, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether there is a value."""
        return self.kind == "written"

    @property
    def image(self) -> bool:
        """Whether the value can be shown as a picture."""
        return self.readable and is_image(self.value)


@dataclass(frozen=True, slots=True)
class RoleView(RoleAccount):
    """A role, now: its account, and how it fares.

    Attributes:
        handled: Handlers that ran.
        handler_ms: Median of the last ones (ms); None before the first.
        handler_ms_p99: The same for the 99th percentile.
        rate: Handlers per second, as this inspector has seen it; None before it has.
        pending: Changes that wait for it.
        busy: A handler runs.
        lag: How long the oldest change in its mailbox has waited; None if it is not told.
        refused: Its writes that were refused.
        missed: Timer ticks.
        overflow: Changes that it lost.
        restarts: By the supervisor; None if it has none.
        reason: What the supervisor says of it.
        cpu: Per cent of one core; None if it runs elsewhere.
        memory: Resident bytes; None if it runs elsewhere.
        swap: What is told of its last hot swap; None if there was none.
    """

    handled: int = 0
    handler_ms: float | None = None
    handler_ms_p99: float | None = None
    rate: float | None = None
    pending: int = 0
    busy: bool = False
    lag: float | None = None
    refused: int = 0
    missed: int = 0
    overflow: int = 0
    restarts: int | None = None
    reason: str = ""
    cpu: float | None = None
    memory: int | None = None
    swap: dict[str, Any] | None = None

    def wakes_on(self, slot: str) -> bool:
        """Whether one of its triggers covers a slot."""
        return any(Mask(mask).matches(slot) for mask, _ in self.triggers)


class Refusal(NamedTuple):
    """A write that was refused: who wanted to write what, and who held it."""

    at: float
    slot: str = ""
    writer: str = ""
    priority: float = 0.0
    holder: str = ""
    held_priority: float = 0.0
    time_left: float | None = None
    kind: str = "write"


class Event(NamedTuple):
    """A line of the log: what happened to whom.

    Attributes:
        at: When.
        level: Info, warning or error.
        subject: The role, or the slot.
        text: What happened.
    """

    at: float
    level: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known of a space at one moment.

    Attributes:
        at: When.
        away: Why the server cannot be reached; None if it can.
        server: What it says of itself: version, pid, endpoints, clients, ...
        slots: By name; the space's own ones not counted.
        roles: By name.
        refusals: The last ones, oldest first.
        events: The log, oldest first.
        linked: The server tells who has read what.
        overflows: Changes that were lost, by watcher.
    """

    at: float
    away: str | None = None
    server: dict[str, Any] = field(default_factory=dict)
    slots: tuple[SlotView, ...] = ()
    roles: tuple[RoleView, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    events: tuple[Event, ...] = ()
    linked: bool = False
    overflows: dict[str, int] = field(default_factory=dict)


def is_image(value: Value) -> bool:
    """Whether an array can be shown as a picture: grey, RGB or RGBA bytes."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        return False
    fits = value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (1, 3, 4))
    return fits and min(value.shape[:2]) >= _IMAGE_SIDE


def type_of(value: Value) -> str:
    """The type of a value in few words; of a picture width, height and channels."""
    if is_image(value):
        height, width, *channels = value.shape
        return "x".join(map(str, (width, height, *channels))) + f" {value.dtype}"
    return describe(value)


def numbers_of(value: Value) -> tuple[float, ...]:
    """The numbers of a value, for plots: see `Sample`."""
    if isinstance(value, bool | int | float):
        return (float(value),) if abs(value) < 1e300 else ()
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf" and value.size:
        flat = np.asarray(value).reshape(-1)
        if flat.size > COMPONENTS:
            return (float(np.mean(flat[:: max(1, flat.size // _PIXELS)], dtype=np.float64)),)
        return tuple(map(float, flat))
    return ()
