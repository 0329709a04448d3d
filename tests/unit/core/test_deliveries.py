"""What a board sends, to whom and when: nobody misses anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.board import Board
from agentspace.core.change import SPACE, Change, Kind
from agentspace.core.mailbox import EVERY_LIMIT, Trigger
from agentspace.core.present import at_once
from agentspace.core.slot import Erase, Put
from agentspace.core.subscribers import Delivery
from agentspace.core.values.value import freeze
from tests.support.examples import examples
from tests.unit.core.boards import ANNE, only, out, start, write


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


@pytest.mark.parametrize("kind", [kind for kind in Trigger if kind is not Trigger.WRITES])
def test_trigger_tells_what_is_empty_of_what_another_host_told(board, kind):
    """What is there comes as always; what is no name, or not covered, does not; nothing comes twice."""
    write(board, "x/there", 1)
    board.apply(Put("x/delayed", 1, delay=5.0), ANNE, 0.0)
    role = board.claim("anne", {}, 0.0)
    known = ["x/there", "x/delayed", "x/gone", "y/gone", "", 7, None, ["x/gone"]]
    for _ in range(2):
        at_once(board.attaching("anne", role.epoch, "x/*", kind, 0.0, known))
    board.running("anne", role.epoch, 0.0)
    board.collect("anne", role.epoch)
    batch = only(board).batch
    newest = {} if kind is Trigger.EVERY else {"x/there": 1, "x/delayed": None, "x/gone": None}
    assert {name: change.value for name, change in batch.changed.items()} == newest
    empty = [("x/delayed", Kind.DELETED), ("x/gone", Kind.DELETED)]
    assert [(change.name, change.kind) for change in batch.every] == (empty if kind is Trigger.EVERY else [])
    assert {change.writer for change in (*batch.changed.values(), *batch.every) if change.value is None} == {SPACE}


def test_writes_trigger_tells_nothing_of_what_was(board):
    """Neither what is there, nor what another host told of, nor an end; each write and delete from then on."""
    write(board, "x/there", 1)
    role = board.claim("anne", {}, 0.0)
    at_once(board.attaching("anne", role.epoch, "x/*", Trigger.WRITES, 0.0, ["x/gone"]))
    board.running("anne", role.epoch, 0.0)
    assert out(board) == {}
    write(board, "x/short", 2, validity=1.0)
    batch = only(board).batch
    assert (list(batch.changed), batch.values) == (["x/short"], set())
    board.commit("anne", role.epoch, batch.number, [], 1.5)
    board.advance(2.0)
    assert out(board) == {}
    board.apply(Erase("x/there"), ANNE, 2.0)
    assert list(only(board).batch.changed) == ["x/there"]


def test_other_triggers_of_a_slot_hear_of_its_end_beside_writes(board):
    """With WRITES and EVERY on one slot, an expiry is told by EVERY alone."""
    role = board.claim("anne", {}, 0.0)
    for kind in (Trigger.WRITES, Trigger.EVERY):
        board.attach("anne", role.epoch, "x", kind, 0.0)
    board.running("anne", role.epoch, 0.0)
    write(board, "x", 1, validity=1.0)
    batch = only(board).batch
    assert (list(batch.changed), [change.kind for change in batch.every]) == (["x"], [Kind.WRITTEN])
    board.commit("anne", role.epoch, batch.number, [], 0.5)
    board.advance(2.0)
    batch = only(board).batch
    assert (list(batch.changed), [change.kind for change in batch.every]) == ([], [Kind.EXPIRED])


def test_what_is_empty_comes_once_and_takes_no_place(board):
    """Two EVERY triggers that cover a slot tell of it once; what does not fit beside what waits is counted."""
    role = board.claim("anne", {}, 0.0)
    board.attach("anne", role.epoch, "x/*", Trigger.EVERY, 0.0)
    for number in range(EVERY_LIMIT - 2):
        write(board, "x/there", number)
    known = ["x/there", *(f"x/{number}" for number in range(5))]
    for mask in ("x/*", "x/0"):
        at_once(board.attaching("anne", role.epoch, mask, Trigger.EVERY, 0.0, known))
    board.running("anne", role.epoch, 0.0)
    told = []
    while delivered := list(board.deliveries(0.0)):
        batch = delivered[0].batch
        told += batch.every
        board.commit("anne", role.epoch, batch.number, [], 0.0)
    assert [change.value for change in told[:-2]] == [*range(EVERY_LIMIT - 2)]
    assert [change.name for change in told[-2:]] == ["x/0", "x/1"]
    assert board.roles["anne"].mailbox.overflow == 3


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


def test_watcher_resumes_from_what_it_knows(board):
    """Given the revisions that it has seen, a watcher is told only what is new to it: also what is over."""
    for name in ("a", "b", "c"):
        write(board, name, 1)
    write(board, "b", 2)
    number = board.watch("*", Trigger.NORMAL, {"a": 1, "b": 1, "gone": 7}, 0.0)
    assert out(board) == {number: ({"b": 2, "c": 1, "gone": None}, [])}


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
