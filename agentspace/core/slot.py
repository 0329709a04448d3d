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
* A slot that nothing holds any more is over. It is forgotten after a while, or when its room is needed; then only
  the `floor` remembers it, the highest revision among all that were forgotten. A slot that is new to the table
  begins after the floor: so no revision comes twice, of a name that comes again neither.
* Everything that happens to a slot, expiry included, is emitted once, in order, as a `Change`.
"""

import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Final, Generic, NamedTuple, Self

from agentspace.core.change import Change, Decision, Kind, Refused, TurnTable, V, Writer, Written
from agentspace.core.slot_collection import TABLES, Slot, SlotCollection
from agentspace.core.values.agenda import FOREVER, Agenda
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN, check_free_name
from agentspace.core.values.numbers import check_write
from agentspace.errors import LimitError

MAX_SLOTS: Final = 1_000_000
ROOM: Final = 256  #: slots that are forgotten at once when room is needed
AT_ONCE: Final = 64  #: expiries, and values that become readable, for which an act of another slot waits
_WRITTEN: Final = Kind.WRITTEN  # looking it up in the enum takes longer than the rest of a comparison
_EXPIRED: Final = Kind.EXPIRED


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
    def own(cls, name: str, value: V, validity: float | None = None) -> Self:
        """A write of one of the space's own slots, ``_/NAME``; nobody else may."""
        return cls._make((OWN + name, value, validity, 0.0, 0.0))


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


class SlotTable(Generic[V]):
    """The slots of one space.

    Args:
        emit: Receives every `Change` with its slot, in order, during the call that made it happen.
        forgotten: Receives the names of slots that were forgotten.
        floor: The revision after which slots begin.

    Attributes:
        floor: The revision after which slots begin that are new here; no forgotten one had a higher one.
        now: The time (s) that was passed in last.
        ceiling: The revision above which `rise` is told of each.
    """

    def __init__(
        self,
        emit: Callable[[Change[V], Slot[V]], None],
        forgotten: Callable[[Iterable[str]], None] = lambda names: None,
        floor: int = 0,
    ) -> None:
        self.emit = emit
        self._forgotten = forgotten
        self.floor = floor
        self.turns = TurnTable()  #: of slots whose value another writer took over
        self._slots: SlotCollection[V] = SlotCollection()
        self._over: dict[str, float] = {}  # what nothing holds, but the space's own: since when, the oldest first
        self._own = 0  # slots of the space's own
        self._agenda: Agenda[str] = Agenda(self._deadline)
        self._order, self._done = 0, 0  # what was scheduled, and what happened at `now` with acts
        self.now = -math.inf
        self.ceiling = math.inf
        self.rise: Callable[[int], None] | None = None

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
        held = slot.change
        if held is None:
            self._over.pop(name, None)
        elif held.priority == priority and held.writer.role != writer.role:
            self.turns.note(name, held.writer.role, writer.role)
        valid_from = self.now + delay
        valid_to = FOREVER if validity is None else valid_from + validity
        slot.value, slot.valid_from, slot.empty, slot.pending = value, valid_from, False, delay > 0
        kind, shown = (Kind.DELAYED, None) if slot.pending else (_WRITTEN, value)
        self._hold(slot, kind, shown, writer, priority, valid_to, self.now if origin is None else origin)
        return Written(name, slot.revision)

    def delete(self, erase: Erase, now: float, writer: Writer) -> Decision:
        """Empties a slot; deleting what is empty already is accepted and changes nothing."""
        name, priority, validity = erase
        if validity is None and self._slots.get(name) is None:
            self._keep_up(now)
            return Written(name, self.floor)
        slot, refusal = self._claim(name, now, priority)
        if refusal is not None:
            return refusal
        if slot.change is None:
            if validity is None:
                return Written(name, slot.revision)
            self._over.pop(name, None)
        slot.value, slot.empty, slot.pending = None, True, False
        valid_to = self.now if validity is None else self.now + validity
        self._hold(slot, Kind.DELETED, None, writer, priority, valid_to, self.now)
        if validity is None:
            slot.change = None
            self._end(slot, self.now)
        return Written(name, slot.revision)

    def get(self, name: str, now: float) -> Slot[V] | None:
        """The slot if it is readable now."""
        self._keep_up(now)
        if (slot := self._slots.get(name)) is None:
            return None
        if self.lags:
            self._settle(slot, self.now)
        return slot if slot.readable else None

    def revision(self, name: str) -> int:
        """The revision after which the next change of the slot comes."""
        slot = self._slots.get(name)
        return slot.revision if slot else self.floor

    def slots(self, now: float) -> Iterator[Slot[V]]:
        """Every slot that something holds now: readable, delayed or held empty."""
        self.advance(now)
        return (slot for slot in self._slots if slot.change is not None)

    def moment(self, mask: Mask) -> Iterator[list[Change[V]]]:
        """What holds the slots under a mask now, as far as time was let pass; see `SlotMoment.pieces`."""
        return self._slots.moment(mask).pieces()

    def advance(self, now: float, most: int = sys.maxsize) -> int:
        """Lets time pass: emits what becomes readable and expires up to `now`, so much at most; tells how much."""
        self.now, left = max(now, self.now), most
        while left > 0 and self.lags:
            reminder = self._agenda.take()
            if reminder is not None:
                slot = self._slots.get(reminder[0])
                if slot is not None:
                    self._settle(slot, reminder[1])
                self._agenda.note(reminder[0])
            left -= 1
        return most - left

    @property
    def lags(self) -> bool:
        """Whether deadlines are over at which something has to happen yet."""
        return self._agenda.lags(self.now)

    def next_deadline(self, most: int = sys.maxsize) -> float | None:
        """The time at which `advance` has something to do next (s); None if nothing will happen by itself.

        Args:
            most: Deadlines that are looked at; of more, it may be too early.
        """
        return self._agenda.first(most)

    def __len__(self) -> int:
        """The number of slots that are remembered, the space's own aside."""
        return len(self._slots) - self._own

    @property
    def held(self) -> int:
        """The number of slots that something holds, the space's own aside."""
        return len(self) - len(self._over)

    def find(self, name: str) -> Slot[V] | None:
        """The slot if something holds it, as it is: readable, delayed or held empty."""
        slot = self._slots.get(name)
        return slot if slot is not None and slot.change is not None else None

    def restore(self, slot: Slot[V]) -> None:
        """Puts a slot back that something held when the host of before ended."""
        slot.revision = max(slot.revision, self.floor)
        self._slots.add(slot)
        self._schedule(slot)

    def check_room(self, names: Set[str]) -> None:
        """Makes sure that slots of these names exist or can be made; forgets others that are over for it.

        Raises:
            LimitError: They would be too many.
        """
        room = MAX_SLOTS - len(self)
        if len(names) <= room or (missing := self._count_new(names) - room) <= 0:
            return
        oldest = itertools.islice(self._over, max(missing, ROOM) + len(names))
        over = [name for name in oldest if name not in names][: max(missing, ROOM)]
        if len(over) < missing:
            if self.lags:
                self.advance(self.now)
                self.check_room(names)
                return
            raise LimitError(f"no room for {', '.join(sorted(names))}: the space holds {MAX_SLOTS} slots already")
        self._forget(over)

    def _count_new(self, names: Set[str]) -> int:
        return sum(self._slots.get(name) is None for name in names)

    def sweep(self, before: float, most: int) -> None:
        """Forgets slots that nothing has held since a time (s) or longer: so many at most, the oldest first."""
        oldest = itertools.islice(self._over.items(), most)
        self._forget([name for name, since in itertools.takewhile(lambda item: item[1] <= before, oldest)])

    def highest(self) -> int:
        """The highest revision that a slot has, or had."""
        return max([self.floor, *(slot.revision for slot in self._slots)])

    def _end(self, slot: Slot[V], when: float) -> None:
        """Nothing holds the slot any more; the space's own are deleted with what they told of."""
        if slot.name.startswith(OWN):
            self._forget([slot.name])
        else:
            self._over[slot.name] = when

    def _forget(self, names: list[str]) -> None:
        for name in names:
            self.floor = max(self.floor, self._slots.remove(name).revision)
            self._own -= name.startswith(OWN)
            self._over.pop(name, None)
        if names:
            self._forgotten(names)

    def _claim(self, name: str, now: float, priority: float) -> tuple[Slot[V], Refused | None]:
        """The slot, and the refusal if something of higher priority holds it."""
        if self._agenda.lags(now):
            self._keep_up(now)
        elif now > self.now:
            self.now = now
        slot = self._slots.tables[hash(name) & TABLES].get(name)  # not by a call of its own
        if slot is None:
            self._own += name.startswith(OWN)  # the space can always give its account of itself
            if not name.startswith(OWN):
                self.check_room({name})
            slot = Slot(name, self.floor)
            self._slots.add(slot)
        if self.lags:
            self._settle(slot, self.now)
        held = slot.change
        if held is None or priority >= held.priority:
            return slot, None
        left = None if held.valid_to == FOREVER else held.valid_to - self.now
        return slot, Refused(name, priority, held.writer, held.priority, left)

    def _hold(
        self,
        slot: Slot[V],
        kind: Kind,
        value: V | None,
        by: Writer,
        priority: float,
        valid_to: float,
        origin: float,
    ) -> None:
        if self._slots.moments:
            self._slots.note(slot)
        slot.revision += 1
        if slot.revision > self.ceiling and self.rise is not None:
            self.rise(slot.revision)
        change = Change(slot.name, kind, slot.revision, value, by, priority, self.now, valid_to, origin)
        slot.change = change
        if valid_to < FOREVER or slot.pending:
            self._schedule(slot)
        self.emit(change, slot)

    def _deadline(self, name: str) -> tuple[float, int]:
        """When something happens to a slot by itself, and its place among all at that moment."""
        slot = self._slots.get(name)
        return (FOREVER, 0) if slot is None else (slot.deadline, slot.order)

    def _schedule(self, slot: Slot[V]) -> None:
        self._order += 1
        slot.order = self._order
        self._agenda.note(slot.name)

    def _keep_up(self, now: float) -> None:
        """Lets time pass for the sake of one slot: if much happens at a moment, that is not waited for."""
        if now > self.now:
            self._done = 0
        if self._done < AT_ONCE:
            self._done += self.advance(now, AT_ONCE - self._done)

    def _settle(self, slot: Slot[V], until: float) -> None:
        """Lets time pass for a slot."""
        while (held := slot.change) is not None and (when := slot.deadline) <= until:
            self._expire_or_ripen(slot, held, when)

    def _expire_or_ripen(self, slot: Slot[V], held: Change[V], when: float) -> None:
        if self._slots.moments:
            self._slots.note(slot)
        if slot.pending and slot.valid_from <= when:
            slot.pending = False
            kind, value = _WRITTEN, slot.value
        else:
            slot.change, slot.value, slot.empty = None, None, True
            kind, value = _EXPIRED, None
        change = Change(
            slot.name, kind, slot.revision, value, held.writer, held.priority, when, held.valid_to, when
        )
        if slot.change is not None:
            slot.change = change
        elif slot.name[:2] != OWN:
            self._over[slot.name] = when
        self.emit(change, slot)
