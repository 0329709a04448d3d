"""What holds slots at one moment is read by and by as it was, whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core import slot_collection as collection_module
from agentspace.core.board import SLOT_KEPT, Board
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase
from agentspace.core.values.masks import Mask
from tests.support.examples import examples
from tests.unit.core.boards import ANNE, write

NAMES = [f"{folder}{number}" for folder in ("", "a/", "a/b/", "c/") for number in range(4)]
MASKS = ("*", "a/*", "a/b/*", "a/?", "c/1", "none/*", "*1")

acts = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES)),
    st.tuples(st.just("short"), st.sampled_from(NAMES)),
    st.tuples(st.just("late"), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, SLOT_KEPT])),
    st.tuples(st.just("sweep"), st.just(0)),
    st.tuples(st.just("step"), st.integers(0, 1)),
)


class Space:
    """A board whose time passes."""

    def __init__(self) -> None:
        self.board: Board[Any] = Board("x", lambda value: value)
        self.now, self._count = 0.0, 0

    def do(self, what: str, about: Any) -> None:
        self._count += 1
        numbers = {"short": {"validity": 0.5}, "late": {"delay": 0.5}}.get(what, {})
        if what in ("write", "short", "late"):
            write(self.board, about, self._count, self.now, **numbers)
        elif what == "delete":
            self.board.apply(Erase(about), ANNE, self.now)
        elif what == "wait":
            self.now += about
            self.board.advance(self.now)
        elif what == "sweep":
            self.board.sweep(self.now, 3)

    def truth(self, mask: str) -> dict[str, Any]:
        """What holds slots now, found by a walk through all."""
        covers = Mask(mask).matches
        slots = self.board._table.slots(self.now)  # private: `snapshot` goes by folders
        return {slot.name: slot.change for slot in slots if covers(slot.name)}


@examples(150)
@given(
    before=st.lists(acts, max_size=40),
    after=st.lists(acts, max_size=60),
    mask=st.sampled_from(MASKS),
    step=st.sampled_from([1, 2, 5]),
)
def test_a_snapshot_is_of_one_moment(before, after, mask, step):
    """Slots change, come, expire and are forgotten while two snapshots are made: each is what was there."""
    space = Space()
    for act in before:
        space.do(*act)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collection_module, "STEP", step)
        truths, made, found = list[Any](), list[Any](), [None, None]
        for number in range(2):
            made.append(space.board.present.gathering(mask, space.now))
            truths.append(space.truth(mask))
            found[number] = go_on(made[number])
            for act in after[number::2]:
                if act[0] != "step":
                    space.do(*act)
                elif act[1] <= number and found[act[1]] is None:
                    found[act[1]] = go_on(made[act[1]])
        for number in range(2):
            while found[number] is None:
                found[number] = go_on(made[number])
            changes = list(found[number])
            assert {change.name: change for change in changes} == truths[number]
            assert [change.name for change in changes] == sorted(truths[number])
    assert space.board._table._slots.moments == []  # private: what must not grow is seen nowhere else


def go_on(steps: Any) -> Any:
    """The next step; what they came to, if it was the last."""
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    return None


@examples(150)
@given(
    before=st.lists(acts, max_size=30),
    after=st.lists(acts, max_size=60),
    mask=st.sampled_from(MASKS),
    step=st.sampled_from([1, 3]),
)
def test_a_watcher_sees_one_moment_and_then_each_change(before, after, mask, step):
    """Whatever happens while it attaches: first what was there, then all that came after that, in order."""
    space, heard = Space(), list[Any]()
    for act in before:
        space.do(*act)
    table = space.board._table  # private: what it emits is the truth, of which nothing may be missing
    told = table.emit

    def emit(change: Any, slot: Any) -> None:
        if Mask(mask).matches(change.name):
            heard.append(change)
        told(change, slot)

    table.emit = emit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collection_module, "STEP", step)
        there = space.truth(mask)
        number, steps = space.board.present.watching(mask, Trigger.EVERY, {}, space.now)
        for act in after:
            if act[0] == "step":
                next(steps, None)
            else:
                space.do(*act)
        for _ in steps:
            pass
    (delivery,) = [each for each in space.board.deliveries(space.now) if each.to == number]
    readable = {name: change for name, change in there.items() if change.kind == "written"}
    assert delivery.batch.changed == readable
    assert list(delivery.batch.every) == heard


def test_a_snapshot_looks_at_what_its_mask_can_cover(board):
    """A mask that begins in a folder costs what is there, not what there is in all."""
    for number in range(5 * collection_module.STEP):
        write(board, f"many/{number}", 1)
        write(board, f"other/{number % 3}/x", 1)
    assert len(list(board.present.gathering("other/*", 0.0))) <= 2
    assert len(list(board.present.gathering("many/*", 0.0))) >= 5


def test_who_gives_a_snapshot_up_leaves_nothing_behind(board):
    """Its steps were begun, or not: writes note nothing for it any more."""
    for number in range(5 * collection_module.STEP):
        write(board, f"many/{number}", 1)
    begun = board.present.gathering("*", 0.0)
    next(begun)
    number, never = board.present.watching("*", Trigger.NORMAL, {}, 0.0)
    assert len(board._table._slots.moments) == 2  # private: what must not grow is seen nowhere else
    begun.close()
    never.close()
    board.unwatch(number)
    del begun, never
    assert board._table._slots.moments == []  # private: the same
