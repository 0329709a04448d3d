"""The board, with time passed in: roles and epochs, commits, deliveries, and what it tells of itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core import board as module
from agentspace.core import slot as slot_module
from agentspace.core.account import REFUSALS_KEPT
from agentspace.core.board import MAX_ROLES, SPACE, Board, Delivery
from agentspace.core.change import Change, Kind, Refused, Writer, Written
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase, Put
from agentspace.core.value import freeze
from agentspace.errors import (
    FencedError,
    LimitError,
    RoleNotFoundError,
    RoleTakenError,
    SlotNameError,
    ValueTypeError,
    WriteError,
)
from tests.support.examples import examples

ANNE = Writer("thread")


@pytest.fixture
def board() -> Board[Any]:
    return Board("DATA", freeze)


def start(board: Board[Any], role: str, now: float = 0.0, **triggers: Trigger) -> int:
    """Fills a role, attaches its triggers, lets it run; returns its epoch."""
    epoch = board.claim(role, {}, now).epoch
    for mask, kind in triggers.items():
        board.attach(role, epoch, mask, kind, now)
    board.running(role, epoch, now)
    return epoch


def write(board: Board[Any], name: str, value: Any, now: float = 0.0, **numbers: float) -> Any:
    """A write of somebody outside."""
    return board.apply(Put(name, value, **numbers), ANNE, now)


def read(board: Board[Any], name: str, now: float = 0.0) -> Any:
    """The value of a slot; "empty" if there is none."""
    change = board.read(name, now)
    return "empty" if change is None else change.value


def out(board: Board[Any], now: float = 0.0) -> dict[str | int, Any]:
    """What goes out now: the newest value of each slot and the values of all changes, by addressee."""
    return {
        delivery.to: (
            {name: change.value for name, change in delivery.batch.changed.items()},
            [change.value for change in delivery.batch.every],
        )
        for delivery in board.deliveries(now)
    }


def only(board: Board[Any], now: float = 0.0) -> Delivery[Any]:
    """The one delivery that goes out now."""
    (delivery,) = board.deliveries(now)
    return delivery


# --- roles


def test_each_incarnation_has_a_higher_epoch(board):
    """A role that was left can be filled again, under the next epoch; while it is filled, it cannot."""
    first = board.claim("anne", {"pid": 12, "host": "h"}, 0.0)
    with pytest.raises(RoleTakenError, match=r"epoch 1.*pid 12, host h"):
        board.claim("anne", {}, 0.0)
    board.running("anne", 1, 0.0)
    with pytest.raises(RoleTakenError):
        board.claim("anne", {}, 0.0)
    board.vacate("anne", 1, "stopped", 0.0)
    assert board.claim("anne", {}, 0.0) is first
    assert first.epoch == 2


@pytest.mark.parametrize("state", ["stopped", "failed", "gone"])
def test_whoever_left_is_fenced(board, state):
    """Each act of an incarnation is checked against its epoch, exactly: older and newer ones are refused."""
    start(board, "anne")
    board.vacate("anne", 1, state, 0.0)
    for epoch in (0, 1, 2):
        for act in (
            lambda e=epoch: board.check("anne", e),
            lambda e=epoch: board.running("anne", e, 0.0),
            lambda e=epoch: board.vacate("anne", e, "stopped", 0.0),
            lambda e=epoch: board.attach("anne", e, "x", Trigger.NORMAL, 0.0),
            lambda e=epoch: board.commit("anne", e, None, [Put("x", 1)], 0.0),
        ):
            with pytest.raises(FencedError, match=f"epoch {epoch} .*'anne'.*{state}"):
                act()
    assert read(board, "x") == "empty"
    with pytest.raises(FencedError, match="unknown"):
        board.check("bert", 1)


def test_only_the_epoch_that_fills_the_role_counts(board):
    """While an incarnation runs, neither the one before it nor one that is still to come may act."""
    start(board, "anne")
    board.vacate("anne", 1, "gone", 0.0)
    start(board, "anne")
    assert board.check("anne", 2).filled
    for epoch in (0, 1, 3):
        with pytest.raises(FencedError):
            board.commit("anne", epoch, None, [Put("x", epoch)], 0.0)
    assert read(board, "x") == "empty"


@pytest.mark.parametrize(
    ("name", "info", "error"),
    [
        ("a b", {}, SlotNameError),
        ("_", {}, SlotNameError),
        ("x" * 255, {}, SlotNameError),
        ("x" * 247, {}, SlotNameError),
        ("x", {"y": object()}, ValueTypeError),
    ],
)
def test_claim_that_fails_leaves_nothing_behind(board, name, info, error):
    """A bad name or bad info is an error each time, fills no role and shows none."""
    for _ in range(2):
        with pytest.raises(error):
            board.claim(name, info, 0.0)
    assert not board.roles
    assert not board.snapshot("_/*", 0.0)


def test_longest_role_can_be_shown_with_all_that_it_does(board):
    """A role of the greatest length is shown, fails, and shows its error."""
    name = "x" * 246
    start(board, name)
    board.vacate(name, 1, "failed", 0.0, "boom")
    assert read(board, f"_/errors/{name}")["traceback"] == "boom"


def test_number_of_roles_is_limited(board, monkeypatch):
    """One role too many is a LimitError; known roles can still be filled."""
    assert MAX_ROLES == 1024
    monkeypatch.setattr(module, "MAX_ROLES", 2)
    start(board, "a")
    start(board, "b")
    with pytest.raises(LimitError, match="2 roles"):
        board.claim("c", {}, 0.0)
    board.vacate("a", 1, "gone", 0.0)
    assert board.claim("a", {}, 0.0).epoch == 2


def test_info_cannot_hide_the_truth(board):
    """What an incarnation says of itself is shown beside state and epoch, never instead of them."""
    board.claim("anne", {"state": "fine", "epoch": 99, "class": "Anne"}, 0.0)
    shown = read(board, "_/roles/anne")
    assert (shown["state"], shown["epoch"], shown["class"]) == ("starting", 1, "Anne")


def test_stop_request_lasts_until_the_next_incarnation(board):
    """A request is shown until the role is filled anew; for unknown roles it is an error that lists the known."""
    start(board, "anne")
    board.request_stop("anne", 0.0)
    board.request_stop("anne", 0.0)
    assert board.roles["anne"].stop_requested
    assert read(board, "_/roles/anne")["stop_requested"]
    board.vacate("anne", 1, "stopped", 0.0)
    assert not board.claim("anne", {}, 0.0).stop_requested
    with pytest.raises(RoleNotFoundError, match=r"'bert'.*anne"):
        board.request_stop("bert", 0.0)
    with pytest.raises(RoleNotFoundError, match="none"):
        Board("EMPTY", freeze).request_stop("bert", 0.0)


# --- commits


def test_commit_with_a_wrong_number_does_nothing(board):
    """Acknowledging what is not outstanding is fenced before anything is written."""
    epoch = start(board, "anne", x=Trigger.NORMAL)
    write(board, "x", 1)
    number = only(board).batch.number
    for wrong in (number - 1, number + 1):
        with pytest.raises(FencedError, match=f"batch {wrong}"):
            board.commit("anne", epoch, wrong, [Put("y", 1)], 0.0)
    board.commit("anne", epoch, number, [Put("y", 2)], 0.0)
    with pytest.raises(FencedError, match="already handled"):
        board.commit("anne", epoch, number, [Put("y", 3)], 0.0)
    assert read(board, "y") == 2
    assert board.roles["anne"].handled == 1


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda: Put("no name", 1), SlotNameError),
        (lambda: Put("_/roles/anne", 1), SlotNameError),
        (lambda: Erase("_/roles/anne"), SlotNameError),
        (lambda: Put("z", 1, validity=0), WriteError),
        (lambda: Put("z", 1, validity=10**400), WriteError),
        (lambda: Put("z", 1, priority=10**400), WriteError),
        (lambda: Put("z", 1, delay=-1), WriteError),
        (lambda: Erase("z", priority=float("nan")), WriteError),
        (lambda: Put("full", 1), LimitError),
    ],
)
def test_commit_is_all_or_nothing(board, monkeypatch, bad, error):
    """One act that cannot be carried out keeps the others from it, and the batch stays outstanding."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 4)
    epoch = start(board, "anne", x=Trigger.NORMAL)
    for name in ("x", "y", "z"):
        write(board, name, "before")
    delivery = only(board)
    with pytest.raises(error):
        board.commit("anne", epoch, delivery.batch.number, [Put("y", "after"), bad(), Erase("x")], 0.0)
    assert (read(board, "x"), read(board, "y")) == ("before", "before")
    assert board.roles["anne"].mailbox.outstanding is delivery.batch
    board.vacate("anne", epoch, "failed", 0.0)
    start(board, "anne", x=Trigger.NORMAL)
    assert "x" in out(board)["anne"][0]


def test_commit_tells_each_decision_in_order(board):
    """Refusals are decisions like others: the acts before and after them count."""
    epoch = start(board, "anne")
    write(board, "x", "strong", priority=1.0)
    decisions = board.commit("anne", epoch, None, [Put("y", 1), Put("x", "weak"), Erase("y"), Put("y", 2)], 0.0)
    assert [type(decision) for decision in decisions] == [Written, Refused, Written, Written]
    assert (read(board, "x"), read(board, "y")) == ("strong", 2)
    assert board.read("y", 0.0).writer == Writer("anne", epoch)
    assert board.roles["anne"].refused == 1


def test_starting_role_may_commit_but_is_not_dispatched_to(board):
    """What `init` writes is committed; what it is woken for waits until it runs."""
    epoch = board.claim("anne", {}, 0.0).epoch
    board.attach("anne", epoch, "x", Trigger.NORMAL, 0.0)
    write(board, "x", 1)
    board.commit("anne", epoch, None, [Put("ready", True)], 0.0)
    assert read(board, "ready") is True
    assert out(board) == {}
    board.running("anne", epoch, 0.0)
    assert out(board) == {"anne": ({"x": 1}, [])}


# --- deliveries


def test_one_batch_is_out_until_it_is_acknowledged(board):
    """While a handler works nothing goes out to it; its commit brings the next batch, with the newest value."""
    epoch = start(board, "anne", x=Trigger.NORMAL)
    write(board, "x", 1)
    number = only(board).batch.number
    for value in (2, 3):
        write(board, "x", value)
    assert out(board) == {}
    board.commit("anne", epoch, number, [], 0.0)
    assert out(board) == {"anne": ({"x": 3}, [])}


def test_handlers_own_writes_wake_it_again(board):
    """A role that has a trigger on what it writes is woken by itself, after its commit."""
    epoch = start(board, "anne", x=Trigger.NORMAL)
    write(board, "x", 1)
    board.commit("anne", epoch, only(board).batch.number, [Put("x", 2)], 0.0)
    assert out(board) == {"anne": ({"x": 2}, [])}


def test_unacknowledged_batch_goes_to_the_successor_first(board):
    """What was out comes back, merged with what came since; the predecessor's triggers collect meanwhile."""
    start(board, "anne", x=Trigger.NORMAL, y=Trigger.EVERY)
    write(board, "y", 1)
    assert out(board) == {"anne": ({}, [1])}
    write(board, "x", 1)
    board.vacate("anne", 1, "gone", 0.0)
    write(board, "y", 2)
    write(board, "x", 2)
    assert out(board) == {}
    epoch = board.claim("anne", {}, 0.0).epoch
    write(board, "y", 3)
    board.attach("anne", epoch, "y", Trigger.EVERY, 0.0)
    board.attach("anne", epoch, "x", Trigger.NORMAL, 0.0)
    board.running("anne", epoch, 0.0)
    assert out(board) == {"anne": ({"x": 2}, [1, 2, 3])}
    assert board.roles["anne"].mailbox.redelivered == 1


def test_trigger_on_a_running_role_delivers_what_is_there(board):
    """Attached late, a trigger starts with the present value at once, and only for its own kind."""
    epoch = start(board, "anne", x=Trigger.EVERY)
    write(board, "x", 1)
    board.commit("anne", epoch, only(board).batch.number, [], 0.0)
    board.attach("anne", epoch, "x", Trigger.NAMES, 0.0)
    assert out(board) == {"anne": ({"x": 1}, [])}


@pytest.mark.parametrize("kind", [Trigger.EVERY, Trigger.QUIET])
def test_late_trigger_that_does_not_wake_does_not_wake(board, kind):
    """EVERY starts with what comes, QUIET waits: attaching either to a running role sends nothing."""
    write(board, "x", 1)
    epoch = start(board, "anne", y=Trigger.NORMAL)
    board.attach("anne", epoch, "x", kind, 0.0)
    assert out(board) == {}


def test_expiry_and_ripening_are_delivered(board):
    """Time alone makes deliveries: when a delayed value becomes readable and when it expires."""
    start(board, "anne", x=Trigger.EVERY)
    board.apply(Put("x", 1, validity=1.0, delay=1.0), ANNE, 0.0)
    assert board.next_deadline() == 1.0
    board.advance(5.0)
    changes = only(board).batch.every
    assert [(str(change.kind), change.at) for change in changes] == [
        ("delayed", 0.0),
        ("written", 1.0),
        ("expired", 2.0),
    ]
    assert board.next_deadline() is None


def test_origin_of_a_handlers_writes_is_the_oldest_that_woke_it(board):
    """Of all values that woke a handler, the oldest root cause is inherited by what it writes."""
    epoch = start(board, "anne", **{"in/*": Trigger.NORMAL, "each": Trigger.EVERY, "name": Trigger.QUIET})
    write(board, "in/b", 1, 3.0)
    delivery = only(board, 3.0)
    board.commit("anne", epoch, delivery.batch.number, [Put("out", 1)], 4.0)
    assert (board.read("out", 4.0).at, board.read("out", 4.0).origin) == (4.0, 3.0)
    bert = start(board, "bert", now=4.0, out=Trigger.NAMES, fresh=Trigger.EVERY)
    write(board, "fresh", 1, 5.0)
    board.commit("bert", bert, only(board, 5.0).batch.number, [Put("end", 1)], 6.0)
    assert board.read("end", 6.0).origin == 3.0
    board.commit("bert", bert, None, [Put("tick", 1)], 7.0)
    assert board.read("tick", 7.0).origin == 7.0


def test_emptiness_has_no_origin(board):
    """A handler that was woken by a delete or an expiry begins a chain of its own."""
    write(board, "x", 1, 0.0)
    epoch = start(board, "anne", now=1.0, x=Trigger.EVERY)
    board.apply(Erase("x"), ANNE, 2.0)
    board.commit("anne", epoch, only(board, 2.0).batch.number, [Put("y", 1)], 3.0)
    assert board.read("y", 3.0).origin == 3.0


# --- watchers


def test_watcher_resumes_from_what_it_knows(board):
    """Given the revisions that it has seen, a watcher is told only what is new to it."""
    for name in ("a", "b", "c"):
        write(board, name, 1)
    write(board, "b", 2)
    number = board.watch("*", Trigger.NORMAL, {"a": 1, "b": 1, "gone": 7}, 0.0)
    assert out(board) == {number: ({"b": 2, "c": 1}, [])}


def test_watcher_gets_one_batch_at_a_time(board):
    """A watcher that does not say that it has seen a batch gets no other; a wrong number says nothing."""
    number = board.watch("x", Trigger.NORMAL, {}, 0.0)
    batch = only(board).batch
    write(board, "x", 1)
    board.seen(number, batch.number + 1)
    assert out(board) == {}
    board.seen(number, batch.number)
    assert out(board) == {number: ({"x": 1}, [])}
    board.unwatch(number)
    board.unwatch(number)
    board.seen(number, 2)
    write(board, "x", 2)
    assert out(board) == {}


# --- the board's account of itself


def test_own_slots_can_be_written_by_nobody_else(board):
    """Also a role that is called like one of the space's own slots does not own it."""
    epoch = start(board, "_/roles/anne")
    for writer in (ANNE, Writer("_"), Writer("_/roles/anne", epoch)):
        with pytest.raises(SlotNameError):
            board.apply(Put("_/roles/anne", 1), writer, 0.0)
        with pytest.raises(SlotNameError):
            board.apply(Erase("_/roles/anne"), writer, 0.0)
    assert board.apply(Put.own("note", 1), SPACE, 0.0)


@pytest.mark.parametrize("name", [None, 3, b"x", ["x"]])
def test_name_of_any_type_is_refused_as_a_name(board, name):
    """What is no str is a SlotNameError too, in writes, deletes and commits."""
    epoch = start(board, "anne")
    for act in (lambda: Put(name, 1), lambda: Erase(name)):
        with pytest.raises(SlotNameError):
            board.apply(act(), ANNE, 0.0)
        with pytest.raises(SlotNameError):
            board.commit("anne", epoch, None, [act()], 0.0)


def test_full_board_still_tells_of_itself(board, monkeypatch):
    """When users have filled all slots, roles can be filled, fail and be seen, and the accounts go on."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 3)
    for name in ("a", "b", "c"):
        write(board, name, 1)
    with pytest.raises(LimitError):
        write(board, "d", 1)
    epoch = start(board, "anne")
    board.publish(1.0)
    board.publish(2.0)
    board.vacate("anne", epoch, "failed", 2.0, "boom")
    assert read(board, "_/errors/anne", 2.0)["traceback"] == "boom"
    assert read(board, "_/roles/anne", 2.0)["state"] == "failed"
    assert read(board, "_/loads", 2.0)["anne"]["handled"] == 0


def test_refusals_are_counted_and_the_last_ones_kept(board):
    """Counts by slot are complete, the list of the last ones is bounded; both can be written as values."""
    epoch = start(board, "anne")
    write(board, "x", 1, priority=2.0, validity=1000.0)
    for n in range(REFUSALS_KEPT + 5):
        board.commit("anne", epoch, None, [Put("x", n, priority=1)], float(n))
    board.publish(50.0)
    shown = read(board, "_/refusals", 50.0)
    assert shown["counts"] == {"x": REFUSALS_KEPT + 5}
    assert len(shown["recent"]) == REFUSALS_KEPT
    assert shown["recent"][-1] == {
        "slot": "x",
        "kind": "write",
        "writer": "anne#1",
        "priority": 1.0,
        "holder": "thread",
        "held_priority": 2.0,
        "time_left": 1000.0 - (REFUSALS_KEPT + 4),
    }
    assert read(board, "_/loads", 50.0)["anne"]["refused"] == REFUSALS_KEPT + 5


def test_loads_tell_how_handlers_do(board):
    """Handler times (median and 99th percentile, ms), counts, and whether it is busy with something."""
    epoch = start(board, "anne", x=Trigger.NORMAL, y=Trigger.QUIET)
    for n in range(100):
        write(board, "x", n, 10.0 * n)
        delivery = only(board, 10.0 * n)
        board.commit("anne", epoch, delivery.batch.number, [], 10.0 * n + 0.001 * (n + 1))
    write(board, "x", 1, 1000.0)
    only(board, 1000.0)
    write(board, "x", 2, 1000.0)
    write(board, "y", 2, 1001.0)
    board.roles["anne"].missed = 3
    board.publish(1002.5)
    load = read(board, "_/loads", 1002.5)["anne"]
    assert load.pop("handler_ms") == pytest.approx(50.5)
    assert load.pop("handler_ms_p99") == pytest.approx(99, abs=1)
    assert load == {
        "handled": 100,
        "refused": 0,
        "missed_ticks": 3,
        "overflow": 0,
        "redelivered": 0,
        "pending": 2,
        "busy": True,
        "lag": 2.5,
    }


def test_rates_are_of_accepted_writes_per_second(board):
    """Rates count accepted writes of users' slots since the last account; a slot that rests is left out."""
    board.publish(1.0)
    for n in range(10):
        write(board, "x", n, 1.0, priority=1.0)
        write(board, "x", n, 1.0)
    write(board, "y", 1, 1.0)
    board.publish(3.0)
    assert read(board, "_/rates", 3.0) == {"x": 5.0, "y": 0.5}
    write(board, "y", 2, 3.0)
    board.publish(4.0)
    assert read(board, "_/rates", 4.0) == {"y": 1.0}
    board.publish(5.0)
    assert read(board, "_/rates", 5.0) == {}


def test_account_is_written_only_when_it_has_changed(board):
    """Watchers of the space's own slots are not woken every second for nothing."""
    start(board, "anne")
    for now in (1.0, 2.0):
        board.publish(now)
    before = [board.read(f"_/{name}", 2.0).revision for name in ("loads", "rates", "refusals", "overflows")]
    for now in (3.0, 4.0):
        board.publish(now)
        board.account.tell("mine", {"a": 1}, now)
    after = [board.read(f"_/{name}", 4.0).revision for name in ("loads", "rates", "refusals", "overflows")]
    assert after == before
    assert board.read("_/mine", 4.0).revision == 1


def test_overflows_are_shown_by_role_and_watcher(board):
    """Who lost how many changes can be read, of roles by name, of watchers by number."""
    start(board, "anne", x=Trigger.EVERY)
    number = board.watch("x", Trigger.EVERY, {}, 0.0)
    out(board)
    board.roles["anne"].mailbox.limit = 2
    for n in range(5):
        write(board, "x", n)
    assert board.overflow(number) == 0
    board.publish(1.0)
    assert read(board, "_/overflows", 1.0) == {"roles": {"anne": 3}, "watchers": {}}


# --- whatever happens, nobody misses anything

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "write", "write", "delete", "let_pass", "deliver", "acknowledge_all", "crash", "join"]
        ),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([None, 0.5, 1.0]),
        st.sampled_from([0.0, 0.0, 0.5]),
        st.sampled_from([0.0, 0.25, 0.5]),
    ),
    max_size=40,
)


class World:
    """A board with a role and two watchers, each of which keeps its own picture of the slots."""

    def __init__(self) -> None:
        self.board: Board[Any] = Board("DATA", freeze)
        self.now = 0.0
        self.count = 0
        self.log: list[tuple[str, str, int]] = []  # all changes, as the one who listens in is told
        self.spy = self.board.watch("*", Trigger.EVERY, {}, 0.0)
        self.watcher = self.board.watch("*", Trigger.NORMAL, {}, 0.0)
        self.epoch = start(self.board, "anne", **{"*": Trigger.NORMAL, "a": Trigger.EVERY})
        self.pictures: dict[str | int, dict[str, Any]] = {"anne": {}, self.watcher: {}, self.spy: {}}
        self.busy: dict[str | int, Delivery[Any]] = {}
        self.handled: list[tuple[str, str, int]] = []

    def deliver(self) -> None:
        for delivery in self.board.deliveries(self.now):
            assert delivery.to not in self.busy, "two batches out at once"
            self.busy[delivery.to] = delivery

    def acknowledge(self, to: str | int) -> None:
        delivery = self.busy.pop(to, None)
        if delivery is None:
            return
        for change in (*delivery.batch.changed.values(), *delivery.batch.every):
            self.see(to, change)
        told = [(c.name, str(c.kind), c.revision) for c in delivery.batch.every]
        if to == "anne":
            self.handled += told
            self.board.commit("anne", self.epoch, delivery.batch.number, [], self.now)
        else:
            self.log += told if to == self.spy else []
            self.board.seen(to, delivery.batch.number)

    def see(self, to: str | int, change: Change[Any]) -> None:
        if change.kind is Kind.WRITTEN:
            self.pictures[to][change.name] = change.value
        else:
            self.pictures[to].pop(change.name, None)

    def step(self, what: str, name: str, validity: float | None, delay: float, step: float) -> None:
        self.now += step
        self.count += 1
        if what == "write":
            self.board.apply(Put(name, self.count, validity=validity, delay=delay), ANNE, self.now)
        elif what == "delete":
            self.board.apply(Erase(name, validity=validity), ANNE, self.now)
        else:
            getattr(self, what)()

    def let_pass(self) -> None:
        self.board.advance(self.now)

    def acknowledge_all(self) -> None:
        for to in list(self.busy):
            self.acknowledge(to)

    def crash(self) -> None:
        if self.board.roles["anne"].filled:
            self.busy.pop("anne", None)
            self.board.vacate("anne", self.epoch, "gone", self.now)

    def join(self) -> None:
        if not self.board.roles["anne"].filled:
            self.epoch = start(self.board, "anne", self.now, **{"*": Trigger.NORMAL, "a": Trigger.EVERY})

    def settle(self) -> None:
        """Lets everybody catch up, without letting time pass."""
        self.join()
        self.let_pass()
        for _ in range(10):
            self.deliver()
            self.acknowledge_all()
        assert not self.busy


@examples(300)
@given(STEPS)
def test_everybody_catches_up_with_the_truth(steps):
    """After any history of writes, deletes, delays, expiries, crashes and slowness, all pictures are the truth.

    NORMAL may skip what is stale but ends with the newest; EVERY tells each change once, in order, across crashes.
    """
    world = World()
    for step in steps:
        world.step(*step)
    world.settle()
    truth = {slot.name: slot.value for slot in world.board.snapshot("*", world.now) if slot.readable}
    for to, picture in world.pictures.items():
        assert picture == truth, f"the picture of {to}"
    assert world.handled == [change for change in world.log if change[0] == "a"]
    assert len(world.log) == len(set(world.log))
