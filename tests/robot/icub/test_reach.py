"""A hand reaches a point, or the ball; the robot takes its standard posture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.motor import Motor
from agents.operator import Operator
from agents.reach import Goal, Reach, read_goal
from agents.script.operation import Operation, attempt
from agents.simulator import Simulator
from agentspace import LocalSpace
from models.icub.kinematics import REST_ARM, SIDES, STANDARD
from models.icub.official_chain import OfficialChain
from models.icub.reaching import REACHED, Reacher
from models.icub.simulator import PointError
from tests.support.eventually import eventually
from tests.support.waiting import wait

BALL = [-330.0, 180.0, 100.0]


@pytest.mark.parametrize("side", SIDES)
def test_palm_is_where_mujoco_has_it(side: str) -> None:
    """In postures that were found for random points within reach, the official robot's palm is there."""
    reacher, chain = Reacher(side), OfficialChain(side)
    points = reacher.palm(np.random.default_rng(3).uniform(*reacher.limits.T, (20, 5)))
    for point in points:
        ways = reacher.ways(point, REST_ARM)
        assert len(ways.arms) > 0
        assert ((ways.arms >= reacher.limits[:, 0]) & (ways.arms <= reacher.limits[:, 1])).all()
        whole = np.hstack([ways.arms, np.zeros((len(ways.arms), 2))])
        there = chain.points(whole, np.zeros((len(whole), 3)))[:, 3]
        assert np.linalg.norm(there - point, axis=1).max() < REACHED + 1.0


def test_nearest_way_comes_first_and_none_is_made_up() -> None:
    """The first posture turns its joints least; a point out of reach has none, and says how far it is."""
    reacher = Reacher("right")
    here = np.array([-40.0, 40, 20, 60, 0])
    ways = reacher.ways(reacher.palm(here), here)
    np.testing.assert_allclose(ways.arms[0], here, atol=1.0)
    turns = np.abs(ways.arms - here).max(axis=1)
    assert (np.diff(turns) >= 0).all()
    far = reacher.ways([-2000.0, 0.0, 0.0], here)
    assert len(far.arms) == 0
    assert far.nearest > 1000


@pytest.mark.parametrize(
    ("value", "hand", "point"),
    [
        ("ball", "nearest", None),
        ([1.0, 2.0, 3.0], "nearest", [1.0, 2.0, 3.0]),
        ({"to": "ball", "hand": "left"}, "left", None),
        ({"to": [1, 2, 3], "hand": "right"}, "right", [1.0, 2.0, 3.0]),
    ],
)
def test_goals_that_are_understood(value: Any, hand: str, point: Any) -> None:
    """The ball or a point, alone or with a hand."""
    goal = read_goal(value)
    assert goal.hand == hand
    np.testing.assert_array_equal(goal.point, np.array(point) if point is not None else None)
    assert isinstance(goal, Goal)


@pytest.mark.parametrize("value", ["cup", [1.0], {"hand": "left"}, {"to": "ball", "hand": "third"}, {"at": 1}, 3])
def test_goals_that_are_not(value: Any) -> None:
    """The error says what a goal is."""
    with pytest.raises(PointError):
        read_goal(value)


def reaches(space: LocalSpace, hand: str) -> dict[str, Any]:
    """Waits until a hand is there; gives the state."""
    return wait(
        space,
        "reach/state",
        lambda entry: bool(entry.value) and (entry.value["state"], entry.value["hand"]) == ("reached", hand),
    ).value


def test_hand_goes_to_the_ball_and_after_it(space: LocalSpace) -> None:
    """The right hand stands beside a ball on the right, as far as was asked for; then it follows it."""
    space.run(Simulator(fps=0.0, speed=300.0, ball_at=BALL))
    space.run(Motor(speed=300.0))
    space.run(Reach(careful=False))
    space.write("reach/goal", "ball")
    assert reaches(space, "right")["distance"] < 10.0
    arm = OfficialChain("right")

    def off(ball: list[float]) -> float:
        posture = np.concatenate([space.read("icub/encoders")[:5], [0.0, 0.0]])
        return float(np.linalg.norm(arm.points(posture[None], np.zeros((1, 3)))[0, 3] - ball))

    eventually(lambda: abs(off(BALL) - 60.0) < 10.0)
    there = [-330.0, 220.0, 180.0]
    space.write("ball", there)
    eventually(lambda: abs(off(there) - 60.0) < 10.0)
    space.delete("reach/goal")
    eventually(lambda: space.entry("reach/state") is None)


def test_what_cannot_be_reached_is_told(space: LocalSpace) -> None:
    """Out of reach, a bad goal, no ball, a robot that is stopped: each in words, and nothing moves."""
    space.run(Simulator(fps=0.0))
    space.run(Motor())
    space.run(Reach(careful=False))
    before = wait(space, "icub/encoders", lambda entry: entry.value is not None).value

    def told(words: str) -> None:
        wait(space, "reach/state", lambda entry: bool(entry.value) and words in entry.value["reason"])

    space.write("reach/goal", {"to": [-900.0, 0.0, 0.0], "hand": "left"})
    told("the left hand comes no nearer than")
    space.write("reach/goal", "ball")
    told("there is no ball in 'icub/ball'")
    space.write("reach/goal", "cup")
    assert "a point is three numbers" in wait(space, "reach/refused", lambda entry: bool(entry.value)).value
    attempt(space, "stop", Operation().stop())
    space.write("reach/goal", [-250.0, 150.0, 150.0])
    told("the robot is stopped")
    np.testing.assert_allclose(space.read("icub/encoders"), before, atol=0.5)


def test_no_arm_goes_into_the_body(space: LocalSpace) -> None:
    """A point in the chest is reached by no posture that touches nothing; one before it is."""
    space.run(Simulator(fps=0.0, speed=300.0))
    space.run(Motor(speed=300.0))
    space.run(Reach())
    space.write("reach/goal", {"to": [-30.0, 0.0, 130.0], "hand": "right"})
    wait(space, "reach/state", lambda entry: bool(entry.value) and entry.value["state"] == "failed", 60.0)
    space.write("reach/goal", [-250.0, 150.0, 150.0])
    reaches(space, "right")


def test_renew_leads_the_robot_to_its_standard_posture(space: LocalSpace) -> None:
    """However slow it is, and against what leads it otherwise; while it is paused, it does not move."""
    space.run(Simulator(fps=0.0, speed=60.0))
    space.run(Motor(speed=60.0))
    wait(space, "motor/state", lambda entry: entry.value == "hold")
    attempt(space, "pause", Operation().pause())
    assert not attempt(space, "renew", Operation().renew()).fine
    attempt(space, "resume", Operation().resume())
    assert attempt(space, "renew", Operation().renew()).fine
    wait(
        space,
        "icub/encoders",
        lambda entry: entry.value is not None and np.abs(entry.value - STANDARD).max() < 0.5,
    )


def test_renew_is_above_a_hand_that_reaches(space: LocalSpace) -> None:
    """As long as the robot is renewed the hand waits, and says for what."""
    space.run(Simulator(fps=0.0, speed=300.0, ball_at=BALL))
    space.run(Motor(speed=300.0))
    space.run(Reach(careful=False))
    space.write("reach/goal", "ball")
    reaches(space, "right")
    attempt(space, "renew", Operation().renew())
    wait(
        space,
        "icub/encoders",
        lambda entry: entry.value is not None and np.abs(entry.value - STANDARD).max() < 0.5,
    )
    wait(space, "reach/state", lambda entry: bool(entry.value) and "overridden" in entry.value["reason"])
    space.delete("joints", priority=20.0)
    reaches(space, "right")


def test_operator_does_one_action_by_its_name(space: LocalSpace) -> None:
    """`--do renew` is a script of one step."""
    space.run(Operator(do="renew"))
    eventually(lambda: space.entry("icub/renew"))
    np.testing.assert_array_equal(space.read("joints"), [*STANDARD, 0.0, 0.0, 0.0])
