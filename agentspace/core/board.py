"""One named space: its slots, the roles that act on it, and the watchers that look on.

A role is a place in the constellation ("extractor"); an incarnation is what fills it now, known by its epoch.
Every act of an incarnation is checked against the role's epoch, exactly: one that was replaced is fenced.
The board is pure: time is passed in, values are opaque, and what should be sent is returned by `deliveries`.
The in-memory space and the server both are hosts of boards; they differ only in how a batch reaches its reader.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.account import Account
from agentspace.core.change import Change, Decision, Kind, Refused, V, Writer
from agentspace.core.mailbox import Batch, Mailbox, Mask, Trigger
from agentspace.core.role import FILLED, Role, State, ending
from agentspace.core.seats import Order, Part, Seats
from agentspace.core.slot import OWN, Erase, Put, Slot, SlotTable, check_name
from agentspace.core.swap import Swap
from agentspace.core.swap_table import SwapTable
from agentspace.errors import FencedError, LimitError, RoleNotFoundError, RoleTakenError, SlotNameError

SPACE: Final = Writer("_")
MAX_ROLES: Final = 1024
REFUSED: Final = f"{OWN}refused"  #: each refusal as a change of this slot, while somebody follows it


class Delivery(NamedTuple, Generic[V]):
    """A batch and whom it is for: the name of a role, or the number of a watcher."""

    to: str | int
    batch: Batch[V]


class Board(Generic[V]):
    """The state of one named space.

    Args:
        name: Of the space.
        encode: Makes a value for the space's own slots from plain data.
        measure: How many bytes a value has.
    """

    def __init__(self, name: str, encode: Callable[[Any], V], measure: Callable[[V], int] = lambda _: 0) -> None:
        self.name = name
        self.roles: dict[str, Role[V]] = {}
        self._encode = encode
        self._measure = measure
        self._table: SlotTable[V] = SlotTable(self._emit)
        self.swaps: SwapTable[V] = SwapTable(self._role, self.known, self._show_swap)
        self.seats: Seats[Any] = Seats()
        self._watchers: dict[int, Mailbox[V]] = {}
        self._watcher_count = 0
        self.ready: dict[str | int, Mailbox[V]] = {}  #: who may have something to be delivered
        self._routes: dict[str, list[tuple[str | int, Mailbox[V]]]] = {}  # who wants a slot: remembered per name
        self.account = Account(self._write)

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
            decision, size = self._table.write(act, now, writer, origin), self._measure(act.value)
        else:
            decision, size = self._table.delete(act, now, writer), 0
        if type(decision) is Refused:
            self._note_refusal(decision, writer, "write" if isinstance(act, Put) else "delete", now)
        else:
            account = self.account
            if (writer.role, act.name) in account.writes:
                account.sizes[act.name] += size
            else:
                account.wrote(act.name, writer.role, size)
        return decision

    def advance(self, now: float) -> None:
        """Lets time pass: expiries, delayed values, swaps that take too long."""
        self._table.advance(now)
        if self.swaps.under_way:
            self.swaps.advance(now)

    def next_deadline(self) -> float | None:
        """The time at which `advance` has something to do next (s)."""
        deadline = self._table.next_deadline()
        if not self.swaps.under_way:
            return deadline
        return min(d for d in (deadline, self.swaps.next_deadline()) if d is not None)

    # --- roles

    def claim(self, name: str, info: dict[str, Any], now: float) -> Role[V]:
        """Fills a role with a new incarnation under a new epoch.

        What its predecessor did not acknowledge returns to the mailbox; triggers stay until the newcomer runs.

        Raises:
            RoleTakenError: A live incarnation fills it.
            SlotNameError: The name is not one, or too long for a slot ``_/errors/ROLE``.
            ValueTypeError: The info is not what a slot holds.
            LimitError: There are too many roles.
        """
        self._encode(info)  # everything that can fail comes before the role is filled
        role = self._role(name)
        if role.filled:
            who = ", ".join(f"{key} {value}" for key, value in role.info.items() if key in ("pid", "host"))
            raise RoleTakenError(f"role {name!r} is filled by epoch {role.epoch} ({who or 'a thread'})")
        role.enter("starting", info)
        role.stop_requested = False
        role.mailbox.renew()
        self.account.tell_role(role, now)
        return role

    def _role(self, name: str) -> Role[V]:
        """The role of that name; made when it is first named."""
        role = self.roles.get(name)
        if role is None:
            check_name(name)
            check_name(f"{OWN}errors/{name}")
            if name == SPACE.role:
                raise SlotNameError(f"no role {name!r}: that is the space's own; choose another name")
            if len(self.roles) >= MAX_ROLES:
                raise LimitError(f"no role {name!r}: the space has its {MAX_ROLES} roles already")
            role = self.roles[name] = Role(name)
        return role

    def running(self, name: str, epoch: int, now: float) -> None:
        """The incarnation has finished `init`: dispatch to it from now on."""
        role = self.check(name, epoch)
        role.state = "running"
        role.mailbox.settle()
        self._routes.clear()
        self.swaps.running(name, now)
        self.account.tell_role(role, now)
        self._note_ready(name, role.mailbox)

    def vacate(self, name: str, epoch: int, state: str, now: float, error: str | None = None) -> None:
        """The incarnation ended; what it had not acknowledged waits for its successor.

        Args:
            name: The role.
            epoch: Its epoch.
            state: Stopped, failed or gone.
            now: The time (s).
            error: Its traceback, shown in the slot ``_/errors/ROLE``.
        """
        role = self.check(name, epoch)
        role.state = state
        role.mailbox.give_back()
        if state == "stopped":
            role.kept = None  # it ended well: its successor begins anew
        if error is not None:
            report = {"epoch": epoch, "traceback": error}
            self._write(f"errors/{name}", report, now)
        self.swaps.vacated(name, ending(state, error), now)
        self.account.tell_role(role, now)

    def check(self, name: str, epoch: int) -> Role[V]:
        """The role, if this epoch fills it.

        Raises:
            FencedError: It does not (any more).
        """
        role = self.roles.get(name)
        if role is None or role.epoch != epoch or role.state not in FILLED:
            now_filled = f"epoch {role.epoch} ({role.state})" if role else "unknown"
            raise FencedError(f"epoch {epoch} does not fill role {name!r}, which is {now_filled}")
        return role

    def detach(self, name: str, epoch: int, mask: str) -> None:
        """Takes a role's triggers of a mask away."""
        self.check(name, epoch).mailbox.detach(mask)
        self._routes.clear()

    def attach(self, name: str, epoch: int, mask: str, kind: Trigger, now: float) -> None:
        """Gives the role a trigger; a new one starts with what is there already (but for EVERY)."""
        role = self.check(name, epoch)
        self._routes.clear()
        if role.mailbox.attach(mask, kind) and kind is not Trigger.EVERY:
            for change in self._present(mask, now):
                role.mailbox.offer(change, frozenset({kind}))
            self._note_ready(name, role.mailbox)

    def collect(self, name: str, epoch: int) -> None:
        """A timer wakes the role: what its QUIET triggers have collected goes along."""
        role = self.check(name, epoch)
        role.mailbox.rouse()
        self._note_ready(name, role.mailbox)

    def commit(
        self,
        name: str,
        epoch: int,
        ack: int | None,
        acts: Sequence[Put[V] | Erase],
        now: float,
        state: State[V] | None = None,
        missed: int = 0,
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

        Raises:
            FencedError: Another incarnation fills the role; nothing was written.
        """
        role = self.check(name, epoch)
        if acts:
            self._table.check_room({act.name for act in acts})
        origin = None
        if ack is not None:
            batch = role.mailbox.acknowledge(ack)
            if batch is None:
                raise FencedError(f"batch {ack} is not outstanding for role {name!r}: already handled?")
            origin = _origin(batch)
            role.handled += 1
            role.times.append(now - role.dispatched)
        elif role.state == "running":
            role.handled += 1  # a timer's
        role.missed += missed
        if state is not None:
            role.kept = state
        writer = Writer(name, epoch)
        decisions = [self.apply(act, writer, now, origin) for act in acts]
        if self.swaps.under_way and (ack is not None or role.state == "running"):
            self.swaps.handled(name, now)
        self._note_ready(name, role.mailbox)
        return decisions

    def request_stop(self, name: str, now: float) -> None:
        """Notes that a role should end; its host tells it, its supervisor does not restart it.

        Raises:
            RoleNotFoundError: There is no such role.
        """
        role = self.known(name)
        role.stop_requested = True
        self.swaps.roll_back(name, "the role was asked to stop", now)
        self.account.tell_role(role, now)

    def known(self, name: str) -> Role[V]:
        """The role of that name.

        Raises:
            RoleNotFoundError: There is none; the error lists those that there are.
        """
        if name not in self.roles:
            raise RoleNotFoundError(
                f"there is no role {name!r}; there are: {', '.join(sorted(self.roles)) or 'none'}"
            )
        return self.roles[name]

    # --- parties

    def orders(self) -> Iterator[tuple[Any, Order[V]]]:
        """The parties that swaps have orders for, with these; they have moved to their new seats."""
        return self.seats.carry_out(self.swaps.orders)

    def party_gone(self, party: Any, why: str, now: float) -> None:
        """A party has ended without saying so: it died, fell silent, or hung up."""
        seat = self.seats.leave(party)
        if seat is None:
            return
        match seat.part:
            case Part.ACTS:
                with contextlib.suppress(FencedError):  # it has just been replaced
                    self.vacate(seat.role, seat.number, "gone", now)
            case Part.STANDS_BY:
                self.swaps.successor_lost(seat.role, seat.number, why, now)
            case Part.RESTS:
                self.swaps.predecessor_lost(seat.role, now)

    # --- watchers

    def watch(self, mask: str, kind: Trigger, known: dict[str, int], now: float) -> int:
        """Adds a watcher; its first batch is the present state, then come the changes, with nothing in between.

        Args:
            mask: Which slots.
            kind: NORMAL for the newest value of each, EVERY for every change.
            known: Revisions that the watcher has already seen: those are left out of the present state.
            now: The time (s).

        Returns:
            Its number.
        """
        mailbox: Mailbox[V] = Mailbox()
        mailbox.attach(mask, kind)
        mailbox.preload(change for change in self._present(mask, now) if known.get(change.name) != change.revision)
        self._watcher_count += 1
        self._watchers[self._watcher_count] = mailbox
        self._routes.clear()
        self._note_ready(self._watcher_count, mailbox)
        return self._watcher_count

    def unwatch(self, number: int) -> None:
        """Takes a watcher away."""
        self._watchers.pop(number, None)
        self._routes.clear()
        self.ready.pop(number, None)

    def seen(self, number: int, ack: int) -> None:
        """A watcher is ready for more."""
        mailbox = self._watchers.get(number)
        if mailbox is not None and mailbox.acknowledge(ack) is not None:
            self._note_ready(number, mailbox)

    def overflow(self, number: int) -> int:
        """The number of changes that the watcher lost because it was too slow."""
        return self._watchers[number].overflow

    # --- what goes out

    def deliveries(self, now: float) -> Iterator[Delivery[V]]:
        """Hands out every batch that can go now."""
        while self.ready:
            to = next(iter(self.ready))
            mailbox = self.ready.pop(to)
            if not mailbox.ready:
                continue
            if isinstance(to, str):
                role = self.roles[to]
                if role.state != "running":
                    continue
                role.dispatched = now
            yield Delivery(to, mailbox.take())

    def publish(self, now: float) -> None:
        """Writes what changed in the space's own account of itself; to be called about once a second."""
        self.account.publish(self._table.writes(), self.roles.values(), self._watchers, now)

    # --- inside

    def _present(self, mask: str, now: float) -> Iterator[Change[V]]:
        return (slot.change for slot in self.snapshot(mask, now) if slot.readable and slot.change is not None)

    def _write(self, name: str, value: Any, now: float) -> None:
        """Writes one of the space's own slots, which nobody else may."""
        self.apply(Put.own(name, self._encode(value)), SPACE, now)

    def _show_swap(self, swap: Swap[V], now: float) -> None:
        """Shows where a swap is, if it is news."""
        if self.account.tell_swap(swap, now):
            self._routes.clear()  # triggers may have come or gone

    def _emit(self, change: Change[V]) -> None:
        for to, mailbox in self._route(change.name):
            if mailbox.offer(change) and mailbox.outstanding is None:
                self.ready[to] = mailbox

    def _route(self, name: str) -> list[tuple[str | int, Mailbox[V]]]:
        route = self._routes.get(name)
        if route is None:
            route = self._routes[name] = [pair for pair in self._mailboxes() if pair[1].wants(name)]
        return route

    def _mailboxes(self) -> Iterator[tuple[str | int, Mailbox[V]]]:
        yield from ((role.name, role.mailbox) for role in self.roles.values())
        yield from self._watchers.items()

    def _note_ready(self, to: str | int, mailbox: Mailbox[V]) -> None:
        if mailbox.ready:
            self.ready[to] = mailbox

    def _note_refusal(self, refusal: Refused, writer: Writer, kind: str, now: float) -> None:
        role = self.roles.get(writer.role)
        if role is not None:
            role.refused += 1
        told = self.account.refused(refusal, writer, kind)
        if self._route(REFUSED):  # nobody pays for what nobody follows
            self._write("refused", told, now)


def _origin(batch: Batch[Any]) -> float | None:
    """The oldest root cause among the values that woke a handler."""
    changes: Iterable[Change[Any]] = (*batch.changed.values(), *batch.every)
    return min((change.origin for change in changes if change.kind is Kind.WRITTEN), default=None)
