"""The board's account of itself."""

from __future__ import annotations

import pytest

from agentspace.core import slot as slot_module
from agentspace.core.account import BEAT, REFUSALS_KEPT
from agentspace.core.change import SPACE, Writer
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase, Put
from agentspace.errors import LimitError, SlotNameError
from tests.unit.core.boards import ANNE, only, out, read, start, write


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


def test_the_slowest_of_few_handlers_is_told(board):
    """The 99th percentile of two is the longer one, never less than the median."""
    epoch = start(board, "anne", x=Trigger.NORMAL)
    for n, seconds in enumerate((0.5, 0.001)):
        write(board, "x", n, 10.0 * n)
        delivery = only(board, 10.0 * n)
        board.commit("anne", epoch, delivery.batch.number, [], 10.0 * n + seconds)
    board.publish(100.0)
    assert read(board, "_/loads", 100.0)["anne"]["handler_ms_p99"] == pytest.approx(500.0, rel=0.01)


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
    assert load.pop("handler_ms") == pytest.approx(50.5, rel=0.02)
    assert load.pop("handler_ms_p99") == pytest.approx(99, abs=1)
    assert "timer_ms" not in load
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


def test_clock_is_told_with_each_publication_and_runs_out(board):
    """`_/clock` has the time of the last publication and who counts it, and is valid for three beats."""
    board.account.host = {"server": "ab", "pid": 7}
    board.publish(1.0)
    assert read(board, "_/clock", 1.5) == {"server": "ab", "pid": 7, "now": 1.0, "period": BEAT}
    board.publish(2.0)
    assert read(board, "_/clock", 4.9)["now"] == 2.0
    assert read(board, "_/clock", 5.0) == "empty"


def test_clock_counts_for_nothing(board):
    """Nothing that a board counts for its users grows with its own heartbeat."""
    for second in range(5):
        board.publish(float(second))
    told = {name: read(board, f"_/{name}", 4.5) for name in ("rates", "bandwidth", "links", "refusals")}
    none = {"counts": {}, "recent": []}
    assert told == {"rates": {}, "bandwidth": {}, "links": {"writes": {}, "reads": {}}, "refusals": none}


def test_triggers_that_come_and_go_while_a_role_runs_are_told(board):
    """With the next account, once; those that it had before it ran are told when it does."""
    epoch = start(board, "anne")
    board.publish(1.0)
    board.attach("anne", epoch, "a/*", Trigger.NORMAL, 1.0)
    board.attach("anne", epoch, "b", Trigger.EVERY, 1.0)
    board.publish(2.0)
    assert read(board, "_/roles/anne", 2.0)["triggers"] == [["a/*", "normal"], ["b", "every"]]
    board.detach("anne", epoch, "a/*")
    board.publish(3.0)
    assert read(board, "_/roles/anne", 3.0)["triggers"] == [["b", "every"]]
    before = board.read("_/roles/anne", 3.0).revision
    board.attach("anne", epoch, "b", Trigger.EVERY, 3.0)
    board.publish(4.0)
    assert board.read("_/roles/anne", 4.0).revision == before
