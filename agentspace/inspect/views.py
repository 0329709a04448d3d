"""The views of an inspector: small frozen records, complete at the moment when they were made.

All times are seconds; ``at`` is on the clock that the observer was given (monotonic).
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from agentspace.client.disk import DiskCode
from agentspace.client.reports import RoleAccount, SlotTurns, SpaceClock
from agentspace.core.life import UNDECIDED
from agentspace.core.mailbox import Trigger
from agentspace.core.values.masks import Mask
from agentspace.core.values.shown import type_text
from agentspace.core.values.value import Value

COMPONENTS: Final = 16  #: of a small vector that a sample keeps
_PIXELS: Final = 1024  #: of a large array that are looked at for its mean
_IMAGE_SIDE: Final = 8  #: pixels; what is smaller is no image


_RENEWED: Final = 3  #: writes before the one before ran out, that make a value one that is kept valid
_SILENCE: Final = 1.5  #: seconds; signs of life come once a second


class Sample(NamedTuple):
    """One moment in the history of a slot.

    Attributes:
        at: When.
        revision: Of the slot.
        numbers: A number as it is, a small vector whole, of a large array the mean; empty for what is no number,
            and where nothing is known: after the slot ran out or was emptied, and while the server was away.
        until: When it runs out by itself; None if never.
    """

    at: float
    revision: int
    numbers: tuple[float, ...]
    until: float | None = None


def was_kept(history: Iterable[Sample]) -> bool:
    """Whether a value was written again and again before it ran out: a sensor was, a whistle was not.

    What nobody saw may have been kept.
    """
    valid = [sample for sample in history if sample.until is not None]
    pairs = [(a, b) for a, b in itertools.pairwise(valid) if b.revision > a.revision]
    renewed = sum(b.at <= (a.until or b.at) for a, b in pairs)
    return not valid or (renewed >= _RENEWED and renewed == len(pairs))


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
        turns: Writers of equal priority that write it in turns; None if there are no two.
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
    turns: SlotTurns | None = None

    @property
    def readable(self) -> bool:
        """Whether there is a value."""
        return self.kind == "written"

    @property
    def state(self) -> str:
        """The kind, for people: what was deleted may be held empty, so that nobody of less priority writes it."""
        return "held empty" if self.kind == "deleted" and self.time_left is not None else self.kind

    @property
    def image(self) -> bool:
        """Whether the value can be shown as a picture."""
        return self.readable and is_image(self.value)


@dataclass(frozen=True, slots=True)
class RoleView(RoleAccount):
    """A role, now: its account, and how it fares.

    Attributes:
        handled: Handlers that ran.
        handler_ms: Median of the last ones that a change woke (ms); None before the first. See `Load`.
        handler_ms_p99: The same for the 99th percentile.
        timer_ms: Median of the last ones that only a timer woke (ms); None before the first.
        timer_ms_p99: The same for the 99th percentile.
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
        disk: The code as the disk has it; None if that cannot be compared with what the process runs.
        letters: What is told of changes that were set aside because its handler always fails at them.
    """

    handled: int = 0
    handler_ms: float | None = None
    handler_ms_p99: float | None = None
    timer_ms: float | None = None
    timer_ms_p99: float | None = None
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
    disk: DiskCode | None = None
    letters: dict[str, Any] | None = None

    @property
    def median(self) -> float | None:
        """The median (ms) of its handlers that changes wake; if there are none, of those that a timer wakes."""
        return self.timer_ms if self.handler_ms is None else self.handler_ms

    @property
    def p99(self) -> float | None:
        """The 99th percentile (ms) of the same handlers."""
        return self.timer_ms_p99 if self.handler_ms is None else self.handler_ms_p99

    @property
    def possible(self) -> tuple[str, ...]:
        """What a person can order it: ``start`` if it has no process, ``restart``, ``swap``, ``stop``."""
        if not self.launch:
            return ("stop",) if self.filled and self.epoch else ()
        if self.filled or (self.life is not None and self.life.pid is not None):
            return ("restart", "swap", "stop")
        return ("start", "swap", "stop") if self.state in UNDECIDED else ("start", "swap")

    def wakes_on(self, slot: str) -> bool:
        """Whether a slot wakes it."""
        return any(Mask(mask).matches(slot) for mask, kind in self.triggers if kind != Trigger.QUIET)

    def collects(self, slot: str) -> bool:
        """Whether the changes of a slot wait until something else wakes it."""
        quiet = any(Mask(mask).matches(slot) for mask, kind in self.triggers if kind == Trigger.QUIET)
        return quiet and not self.wakes_on(slot)


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
        written: The writers of each slot, those too that are empty now and were never seen here.
        read: The readers of each slot.
        linked: The server tells who has read what.
        overflows: Changes that were lost, by watcher.
        set_aside: Dead letters, by role.
        clock: That of the space, as it was told last.
        heard: When the space was heard last: whatever is shown is as of then. None before the first time.
        projects: Of its launches.
    """

    at: float
    away: str | None = None
    server: dict[str, Any] = field(default_factory=dict)
    slots: tuple[SlotView, ...] = ()
    roles: tuple[RoleView, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    events: tuple[Event, ...] = ()
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    linked: bool = False
    overflows: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    clock: SpaceClock = field(default_factory=SpaceClock)
    heard: float | None = None
    projects: tuple[str, ...] = ()


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
    return type_text(value)


def numbers_of(value: Value) -> tuple[float, ...]:
    """The numbers of a value, for plots: see `Sample`."""
    if isinstance(value, bool | int | float):
        return (float(value),) if abs(value) < 1e300 else ()
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf" and value.size:
        flat = np.asarray(value).reshape(-1)
        with np.errstate(all="ignore"):  # infinities of both signs, NaNs that signal
            if flat.size > COMPONENTS:
                return (float(np.mean(flat[:: max(1, flat.size // _PIXELS)], dtype=np.float64)),)
            return tuple(map(float, flat))
    return ()


def timeline(samples: Sequence[Sample], now: float, columns: int, heard: float = math.inf) -> list[float | None]:
    """The history of a number in equal parts of time, up to now; None where it was not valid, or nobody knows.

    Of a vector its length is told. A value counts until it runs out, is taken away, or the server falls silent.
    """
    begin, places = samples[0].at, iter(samples)
    following, held = next(places, None), None
    found: list[float | None] = []
    for column in range(1, columns + 1):
        end = begin + (now - begin) * column / columns
        newest: float | None = None
        while following is not None and following.at <= end:
            held = following
            newest = _size(held) if held.numbers else newest
            following = next(places, None)
        lasts = held is not None and bool(held.numbers) and end < min(held.until or math.inf, heard + _SILENCE)
        found.append(newest if newest is not None else _size(held) if held is not None and lasts else None)
    return found


def _size(sample: Sample) -> float:
    return sample.numbers[0] if len(sample.numbers) == 1 else float(np.linalg.norm(sample.numbers))
