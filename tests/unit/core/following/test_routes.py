"""Routes are true whatever comes and goes, and others are left alone."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core import subscribers as subscribers_module
from agentspace.core.board import Board
from agentspace.core.mailbox import Trigger
from agentspace.core.values.mask_index import MaskIndex
from agentspace.core.values.masks import Mask
from tests.support.examples import examples
from tests.unit.core.boards import only, out, start, write

MASKS = ("*", "a/*", "a/x", "*/x", "b/?", "b/*", "[ab]/x", "c")
NAMES = ("a/x", "a/y", "b/x", "b/yy", "c")
ROLES = ("one", "two", "three")

acts = st.one_of(
    st.tuples(st.just("attach"), st.sampled_from(ROLES), st.sampled_from(MASKS), st.sampled_from(Trigger)),
    st.tuples(st.just("detach"), st.sampled_from(ROLES), st.sampled_from(MASKS)),
    st.tuples(st.just("watch"), st.sampled_from(MASKS)),
    st.tuples(st.just("unwatch"), st.integers(0, 3)),
    st.tuples(st.just("again"), st.sampled_from(ROLES), st.sampled_from(MASKS)),
    st.tuples(st.just("write"), st.sampled_from(NAMES)),
)


def route(board: Board[Any], name: str) -> dict[str | int, Any]:
    """Whom the board tells of a slot's changes, with their interests."""
    slot = board._table.find(name)  # private: whom a change goes to is seen only after it has gone
    assert slot is not None
    ends = board._subscribers.route(slot).ends  # private: the same
    assert len({end for end, _, _ in ends}) == len(ends)
    return {end: interest for end, _, interest in ends}


def wanted(board: Board[Any], name: str) -> dict[str | int, Any]:
    """The same, as the mailboxes themselves say."""
    mailboxes = {
        role.name: role.mailbox for role in board.roles.values()
    } | board._subscribers.watchers  # private: the same
    found = {to: mailbox.interest(name) for to, mailbox in mailboxes.items()}
    return {to: interest for to, interest in found.items() if interest is not None}


class Followed:
    """A board whose followers come and go."""

    def __init__(self) -> None:
        self.board: Board[Any] = Board("x", lambda value: value)
        self._epochs = {role: start(self.board, role) for role in ROLES}
        self._watchers: list[int] = []
        for name in NAMES:
            write(self.board, name, 0)

    def attach(self, role: str, mask: str, kind: Trigger) -> None:
        self.board.attach(role, self._epochs[role], mask, kind, 0.0)

    def detach(self, role: str, mask: str) -> None:
        self.board.detach(role, self._epochs[role], mask)

    def watch(self, mask: str) -> None:
        self._watchers.append(self.board.watch(mask, Trigger.NORMAL, {}, 0.0))

    def unwatch(self, number: int) -> None:
        if number < len(self._watchers):
            self.board.unwatch(self._watchers.pop(number))

    def again(self, role: str, mask: str) -> None:
        self.board.vacate(role, self._epochs[role], "gone", 0.0)
        self._epochs[role] = start(self.board, role, **{mask: Trigger.NORMAL})

    def write(self, name: str) -> None:
        write(self.board, name, 1)
        assert route(self.board, name) == wanted(self.board, name)


@examples(150)
@given(history=st.lists(acts, max_size=40), most=st.sampled_from([1, 3, 4096]))
def test_routes_are_true_whatever_comes_and_goes(history, most):
    """After each act, of each slot: those are told whose triggers cover it, as a walk through all finds them."""
    followed = Followed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscribers_module, "ROUTES", most)
        for what, *about in history:
            getattr(followed, what)(*about)
        for name in NAMES:
            assert route(followed.board, name) == wanted(followed.board, name)


def test_no_route_is_worked_out_anew_for_what_does_not_cover_its_slot(board, monkeypatch):
    """Somebody begins to follow other slots: of this one, it is only looked whether the new mask covers it."""
    start(board, "one", **{"a/*": Trigger.NORMAL})
    write(board, "a/x", 1)
    epoch = start(board, "two")
    looked: list[str] = []
    find = MaskIndex.find
    monkeypatch.setattr(MaskIndex, "find", lambda self, name: looked.append(name) or find(self, name))
    board.attach("two", epoch, "b/*", Trigger.NORMAL, 0.0)
    write(board, "a/x", 2)
    assert looked == []
    board.attach("two", epoch, "a/*", Trigger.NORMAL, 0.0)
    write(board, "a/x", 3)
    assert looked == ["a/x"]
    assert set(out(board)) == {"one", "two"}


def test_slots_with_the_same_followers_share_a_route(board):
    """However many there are."""
    start(board, "one", **{"a/*": Trigger.NORMAL})
    for number in range(100):
        write(board, f"a/{number}", 1)
    slots = board.snapshot("a/*", 0.0)
    assert len({id(slot.route) for slot in slots}) == 1


def test_who_is_gone_is_kept_by_no_slot(board):
    """Though the slots that it followed are not written any more."""
    number = board.watch("a/*", Trigger.NORMAL, {}, 0.0)
    for count in range(1000):
        write(board, f"a/{count}", 1)
    mailbox = weakref.ref(board._subscribers.watchers[number])  # private: it is seen nowhere else
    board.unwatch(number)
    board.publish(1.0)
    assert mailbox() is None


def test_a_mask_that_nobody_has_any_more_is_forgotten(board):
    """Roles that come and go under ever new names leave no masks behind."""
    for number in range(300):
        epoch = start(board, f"role/{number}", **{f"mask/{number}/*": Trigger.NORMAL})
        board.vacate(f"role/{number}", epoch, "stopped", float(number))
    assert len(board._subscribers._index) <= len(board.roles)  # private: what must not grow is seen nowhere else


def test_a_role_with_two_triggers_is_told_once(board):
    """Both masks cover the slot; the kinds count together."""
    start(board, "one", **{"a/*": Trigger.NAMES, "*": Trigger.EVERY, "a/x": Trigger.NORMAL})
    write(board, "a/x", 1)
    batch = only(board).batch
    assert (list(batch.changed), len(batch.every), batch.values) == (["a/x"], 1, {"a/x"})
    assert Mask("a/x").folder == "a"
