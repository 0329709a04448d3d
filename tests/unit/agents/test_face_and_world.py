"""What the emotion interface and the world of a simulated iCub tell clients of YARP: rules, without YARP."""

from typing import Any

import numpy as np
import pytest

from agents.yarp.binding import Vocab
from agents.yarp.robot.emotion import Emotion
from agents.yarp.robot.world import BALL, World, to_root, to_world
from models.icub.face import DARK, EMOTIONS, EXPRESSIONS, SYLLABLE, Countenance, Face, FaceError

OK = [Vocab("ok")]


def test_codes_are_those_of_the_emotion_interface() -> None:
    """Left brow, right brow and mouth of the ten expressions, as emotions.ini of the iCub has them."""
    assert {name: (face.left, face.right, face.mouth) for name, face in EMOTIONS.items()} == {
        "neu": (0x02, 0x02, 0x08),
        "hap": (0x02, 0x02, 0x0B),
        "sad": (0x02, 0x02, 0x38),
        "sur": (0x08, 0x08, 0x16),
        "ang": (0x01, 0x01, 0x38),
        "evi": (0x01, 0x01, 0x0B),
        "shy": (0x04, 0x04, 0x38),
        "cun": (0x04, 0x01, 0x38),
    }
    assert set(EXPRESSIONS.values()) == {*EMOTIONS, "ta2"}


def test_rows_are_the_bits() -> None:
    """A smile is three rows of the mouth; a dark face has none."""
    assert list(Face(mouth=0x0B).rows()) == [("mouth", 0), ("mouth", 1), ("mouth", 3)]
    assert list(DARK.rows()) == []


def test_face_stays_until_it_is_told_another() -> None:
    """It is dark at first; an expression stays."""
    countenance = Countenance()
    assert countenance.face(0.0) == DARK
    countenance.ask("happy", 1.0)
    assert countenance.face(100.0) == EMOTIONS["hap"]


def test_who_talks_moves_the_mouth_and_nothing_else() -> None:
    """Open and closed in turns from when it began; asked again, it does not begin anew; then it is as it was."""
    countenance = Countenance()
    countenance.ask("happy", 0.0)
    countenance.ask("talking", 10.0)
    faces = [countenance.face(10.0 + (turn + 0.5) * SYLLABLE) for turn in range(4)]
    assert faces == [Face(2, 2, 0x16), Face(2, 2, 0x08)] * 2
    countenance.ask("talking", 10.0 + 1.2 * SYLLABLE)
    assert countenance.face(10.0 + 1.5 * SYLLABLE) == Face(2, 2, 0x08)
    countenance.ask("happy", 20.0)
    assert countenance.face(20.0) == EMOTIONS["hap"]


@pytest.mark.parametrize("bad", ["merry", None, 3, ["happy"]])
def test_expression_that_there_is_not_is_refused(bad: Any) -> None:
    """The error names it, and those that there are; the face stays."""
    countenance = Countenance()
    with pytest.raises(FaceError, match=r"is no expression; valid: neutral, happy, "):
        countenance.ask(bad, 0.0)
    assert countenance.face(0.0) == DARK


def test_emotion_interface_sets_all_or_a_part() -> None:
    """`set all`, the mouth or a brow alone, lids that do not move, and bits as they are."""
    countenance = Countenance()
    emotion = Emotion(countenance)
    for request, face in (
        ("set all hap", Face(2, 2, 0x0B)),
        ("set mou sad", Face(2, 2, 0x38)),
        ("set leb ang", Face(1, 2, 0x38)),
        ("set reb sur", Face(1, 8, 0x38)),
        ("set eli neu", Face(1, 8, 0x38)),
        ("set mou ta2", Face(1, 8, 0x16)),
        ("set raw M0B", Face(1, 8, 0x0B)),
        ("set raw L04", Face(4, 8, 0x0B)),
    ):
        assert emotion.answer(request.split()) == OK
        assert countenance.face() == face
        assert emotion.shown == request


@pytest.mark.parametrize("request_", ["set all merry", "set nose hap", "set raw X01", "set raw M", "get all", ""])
def test_emotion_interface_refuses_what_it_cannot_show(request_: str) -> None:
    """The reply is `[fail]` with the valid ones; the face stays."""
    countenance = Countenance()
    emotion = Emotion(countenance)
    kind, why = emotion.answer(request_.split())
    assert kind == "fail"
    assert "valid: " in why
    assert (countenance.face(), emotion.shown) == (DARK, "")


def test_frames_of_root_and_world() -> None:
    """Ahead of the robot is z, its left is x, up is y; there and back is the same."""
    np.testing.assert_allclose(to_world(np.zeros(3)), [0.0, 0.5976, -0.026])
    np.testing.assert_allclose(to_world(np.array([-300.0, -100.0, 50.0])), [0.1, 0.6476, 0.274])
    point = np.array([-250.0, 120.0, 80.0])
    np.testing.assert_allclose(to_root(to_world(point)), point)


def test_ball_comes_with_the_first_who_asks() -> None:
    """There is none before; then it is where it was set, to the digit."""
    world = World()
    assert world.ball is None
    np.testing.assert_allclose(world.answer(["world", "get", "ball"]), to_world(BALL))
    np.testing.assert_array_equal(world.ball, BALL)
    assert world.answer(["world", "set", "ball", -0.1, 0.6, 0.3]) == OK
    np.testing.assert_allclose(world.answer(["world", "get", "ball"]), [-0.1, 0.6, 0.3])
    np.testing.assert_allclose(world.ball, [-326.0, 100.0, 2.4])


@pytest.mark.parametrize(
    "bad",
    [
        ["world", "set", "ball", 0.1, 0.2],
        ["world", "set", "ball", "a", "b", "c"],
        ["world", "set", "ball", 0.0, 50.0, 0.0],
        ["world", "set", "ball", float("nan"), 0.0, 0.0],
        ["world", "set", "ball", [1.0], 0.0, 0.0],
        ["world", "get", "cube"],
        ["world", "mk", "box"],
        [],
    ],
)
def test_world_refuses_what_it_does_not_have(bad: list[Any]) -> None:
    """The reply is `[fail]`, and says what can be asked; nothing changes."""
    world = World()
    kind, why = world.answer(bad)
    assert kind == "fail"
    assert "valid: world get ball" in why
    assert world.ball is None
