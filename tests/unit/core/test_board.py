"""The board: roles and what they commit."""

from __future__ import annotations

import pytest

from agentspace.core import role as role_module
from agentspace.core import slot as slot_module
from agentspace.core.board import Board
from agentspace.core.change import Refused, Writer, Written
from agentspace.core.mailbox import Trigger
from agentspace.core.role import MAX_ROLES
from agentspace.core.slot import Erase, Put
from agentspace.core.values.names import MAX_ROLE
from agentspace.core.values.value import freeze
from agentspace.errors import (
    FencedError,
    LimitError,
    RoleNotFoundError,
    RoleTakenError,
    SlotNameError,
    ValueTypeError,
    WriteError,
)
from tests.unit.core.boards import only, out, read, start, write


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
            lambda e=epoch: board.roles.check("anne", e),
            lambda e=epoch: board.running("anne", e, 0.0),
            lambda e=epoch: board.vacate("anne", e, "stopped", 0.0),
            lambda e=epoch: board.attach("anne", e, "x", Trigger.NORMAL, 0.0),
            lambda e=epoch: board.commit("anne", e, None, [Put("x", 1)], 0.0),
        ):
            with pytest.raises(FencedError, match=f"epoch {epoch} .*'anne'.*{state}"):
                act()
    assert read(board, "x") == "empty"
    with pytest.raises(FencedError, match="unknown"):
        board.roles.check("bert", 1)


def test_only_the_epoch_that_fills_the_role_counts(board):
    """While an incarnation runs, neither the one before it nor one that is still to come may act."""
    start(board, "anne")
    board.vacate("anne", 1, "gone", 0.0)
    start(board, "anne")
    assert board.roles.check("anne", 2).filled
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
    name = "x" * MAX_ROLE
    start(board, name)
    board.vacate(name, 1, "failed", 0.0, "boom")
    assert read(board, f"_/errors/{name}")["traceback"] == "boom"


def test_number_of_roles_is_limited(board, monkeypatch):
    """One role too many is a LimitError; known roles can still be filled."""
    assert MAX_ROLES == 1024
    monkeypatch.setattr(role_module, "MAX_ROLES", 2)
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
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 3)
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
