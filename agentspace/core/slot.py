"""The slot rule: who may write, what a reader sees, and which changes that makes.

Pure: no clock, no thread, no socket. Time (seconds, monotonic) is passed in and never runs backwards;
values are opaque. Both the in-memory space and the server hold their slots in a `SlotTable`, so there is
one rule and one place to read it:

* A write is accepted if the slot is free (never written, deleted or expired) or if its priority is at least
  the priority that holds the slot. Otherwise it is refused, and the refusal says who holds it.
* A value is valid in ``[valid_from, valid_to)``. It holds its slot from the moment it was accepted, so also
  while it is still delayed.
* A delete frees the slot under the same condition; with a validity it holds the slot *empty* for that time.
* The revision of a slot grows by one with every accepted change and is never used twice.
* Everything that happens to a slot, expiry included, is emitted once, in order, as a `Change`.
"""

import functools
import heapq
import math
import re
import sys
from collections.abc import Callable, Iterator, Set
from numbers import Real
from typing import Final, Generic, NamedTuple, Self

from agentspace.core.change import Change, Decision, Kind, Refused, V, Writer, Written
from agentspace.errors import LimitError, SlotNameError, WriteError

FOREVER: Final = math.inf
_MOST: Final = sys.float_info.max
MAX_SLOTS: Final = 65_536
MAX_NAME: Final = 255
OWN: Final = "_/"  #: the prefix of the slots that the space itself writes
_PART: Final = r"[^\x00-\x20\x7f\ud800-\udfff*?\[\]/]+"  # surrogates cannot be encoded
_NAME: Final = re.compile(f"{_PART}(/{_PART})*")


_WRITTEN: Final = Kind.WRITTEN  # looking it up in the enum takes longer than the rest of a comparison


class _Put(NamedTuple, Generic[V]):
    name: str
    value: V
    validity: float | None
    priority: float
    delay: float


class Put(_Put[V]):
    """A write: what is put where. One that exists has a free name, and numbers in their ranges.

    Args:
        name: The slot.
        value: What to put there.
        validity: Seconds for which the value is valid, counted from when it becomes readable; None for ever.
        priority: Accepted if at least the priority that holds the slot.
        delay: Seconds until the value becomes readable.

    Raises:
        SlotNameError: The name is not one, or one of the space's own.
        WriteError: Priority, validity or delay is out of range.
    """

    __slots__ = ()

    def __new__(
        cls, name: str, value: V, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> Self:
        """Checks what `_make` and `_replace` take as it is."""
        check_free_name(name)
        check_write(priority, validity, delay)
        lasts = None if validity is None else float(validity)
        return tuple.__new__(cls, (name, value, lasts, float(priority), float(delay)))

    @classmethod
    def own(cls, name: str, value: V) -> Self:
        """A write of one of the space's own slots, ``_/NAME``; nobody else may."""
        return cls._make((OWN + name, value, None, 0.0, 0.0))


class _Erase(NamedTuple):
    name: str
    priority: float
    validity: float | None


class Erase(_Erase):
    """A delete: empties a slot; with a validity (s), holds it empty for that time against lower priorities.

    Raises:
        SlotNameError: The name is not one, or one of the space's own.
        WriteError: Priority or validity is out of range.
    """

    __slots__ = ()

    def __new__(cls, name: str, priority: float = 0.0, validity: float | None = None) -> Self:
        """Checks what `_make` and `_replace` take as it is."""
        check_free_name(name)
        check_write(priority, validity, 0.0)
        return tuple.__new__(cls, (name, float(priority), None if validity is None else float(validity)))


class Slot(Generic[V]):
    """One named place and what holds it now."""

    __slots__ = ("change", "empty", "name", "pending", "revision", "valid_from", "value", "writes")

    def __init__(self, name: str) -> None:
        self.name = name
        self.revision = 0
        self.writes = 0
        self.change: Change[V] | None = None  # what holds the slot; None if it is free
        self.value: V | None = None
        self.valid_from = 0.0
        self.empty = True  # held empty by a delete
        self.pending = False  # accepted, not readable yet

    @property
    def readable(self) -> bool:
        """Whether a reader gets the value (the table has already dropped what expired)."""
        return self.change is not None and not self.empty and not self.pending


class SlotTable(Generic[V]):
    """The slots of one space.

    Args:
        emit: Receives every `Change`, in order, during the call that made it happen.
    """

    def __init__(self, emit: Callable[[Change[V]], None]) -> None:
        self._emit = emit
        self._slots: dict[str, Slot[V]] = {}
        self._deadlines: list[tuple[float, int, str, int]] = []  # (when, order, slot, revision)
        self._order = 0
        self._now = -math.inf

    def write(self, put: Put[V], now: float, writer: Writer, origin: float | None = None) -> Decision:
        """Offers a value.

        Args:
            put: What to write.
            now: The time (s).
            writer: The writer.
            origin: When the root cause was written (s); by default now.

        Raises:
            LimitError: There are too many slots.
        """
        name, value, validity, priority, delay = put
        slot, refusal = self._claim(name, now, priority)
        if refusal is not None:
            return refusal
        valid_from = self._now + delay
        valid_to = FOREVER if validity is None else valid_from + validity
        slot.value, slot.valid_from, slot.empty, slot.pending = value, valid_from, False, delay > 0
        slot.writes += 1
        cause = self._now if origin is None else origin
        if slot.pending:
            self._hold(slot, Kind.DELAYED, None, writer, priority, valid_to, cause)
        else:
            self._hold(slot, _WRITTEN, value, writer, priority, valid_to, cause)
        return Written(name, slot.revision)

    def delete(self, erase: Erase, now: float, writer: Writer) -> Decision:
        """Empties a slot; deleting what is empty already is accepted and changes nothing."""
        name, priority, validity = erase
        if validity is None and name not in self._slots:
            self.advance(now)
            return Written(name, 0)
        slot, refusal = self._claim(name, now, priority)
        if refusal is not None:
            return refusal
        if slot.change is None and validity is None:
            return Written(name, slot.revision)
        slot.value, slot.empty, slot.pending = None, True, False
        valid_to = self._now if validity is None else self._now + validity
        self._hold(slot, Kind.DELETED, None, writer, priority, valid_to, self._now)
        if validity is None:
            slot.change = None
        return Written(name, slot.revision)

    def get(self, name: str, now: float) -> Slot[V] | None:
        """The slot if it is readable now."""
        self.advance(now)
        slot = self._slots.get(name)
        return slot if slot is not None and slot.readable else None

    def revision(self, name: str) -> int:
        """The number of accepted changes of the slot; 0 if there is none."""
        slot = self._slots.get(name)
        return slot.revision if slot else 0

    def slots(self, now: float) -> Iterator[Slot[V]]:
        """Every slot that something holds now: readable, delayed or held empty."""
        self.advance(now)
        return (slot for slot in self._slots.values() if slot.change is not None)

    def advance(self, now: float) -> None:
        """Lets time pass: emits what becomes readable and what expires up to and including `now`."""
        self._now = max(now, self._now)
        while self._deadlines and self._deadlines[0][0] <= self._now:
            when, _, name, revision = heapq.heappop(self._deadlines)
            slot = self._slots[name]
            if slot.revision == revision and slot.change is not None:
                self._expire_or_ripen(slot, slot.change, when)

    def next_deadline(self) -> float | None:
        """The time at which `advance` has something to do next (s); None if nothing will happen by itself."""
        while self._deadlines:
            when, _, name, revision = self._deadlines[0]
            slot = self._slots[name]
            if slot.revision == revision and slot.change is not None:
                return when
            heapq.heappop(self._deadlines)
        return None

    def writes(self) -> dict[str, int]:
        """The number of writes that each slot has accepted so far."""
        return {slot.name: slot.writes for slot in self._slots.values()}

    def check_room(self, names: Set[str]) -> None:
        """Whether slots of these names exist or can be made.

        Raises:
            LimitError: They would be too many.
        """
        if (
            len(self._slots) + len(names) > MAX_SLOTS
            and len(self._slots) + len(names - self._slots.keys()) > MAX_SLOTS
        ):
            raise LimitError(
                f"no room for {', '.join(sorted(names))}: the space has {len(self._slots)} of {MAX_SLOTS} slots"
            )

    def _claim(self, name: str, now: float, priority: float) -> tuple[Slot[V], Refused | None]:
        """The slot, and the refusal if something of higher priority holds it."""
        self._now = max(self._now, now)
        if self._deadlines and self._deadlines[0][0] <= self._now:
            self.advance(now)
        slot = self._slots.get(name)
        if slot is None:
            if not name.startswith(OWN):  # the space can always give its account of itself
                self.check_room({name})
            slot = self._slots[name] = Slot(name)
        held = slot.change
        if held is None or priority >= held.priority:
            return slot, None
        left = None if held.valid_to == FOREVER else held.valid_to - self._now
        return slot, Refused(name, priority, held.writer, held.priority, left)

    def _hold(
        self,
        slot: Slot[V],
        kind: Kind,
        value: V | None,
        writer: Writer,
        priority: float,
        valid_to: float,
        origin: float,
    ) -> None:
        slot.revision += 1
        change = Change(slot.name, kind, slot.revision, value, writer, priority, self._now, valid_to, origin)
        slot.change = change
        if slot.pending:
            self._remind(slot.valid_from, slot)
        if valid_to < FOREVER:
            self._remind(valid_to, slot)
        self._emit(change)

    def _remind(self, when: float, slot: Slot[V]) -> None:
        self._order += 1
        heapq.heappush(self._deadlines, (when, self._order, slot.name, slot.revision))
        if len(self._deadlines) > 64 + 4 * len(self._slots):  # most are of values long since overwritten
            live = [d for d in self._deadlines if self._slots[d[2]].revision == d[3]]
            heapq.heapify(live)
            self._deadlines = live

    def _expire_or_ripen(self, slot: Slot[V], held: Change[V], when: float) -> None:
        if slot.pending and slot.valid_from <= when:
            slot.pending = False
            kind, value = Kind.WRITTEN, slot.value
        else:
            slot.change, slot.value, slot.empty = None, None, True
            kind, value = Kind.EXPIRED, None
        change = Change(
            slot.name, kind, slot.revision, value, held.writer, held.priority, when, held.valid_to, when
        )
        if slot.change is not None:
            slot.change = change
        self._emit(change)


def check_name(name: str) -> str:
    """The name, if it is one: '/'-separated parts without spaces, control characters and ``* ? [ ]``.

    Raises:
        SlotNameError: It is not.
    """
    if not isinstance(name, str):
        raise SlotNameError(f"a slot name is a str, not {type(name).__name__}: {name!r}")
    if _is_name(name):
        return name
    if len(name) > MAX_NAME:
        raise SlotNameError(
            f"slot name {name[:40]!r}... has {len(name)} characters; at most {MAX_NAME} are allowed"
        )
    raise SlotNameError(
        f"{name!r} is not a slot name: use parts separated by '/', none of them empty, "
        "without spaces, control characters and the glob characters * ? [ ]"
    )


@functools.lru_cache(maxsize=4096)
def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def check_free_name(name: str) -> None:
    """Whether anybody may write a slot of that name.

    Raises:
        SlotNameError: It is no slot name, or one of the space's own.
    """
    check_name(name)
    if name[:2] == OWN:
        raise SlotNameError(f"{name!r}: slots under {OWN!r} are the space's own; choose another name")


def check_write(priority: float, validity: float | None, delay: float) -> None:
    """Checks the numbers of a write.

    Raises:
        WriteError: One of them is not a finite number in its range.
    """
    if type(priority) is type(delay) is float and (validity is None or type(validity) is float):
        lasts = 1.0 if validity is None else validity
        if -_MOST <= priority <= _MOST and 0.0 <= delay <= _MOST and 0.0 < lasts <= _MOST:
            return  # nearly always
    _check_number("priority", priority, -math.inf)
    _check_number("delay", delay, 0.0)
    if validity is not None:
        _check_number("validity", validity, 0.0)
        if validity == 0:
            raise WriteError("validity is 0 seconds: give a positive number, or None for ever")


def _check_number(what: str, number: float, minimum: float) -> None:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise WriteError(f"{what} is a number, not {type(number).__name__}: {number!r}")
    try:
        finite = math.isfinite(number)
    except OverflowError:  # an int beyond all floats
        finite = False
    if not finite or number < minimum:
        least = "" if minimum == -math.inf else f" of at least {minimum:g}"
        raise WriteError(f"{what} is {number!r}; it must be a finite number{least}")
