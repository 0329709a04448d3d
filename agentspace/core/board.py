"""One named space: its slots, the roles that act on it, and the watchers that look on.

A role is a place in the constellation ("extractor"); an incarnation is what fills it now, known by its epoch.
Every act of an incarnation is checked against the role's epoch, exactly: whoever was replaced is fenced.
The board is pure: time is passed in, values are opaque, and what should be sent is returned by `deliveries`.
The in-memory space and the server both are hosts of boards; they differ only in how a batch reaches its reader.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple

from agentspace.core.account import Account
from agentspace.core.mailbox import Batch, Mailbox, Mask, Trigger
from agentspace.core.role import Kept, Role
from agentspace.core.slot import (
    OWN,
    Change,
    Decision,
    Kind,
    Refused,
    Slot,
    SlotTable,
    V,
    Writer,
    check_name,
    check_write,
)
from agentspace.core.swap import Swap
from agentspace.core.swap_table import Swaps
from agentspace.errors import (
    FencedError,
    LimitError,
    RoleNotFoundError,
    RoleTakenError,
    SlotNameError,
)

SPACE = Writer("_")
MAX_ROLES = 1024
REFUSED = f"{OWN}refused"  #: each refusal as a change of this slot, while somebody follows it


class Put(NamedTuple, Generic[V]):
    """A write that a handler made, to be committed."""

    name: str
    value: V
    validity: float | None = None
    priority: float = 0.0
    delay: float = 0.0


class Erase(NamedTuple):
    """A delete that a handler made, to be committed."""

    name: str
    priority: float = 0.0
    validity: float | None = None


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
        self.swaps: Swaps[V] = Swaps(self._role, self.known, self._show_swap)
        self._watchers: dict[int, Mailbox[V]] = {}
        self._watcher_count = 0
        self.ready: dict[str | int, Mailbox[V]] = {}  #: who may have something to be delivered
        self._routes: dict[str, list[tuple[str | int, Mailbox[V]]]] = {}  # who wants a slot: remembered per name
        self._published: dict[str, Any] = {}
        self._account = Account()

    # --- slots

    def read(self, name: str, now: float) -> Change[V] | None:
        """What a reader of the slot gets now, as the change that made it so; None if the slot is empty."""
        slot = self._table.get(name, now)
        return slot.change if slot is not None else None

    def note_read(self, name: str, reader: str) -> None:
        """Takes note of who is interested in a slot."""
        self._account.read(name, reader)

    def snapshot(self, mask: str, now: float) -> list[Slot[V]]:
        """The slots under a mask that something holds now, by name."""
        pattern = Mask(mask)
        return sorted((s for s in self._table.slots(now) if pattern.matches(s.name)), key=lambda s: s.name)

    def apply(self, act: Put[V] | Erase, writer: Writer, now: float, origin: float | None = None) -> Decision:
        """Carries out one write or delete.

        Raises:
            SlotNameError: The name is not one, or is the space's own.
            WriteError: A number is out of range.
        """
        if writer is not SPACE and (type(act.name) is not str or act.name[:2] == OWN):
            check_free_name(act.name)
        if isinstance(act, Put):
            decision = self._table.write(
                act.name, act.value, now, writer,
                priority=act.priority, validity=act.validity, delay=act.delay, origin=origin,
            )  # fmt: skip
        else:
            decision = self._table.delete(act.name, now, writer, priority=act.priority, validity=act.validity)
        if isinstance(decision, Refused):
            self._note_refusal(decision, writer, "write" if isinstance(act, Put) else "delete", now)
        else:
            self._account.wrote(act.name, writer.role, self._measure(act.value) if isinstance(act, Put) else 0)
        return decision

    def advance(self, now: float) -> None:
        """Lets time pass: expiries, delayed values, swaps that take too long."""
        self._table.advance(now)
        self.swaps.advance(now)

    def next_deadline(self) -> float | None:
        """When `advance` has something to do next."""
        deadlines = [d for d in (self._table.next_deadline(), self.swaps.next_deadline()) if d is not None]
        return min(deadlines, default=None)

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
        self._publish_role(role, now)
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
        self._publish_role(role, now)
        self._note_ready(name, role.mailbox)

    def vacate(self, name: str, epoch: int, state: str, now: float, error: str | None = None) -> None:
        """The incarnation ended; what it had not acknowledged waits for its successor.

        Args:
            name: The role.
            epoch: Its epoch.
            state: stopped, failed or gone.
            now: The time (s).
            error: Its traceback, shown in the slot ``_/errors/ROLE``.
        """
        role = self.check(name, epoch)
        role.state = state
        role.mailbox.give_back()
        if state == "stopped":
            role.kept = None  # it ended well: whoever comes begins anew
        if error is not None:
            report = {"epoch": epoch, "traceback": error}
            self.apply(Put(f"{OWN}errors/{name}", self._encode(report)), SPACE, now)
        self.swaps.vacated(name, _ending(state, error), now)
        self._publish_role(role, now)

    def check(self, name: str, epoch: int) -> Role[V]:
        """The role, if this epoch fills it.

        Raises:
            FencedError: It does not (any more).
        """
        role = self.roles.get(name)
        if role is None or role.epoch != epoch or not role.filled:
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
        kept: Kept[V] | None = None,
    ) -> list[Decision]:
        """Carries out a handler's writes together with its acknowledgement, or neither.

        What is written inherits the origin of what woke the handler. What it keeps is for whoever comes after it.

        Raises:
            FencedError: Another incarnation fills the role; nothing was written.
        """
        role = self.check(name, epoch)
        self._check_acts(acts)
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
        if kept is not None:
            role.kept = kept
        writer = Writer(name, epoch)
        decisions = [self.apply(act, writer, now, origin) for act in acts]
        if ack is not None or role.state == "running":
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
        self._publish_role(role, now)

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
        """How many changes the watcher lost because it was too slow."""
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

    def account(self, name: str, value: Any, now: float) -> None:
        """Shows plain data in one of the space's own slots, ``_/NAME``, if it has changed."""
        self._publish(name, value, now)

    def publish(self, now: float) -> None:
        """Writes what changed in the space's own account of itself; to be called about once a second."""
        for name, value in self._account.show(self._table.writes(), now).items():
            self._publish(name, value, now)
        self._publish("loads", {role.name: _load(role, now) for role in self.roles.values()}, now)
        watchers = {str(n): box.overflow for n, box in self._watchers.items() if box.overflow}
        roles = {role.name: role.mailbox.overflow for role in self.roles.values() if role.mailbox.overflow}
        self._publish("overflows", {"roles": roles, "watchers": watchers}, now)

    # --- inside

    def _present(self, mask: str, now: float) -> Iterator[Change[V]]:
        return (slot.change for slot in self.snapshot(mask, now) if slot.readable and slot.change is not None)

    def _check_acts(self, acts: Sequence[Put[V] | Erase]) -> None:
        """Finds what would fail before anything is carried out."""
        for act in acts:
            check_free_name(act.name)
            check_write(act.priority, act.validity, act.delay if isinstance(act, Put) else 0.0)
        self._table.check_room({act.name for act in acts})

    def _publish(self, name: str, value: Any, now: float) -> None:
        if self._published.get(name) != value:
            self._published[name] = value
            self.apply(Put(OWN + name, self._encode(value)), SPACE, now)

    def _publish_role(self, role: Role[V], now: float) -> None:
        account = {
            **role.info,
            "state": role.state,
            "epoch": role.epoch,
            "stop_requested": role.stop_requested,
            "triggers": sorted([mask, str(kind)] for mask, kind in role.mailbox.attachments),
        }
        self.apply(Put(f"{OWN}roles/{role.name}", self._encode(account)), SPACE, now)

    def _show_swap(self, swap: Swap[V], now: float) -> None:
        """Shows where a swap is, if it is news."""
        name = f"swaps/{swap.role.name}"
        report = swap.report()
        if self._published.get(name, {}).get("state") != report["state"]:
            self._routes.clear()  # triggers may have come or gone
            self._publish(name, report, now)
            self._publish_role(swap.role, now)

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
        told = self._account.refused(refusal, writer, kind)
        if self._route(REFUSED):  # nobody pays for what nobody follows
            self.apply(Put(REFUSED, self._encode(told)), SPACE, now)


def check_free_name(name: str) -> str:
    """The name, if anybody may write a slot of that name.

    Raises:
        SlotNameError: It is no slot name, or one of the space's own.
    """
    check_name(name)
    if name[:2] == OWN:
        raise SlotNameError(f"{name!r}: slots under {OWN!r} are the space's own; choose another name")
    return name


def _origin(batch: Batch[Any]) -> float | None:
    """The oldest root cause among the values that woke a handler."""
    changes: Iterable[Change[Any]] = (*batch.changed.values(), *batch.every)
    return min((change.origin for change in changes if change.kind is Kind.WRITTEN), default=None)


def _ending(state: str, error: str | None) -> str:
    """How an incarnation ended, in a few words."""
    if error is None:
        return {"stopped": "stopped", "gone": "died, or fell silent"}.get(state, state)
    return "failed: " + (error.strip().splitlines() or [""])[-1]


def _load(role: Role[Any], now: float) -> dict[str, Any]:
    box = role.mailbox
    times = sorted(role.times)
    load: dict[str, Any] = {
        "handled": role.handled,
        "refused": role.refused,
        "missed_ticks": role.missed,
        "overflow": box.overflow,
        "redelivered": box.redelivered,
        "pending": box.pending,
        "busy": box.outstanding is not None,
        "lag": round(now - box.since, 3) if box.since is not None else 0.0,
    }
    if times:
        load["handler_ms"] = round(1e3 * statistics.median(times), 3)
        load["handler_ms_p99"] = round(1e3 * times[int(0.99 * (len(times) - 1))], 3)
    return load
