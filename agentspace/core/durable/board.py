"""A space that outlives its host: it notes what a cut has to keep, and begins with what was kept.

Pure. Kept are durable slots with all that holds them, all roles with their epochs, settings and what they keep for
successors, and what waits of durable slots for EVERY triggers. Other slots are empty when the space comes back.
"""

import operator
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final

from agentspace.core.board import Board, Floors
from agentspace.core.change import Change, Decision, Kind, V
from agentspace.core.durable.cuts import Cuts, QueueKey, RoleRecord, SavedSpace, SlotRecord, SpaceCut
from agentspace.core.live_settings import LiveSettings
from agentspace.core.mailbox import Trigger
from agentspace.core.role import FILLED, USUAL, Beginning, Role, State
from agentspace.core.slot import Erase, Put
from agentspace.core.slot_collection import Slot
from agentspace.core.swap import Swap

RESERVED: Final = Floors(1 << 20, 1 << 16, 1 << 16)  #: numbers that are reserved at once


class DurableBoard(Board[V]):
    """The state of one named space, of which cuts are kept.

    Args:
        name: Of the space.
        cuts: Of the host.
        encode: Makes a value for the space's own slots from plain data.
        measure: How many bytes a value has.
        decode: Gives a value as plain data; `EMPTY` if it is too large for that.
        floors: After which its numbers begin.
    """

    def __init__(
        self,
        name: str,
        cuts: Cuts,
        encode: Callable[[Any], V],
        measure: Callable[[V], int],
        decode: Callable[[V], Any],
        floors: Floors,
    ) -> None:
        self._cuts = cuts
        self._changed: set[str] = set()  # durable slots
        self._renewed: set[str] = set()  # roles
        self._emptied: set[str] = set()  # roles that were forgotten
        self._queued: dict[QueueKey, Change[V] | None] = {}
        self._noted = False  # any of that
        self._reserved = floors  # no number above is given before that is kept, as long as anything can be
        self._last = 0  # the last cut that has something of it
        super().__init__(name, encode, measure, decode, floors)
        self._told = self._subscribers.tell
        self._table.emit, self._table.rise = self._emit, self._reserve
        self.settings = LiveSettings(self.roles.known, self._check, self.swaps, self.account)
        self._reserve(floors.revision)

    # --- what is kept

    def cut(self, number: int, *, last: bool = False) -> SpaceCut[V] | None:
        """What has changed since the last cut; None if nothing has.

        Args:
            number: Of the cut.
            last: There is none after it: the numbers that were reserved are free.
        """
        if not (self._noted or last):
            return None
        if self._changed or self._renewed or self._emptied or self._queued:
            self._last = number
        floors = self.floors if last else self._reserve_numbers()
        slots = {name: self._slot_record(name) for name in self._changed}
        roles = {name: self._role_record(name) for name in self._renewed}
        taken = SpaceCut(self.name, floors, slots, roles, frozenset(self._emptied), self._queued)
        self._changed, self._renewed, self._emptied, self._queued = set(), set(), set(), {}
        self._noted = False
        return taken

    def take_back(self, cut: SpaceCut[V]) -> None:
        """A cut could not be kept: what is in it goes with the next one."""
        self._changed |= cut.slots.keys()
        self._renewed |= cut.roles.keys()
        self._queued = {**{key: c for key, c in cut.queued.items() if key[0] not in self._emptied}, **self._queued}
        self._emptied |= cut.emptied
        self._noted = True
        self._cuts.has_news = True

    @property
    def is_over(self) -> bool:
        """Whether nothing is here that anybody could want, and that is kept.

        Numbers that were reserved are not waited for, or spaces that are only read could come too fast.
        """
        news = self._changed or self._renewed or self._emptied or self._queued
        return super().is_over and not news and self._last <= self._cuts.kept

    def restore(self, saved: SavedSpace[V], now: float) -> None:
        """Begins with what was kept. What has run out meanwhile expires now."""
        for record in saved.slots:
            self._cuts.restored(record.change.name)
            self._table.restore(_slot(record))
        for change in (change for queue in saved.queues.values() for change in queue):
            self._cuts.restored(change.name)
        for kept in saved.roles:
            role = _role(kept, now)
            role.mailbox.log = RoleLog(self, role.name)
            role.mailbox.refill(saved.queues.get(role.name, ()), kept.lost)
            self.roles.restore(role)
            self._subscribers.attached(role.name)
        self.advance(now)  # once all are there that have to hear of it
        for role in self.roles.values():
            self.account.tell_role(role, now)
            self.account.tell_letters(role, now)

    # --- what is noted

    def claim(self, name: str, info: dict[str, Any], now: float, how: Beginning = USUAL) -> Role[V]:
        """Fills a role with a new incarnation under a new epoch; see `Board.claim`."""
        role = super().claim(name, info, now, how)
        self._note_role(name)
        return role

    def running(self, name: str, epoch: int, now: float, info: dict[str, Any] | None = None) -> None:
        """The incarnation has finished `init`; see `Board.running`."""
        super().running(name, epoch, now, info)
        self._note_role(name)

    def vacate(self, name: str, epoch: int, state: str, now: float, error: str | None = None) -> None:
        """The incarnation ended; see `Board.vacate`."""
        super().vacate(name, epoch, state, now, error)
        self._note_role(name)

    def attaching(
        self, name: str, epoch: int, mask: str, kind: Trigger, now: float, known: Sequence[Any] = ()
    ) -> Generator[None]:
        """The steps in which the role gets a trigger; see `Board.attaching`."""
        role = self.roles.check(name, epoch)
        if role.mailbox.log is None:
            role.mailbox.log = RoleLog(self, name)
        yield from super().attaching(name, epoch, mask, kind, now, known)
        self._note_role(name)

    def detach(self, name: str, epoch: int, mask: str) -> None:
        """Takes a role's triggers of a mask away."""
        super().detach(name, epoch, mask)
        self._note_role(name)

    def commit(
        self,
        name: str,
        epoch: int,
        ack: int | None,
        acts: Sequence[Put[V] | Erase],
        now: float,
        state: State[V] | None = None,
        missed: int = 0,
        took: float | None = None,
    ) -> list[Decision]:
        """Carries out a handler's acts with its acknowledgement; see `Board.commit`."""
        role = self.roles.check(name, epoch)
        had_news = role.letters.in_a_row or role.mailbox.lost
        decisions = super().commit(name, epoch, ack, acts, now, state, missed, took)
        if state is not None or had_news:
            self._note_role(name)
        return decisions

    def request_stop(self, name: str, now: float, epoch: int | None = None) -> None:
        """Notes that a role should end; see `Board.request_stop`."""
        super().request_stop(name, now, epoch)
        self._note_role(name)

    def queue(self, role: str, change: Change[V], *, waits: bool) -> None:
        """A change waits for a role, or does so no more."""
        if not self._cuts.covers(change.name):
            return
        key = (role, change.name, change.revision, change.kind)
        if waits:
            self._queued[key] = change
        elif self._queued.pop(key, None) is None:
            self._queued[key] = None
        self._note()

    def lose(self, role: str, change: Change[V]) -> None:
        """A change that waited for a role is lost: that is kept until the role was told.

        Not with each, as what is kept of a role may be large: with powers of two, so at least half of the number.
        """
        self.queue(role, change, waits=False)
        lost = self.roles[role].mailbox.lost
        if self._cuts.covers(change.name) and lost.bit_count() == 1:
            self._note_role(role)

    def _emit(self, change: Change[V], slot: Slot[V]) -> None:
        if self._cuts.covers(change.name):
            self._changed.add(change.name)
            self._cuts.note_slot(change.name)
            self._noted = True
        self._told(change, slot)

    def _reserve(self, revision: int) -> None:
        """Makes sure that a host which begins after the end of this one knows a revision that none had."""
        self._reserved = self._reserved._replace(revision=revision + RESERVED.revision)
        self._table.ceiling = revision + RESERVED.revision // 2
        self._note()

    def _reserve_numbers(self) -> Floors:
        """All that the next host takes for given: also what is given while nothing can be kept."""
        _, epoch, swap = self._reserved
        if self.roles.highest() > epoch - RESERVED.epoch // 2:
            epoch = self.roles.highest() + RESERVED.epoch
        if self.swaps.count > swap - RESERVED.swap // 2:
            swap = self.swaps.count + RESERVED.swap
        self._reserved = self._reserved._replace(epoch=epoch, swap=swap)
        return self._reserved

    def _note(self) -> None:
        self._noted = self._cuts.has_news = True

    def _note_role(self, name: str) -> None:
        self._renewed.add(name)
        self._cuts.note_role()
        self._noted = True

    def _check(self, name: str, epoch: int) -> Role[V]:
        role = self.roles.check(name, epoch)
        self._note_role(name)  # a setting was taken up
        return role

    def _show_swap(self, swap: Swap[V], now: float) -> None:
        super()._show_swap(swap, now)
        self._note_role(swap.role.name)

    def _forget_roles(self, names: Iterable[str]) -> None:
        gone = list(names)
        super()._forget_roles(gone)
        for name in gone:
            self._note_role(name)
        self._emptied.update(gone)
        self._queued = {key: change for key, change in self._queued.items() if key[0] not in gone}

    def _slot_record(self, name: str) -> SlotRecord[V] | None:
        slot = self._table.find(name)
        if slot is None or slot.change is None:
            return None
        return SlotRecord(slot.change, slot.value, slot.valid_from, slot.pending)

    def _role_record(self, name: str) -> RoleRecord[V] | None:
        role = self.roles.get(name)
        if role is None:
            return None
        every = tuple(mask for mask, kind in role.mailbox.attachments if kind is Trigger.EVERY)
        held, letters = dict(role.adjustments.held), role.letters.told()
        return RoleRecord(
            name, role.epoch, role.state, dict(role.info), role.stop_requested, role.signal, role.kept, every,
            held, letters, role.mailbox.lost,
        )  # fmt: skip


def reserved(floors: Floors) -> Floors:
    """Floors under which as many numbers are left as are reserved at once."""
    return Floors(*map(operator.add, floors, RESERVED))


class RoleLog:
    """The log of what waits for one role.

    Args:
        board: Of its space.
        role: Its name.
    """

    def __init__(self, board: DurableBoard[Any], role: str) -> None:
        self._board = board
        self._role = role

    def queued(self, change: Change[Any]) -> None:
        """A change waits."""
        self._board.queue(self._role, change, waits=True)

    def settled(self, changes: Iterable[Change[Any]]) -> None:
        """Changes wait no more."""
        for change in changes:
            self._board.queue(self._role, change, waits=False)

    def lost(self, change: Change[Any]) -> None:
        """A change waits no more, as there was no room."""
        self._board.lose(self._role, change)


def _slot(record: SlotRecord[V]) -> Slot[V]:
    slot: Slot[V] = Slot(record.change.name, record.change.revision)
    slot.change, slot.value, slot.valid_from = record.change, record.value, record.valid_from
    slot.pending, slot.empty = record.pending, record.change.kind is Kind.DELETED
    return slot


def _role(kept: RoleRecord[V], now: float) -> Role[V]:
    """The role as it is after the end of its host: nobody fills it."""
    has_ended = kept.state in ("stopped", "failed")
    info = kept.info if has_ended else {name: value for name, value in kept.info.items() if name != "pid"}
    role: Role[V] = Role(kept.name, epoch=kept.epoch, since=now, info=info)  # who filled it may fill it again
    role.state = kept.state if has_ended else "gone"
    role.stop_requested, role.signal, role.kept = kept.stop_requested, kept.signal, kept.kept
    role.adjustments.held = kept.held
    if kept.state in FILLED and kept.stop_requested:
        role.forget()  # as with the end of who filled it
    role.letters.restore(kept.letters)
    for mask in kept.every:
        role.mailbox.attach(mask, Trigger.EVERY)
    return role
