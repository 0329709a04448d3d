"""Random histories of a space that outlives its hosts, beside what is known of the last cut that was kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hypothesis import strategies as st

from agentspace.core.change import Writer
from agentspace.core.durable.board import DurableBoard
from agentspace.core.durable.cuts import Cuts, RoleRecord, SavedSpace, SpaceCut
from agentspace.core.mailbox import Trigger
from agentspace.core.role import FILLED, Beginning, State
from agentspace.core.slot import Erase, Put
from agentspace.core.swap import Step, Wish
from agentspace.core.values.masks import Mask
from agentspace.errors import AgentspaceError
from tests.unit.core.durable.shelf import Picture

DURABLE = Mask("d/*")
NAMES = ("d/a", "d/a", "d/b", "free")
ROLES = ("anne", "bert")
KINDS = (Trigger.EVERY, Trigger.EVERY, Trigger.NORMAL, Trigger.QUIET)
INFO = {"live": {"rate": {"type": "float", "default": 1.0}}, "settings": {"rate": 1.0}, "attempts": 2}
LONG = 4000.0  # seconds, after which a role that ended well is forgotten


class Store(Protocol):
    """What keeps the cuts of one space."""

    def keep(self, cut: SpaceCut[Any]) -> None:
        """Takes a cut in."""

    def read(self) -> SavedSpace[Any]:
        """All that is kept."""


@dataclass(frozen=True)
class Op:
    """One thing that happens.

    Attributes:
        what: The name of a method of `Life`.
        role: Of whom.
        name: A slot.
        number: A priority, a kind of trigger: whatever is to be chosen.
        span: A validity (s); None: for ever.
        delay: Of a write (s).
    """

    what: str
    role: str
    name: str
    number: int
    span: float | None
    delay: float


class Life:
    """The lives of one space, host after host.

    Args:
        store: Keeps its cuts.
        value: Makes a value of plain data.
        plain: Makes plain data of a value.
        shown: Looks after each step whether something is shown that is not kept.
    """

    def __init__(
        self, store: Store, value: Callable[[Any], Any], plain: Callable[[Any], Any], *, shown: bool = True
    ) -> None:
        self.store, self._value, self._plain, self._shown = store, value, plain, shown
        self.now = 100.0
        self.count = 0
        self.revisions: dict[str, int] = {}  # the highest that anybody was told
        self.epochs: dict[str, int] = {}
        self.swap = 0
        self._begin()

    def _begin(self) -> None:
        self.cuts = Cuts([DURABLE.text])
        saved = self.store.read()
        self.board: DurableBoard[Any] = DurableBoard(
            "DATA", self.cuts, self._value, lambda value: 1, self._plain, saved.floors
        )
        self.board.restore(saved, self.now)
        self.under_way: tuple[int, SpaceCut[Any] | None, Picture] | None = None
        self._take()
        self._keep()  # as `server.durable.Keeper` does, before anybody comes

    def do(self, op: Op) -> None:
        """Lets it happen, if it can."""
        with contextlib.suppress(AgentspaceError):
            getattr(self, op.what)(op)
        if self._shown:
            self._check_shown()

    # --- slots and time

    def write(self, op: Op) -> None:
        """Somebody outside writes."""
        self._note(self.board.apply(self._put(op), Writer("thread"), self.now))

    def delete(self, op: Op) -> None:
        """Somebody outside deletes."""
        self._note(self.board.apply(Erase(op.name, float(op.number % 2), op.span), Writer("thread"), self.now))

    def let_pass(self, op: Op) -> None:
        """A while passes; after a long one, what is over is forgotten."""
        self.now += LONG if op.number == 3 else op.delay + 0.125
        self.board.advance(self.now)
        self.board.sweep(self.now, 10)

    def _put(self, op: Op) -> Put[Any]:
        self.count += 1
        return Put(op.name, self._value(self.count), op.span, float(op.number % 2), op.delay)

    def _note(self, *decisions: Any) -> None:
        """No revision is given out twice, nor is one lower than one before."""
        for decision in decisions:
            before = self.revisions.get(decision.name, 0)
            if decision and self.board._table.find(decision.name):  # private: of an empty slot, nothing is new
                assert decision.revision > before, (
                    f"revision {decision.revision} of {decision.name} after {before}"
                )
                self.revisions[decision.name] = decision.revision

    # --- roles

    def claim(self, op: Op) -> None:
        """An incarnation begins."""
        how = Beginning(fresh=op.number == 0)
        self.board.claim(op.role, {**INFO, "settings": {"rate": 1.0}}, self.now, how)

    def run(self, op: Op) -> None:
        """It has attached a trigger, and runs."""
        self.attach(op)
        self.board.running(op.role, self._epoch(op.role), self.now)

    def attach(self, op: Op) -> None:
        """It attaches a trigger, to one slot or to all."""
        mask = "d/*" if op.number % 2 else op.name
        self.board.attach(op.role, self._epoch(op.role), mask, KINDS[op.number], self.now)

    def detach(self, op: Op) -> None:
        """It takes triggers away."""
        self.board.detach(op.role, self._epoch(op.role), "d/*" if op.number % 2 else op.name)

    def deliver(self, op: Op) -> None:
        """Who can be woken is."""
        for _ in self.board.deliveries(self.now):
            pass

    def commit(self, op: Op) -> None:
        """A handler ends well: with a write, and half of the times with something for its successor."""
        epoch = self._epoch(op.role)
        outstanding = self.board.roles[op.role].mailbox.outstanding
        state = State(1, self._value(self.count)) if op.number % 2 else None
        number = outstanding.number if outstanding else None
        self._note(*self.board.commit(op.role, epoch, number, [self._put(op)], self.now, state))

    def fail(self, op: Op) -> None:
        """A handler fails."""
        role = self.board.roles.check(op.role, self._epoch(op.role))
        role.at = role.mailbox.outstanding.number if role.mailbox.outstanding else None
        self.board.vacate(op.role, role.epoch, "failed", self.now, "ValueError: bad")

    def leave(self, op: Op) -> None:
        """An incarnation ends: of its own, for a signal, or it is killed."""
        role = self.board.roles.check(op.role, self._epoch(op.role))
        role.signal = 15 if op.number == 1 else None
        self.board.vacate(op.role, role.epoch, "gone" if op.number == 2 else "stopped", self.now)

    def stop(self, op: Op) -> None:
        """Somebody asks the role to end."""
        self.board.request_stop(op.role, self.now)

    def set(self, op: Op) -> None:
        """Somebody sets a parameter; the incarnation takes it up, or refuses."""
        epoch = self._epoch(op.role)
        number, _ = self.board.settings.ask(op.role, {"rate": float(op.number)}, self.now)
        self.board.settings.answered(op.role, epoch, number, "no" if op.number == 0 else None, self.now)

    def _epoch(self, role: str) -> int:
        return self.board.roles.known(role).epoch

    # --- swaps

    def swap_it(self, op: Op) -> None:
        """Somebody asks for a swap, or a successor comes of its own."""
        wish = Wish(force=op.number == 1, fresh=op.number == 2)
        number = self.board.swaps.request(op.role, wish, self.now)
        assert number > self.swap, f"swap {number} after {self.swap}"

    def succeed(self, op: Op) -> None:
        """The next step of a swap, by its parties."""
        swap = self.board.swaps.under_way.get(op.role)
        if swap is None:
            return
        if swap.step is Step.REQUESTED:
            self.board.swaps.stand_by(op.role, swap.number, dict(INFO), self.now)
        elif swap.step is Step.PREPARE:
            self.board.swaps.prepared(op.role, swap.number, dict(INFO), self.now)
        elif swap.step in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
            state = State(2, self._value(self.count))
            self.board.swaps.handed_over(op.role, self._epoch(op.role), swap.step, state, None, self.now)
        else:
            self.run(op)
        self.board.swaps.orders.clear()

    def give_up(self, op: Op) -> None:
        """A swap ends without success, or its time is over."""
        swap = self.board.swaps.under_way.get(op.role)
        if swap is not None and op.number % 2:
            self.now = max(self.now, swap.deadline)
            self.board.advance(self.now)
        else:
            self.board.swaps.roll_back(op.role, "no", self.now)
        self.board.swaps.orders.clear()

    # --- the host

    def cut(self, op: Op) -> None:
        """A cut is taken, if none is being written."""
        if self.under_way is None:
            self._take()

    def keep(self, op: Op) -> None:
        """The cut that is being written is kept."""
        if self.under_way is not None:
            self._keep()

    def lose(self, op: Op) -> None:
        """The cut that is being written cannot be kept: it goes with the next one."""
        if self.under_way is not None and self.under_way[1] is not None:
            self.board.take_back(self.under_way[1])
        self.under_way = None

    def die(self, op: Op) -> None:
        """The host ends, and another one begins with what was kept; between, some time has passed."""
        self.now += op.delay
        before = self.kept
        self._begin()
        self.compare(before)

    def end(self, op: Op) -> None:
        """The host ends in order: everything is kept, and numbers go on without a gap."""
        self.lose(op)
        self._take(last=True)
        self._keep()
        assert self.store.read().floors == self.kept.numbers
        self.die(op)

    def _take(self, *, last: bool = False) -> None:
        picture = Picture.of(self.board, DURABLE, self.now, self._plain)
        self.under_way = self.cuts.take(), self.board.cut(self.cuts.number - 1, last=last), picture

    def _keep(self) -> None:
        assert self.under_way is not None
        number, cut, self.kept = self.under_way
        if cut is not None:
            self.store.keep(cut)
        self.cuts.keep(number)
        self.under_way = None
        self.epochs.update({name: role["epoch"] for name, role in self.kept.roles.items()})
        self.swap = self.kept.numbers.swap

    # --- what has to hold

    def compare(self, kept: Picture) -> None:
        """The board is as the last cut says that the host of before kept, a while later."""
        want, have = kept.after(self.now), Picture.of(self.board, DURABLE, self.now, self._plain)
        assert have.slots == want.slots
        assert have.roles == want.roles
        assert _in_order(have.queues) == _in_order(want.queues)
        assert all(map(int.__ge__, have.numbers, want.numbers))
        for name in ROLES:
            highest = max(self.board.roles.floor, *(role.epoch for role in self.board.roles.values()), 0)
            assert highest >= self.epochs.get(name, 0)

    def _check_shown(self) -> None:
        """Whatever of a durable slot, or of a role, is not in the store is not shown."""
        saved = self.store.read()
        kept = {record.change.name: record for record in saved.slots}
        for name in set(NAMES[:-1]):
            if self.board._slot_record(name) != kept.get(name):  # private: what a cut would have of it
                assert self.cuts.wait_for([name]) > self.cuts.kept, f"{name} is shown, and not kept"
        known = {record.name: _after_an_end(record) for record in saved.roles}
        for name in ROLES:
            record = self.board._role_record(name)  # private: see above
            if (None if record is None else _after_an_end(record)) != known.get(name):
                assert self.cuts.wait_for_roles > self.cuts.kept, f"{name} is told, and not kept"


def _after_an_end(record: RoleRecord[Any]) -> RoleRecord[Any]:
    """A role as it is when its host has ended."""
    if record.state not in FILLED:
        return record
    record = record._replace(state="gone")
    return record._replace(kept=None, held={}) if record.stop_requested else record


def _in_order(queues: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """What waits; what happened at the same time by itself may come in either order."""
    return {name: queue for name, queue in queues.items() if queue}


WHATS = (
    *("write",) * 6, *("delete",) * 2, *("let_pass",) * 3, *("claim",) * 3, *("run",) * 4, "attach", "detach",
    *("deliver",) * 4, *("commit",) * 5, "fail", "fail", *("leave",) * 2, "stop", *("set",) * 2, "swap_it",
    *("succeed",) * 4, "give_up", *("cut",) * 5, *("keep",) * 5, "lose", *("die",) * 3, "end",
)  # fmt: skip
OPS = st.builds(
    Op,
    what=st.sampled_from(WHATS),
    role=st.sampled_from(ROLES),
    name=st.sampled_from(NAMES),
    number=st.integers(0, 3),
    span=st.sampled_from([None, None, 0.5, 2.0, 30.0]),
    delay=st.sampled_from([0.0, 0.0, 0.25, 1.0, 3.0]),
)

#: both roles run and wait for each change
BEGIN = [Op(what, role, "d/a", 1, None, 0.0) for role in ROLES for what in ("claim", "run")]
END = Op("die", "anne", "d/a", 0, None, 0.0)
