"""The face of the simulated iCub and its ball: what is seen of them, and the slots that change them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.expression import Expression
from agents.simulator import Simulator
from agentspace import Entry, LocalSpace
from models.icub.face import DARK, EMOTIONS, Face
from models.icub.simulator import REST, Icub, PointError
from tests.support.eventually import eventually
from tests.support.waiting import wait

BALL = [-350.0, 150.0, 50.0]


@pytest.fixture(scope="module")
def robot() -> Iterator[Icub]:
    with Icub(body=True) as robot:
        yield robot


@pytest.fixture
def plain(robot: Icub) -> Icub:
    robot.reset(REST)
    robot.face, robot.ball = DARK, None
    return robot


def red(image: np.ndarray) -> np.ndarray:
    """The pixels (rows, columns) that are as red as an LED: the face is white, and the chest is darker."""
    pixels = image.astype(int)
    return np.argwhere((pixels[..., 0] > 210) & (pixels[..., 1] < 150) & (pixels[..., 2] < 150))


def test_every_expression_looks_different(plain: Icub) -> None:
    """Each of the eight is another picture, near and from afar; a dark face has no red in it."""
    assert len(red(plain.portrait(128))) == 0
    seen: dict[str, tuple[bytes, bytes]] = {}
    for name, face in EMOTIONS.items():
        plain.face = face
        assert len(red(plain.portrait(128))) > 20
        seen[name] = (plain.portrait(128).tobytes(), plain.render().tobytes())
    for pictures in zip(*seen.values(), strict=True):
        assert len(set(pictures)) == len(EMOTIONS)


def test_corners_of_a_smile_are_up_and_brows_above(plain: Icub) -> None:
    """The outer LEDs of a happy mouth are higher than its middle, those of a sad one lower; brows are on top."""
    for mouth, up in ((EMOTIONS["hap"].mouth, True), (EMOTIONS["sad"].mouth, False)):
        plain.face = Face(mouth=mouth)
        lit = red(plain.portrait(224))
        middle = lit[np.abs(lit[:, 1] - 112) < 8, 0].mean()
        corner = lit[np.abs(lit[:, 1] - 112) > np.abs(lit[:, 1] - 112).max() - 5, 0].mean()
        assert (corner < middle - 3) == up
        assert (corner > middle + 3) == (not up)
        assert lit[:, 0].min() > 112
    plain.face = Face(left=2, right=2)
    assert red(plain.portrait(224))[:, 0].max() < 112


def test_left_brow_is_the_robots_left(plain: Icub) -> None:
    """In the picture from in front it is on the right."""
    plain.face = Face(left=1)
    assert red(plain.portrait(224))[:, 1].min() > 112


def test_dark_face_and_no_ball_are_as_if_they_were_not_there(plain: Icub) -> None:
    """After all expressions and a ball, the picture is to the byte what it was; no joint has moved."""
    before, posture = plain.render(), plain.all_encoders()
    plain.face, plain.ball = EMOTIONS["hap"], BALL
    assert (plain.render() != before).any()
    plain.face, plain.ball = DARK, None
    np.testing.assert_array_equal(plain.render(), before)
    np.testing.assert_array_equal(plain.all_encoders(), posture)


def test_face_turns_with_the_head(plain: Icub) -> None:
    """Led with the neck turned, the LEDs are where the head is."""
    plain.face = EMOTIONS["hap"]
    straight = red(plain.render())[:, 1].mean()
    goal = plain.all_encoders()
    goal[plain.joints.index("neck_yaw")] = 30.0
    plain.guide = lambda seconds: goal
    plain.step(1.5)
    plain.guide = None
    turned = red(plain.render())
    assert abs(turned[:, 1].mean() - straight) > 2.0


def test_ball_is_seen_where_it_is(plain: Icub) -> None:
    """It is on the robot's right, from in front that is left; further up it is higher; None takes it away."""

    def place() -> np.ndarray:
        pixels = plain.render().astype(int)
        return np.argwhere((pixels[..., 1] > pixels[..., 0] + 40) & (pixels[..., 1] > pixels[..., 2] + 40))

    assert len(place()) == 0
    plain.ball = BALL
    np.testing.assert_array_equal(plain.ball, BALL)
    low = place()
    assert low[:, 1].mean() < 100
    plain.ball = [BALL[0], BALL[1], BALL[2] + 100.0]
    assert place()[:, 0].mean() < low[:, 0].mean() - 10
    plain.reset(REST)
    assert len(place()) > 0
    plain.ball = None
    assert len(place()) == 0


@pytest.mark.parametrize("bad", [[1.0, 2.0], "ball", [0.0, 0.0, 3000.0], [float("nan")] * 3, {"x": 1.0}])
def test_what_is_no_point_is_refused(bad: Any, plain: Icub) -> None:
    """The error says what a point is; the ball stays."""
    plain.ball = BALL
    with pytest.raises(PointError, match="a point is three numbers"):
        plain.ball = bad
    np.testing.assert_array_equal(plain.ball, BALL)


# --- the agent


def has_red(entry: Entry) -> bool:
    return entry.value is not None and len(red(entry.value)) > 20


def test_slot_gives_the_robot_an_expression(space: LocalSpace) -> None:
    """Dark without one; each that is written is seen in `icub/face`; one that there is not is refused."""
    space.run(Simulator(size=128, face_fps=20.0))
    wait(space, "icub/face", lambda entry: entry.value is not None and len(red(entry.value)) == 0)
    space.write("expression", "happy")
    smile = wait(space, "icub/face", has_red).value
    space.write("expression", "surprised")
    wait(space, "icub/face", lambda entry: has_red(entry) and (entry.value != smile).any())
    space.write("expression", "merry")
    assert "'merry' is no expression; valid: neutral" in wait(space, "icub/refused", lambda entry: True).value


def test_mouth_of_who_speaks_moves(space: LocalSpace) -> None:
    """As long as `speaking` is true the mouth opens and closes; then the mood is shown again."""
    space.run(Simulator(size=128, face_fps=30.0))
    space.run(Expression())
    neutral = wait(space, "icub/face", has_red).value
    space.write("speaking", True)
    eventually(lambda: space.read("expression") == "talking")
    opened = wait(space, "icub/face", lambda entry: has_red(entry) and (entry.value != neutral).any()).value
    wait(space, "icub/face", lambda entry: has_red(entry) and (entry.value != opened).any())
    wait(space, "icub/face", lambda entry: has_red(entry) and bool((entry.value == opened).all()))
    space.write("speaking", False)
    eventually(lambda: space.read("expression") == "neutral")
    wait(space, "icub/face", lambda entry: bool((entry.value == neutral).all()))


def test_slots_put_the_ball_and_tell_where_it_is(space: LocalSpace) -> None:
    """No ball at first; `ball` puts one, `icub/ball` has its place and expires with it; a bad one is refused."""
    space.run(Simulator(fps=0.0))
    wait(space, "icub/encoders", lambda entry: entry.value is not None)
    assert space.entry("icub/ball") is None
    space.write("ball", BALL)
    np.testing.assert_array_equal(wait(space, "icub/ball", lambda entry: entry.value is not None).value, BALL)
    space.write("ball", [1.0])
    assert wait(space, "icub/refused", lambda entry: True).value.startswith("ball: a point is three numbers")
    space.write("ball", None)
    eventually(lambda: space.entry("icub/ball") is None)
