"""The game by whistles, and the face of the robot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.expression import Expression
from agents.game import Game
from agents.hearing.hold_off import HoldOff
from agents.script.operation import Operation, attempt
from agentspace import LocalSpace
from tests.support.eventually import eventually
from tests.support.recording import recording


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


def running(space: LocalSpace, role: str) -> None:
    eventually(lambda: space.read(f"_/roles/{role}", {}).get("state") == "running")


# --- the game


def test_a_short_whistle_confirms(space: LocalSpace) -> None:
    """Each of them, with no hold-off also two that come at once; the mode stays."""
    space.write("mode", "acquire")
    space.run(Game(hold_off=0.0))
    running(space, "game")
    with recording(space, "confirm") as confirms:
        space.write("whistle", 1)
        space.write("whistle", 1)
        eventually(lambda: len(confirms) == 2)
    assert [entry.value for entry in confirms] == ["whistle 1", "whistle 2"]
    assert space.entry("mode").revision == 1


def test_a_long_whistle_changes_the_mode(space: LocalSpace) -> None:
    """From nothing to acquire, to use, to acquire; what somebody else wrote counts; nothing is forgotten."""
    space.run(Game(begins_with="", hold_off=0.0))
    running(space, "game")
    with recording(space, "mode") as modes:
        for count in (1, 2, 3):
            space.write("whistle", 2)
            eventually(lambda: len(modes) == count)  # noqa: B023  (asked at once)
        space.write("mode", "use")
        space.write("whistle", 2)
        eventually(lambda: len(modes) == 5)
    assert [entry.value for entry in modes] == ["acquire", "use", "acquire", "use", "acquire"]
    assert space.entry("memory/command") is None


def test_acquiring_can_begin_with_an_empty_memory(space: LocalSpace) -> None:
    """Before the mode becomes acquire, all pairs are forgotten; not when it becomes use."""
    space.run(Game(forget=True, begins_with="", hold_off=0.0))
    running(space, "game")
    with recording(space, "m*") as seen:
        space.write("whistle", 2)
        space.write("whistle", 2)
        eventually(lambda: len(seen) == 3)
    assert [entry.value for entry in seen] == [{"do": "forget"}, "acquire", "use"]


def test_a_whistle_that_is_none_changes_nothing(space: LocalSpace) -> None:
    """Other values are left out, and so is the end of a whistle's validity."""
    space.write("mode", "acquire")
    space.run(Game(hold_off=0.0))
    running(space, "game")
    for value in ("loud", 3, None, 1.5, [1], np.array([1, 2])):
        space.write("whistle", value)
    with recording(space, "confirm") as confirms:
        space.write("whistle", 1, validity=0.05)
        eventually(lambda: confirms and space.entry("whistle") is None)
        space.write("whistle", 1)
        eventually(lambda: len(confirms) == 2)
    assert space.entry("mode").revision == 1
    assert space.read("whistle/ignored")["count"] == 6
    assert not space.snapshot("_/errors/*")


MODES = (None, "acquire", "use", "dance", 7, np.array(["acquire", "use"]))
"""What may be in the slot `mode`: nothing, both modes, and what is none."""


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_short_whistle_confirms_in_acquire_only(space: LocalSpace, mode: Any) -> None:
    """Before any mode, while imitating and in what is no mode it means nothing, as in the original; it is told."""
    if mode is not None:
        space.write("mode", mode)
    space.run(Game(begins_with=""))
    running(space, "game")
    space.write("whistle", 1)
    if isinstance(mode, str) and mode == "acquire":
        eventually(lambda: space.read("confirm") == "whistle 1")
        assert space.entry("whistle/ignored") is None
    else:
        told = eventually(lambda: space.read("whistle/ignored"))
        assert (told["whistle"], told["count"]) == (1, 1)
        assert "in mode 'acquire' only" in told["reason"]
        assert space.entry("confirm") is None


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_long_whistle_leads_to_the_other_mode(space: LocalSpace, mode: Any) -> None:
    """From acquire to use, from anything else to acquire."""
    if mode is not None:
        space.write("mode", mode)
    space.run(Game(begins_with=""))
    running(space, "game")
    before = 0 if mode is None else 1
    space.write("whistle", 2)
    entry = eventually(lambda: (now := space.entry("mode")) and now.revision > before and now)
    assert entry.value == ("use" if isinstance(mode, str) and mode == "acquire" else "acquire")


def test_whistles_that_come_at_once_count_in_their_order(space: LocalSpace) -> None:
    """A short one confirms after the long one that began acquiring, and not after the one that ended it."""
    space.run(Game(begins_with="", hold_off=0.0))
    running(space, "game")
    with recording(space, "confirm") as confirms:
        for whistle in (1, 2, 1, 1, 2, 1):
            space.write("whistle", whistle)
        eventually(lambda: space.read("whistle/ignored", {}).get("count") == 2 and len(confirms) == 2)
    assert [entry.value for entry in confirms] == ["whistle 1", "whistle 2"]
    assert space.read("mode") == "use"


def test_the_invitation_begins_at_once(space: LocalSpace) -> None:
    """With no whistle; the face is happy from the beginning."""
    space.run(Expression())
    space.run(Game())
    eventually(lambda: space.read("mode") == "acquire")
    eventually(lambda: space.read("expression") == "happy")


@pytest.mark.parametrize("mode", ["use", "acquire", "dance"])
def test_a_game_that_has_begun_goes_on(space: LocalSpace, mode: str) -> None:
    """Whoever takes the place of a game changes no mode, nor does one that comes after an operator."""
    space.write("mode", mode)
    space.run(Game())
    running(space, "game")
    assert (space.read("mode"), space.entry("mode").revision) == (mode, 1)


@pytest.mark.parametrize(("pairs", "mode"), [(0, "acquire"), (5, "use")])
def test_on_another_day_the_game_begins_with_imitation(space: LocalSpace, pairs: int, mode: str) -> None:
    """If there are pairs already: the invitation would forget them."""
    space.write("pairs", pairs)
    space.run(Game())
    assert eventually(lambda: space.read("mode")) == mode


@pytest.mark.parametrize(("felt", "mode"), [({"pairs": 400}, "use"), ({"pairs": 0, "problem": "no"}, "acquire")])
def test_a_game_that_is_felt_waits_for_what_the_robot_feels(space: LocalSpace, felt: Any, mode: str) -> None:
    """It begins with imitation, or with the invitation if nothing is felt; whistles from before mean nothing."""
    space.run(Game(practice="felt"))
    running(space, "game")
    space.write("whistle", 2)
    eventually(lambda: "had not begun" in space.read("whistle/ignored", {}).get("reason", ""))
    assert space.entry("mode") is None
    space.write("memory/felt", felt)
    assert eventually(lambda: space.read("mode")) == mode
    space.write("whistle", 2)
    eventually(lambda: space.read("mode") == ("acquire" if mode == "use" else "use"))


def test_an_echo_is_no_whistle(space: LocalSpace) -> None:
    """What comes right after a whistle is told, and means nothing, whatever it is."""
    space.write("mode", "acquire")
    space.run(Game(hold_off=30.0))
    running(space, "game")
    for whistle in (1, 1, 2):
        space.write("whistle", whistle)
    told = eventually(lambda: (now := space.read("whistle/ignored", {})).get("count") == 2 and now)
    assert "within 30 s of the one before" in told["reason"]
    assert (space.read("confirm"), space.read("mode")) == ("whistle 1", "acquire")


def test_the_hold_off_counts_from_the_whistle_that_passed() -> None:
    """Echoes do not make it longer; without one everything passes."""
    hold_off = HoldOff(1.0)
    heard = [10.0, 10.4, 10.9, 11.0, 11.5, 12.1, 12.1]
    assert [hold_off.passes(time) for time in heard] == [True, False, False, True, False, True, False]
    assert all(HoldOff(0.0).passes(time) for time in (1.0, 1.0, 0.5))


@pytest.mark.parametrize("name", ["stop", "pause"])
def test_a_stopped_robot_does_not_play(space: LocalSpace, name: str) -> None:
    """No whistle confirms or changes the mode until stop or pause have ended; who holds the robot is told."""
    operation = Operation()
    begin, end = {"stop": (operation.stop, operation.release), "pause": (operation.pause, operation.resume)}[name]
    space.write("mode", "acquire")
    space.run(Game(forget=True))
    running(space, "game")
    attempt(space, name, begin())
    for count, whistle in enumerate((1, 2, 1), 1):
        space.write("whistle", whistle)
        eventually(lambda: space.read("whistle/ignored", {}).get("count") == count)  # noqa: B023  (asked at once)
    assert "'joints' is held by" in space.read("whistle/ignored")["reason"]
    assert (space.entry("confirm"), space.entry("memory/command"), space.read("mode")) == (None, None, "acquire")
    attempt(space, name, end())
    space.write("whistle", 1)
    eventually(lambda: space.read("confirm") == "whistle 1")


# --- the face


def test_the_mood_follows_the_mode(space: LocalSpace) -> None:
    """Neutral at first, happy while acquiring, neutral while using."""
    with recording(space, "expression") as faces:
        space.run(Expression())
        eventually(lambda: space.read("expression") == "neutral")
        space.write("mode", "acquire")
        eventually(lambda: space.read("expression") == "happy")
        space.write("mode", "use")
        eventually(lambda: [entry.value for entry in faces] == ["neutral", "happy", "neutral"])


def test_a_confirm_surprises_for_a_moment(space: LocalSpace) -> None:
    """Then the mood is back, the one of the mode that came meanwhile."""
    with recording(space, "expression") as faces:
        space.run(Expression(surprise=0.3))
        running(space, "expression")
        space.write("confirm", 1)
        eventually(lambda: space.read("expression") == "surprised")
        space.write("mode", "acquire")
        eventually(lambda: [entry.value for entry in faces] == ["neutral", "surprised", "happy"])


def test_a_face_that_somebody_else_makes_is_left_alone(space: LocalSpace) -> None:
    """A higher priority wins; when it is over, the mood is shown again."""
    space.run(Expression())
    eventually(lambda: space.read("expression") == "neutral")
    space.write("expression", "asleep", validity=0.3, priority=5.0)
    space.write("mode", "acquire")
    assert space.read("expression") == "asleep"
    eventually(lambda: space.read("expression") == "happy")
