"""A space that outlives its host: on random histories beside a naive model, and what these seldom come upon."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.durable.board import DurableBoard
from agentspace.core.durable.cuts import Cuts, SpaceCut
from agentspace.core.mailbox import EVERY_LIMIT, Trigger
from agentspace.core.values.value import freeze
from agentspace.errors import SlotNameError
from tests.support.examples import examples
from tests.unit.core.boards import read, start, write
from tests.unit.core.durable.history import BEGIN, END, OPS, Life, Op
from tests.unit.core.durable.shelf import Shelf


def live(ops: list[Op]) -> Life:
    """Lives through a history, and ends it with the end of its host."""
    life = Life(Shelf(), lambda value: value, lambda value: value)
    for op in (*BEGIN, *ops, END):
        life.do(op)
    return life


@examples(200)
@given(st.lists(OPS, max_size=60))
def test_a_space_comes_back_as_the_last_cut_that_was_kept(ops: list[Op]) -> None:
    """Slots, roles and queues are as then, a while later; numbers only grow; what is not kept is not shown."""
    live(ops)


# --- what random histories seldom come upon


def begin(shelf: Shelf, now: float = 0.0) -> tuple[DurableBoard[Any], Cuts]:
    """A host begins with what a shelf keeps."""
    saved, cuts = shelf.read(), Cuts(["d/*"])
    board: DurableBoard[Any] = DurableBoard(
        "DATA", cuts, freeze, lambda value: 1, lambda value: value, saved.floors
    )
    board.restore(saved, now)
    return board, cuts


def take(board: DurableBoard[Any], cuts: Cuts) -> SpaceCut[Any]:
    """The next cut."""
    cut = board.cut(cuts.take())
    assert cut is not None
    return cut


def waits(shelf: Shelf, role: str = "anne") -> list[Any]:
    """The values that wait for a role in what a shelf keeps."""
    return [change.value for change in shelf.read().queues.get(role, [])]


def test_a_role_that_is_forgotten_and_comes_again_within_one_cut_has_its_new_queue():
    """What waited for it before is gone, what waits now is there, though another role is forgotten after it."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    for role in ("anne", "bert"):
        start(board, role, **{"d/*": Trigger.EVERY})
    write(board, "d/a", "old")
    shelf.keep(take(board, cuts))
    for role in ("anne", "bert"):
        board.vacate(role, 1, "stopped", 0.0)
        board.roles[role].mailbox.acknowledge(0)
    board.roles._forget(["anne"])  # private: a role is forgotten only after an hour, or among a thousand
    start(board, "anne", **{"d/*": Trigger.EVERY})
    write(board, "d/a", "new")
    board.roles._forget(["bert"])  # private: see above
    shelf.keep(take(board, cuts))
    assert (waits(shelf), waits(shelf, "bert")) == (["new"], [])
    assert [record.name for record in shelf.read().roles] == ["anne"]


def test_a_cut_that_could_not_be_kept_goes_with_the_next_one():
    """Queues keep their order; what was handled meanwhile waits no more, and what was forgotten stays so."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    epoch = start(board, "anne", **{"d/*": Trigger.EVERY})
    start(board, "bert", **{"d/*": Trigger.EVERY})
    shelf.keep(take(board, cuts))
    write(board, "d/a", "first")
    lost = take(board, cuts)
    ((number, _),) = [(d.batch.number, d.batch) for d in board.deliveries(0.0) if d.to == "anne"]
    board.commit("anne", epoch, number, [], 0.0)
    write(board, "d/a", "second")
    board.take_back(lost)
    write(board, "d/a", "third")
    shelf.keep(take(board, cuts))
    assert waits(shelf) == ["second", "third"]
    assert waits(shelf, "bert") == ["first", "second", "third"]
    write(board, "d/a", "fourth")
    lost = take(board, cuts)
    board.vacate("bert", board.roles["bert"].epoch, "stopped", 0.0)
    board.roles._forget(["bert"])  # private: see above
    board.take_back(lost)
    shelf.keep(take(board, cuts))
    assert waits(shelf, "bert") == []


def test_what_a_full_queue_has_lost_is_told_after_a_restart():
    """Until a handler has heard of it, and the disk has that."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    role = board.claim("anne", {}, 0.0)
    board.attach("anne", role.epoch, "d/*", Trigger.EVERY, 0.0)
    for number in range(EVERY_LIMIT + 3):
        write(board, "d/x", number, 0.0)
    shelf.keep(take(board, cuts))
    for lost, is_handled in ((3, False), (3, True), (0, False)):  # the first handler dies with its host
        board, cuts = begin(shelf)
        role = board.claim("anne", {}, 0.0)
        board.attach("anne", role.epoch, "d/*", Trigger.EVERY, 0.0)
        board.running("anne", role.epoch, 0.0)
        (delivery,) = board.deliveries(0.0)
        assert delivery.batch.lost == lost
        if is_handled:
            board.commit("anne", role.epoch, delivery.batch.number, (), 0.0)
        shelf.keep(take(board, cuts))


def test_the_loss_of_changes_is_kept_without_a_row_for_each():
    """What is kept of a role is written now and then; of the number at least a half."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    role = board.claim("anne", {}, 0.0)
    board.attach("anne", role.epoch, "d/*", Trigger.EVERY, 0.0)
    for number in range(EVERY_LIMIT):
        write(board, "d/x", number)
    shelf.keep(take(board, cuts))
    rows = 0
    for lost in range(1, 101):
        write(board, "d/x", lost)
        cut = take(board, cuts)
        rows += len(cut.roles)
        shelf.keep(cut)
        assert lost / 2 < shelf.roles["anne"].lost <= lost
    assert rows == 7


def test_all_roles_hear_of_what_ran_out_while_there_was_no_host():
    """Also those that are restored after others."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    for role in ("anne", "bert", "carl"):
        start(board, role, **{"d/*": Trigger.EVERY})
    write(board, "d/a", 1, validity=1.0)
    shelf.keep(take(board, cuts))
    board, _ = begin(shelf, now=5.0)
    for role in ("anne", "bert", "carl"):
        start(board, role, now=5.0, **{"d/*": Trigger.EVERY})
    told = {d.to: [(str(c.kind), c.at) for c in d.batch.every] for d in board.deliveries(5.0)}
    assert told == {role: [("written", 0.0), ("expired", 1.0)] for role in ("anne", "bert", "carl")}


@pytest.mark.parametrize(("state", "pid"), [("running", None), ("gone", None), ("stopped", 7), ("failed", 7)])
def test_whose_process_filled_a_role_is_told_of_those_that_have_ended_alone(state: str, pid: int | None):
    """Others may be there still, and fill it again: a supervisor must not take them for those that have left."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    role = board.claim("anne", {"pid": 7, "class": "a:A"}, 0.0)
    if state == "running":
        board.running("anne", role.epoch, 0.0)
    else:
        board.vacate("anne", role.epoch, state, 0.0)
    shelf.keep(take(board, cuts))
    board, _ = begin(shelf)
    told = read(board, "_/roles/anne")
    assert (told["state"], told.get("pid"), told["class"]) == ("gone" if pid is None else state, pid, "a:A")


def test_dead_letters_are_told_after_a_restart():
    """In the slot in which they were before."""
    shelf = Shelf()
    board, cuts = begin(shelf)
    role = board.claim("anne", {"attempts": 1}, 0.0)
    board.attach("anne", role.epoch, "d/a", Trigger.EVERY, 0.0)
    board.running("anne", role.epoch, 0.0)
    write(board, "d/a", "poison")
    assert [delivery.to for delivery in board.deliveries(0.0)] == ["anne"]
    role.at = 1
    board.vacate("anne", role.epoch, "failed", 0.0, "ValueError: bad")
    told = read(board, "_/dead_letters/anne")
    assert told["letters"][0]["value"] == "poison"
    shelf.keep(take(board, cuts))
    board, _ = begin(shelf)
    assert read(board, "_/dead_letters/anne") == told


@pytest.mark.parametrize("mask", ["_*", "_?a", "*", "_[/]*"])
def test_the_spaces_own_slots_are_never_durable(mask: str):
    """Whatever the mask; what it covers besides is."""
    cuts = Cuts([mask])
    assert not cuts.covers("_/roles/anne")


def test_masks_of_the_spaces_own_slots_are_refused():
    """The error names the mask."""
    with pytest.raises(SlotNameError, match="_/roles/"):
        Cuts(["_/roles/*"])
