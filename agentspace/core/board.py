"""One named space: its slots, the roles that act on it, and the watchers that look on.

A role is a place in the constellation ("eye"); an incarnation is what fills it now, known by its epoch, against
which each of its acts is checked: one that was replaced is fenced. Pure: time is passed in, values are opaque, and
`deliveries` tells what should be sent. Hosts (in memory, the server) differ in how a batch reaches its reader.
"""

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.account import Account
from agentspace.core.change import SPACE, Change, Decision, Refused, V, Writer
from agentspace.core.live_settings import LiveSettings
from agentspace.core.mailbox import Trigger
from agentspace.core.present import Present, at_once
from agentspace.core.role import USUAL, Beginning, Role, RoleTable, State, ending
from agentspace.core.seats import Order, Part, Seats
from agentspace.core.slot import AT_ONCE, Erase, Put, SlotTable
from agentspace.core.slot_collection import Slot
from agentspace.core.subscribers import Subscribers
from agentspace.core.swap import Swap
from agentspace.core.swap_table import SwapTable
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN
from agentspace.errors import FencedError, RoleTakenError

_REPORTS: Final = "launch/"  # the prefix of the slots in which launches tell of their roles
SLOT_KEPT: Final = 60.0  #: seconds for which a slot that nothing holds is remembered, if its room is not needed
REFUSED: Final = f"{OWN}refused"  #: each refusal as a change of this slot, while somebody follows it


class Floors(NamedTuple):
    """Where the numbers of a space begin that comes again: all that were given before are lower, or equal.

    Attributes:
        revision: Of slots.
        epoch: Of roles.
        swap: Of swaps.
    """

    revision: int = 0
    epoch: int = 0
    swap: int = 0

    def over(self, other: "Floors") -> "Floors":
        """The higher of each."""
        return Floors(*map(max, self, other))


_BEGINNING: Final = Floors()


class Board(Generic[V]):
    """The state of one named space.

    Args:
        name: Of the space.
        encode: Makes a value for the space's own slots from plain data.
        measure: How many bytes a value has.
        decode: Gives a value as plain data; `EMPTY` if it is too large for that.
        floors: After which its numbers begin.

    Attributes:
        ready: Who may have something to be delivered.
        deliveries: Hands out, at a time (s), every batch that can go now.
        present: What is there now, for who takes his time.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[[Any], V],
        measure: Callable[[V], int] = lambda _: 0,
        decode: Callable[[V], Any] = lambda value: value,
        floors: Floors = _BEGINNING,
    ) -> None:
        self.name = name
        self._encode = encode
        self._measure = measure
        self._decode = decode
        self.roles: RoleTable[V] = RoleTable(self._wanted, self._forget_roles, floors.epoch)
        self._subscribers: Subscribers[V] = Subscribers(self.roles)
        self.ready, self.deliveries = self._subscribers.ready, self._subscribers.deliveries
        self._reports: set[str] = set()  # slots in which launches may tell of their roles
        told = self._subscribers.tell, self._reports.difference_update
        self._table: SlotTable[V] = SlotTable(*told, floors.revision)
        self.present: Present[V] = Present(self._table, self._subscribers)
        self.swaps: SwapTable[V] = SwapTable(self._role, self.roles.known, self._show_swap)
        self.swaps.count = floors.swap
        self.seats: Seats[Any] = Seats()
        self.account: Account[V] = Account(self._write, self._erase, decode)
        self.settings = LiveSettings(self.roles.known, self.roles.check, self.swaps, self.account)

    # --- slots

    def read(self, name: str, now: float) -> Change[V] | None:
        """The value that a reader gets now, as the change that made it so; None if the slot is empty."""
        slot = self._table.get(name, now)
        return slot.change if slot is not None else None

    def note_read(self, name: str, reader: str) -> None:
        """Takes note of who is interested in a slot."""
        self.account.read(name, reader)

    def snapshot(self, mask: str, now: float) -> list[Slot[V]]:
        """The slots under a mask that something holds now, by name."""
        pattern = Mask(mask)
        return sorted((s for s in self._table.slots(now) if pattern.matches(s.name)), key=lambda s: s.name)

    def apply(self, act: Put[V] | Erase, writer: Writer, now: float, origin: float | None = None) -> Decision:
        """Carries out one write or delete."""
        if isinstance(act, Put):
            decision, writes, size = self._table.write(act, now, writer, origin), 1, self._measure(act.value)
        else:
            decision, writes, size = self._table.delete(act, now, writer), 0, 0
        if type(decision) is Refused:
            self._note_refusal(decision, writer, "write" if isinstance(act, Put) else "delete", now)
        else:
            flow = self.account.flows.get((writer.role, act.name))
            if flow is not None:
                flow[0] += writes
                flow[1] += size
            else:
                self.account.wrote(act.name, writer.role, writes, size)
                if act.name.startswith(_REPORTS):
                    self._reports.add(act.name)
        return decision

    def advance(self, now: float, most: int = sys.maxsize) -> None:
        """Lets time pass: expiries and delayed values, so many at most; swaps that take too long."""
        self._table.advance(now, most)
        if self.swaps.under_way:
            self.swaps.advance(now)

    def next_deadline(self, most: int = sys.maxsize) -> float | None:
        """The time at which `advance` has something to do next (s), or earlier; see `SlotTable.next_deadline`."""
        deadline = self._table.next_deadline(most)
        if not self.swaps.under_way:
            return deadline
        return min(d for d in (deadline, self.swaps.next_deadline()) if d is not None)

    # --- roles

    def claim(self, name: str, info: dict[str, Any], now: float, how: Beginning = USUAL) -> Role[V]:
        """Fills a role with a new incarnation under a new epoch.

        What its predecessor did not acknowledge returns to the mailbox; triggers stay until the newcomer runs.

        Raises:
            RoleTakenError: A live incarnation fills it.
            SlotNameError: The name is not one, or too long for a slot ``_/errors/ROLE``.
            ValueTypeError: The info is not what a slot holds.
            LimitError: There are too many roles.
        """
        self._encode(info)  # everything that can fail comes before the role is filled
        role = self.roles.make(name, now)
        if role.filled:
            who = ", ".join(f"{key} {value}" for key, value in role.info.items() if key in ("pid", "host"))
            raise RoleTakenError(f"role {name!r} is filled by epoch {role.epoch} ({who or 'a thread'})")
        role.begin(info, now, how)
        self.account.tell_role(role, now)
        return role

    def _role(self, name: str) -> Role[V]:
        """The role of that name; made when it is first named."""
        return self.roles.make(name, self._table.now)

    def running(self, name: str, epoch: int, now: float, info: dict[str, Any] | None = None) -> None:
        """The incarnation has finished `init`: dispatch to it from now on. Said again, `info` is new."""
        role = self.roles.check(name, epoch)
        role.info = info or role.info
        if role.state == "starting":
            role.state = "running"
            role.mailbox.settle()
            self._subscribers.attached(name)
            self.swaps.running(name, now)
        self.account.tell_role(role, now)
        self._subscribers.note_ready(name, role.mailbox)

    def vacate(self, name: str, epoch: int, state: str, now: float, error: str | None = None) -> None:
        """The incarnation ended: stopped, failed or gone; what it had not acknowledged waits for its successor.

        The error, a traceback, is shown in the slot ``_/errors/ROLE``.
        """
        role = self.roles.check(name, epoch)
        role.since = now
        self.account.tell_end(role, role.end(state, ending(state, error)), error, now)
        self.swaps.vacated(name, ending(state, error), now)
        self.account.tell_role(role, now)

    def detach(self, name: str, epoch: int, mask: str) -> None:
        """Takes a role's triggers of a mask away."""
        self.roles.check(name, epoch).mailbox.detach(mask)
        self._subscribers.attached(name)

    def attach(self, name: str, epoch: int, mask: str, kind: Trigger, now: float) -> None:
        """Gives the role a trigger; a new one starts with what is there already (but for EVERY and WRITES)."""
        at_once(self.attaching(name, epoch, mask, kind, now))

    def attaching(
        self, name: str, epoch: int, mask: str, kind: Trigger, now: float, known: Sequence[Any] = ()
    ) -> Generator[None]:
        """The steps of `attach`; until the last one, the role is not woken. `known`: see `Present.attaching`."""
        yield from self.present.attaching(self.roles.check(name, epoch), mask, kind, now, known)

    def collect(self, name: str, epoch: int) -> None:
        """A timer wakes the role: what its QUIET triggers have collected goes along."""
        role = self.roles.check(name, epoch)
        role.mailbox.rouse()
        self._subscribers.note_ready(name, role.mailbox)

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
        """Carries out a handler's acts together with its acknowledgement, or neither.

        Args:
            name: The role.
            epoch: Of the incarnation.
            ack: The number of the batch that it handled; None after a timer.
            acts: What it wants done; what is written inherits the origin of what woke the handler.
            now: The time (s).
            state: What is kept for its successor; None leaves what was kept before.
            missed: Timer ticks that passed unhandled.
            took: Seconds that the handler ran, if only a timer woke it.

        Raises:
            FencedError: Another incarnation fills the role; nothing was written.
        """
        role = self.roles.check(name, epoch)
        role.at = None
        if acts:
            self._table.advance(now, AT_ONCE)
            self._table.check_room({act.name for act in acts})
        origin = None
        if ack is not None:
            batch = role.mailbox.acknowledge(ack)
            if batch is None:
                raise FencedError(f"batch {ack} is not outstanding for role {name!r}: already handled?")
            origin = batch.origin
            role.handled += 1
            role.letters.in_a_row = 0
            role.times.add(now - role.dispatched)
        elif role.state == "running":
            role.handled += 1  # a timer's
            if took is not None:
                role.timer_times.add(took)
        role.missed += missed
        if state is not None:
            role.kept = state
        writer = Writer(name, epoch)
        decisions = [self.apply(act, writer, now, origin) for act in acts]
        if self.swaps.under_way and (ack is not None or role.state == "running"):
            self.swaps.handled(name, now)
        self._subscribers.note_ready(name, role.mailbox)
        return decisions

    def request_stop(self, name: str, now: float, epoch: int | None = None) -> None:
        """Notes that a role should end, or only its incarnation with this epoch; its host tells it.

        Of a role that should end, its supervisor starts no other incarnation.

        Raises:
            RoleNotFoundError: There is no such role.
            FencedError: Another incarnation has filled it since.
        """
        role = self.roles.known(name)
        role.ask_to_stop(epoch)
        self.swaps.roll_back(name, "the role was asked to stop", now)
        self.account.tell_role(role, now)

    # --- parties

    def orders(self) -> Iterator[tuple[Any, Order[V]]]:
        """The parties that swaps have orders for, with these; they have moved to their new seats."""
        return self.seats.carry_out(self.swaps.orders)

    def party_gone(self, party: Any, why: str, now: float, *, silent: bool = False) -> None:
        """A party has ended without saying so: it died, fell silent, or hung up."""
        seat = self.seats.leave(party)
        if seat is None:
            return
        match seat.part:
            case Part.ACTS:
                with contextlib.suppress(FencedError):  # it has just been replaced
                    self.roles.check(seat.role, seat.number).silent = silent
                    self.vacate(seat.role, seat.number, "gone", now)
            case Part.STANDS_BY:
                self.swaps.successor_lost(seat.role, seat.number, why, now)
            case Part.RESTS:
                self.swaps.predecessor_lost(seat.role, now)

    # --- watchers

    def watch(self, mask: str, kind: Trigger, known: dict[str, int], now: float) -> int:
        """Adds a watcher, gives its number; its first batch is the present state, then come all changes.

        Args:
            mask: Which slots.
            kind: NORMAL for the newest value of each, EVERY for every change.
            known: See `Present.watching`.
            now: The time (s).
        """
        number, steps = self.present.watching(mask, kind, known, now)
        at_once(steps)
        return number

    def unwatch(self, number: int) -> None:
        """Takes a watcher away."""
        self._subscribers.remove(number)

    def seen(self, number: int, ack: int) -> None:
        """A watcher is ready for more."""
        mailbox = self._subscribers.watchers.get(number)
        if mailbox is not None and mailbox.acknowledge(ack) is not None:
            self._subscribers.note_ready(number, mailbox)

    def overflow(self, number: int) -> int:
        """The number of changes that the watcher lost because it was too slow."""
        return self._subscribers.watchers[number].overflow

    # --- what goes out

    def publish(self, now: float) -> None:
        """Writes what changed in the space's own account of itself; to be called once in each `BEAT`."""
        at_once(self.publishing(now))

    def publishing(self, now: float) -> Generator[None]:
        """The steps of `publish`."""
        yield from self.account.publishing(self._table.turns, self.roles.values(), self._subscribers, now)
        yield from self._subscribers.tidying()

    # --- what is over

    @property
    def is_over(self) -> bool:
        """Whether nothing is here that anybody could want: no value, no watcher, and no role but what is over."""
        if self._table.held or self._subscribers.watchers or self.swaps.under_way:
            return False
        return not self.roles or len(self.roles.over()) == len(self.roles)

    @property
    def floors(self) -> Floors:
        """Where the numbers of a space of this name have to begin, should this one be forgotten."""
        return Floors(self._table.highest(), self.roles.highest(), self.swaps.count)

    def sweep(self, now: float, most: int) -> None:
        """Forgets slots and roles that are over; looks at so many of each, however many there are."""
        self._table.sweep(now - SLOT_KEPT, most)
        self.roles.sweep(now, most)

    def launched(self) -> set[str]:
        """The roles of launches, as these tell."""
        slots = [self._table.get(name, self._table.now) for name in self._reports]
        reports = [self._decode(slot.value) for slot in slots if slot is not None and slot.value is not None]
        known = [report.get("roles") for report in reports if isinstance(report, dict)]
        return {role for roles in known if isinstance(roles, dict) for role in roles}

    def _wanted(self) -> set[str]:
        return self.launched() | self.seats.roles() | self.swaps.under_way.keys()

    def _forget_roles(self, names: Iterable[str]) -> None:
        for name in names:
            self._subscribers.attached(name)
            self._subscribers.ready.pop(name, None)
            self.account.forget_role(name, self._table.now)

    # --- inside

    def _write(self, name: str, value: Any, now: float, validity: float | None = None) -> None:
        """Writes one of the space's own slots, which nobody else may."""
        self.apply(Put.own(name, self._encode(value), validity), SPACE, now)

    def _erase(self, name: str, now: float) -> None:
        """Empties one of the space's own slots."""
        self._table.delete(Erase._make((OWN + name, 0.0, None)), now, SPACE)

    def _show_swap(self, swap: Swap[V], now: float) -> None:
        """Shows where a swap is, if it is news."""
        self.account.tell_swap(swap, now)
        self._subscribers.attached(swap.role.name)

    def _note_refusal(self, refusal: Refused, writer: Writer, kind: str, now: float) -> None:
        role = self.roles.get(writer.role)
        if role is not None:
            role.refused += 1
        told = self.account.refused(refusal, writer, kind)
        if self._subscribers.follows(REFUSED):  # nobody pays for what nobody follows
            self._write("refused", told, now)
