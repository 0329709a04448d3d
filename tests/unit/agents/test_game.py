"""The game by whistles, and the face of the robot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.expression import Expression
from agents.game import Game
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
    """Each of them, also two that come at once; the mode stays."""
    space.run(Game())
    running(space, "game")
    with recording(space, "confirm") as confirms:
        space.write("whistle", 1)
        space.write("whistle", 1)
        eventually(lambda: len(confirms) == 2)
    assert [entry.value for entry in confirms] == ["whistle 1", "whistle 2"]
    assert space.entry("mode") is None


def test_a_long_whistle_changes_the_mode(space: LocalSpace) -> None:
    """From nothing to acquire, to use, to acquire; what somebody else wrote counts; nothing is forgotten."""
    space.run(Game())
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
    space.run(Game(forget=True))
    running(space, "game")
    with recording(space, "m*") as seen:
        space.write("whistle", 2)
        space.write("whistle", 2)
        eventually(lambda: len(seen) == 3)
    assert [entry.value for entry in seen] == [{"do": "forget"}, "acquire", "use"]


def test_a_whistle_that_is_none_changes_nothing(space: LocalSpace) -> None:
    """Other values are left out, and so is the end of a whistle's validity."""
    space.run(Game())
    running(space, "game")
    for value in ("loud", 3, None):
        space.write("whistle", value)
    with recording(space, "confirm") as confirms:
        space.write("whistle", 1, validity=0.05)
        eventually(lambda: confirms and space.entry("whistle") is None)
        space.write("whistle", 1)
        eventually(lambda: len(confirms) == 2)
    assert space.entry("mode") is None


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
