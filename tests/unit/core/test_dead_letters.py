"""Dead letters: what is set aside because handlers fail at it, on random histories and case by case."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core import mailbox
from agentspace.core.board import Board
from agentspace.core.change import Change
from agentspace.core.dead_letters import ATTEMPTS, LETTERS_KEPT, WakeCause, in_words
from agentspace.core.mailbox import PORTION, Trigger
from agentspace.core.slot import Erase
from agentspace.core.swap import Step, Wish
from agentspace.core.values.value import freeze
from tests.support.examples import examples
from tests.unit.core.boards import ANNE, only, out, read, start, write

LETTERS = "_/dead_letters/anne"
POISON = "poison"


class Role:
    """A role whose handler fails at poison, and whose next incarnation comes at once."""

    def __init__(self, board: Board[Any], **triggers: Trigger) -> None:
        self.board = board
        self.triggers = triggers
        self.info: dict[str, Any] = {}
        self.epoch = start(board, "anne", **triggers)
        self.failures = 0
        self.handled: list[tuple[str, int]] = []

    def work(self, how: str = "failed", now: float = 0.0) -> list[Any] | None:
        """One handler; the values that it was given, None if there was nothing to do."""
        deliveries = list(self.board.deliveries(now))
        if not deliveries:
            return None
        (delivery,) = deliveries
        changes: list[Change[Any]] = delivery.batch.all()
        if any(change.value == POISON for change in changes):
            self.fail(how, now)
        else:
            self.board.commit("anne", self.epoch, delivery.batch.number, [], now)
            told = [*delivery.batch.every, *delivery.batch.changed.values()]
            self.handled += dict.fromkeys((change.name, change.revision) for change in told)
        return [change.value for change in changes]

    def fail(self, how: str = "failed", now: float = 0.0) -> None:
        """It fails, and the next one begins."""
        self.failures += 1
        self.board.vacate("anne", self.epoch, how, now, "boom" if how == "failed" else None)
        self.epoch = self.board.claim("anne", self.info, now).epoch
        for mask, kind in self.triggers.items():
            self.board.attach("anne", self.epoch, mask, kind, now)
        self.board.running("anne", self.epoch, now)

    def work_all(self, how: str = "failed") -> None:
        """Handlers until there is nothing to do."""
        for _ in range(1000):
            if self.work(how) is None:
                return
        raise AssertionError("it never comes to an end")

    @property
    def letters(self) -> list[dict[str, Any]]:
        told = read(self.board, LETTERS)
        return [] if told == "empty" else told["letters"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "work", "work"]),
        st.sampled_from(["every/a", "every/b", "newest/a", "newest/b", "both"]),
        st.sampled_from([POISON, "good", "good"]),
    ),
    max_size=40,
)


@pytest.mark.parametrize("portion", [1, PORTION])
@examples(1000)
@given(steps=STEPS)
def test_no_change_is_lost_but_the_poisonous_ones(portion, steps):
    """On any history, each change for EVERY is handled exactly once and in order, or is a dead letter; never both.

    Dead letters are poison, and failed three times or more. NORMAL ends with the newest, or that is a dead letter.
    It does not matter from how many on changes come in portions.
    """
    with mock.patch.object(mailbox, "PORTION", portion):
        follow(steps)


def follow(steps: list[tuple[str, str, str]]) -> None:
    board: Board[Any] = Board("DATA", freeze)
    kinds = {"every/*": Trigger.EVERY, "newest/*": Trigger.NORMAL, "both": Trigger.EVERY, "[b]oth": Trigger.NORMAL}
    role = Role(board, **kinds)
    written: list[tuple[str, int, str]] = []
    buried: dict[tuple[str, int], dict[str, Any]] = {}

    def step(what: str, name: str, value: str) -> bool:
        if what == "write":
            written.append((name, write(board, name, value).revision, value))
            return True
        worked = role.work() is not None
        buried.update({(letter["slot"], letter["revision"]): letter for letter in role.letters})
        return worked

    for one in steps:
        step(*one)
    for _ in range(500):
        if not step("work", "", ""):
            break
    every = [(name, revision) for name, revision, _ in written if not name.startswith("newest")]
    assert [one for one in role.handled if not one[0].startswith("newest")] == [
        one for one in every if one not in buried
    ]
    assert not buried.keys() & set(role.handled)
    values = {(name, revision): value for name, revision, value in written}
    assert {values[one] for one in buried} <= {POISON}
    assert all(letter["attempts"] >= ATTEMPTS for letter in buried.values())
    newest = {name: revision for name, revision, _ in written}
    assert all(one in role.handled or one in buried for one in newest.items())


@pytest.mark.parametrize("how", ["failed", "gone"])
@pytest.mark.parametrize("kind", [Trigger.EVERY, Trigger.NORMAL, Trigger.NAMES])
def test_the_third_failure_sets_a_change_aside(board, kind, how):
    """Whatever the trigger is, and whether by exception or by signal: after three failures, the next."""
    role = Role(board, x=kind)
    write(board, "x", POISON)
    role.work_all(how)
    assert role.failures == ATTEMPTS == 3
    (letter,) = role.letters
    assert letter | {"traceback": ""} == {
        "slot": "x",
        "revision": 1,
        "kind": "written",
        "writer": "thread",
        "type": "str",
        "value": POISON,
        "attempts": 3,
        "epoch": 3,
        "time": 0.0,
        "traceback": "",
    }
    assert letter["traceback"] == (
        "boom" if how == "failed" else "died, or fell silent, at x (revision 1, by thread)"
    )
    write(board, "x", "good")
    assert role.work() == ["good"]


@pytest.mark.parametrize("end", ["stopped", "gone"])
def test_an_ordered_end_is_no_failure(board, end):
    """Who is asked to stop, and ends well or is killed, has not failed at what it was about to be given."""
    role = Role(board, x=Trigger.EVERY)
    write(board, "x", "good")
    for _ in range(5):
        only(board)
        board.request_stop("anne", 0.0)
        role.fail(end)
    assert role.work() == ["good"]
    assert read(board, "_/errors/anne") == "empty"


def test_a_handover_is_no_failure(board):
    """What a predecessor had not handled when it was fenced in a swap is the successor's, without suspicion."""
    role = Role(board, x=Trigger.EVERY)
    write(board, "x", "good")
    for _ in range(4):
        only(board)
        number = board.swaps.request("anne", Wish(force=True), 0.0)
        board.swaps.stand_by("anne", number, {}, 0.0)
        board.swaps.prepared("anne", number, {}, 0.0)
        board.advance(100.0)  # its handler does not end: it is fenced
        board.swaps.orders.clear()
        if board.swaps.under_way["anne"].step is Step.FENCE:
            board.advance(200.0)
        role.epoch = board.roles["anne"].epoch
        board.attach("anne", role.epoch, "x", Trigger.EVERY, 200.0)
        board.running("anne", role.epoch, 200.0)
        board.swaps.roll_back("anne", "enough", 200.0)
        role.epoch = board.roles["anne"].epoch
        if not board.roles["anne"].filled:
            role.epoch = start(board, "anne", 200.0, x=Trigger.EVERY)
    assert role.work() == ["good"]
    assert role.letters == []


@pytest.mark.parametrize("place", range(6))
def test_only_the_culprit_of_many_is_set_aside(board, place):
    """Of six changes that come at once, the one that is poison is found, and the others are handled in order."""
    role = Role(board, x=Trigger.EVERY)
    values = ["good"] * 6
    values[place] = POISON
    for value in values:
        write(board, "x", value)
    role.work_all()
    assert [revision for _, revision in role.handled] == [n for n in range(1, 7) if n != place + 1]
    assert [(letter["revision"], letter["attempts"]) for letter in role.letters] == [(place + 1, 4)]
    assert role.failures == 4, "two of them with the others"


@pytest.mark.parametrize("place", [0, PORTION, 4 * PORTION - 1])
def test_of_very_many_changes_the_culprit_is_found_in_portions(board, place):
    """A failure at more than a few hundred at once makes none of them a suspect: they come again in portions."""
    role = Role(board, **{"x/*": Trigger.NORMAL})
    for number in range(4 * PORTION):
        write(board, f"x/{number}", POISON if number == place else "good")
    sizes = []
    while (values := role.work()) is not None:
        sizes.append(len(values))
    assert sizes[0] == 4 * PORTION
    assert max(sizes[1:]) == PORTION
    assert [letter["slot"] for letter in role.letters] == [f"x/{place}"]
    assert role.failures == 5
    assert len(role.handled) == len(set(role.handled)) == 4 * PORTION - 1
    write(board, "x/0", "good")
    assert role.work() == ["good"]


def test_what_changes_meanwhile_comes_with_its_newest_value(board):
    """While very many changes come in portions, a newer one takes the place of the one that waits."""
    role = Role(board, **{"x/*": Trigger.NORMAL})
    for number in range(3 * PORTION):
        write(board, f"x/{number}", number)
    only(board)
    role.fail()
    for number in (0, 3 * PORTION - 1, 3 * PORTION):
        write(board, f"x/{number}", "newest")
    seen = []
    while (values := role.work()) is not None:
        seen += values
    assert seen.count("newest") == 3
    assert len(seen) == 3 * PORTION + 1


@pytest.mark.parametrize("own", [0, 1, 2])
def test_one_in_bad_company_is_not_set_aside_for_one_failure_of_its_own(board, own):
    """A good change between two that are poison has failed with them; it has to fail twice by itself."""
    role = Role(board, x=Trigger.EVERY)
    for value in (POISON, "good", POISON):
        write(board, "x", value)
    left = own

    def work() -> bool:
        nonlocal left
        (delivery,) = list(board.deliveries(0.0)) or (None,)
        if delivery is None:
            return False
        if [change.value for change in delivery.batch.all()] == ["good"] and left > 0:
            left -= 1
            role.fail()
        elif any(change.value == POISON for change in delivery.batch.all()):
            role.fail()
        else:
            role.board.commit("anne", role.epoch, delivery.batch.number, [], 0.0)
        return True

    while work():
        pass
    buried = [letter["revision"] for letter in role.letters]
    assert buried == ([1, 2, 3] if own == 2 else [1, 3])
    assert {letter["attempts"] for letter in role.letters} == {4}


def test_quiet_changes_are_found_too(board):
    """A QUIET change that comes with others, and is poison, is set aside; it alone wakes nobody."""
    role = Role(board, loud=Trigger.NORMAL, quiet=Trigger.QUIET)
    write(board, "quiet", POISON)
    assert role.work() is None
    for n in range(10):
        write(board, "loud", n)
        role.work_all()
    assert [(letter["slot"], letter["attempts"]) for letter in role.letters] == [("quiet", 4)]
    assert role.failures == 4
    assert [slot for slot, _ in role.handled] == ["loud"] * 10


@pytest.mark.parametrize(("attempts", "failures"), [(1, 1), (2, 2), (5, 5), ("many", 3), (-1, 3), (True, 3)])
def test_an_agent_says_how_often_it_may_fail(board, attempts, failures):
    """`attempts` of the introduction counts, if it is a number; a single change needs no trial."""
    role = Role(board, x=Trigger.EVERY)
    role.info = {"attempts": attempts}
    role.fail()
    write(board, "x", POISON)
    role.work_all()
    assert role.failures == 1 + failures
    assert len(role.letters) == 1


def test_zero_attempts_set_nothing_aside(board):
    """With 0 a change comes again for ever, as the agent wants it."""
    role = Role(board, x=Trigger.EVERY)
    role.info = {"attempts": 0}
    role.fail()
    write(board, "x", POISON)
    for _ in range(20):
        assert role.work() == [POISON]
    assert role.letters == []


def test_a_handler_that_was_not_at_it_is_not_its_fault(board):
    """An agent that fails for a timer, or in another wake-up, leaves what is on its way without suspicion."""
    role = Role(board, x=Trigger.EVERY)
    write(board, "x", "good")
    for _ in range(5):
        only(board)
        board.roles["anne"].at = 0
        role.fail()
    assert "changes" not in read(board, "_/errors/anne")
    assert role.work() == ["good"]
    assert role.letters == []


def test_letters_in_a_row_are_told(board):
    """A change that is handled begins a new row; one that fails, or a timer's handler, does not."""
    role = Role(board, x=Trigger.EVERY)
    rows = []
    for value in (POISON, POISON, "good", POISON, POISON, POISON):
        write(board, "x", value)
        role.work_all()
        rows.append(read(board, LETTERS)["in_a_row"])
    assert rows[:2] == [1, 2]
    assert rows[3:] == [1, 2, 3]


def test_a_timer_that_is_over_excuses_nothing(board):
    """What a handler says of itself counts until its commit."""
    role = Role(board, x=Trigger.EVERY)
    write(board, "x", POISON)
    for _ in range(3):
        only(board)
        board.roles["anne"].at = 0
        board.commit("anne", board.roles["anne"].epoch, None, [], 0.0)
        role.fail("gone")
    assert [letter["attempts"] for letter in role.letters] == [3]


def test_an_error_names_what_the_handler_was_at(board):
    """`_/errors/ROLE` has slot, revision and writer of the first few changes; a death has these alone."""
    role = Role(board, x=Trigger.EVERY)
    for _ in range(12):
        write(board, "x", "good")
    only(board)
    role.fail()
    error = read(board, "_/errors/anne")
    assert error["traceback"] == "boom"
    assert error["changes"] == [{"slot": "x", "revision": n, "writer": "thread"} for n in range(1, 9)]
    assert out(board)
    role.fail("gone")
    assert read(board, "_/errors/anne")["traceback"].startswith(
        "died, or fell silent, at x (revision 1, by thread)"
    )


def test_large_values_are_told_by_their_type(board):
    """Of a picture the letter has the type, not the value; a deletion has none."""
    role = Role(board, x=Trigger.EVERY)
    write(board, "x", np.zeros((64, 64, 3), np.uint8))
    for _ in range(3):
        only(board)
        role.fail()
    board.apply(Erase("x"), ANNE, 0.0)
    for _ in range(3):
        only(board)
        role.fail()
    picture, deletion = role.letters
    assert picture["type"] == "uint8[64,64,3]"
    assert "value" not in picture
    assert deletion["kind"] == "deleted"
    assert "value" not in deletion


def test_letters_are_bounded_and_all_counted(board):
    """The newest ones are kept, and the count goes on."""
    role = Role(board, x=Trigger.EVERY)
    for _ in range(LETTERS_KEPT + 4):
        write(board, "x", POISON)
        role.work_all()
    assert len(role.letters) == LETTERS_KEPT
    assert role.letters[-1]["revision"] == read(board, LETTERS)["count"] == LETTERS_KEPT + 4


def test_causes_in_words():
    """The first three are named, the others are counted; of a name alone nothing is made up."""
    causes = [WakeCause("x", n, "anne#1") for n in range(5)]
    assert in_words(causes[:1]) == "x (revision 0, by anne#1)"
    assert in_words([WakeCause("x")]) == "x"
    assert in_words(causes).endswith("x (revision 2, by anne#1) and 2 more")
