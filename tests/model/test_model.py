"""The protocol of mailboxes, epochs, commits and swaps: everything that can happen in small worlds is tried."""

from __future__ import annotations

import pytest

from agentspace.core.board import Board
from agentspace.core.durable import board as board_module
from agentspace.core.durable.board import DurableBoard, RoleLog
from agentspace.core.durable.cuts import Cuts
from agentspace.core.mailbox import Mailbox
from agentspace.core.role import Role, RoleTable
from agentspace.core.seats import Seats
from agentspace.core.swap import Swap
from tests.model.invariants import broken
from tests.model.search import search
from tests.model.world import Action, Bounds, World

#: worlds that are searched whole within a few seconds; `make model` searches larger ones
WORLDS = {
    "crashes": Bounds(writes=2, crashes=1),
    "failures": Bounds(writes=1, crashes=0, failures=3),
    "silences": Bounds(writes=1, crashes=0, silences=1),
    "stops": Bounds(writes=1, crashes=0, stops=1),
    "swaps": Bounds(writes=1, crashes=0, swaps=1, jumps=1),
    "forced swaps": Bounds(writes=1, crashes=0, swaps=1, jumps=1, forced=True),
    "failing swaps": Bounds(writes=1, crashes=0, failures=1, swaps=1),
    "restarts": Bounds(processes=1, writes=1, crashes=0, restarts=1),
    "restarts and crashes": Bounds(processes=1, writes=1, crashes=1, restarts=1),
}


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_goes_wrong_in_a_small_world(name: str) -> None:
    """In every order of everything, no change is lost or handled twice, one acts at most, and nothing hangs.

    Where the host may die, no change is lost that was answered, and nothing is shown that was not kept.
    """
    found = search(WORLDS[name])
    assert found.whole, found
    assert found.states > 50


def test_the_late_end_of_one_that_was_fenced_is_not_taken_for_anothers() -> None:
    """A predecessor hangs and is fenced, its successor dies; its end, in the next swap, is no loss for that."""
    world = World(Bounds(processes=4, writes=0, crashes=2, swaps=2, jumps=2, forced=True))

    def settle(*numbers: int) -> None:
        """These do all that they can, one after the other."""
        for number in numbers:
            while found := [action for action in world.inner() if action.whom == number]:
                do(*found[0])

    def do(what: str, whom: int = -1) -> None:
        world.do(Action(what, whom))
        assert [*broken(world)] == []

    do("start", 0)
    settle(0)
    do("swap")
    do("stand by", 1)
    settle(1)  # and process 0 does not do what it is told
    do("jump")
    do("crash", 1)
    settle(1)
    do("start", 2)
    settle(2)
    do("swap")
    do("stand by", 3)
    settle(3, 2, 3)
    do("crash", 0)
    settle(0)
    do("jump")
    settle(0, 1, 2, 3)
    assert [process.doing for process in world.processes] == ["dead", "dead", "ended", "runs"]


# --- what would be wrong is found: a rule is broken on purpose


def forget_what_was_under_way(mailbox, attempts=None):
    """In place of `Mailbox.give_back`."""
    mailbox.outstanding = None
    return []


def acknowledge_when_it_is_handed_out(mailbox, take=Mailbox.take):
    """In place of `Mailbox.take`."""
    batch = take(mailbox)
    mailbox.outstanding = None
    return batch


def offer_to_the_idle_only(mailbox, change, only=None, offer=Mailbox.offer):
    """In place of `Mailbox.offer`."""
    return mailbox.outstanding is None and offer(mailbox, change, only)


def write_without_acknowledging(board, name, epoch, ack, acts, now, state=None, missed=0, commit=Board.commit):
    """In place of `Board.commit`."""
    return commit(board, name, epoch, None, acts, now, state, missed)


def write_after_acknowledging(board, name, epoch, ack, acts, now, state=None, missed=0, commit=Board.commit):
    """In place of `Board.commit`: what acknowledges and what writes are two."""
    board.roles[name].mailbox.acknowledge(ack)
    return commit(board, name, epoch, ack, acts, now, state, missed)


def keep_the_epoch(role, state, info, settings=(), enter=Role.enter):
    """In place of `Role.enter`."""
    enter(role, state, info, settings)
    role.epoch = max(1, role.epoch - 1)


def let_everybody_act(roles, name, epoch):
    """In place of `RoleTable.check`."""
    return roles.known(name)


def hear_whoever_speaks(world, process, epoch):
    """In place of `Caller.filling`, for which the world has its own."""


def forget_the_state_of_who_died(role, state, how="", end=Role.end):
    """In place of `Role.end`."""
    if state == "gone":
        role.kept = None
    return end(role, state, how)


def leave_nobody(seats, party):
    """In place of `Seats.leave`: who has died keeps its seat."""
    return party.seat


def hear_of_no_loss(swap, now):
    """In place of `Swap.predecessor_lost`."""


def finish_alone(swap, now, finish=Swap._finish):  # private: the rule that is broken
    """In place of `Swap._finish`: nobody tells the predecessor."""
    swap._rests = False  # private: see above
    finish(swap, now)


def keep_no_state(board, name, epoch, ack, acts, now, state=None, missed=0):
    """In place of `DurableBoard.commit`."""
    return Board.commit(board, name, epoch, ack, acts, now, state, missed)


def keep_what_was_handled(log, changes):
    """In place of `RoleLog.settled`."""


def keep_no_queue(log, change):
    """In place of `RoleLog.queued`."""


def wait_for_nothing(cuts, names):
    """In place of `Cuts.wait_for`."""
    return 0


def restore_no_triggers(kept, now, role_of=board_module._role):  # private: the rule that is broken
    """In place of `durable.board._role`."""
    return role_of(kept._replace(every=()), now)


RESTART = Bounds(processes=1, writes=1, crashes=0, restarts=1)
SWAP = Bounds(writes=1, crashes=1, swaps=1, failures=1)
MISTAKES = {
    "what was under way is forgotten": (
        [(Mailbox, "give_back", forget_what_was_under_way)],
        Bounds(),
        "in 0 places",
    ),
    "acknowledged too early": ([(Mailbox, "take", acknowledge_when_it_is_handed_out)], Bounds(), "in 0 places"),
    "offered to the idle only": ([(Mailbox, "offer", offer_to_the_idle_only)], Bounds(), "in 0 places"),
    "never acknowledged": ([(Board, "commit", write_without_acknowledging)], Bounds(), "in 2 places"),
    "acknowledged apart": ([(Board, "commit", write_after_acknowledging)], Bounds(), "in 0 places"),
    "epochs stay": ([(Role, "enter", keep_the_epoch)], Bounds(), "epoch 1 was given out after epoch 1"),
    "nobody is fenced": (
        [(RoleTable, "check", let_everybody_act), (World, "_filling", hear_whoever_speaks)],
        Bounds(writes=1, crashes=0, swaps=1, jumps=1, forced=True),
        "counts as free",
    ),
    "state is forgotten": ([(Role, "end", forget_the_state_of_who_died)], Bounds(), "tells of 0 changes"),
    "seats are kept": ([(Seats, "leave", leave_nobody)], Bounds(), "counts as free"),
    "a loss is not noticed": ([(Swap, "predecessor_lost", hear_of_no_loss)], SWAP, "nobody fills it"),
    "a state is not kept": ([(DurableBoard, "commit", keep_no_state)], RESTART, "tells of 0 changes"),
    "a queue keeps what was handled": ([(RoleLog, "settled", keep_what_was_handled)], RESTART, "in 2 places"),
    "a queue is not kept": ([(RoleLog, "queued", keep_no_queue)], RESTART, "in 0 places"),
    "nothing waits for cuts": ([(Cuts, "wait_for", wait_for_nothing)], RESTART, "and not kept"),
    "epochs wait for no cut": ([(Cuts, "wait_for_roles", 0)], RESTART, "was told, and is forgotten"),
    "triggers are not kept": ([(board_module, "_role", restore_no_triggers)], RESTART, "a trigger is forgotten"),
    "nobody is dismissed": (
        [(Swap, "_finish", finish_alone)],
        Bounds(swaps=1, jumps=1, writes=0),
        "somebody rests",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_broken_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a mistake in a rule, the search finds what goes wrong, and tells one of the shortest ways to it."""
    mistakes, bounds, words = MISTAKES[name]
    for owner, rule, mistake in mistakes:
        monkeypatch.setattr(owner, rule, mistake)
    found = search(bounds)
    assert words in found.wrong, found
    assert found.way[0] in ("process 0 starts", "somebody writes a change")
