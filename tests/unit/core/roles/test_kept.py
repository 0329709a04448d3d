"""What a role has kept waits for its next incarnation, unless somebody ended the role, or it ended well itself."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from agentspace.core.board import Board
from agentspace.core.mailbox import Trigger
from agentspace.core.role import Beginning, Legacy, State
from agentspace.core.seats import Part, Seat
from agentspace.core.swap import Step
from agentspace.errors import FencedError
from tests.unit.core.boards import read, start, write

LIVE = {"rate": {"type": "float", "default": 1.0}, "gain": {"type": "float", "default": 1.0}}


def info() -> dict[str, Any]:
    """What an incarnation says of itself that has live settings."""
    return {"live": LIVE, "settings": {"rate": 1.0, "gain": 1.0}}


@pytest.fixture
def board() -> Board[Any]:
    return Board("test", lambda value: value)


def keep(board: Board[Any]) -> int:
    """An incarnation of a role that has kept a state, and whose settings were changed; gives its epoch."""
    epoch = board.claim("anne", info(), 0.0).epoch
    board.running("anne", epoch, 0.0)
    board.commit("anne", epoch, None, [], 0.0, State(1, "seven"))
    number, _ = board.settings.ask("anne", {"rate": 2.0, "gain": 3.0}, 0.0)
    board.settings.answered("anne", epoch, number, None, 0.0)
    return epoch


def leave(board: Board[Any], epoch: int, state: str, number: int | None = None) -> None:
    """It ends: for a signal, if one is named."""
    board.roles["anne"].signal = number
    board.vacate("anne", epoch, state, 0.0, "bad" if state == "failed" else None)


def heir(board: Board[Any], how: Beginning | None = None) -> tuple[Any, dict[str, Any]]:
    """The state and the settings that the next incarnation is given."""
    role = board.claim("anne", info(), 0.0, *([] if how is None else [how]))
    return role.kept and role.kept.value, role.adjustments.given


ALL = ("seven", {"rate": 2.0, "gain": 3.0})
NOTHING: tuple[None, dict[str, Any]] = (None, {})


@pytest.mark.parametrize(
    ("state", "number", "left"),
    [
        ("stopped", None, NOTHING),
        ("stopped", signal.SIGTERM, ALL),
        ("stopped", signal.SIGINT, ALL),
        ("failed", None, ALL),
        ("gone", None, ALL),
    ],
)
def test_only_an_end_of_its_own_forgets(board, state, number, left):
    """A signal that nobody asked the space for is one of the ends after which the next incarnation goes on."""
    leave(board, keep(board), state, number)
    assert heir(board) == left


@pytest.mark.parametrize("state", ["stopped", "failed", "gone"])
@pytest.mark.parametrize("number", [None, signal.SIGTERM])
@pytest.mark.parametrize("exactly", [False, True])
def test_one_that_was_asked_to_end_leaves_nothing(board, state, number, exactly):
    """However it ends then: killed because it hung, or by the signal of its supervisor."""
    epoch = keep(board)
    board.request_stop("anne", 0.0, epoch if exactly else None)
    leave(board, epoch, state, number)
    assert heir(board) == NOTHING


@pytest.mark.parametrize("exactly", [False, True])
def test_a_role_that_nobody_fills_can_be_ended_too(board, exactly):
    """The next incarnation begins anew, and what it keeps itself is kept."""
    epoch = keep(board)
    leave(board, epoch, "gone")
    board.request_stop("anne", 0.0, epoch if exactly else None)
    assert heir(board) == NOTHING
    leave(board, board.roles["anne"].epoch, "gone")
    leave(board, keep(board), "stopped", signal.SIGTERM)
    assert heir(board) == ALL


def test_end_of_an_incarnation_ends_no_other(board):
    """An end that is told late does not reach the successor; nor does it count as one of the role."""
    epoch = keep(board)
    leave(board, epoch, "gone")
    assert heir(board) == ALL
    with pytest.raises(FencedError, match=r"epoch \d+ of role 'anne' is over: epoch \d+ has followed"):
        board.request_stop("anne", 0.0, epoch)
    role = board.roles["anne"]
    assert (role.stop_requested, role.stops, role.kept) == (False, 0, State(1, "seven"))
    board.request_stop("anne", 0.0, role.epoch)
    assert (role.stop_requested, role.stops) == (True, 0)


def test_one_that_begins_anew_has_nothing(board):
    """`--fresh`: neither has the one after it."""
    leave(board, keep(board), "gone")
    assert heir(board, Beginning(fresh=True)) == NOTHING
    leave(board, board.roles["anne"].epoch, "gone")
    assert heir(board) == NOTHING


def test_settings_that_it_was_started_with_count_more_than_those_that_were_set(board):
    """For those after it, too; the others stay."""
    leave(board, keep(board), "stopped", signal.SIGINT)
    assert heir(board, Beginning(settings=("rate",))) == ("seven", {"gain": 3.0})
    leave(board, board.roles["anne"].epoch, "gone")
    assert heir(board) == ("seven", {"gain": 3.0})


def test_nobody_forgets_a_role_that_a_signal_has_ended(board):
    """What it keeps, and the changes that wait for its next incarnation, are as after a crash."""
    leave(board, keep(board), "stopped", signal.SIGTERM)
    assert board.roles["anne"].legacy is Legacy.KEPT
    epoch = start(board, "bert", x=Trigger.EVERY)
    write(board, "x", 1)
    board.roles["bert"].signal = signal.SIGTERM
    board.vacate("bert", epoch, "stopped", 0.0)
    assert board.roles["bert"].legacy is Legacy.KEPT
    board.request_stop("bert", 0.0)
    assert board.roles["bert"].legacy is Legacy.QUEUE
    assert read(board, "_/roles/bert")["stop_requested"] is True


class Party:
    """A party of a swap."""

    seat: Seat | None = None


def swap(board: Board[Any], *, fresh: bool = False) -> int:
    """A successor takes over, on probation; gives its epoch. The predecessor hands over what it knows."""
    number = board.swaps.stand_by("anne", 0, info(), 0.0, fresh=fresh)
    board.seats.take(Party(), Seat("test", "anne", number, Part.STANDS_BY))
    board.swaps.prepared("anne", number, info(), 0.0)
    epoch = board.roles["anne"].epoch
    for step in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
        kept = State(1, "eight") if step is Step.SNAPSHOT else None
        board.swaps.handed_over("anne", epoch, step, kept, None, 0.0)
    list(board.orders())
    epoch = board.roles["anne"].epoch
    board.running("anne", epoch, 0.0)
    return epoch


def test_signal_after_a_swap_keeps_what_was_handed_over(board):
    """Though the successor has kept nothing itself."""
    keep(board)
    epoch = swap(board)
    board.advance(9.0)
    assert not board.swaps.under_way
    leave(board, epoch, "stopped", signal.SIGTERM)
    assert heir(board) == ("eight", {"rate": 2.0, "gain": 3.0})


def test_signal_during_a_swap_leaves_the_state_to_the_successor(board):
    """The predecessor is ended from outside while its successor prepares."""
    epoch = keep(board)
    number = board.swaps.stand_by("anne", 0, info(), 0.0)
    board.seats.take(Party(), Seat("test", "anne", number, Part.STANDS_BY))
    leave(board, epoch, "stopped", signal.SIGTERM)
    board.swaps.prepared("anne", number, info(), 0.0)
    (resume,) = [order for _, order in board.orders()]
    assert resume.state == State(1, "seven")


def test_fresh_successor_that_stays_ends_what_was_kept(board):
    """Its next incarnation has no state of before; while it proves itself, the predecessor could go on."""
    keep(board)
    epoch = swap(board, fresh=True)
    assert board.roles["anne"].kept == State(1, "eight")
    board.advance(9.0)
    leave(board, epoch, "gone")
    assert heir(board) == (None, {"rate": 2.0, "gain": 3.0})


def test_fresh_successor_that_fails_leaves_the_state_to_the_next(board):
    """It has not proved itself: what was kept before it is kept."""
    keep(board)
    epoch = swap(board, fresh=True)
    leave(board, epoch, "failed")
    assert board.roles["anne"].kept == State(1, "eight")
