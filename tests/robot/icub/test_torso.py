"""The torso bends where an arm is too short, no faster, and touches nothing; a hand follows one that is guided."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from agents.body.follower import Follower
from agents.body.posture import NotAPostureError, read_target, read_torso
from agents.motor import Motor
from agents.reach import Reach
from agents.script.operation import Operation, attempt
from agents.simulator import Simulator
from agentspace import LocalSpace
from models.icub.collision import Collider
from models.icub.kinematics import JOINT_LIMITS, REST_ARM, STANDARD, TORSO_LIMITS
from models.icub.official_chain import OfficialChain
from models.icub.reaching import REACHED, UPRIGHT, Reacher
from models.icub.simulator import REST, Icub, PointError
from tests.support.eventually import eventually
from tests.support.recording import recording
from tests.support.waiting import wait

FAR = [-450.0, 100.0, 150.0]  # mm: neither arm gets there alone


def start(space: LocalSpace, speed: float = 300.0, torso: bool = True, **values: Any) -> None:
    space.run(Simulator(fps=0.0, rate=100.0, speed=speed, body=torso))
    space.run(Motor(rate=100.0, speed=speed, torso=torso))
    space.run(Reach(torso=torso, **values))
    wait(space, "motor/state", lambda entry: entry.value == "hold")


def palm(space: LocalSpace, side: str) -> np.ndarray:
    """Where MuJoCo has the palm of the official robot in the posture that the encoders tell, mm."""
    here = space.read("icub/encoders")
    arm = here[:5] if side == "right" else here[5:]
    torso = space.read("icub/torso", np.zeros(3))
    points = OfficialChain(side).points(np.concatenate([arm, [0.0, 0.0]])[None], torso[None])
    return np.asarray(points[0, 3])


# --- what is computed


@pytest.mark.parametrize("side", ["right", "left"])
def test_palm_is_where_mujoco_has_it_when_the_torso_bends(side: str) -> None:
    """In postures that were found for points that torso and arm reach together, within the ranges of both."""
    reacher, chain = Reacher(side), OfficialChain(side)
    rng = np.random.default_rng(3)
    arms, torsos = rng.uniform(*reacher.limits.T, (20, 5)), rng.uniform(*TORSO_LIMITS.T, (20, 3))
    for point in reacher.palm(arms, torsos):
        ways = reacher.ways(point, REST_ARM, bend=True)
        assert len(ways.arms) > 0
        assert ((ways.torsos >= TORSO_LIMITS[:, 0]) & (ways.torsos <= TORSO_LIMITS[:, 1])).all()
        assert ((ways.arms >= reacher.limits[:, 0]) & (ways.arms <= reacher.limits[:, 1])).all()
        there = chain.points(np.hstack([ways.arms, np.zeros((len(ways.arms), 2))]), ways.torsos)[:, 3]
        assert np.linalg.norm(there - point, axis=1).max() < REACHED + 1.0


def test_a_torso_stays_as_it_is_unless_it_may_bend() -> None:
    """With a bent torso the arm reaches from there; what is reached only by bending is not reached."""
    reacher, bent = Reacher("right"), np.array([20.0, 0.0, 30.0])
    point = reacher.palm(REST_ARM, bent)
    ways = reacher.ways(point, REST_ARM, bent)
    np.testing.assert_allclose(ways.arms[0], REST_ARM, atol=1.0)
    assert (ways.torsos == bent).all()
    assert len(reacher.ways(FAR, REST_ARM).arms) == 0
    assert len(reacher.ways(FAR, REST_ARM, bend=True).arms) > 0


def test_collisions_with_a_bent_torso() -> None:
    """The arms move with the chest, towards the thighs; a straight torso makes no difference to none at all."""
    collider = Collider()
    down = np.array([-34.0, 20, 72, 77, 58] * 2)
    postures = np.vstack([np.r_[down, torso] for torso in (UPRIGHT, (0.0, 0.0, 65.0))])
    assert collider.check(postures).body.tolist() == [False, True]
    arms = np.random.default_rng(0).uniform(*JOINT_LIMITS.T, (300, 10))
    straight = collider.check(np.hstack([arms, np.zeros((300, 3))]))
    alone = collider.check(arms)
    assert (straight.right == alone.right).all()
    assert (straight.left == alone.left).all()
    assert (straight.arms == alone.arms).all()
    with pytest.raises(ValueError, match=r"degrees at joint 12; valid is -9\.6 to 69\.6"):
        collider.check(np.r_[down, 0.0, 0.0, 80.0][None])


def test_a_simulated_torso_goes_where_it_is_sent() -> None:
    """With a body thirteen angles are a target; ten leave the torso where it was sent, and a hold holds it."""
    with Icub(speed=200.0, body=True) as robot:
        robot.set_target(np.r_[REST, 20.0, -10.0, 30.0])
        robot.step(1.0)
        np.testing.assert_allclose(robot.torso(), [20.0, -10.0, 30.0], atol=0.5)
        robot.set_target(REST)
        robot.step(1.0)
        np.testing.assert_allclose(robot.torso(), [20.0, -10.0, 30.0], atol=0.5)
        robot.set_target(np.r_[REST, 0.0, 0.0, 0.0])
        robot.step(0.05)
        robot.hold()
        robot.step(1.0)
        assert np.abs(robot.torso()).max() > 15.0
        robot.reset(np.r_[REST, 1.0, 2.0, 3.0])
        np.testing.assert_allclose(robot.torso(), [1.0, 2.0, 3.0], atol=1e-6)
        with pytest.raises(ValueError, match="a target is 10 or 13 finite angles"):
            robot.set_target(np.zeros(12))
    with Icub() as robot, pytest.raises(ValueError, match="a target is 10 finite angles"):
        robot.set_target(np.zeros(13))


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (read_target, np.zeros(12), "10 finite angles in degrees, or 13 with the torso, not shape"),
        (read_target, [0.0] * 12 + [float("nan")], "nan for torso_pitch"),
        (read_torso, [0.0, 1.0], "a torso is 3 finite angles"),
        (read_torso, [float("inf"), 0.0, 0.0], "inf for torso_yaw"),
    ],
)
def test_what_is_no_target(read: Any, value: Any, message: str) -> None:
    """The error says how many angles there are, and which is none."""
    with pytest.raises(NotAPostureError, match=message):
        read(value)


# --- the agents


def test_the_torso_bends_where_an_arm_is_too_short(space: LocalSpace) -> None:
    """A point that no arm reaches is reached, and the torso stays straight for one that it need not bend for."""
    start(space)
    space.write("reach/goal", [-250.0, 150.0, 150.0])
    reached(space)
    assert np.abs(space.read("icub/torso")).max() < 0.5
    space.write("reach/goal", FAR)
    reached(space)
    eventually(lambda: np.linalg.norm(palm(space, "right") - FAR) < 10.0)
    assert np.abs(space.read("icub/torso")).max() > 5.0
    space.write("reach/goal", [-900.0, 0.0, 0.0])
    wait(space, "reach/state", lambda entry: bool(entry.value) and entry.value["state"] == "failed")


def test_without_torso_the_same_point_is_not_reached(space: LocalSpace) -> None:
    """Neither hand gets there."""
    start(space, torso=False)
    space.write("reach/goal", FAR)
    state = wait(space, "reach/state", lambda entry: bool(entry.value) and entry.value["state"] == "failed").value
    assert "the right hand comes no nearer than" in state["reason"]
    assert "the left hand comes no nearer than" in state["reason"]


def test_a_hand_is_no_faster_with_the_torso() -> None:
    """On the way to points for which the torso bends no palm is faster than an arm alone makes it."""
    reacher, rng = Reacher("right"), np.random.default_rng(1)
    start, fastest = np.r_[REST, UPRIGHT], []
    for point in rng.uniform([-450, -200, -200], [0, 450, 500], (30, 3)):
        ways = reacher.ways(point, REST_ARM, bend=True)
        if not len(ways.arms):
            continue
        follower, postures = Follower(speed=60.0, patience=10.0), [start]
        follower.ask(np.r_[ways.arms[0], REST_ARM, ways.torsos[0]], 0.0)
        for step in range(1000):
            command = follower.command(lambda: start, step * 0.01)
            if command is not None:
                postures.append(command)
        way = np.array(postures)
        np.testing.assert_allclose(way[-1, 10:], ways.torsos[0])
        palms = reacher.palm(way[:, :5], way[:, 10:])
        fastest.append(np.linalg.norm(np.diff(palms, axis=0), axis=1).max() / 0.01)
    assert len(fastest) > 20
    assert 500.0 < max(fastest) < 809.0


def test_a_stopped_torso_stays_and_goes_on_without_a_jump(space: LocalSpace) -> None:
    """An emergency stop holds the torso as it holds the arms; targets of ten angles leave it there."""
    start(space, speed=60.0)
    space.write("reach/goal", FAR)
    eventually(lambda: np.abs(space.read("icub/torso")).max() > 4.0)
    attempt(space, "stop", Operation().stop())
    space.delete("reach/goal")
    eventually(lambda: space.read("motor/state") == "hold")
    with recording(space, "icub/torso") as seen:
        eventually(lambda: len(seen) > 40)
        stopped = [entry.value for entry in seen][-1]
        assert np.abs(stopped).max() > 3.0
        attempt(space, "release", Operation().release())
        space.write("joints", STANDARD, validity=60.0)
        eventually(lambda: np.abs(space.read("icub/encoders") - STANDARD).max() < 1.0)
        steps = [np.abs(b.value - a.value).max() for a, b in itertools.pairwise(seen)]
    assert max(steps) < 2.0
    np.testing.assert_allclose(space.read("icub/torso"), stopped, atol=1.0)


def test_renew_straightens_the_torso(space: LocalSpace) -> None:
    """The standard posture is that of the whole robot."""
    start(space)
    space.write("reach/goal", FAR)
    reached(space)
    space.delete("reach/goal")
    assert attempt(space, "renew", Operation().renew()).fine
    eventually(lambda: np.abs(space.read("icub/torso")).max() < 0.5)
    eventually(lambda: np.abs(space.read("icub/encoders") - STANDARD).max() < 0.5)


def test_a_motor_without_torso_leaves_the_rest_of_a_target_out(space: LocalSpace) -> None:
    """Thirteen angles are ten to it: who renews need not know."""
    space.run(Simulator(fps=0.0, speed=300.0))
    space.run(Motor(speed=300.0, torso=True))  # this robot has none that moves
    wait(space, "motor/state", lambda entry: entry.value == "hold")
    space.write("joints", np.r_[STANDARD, 10.0, 10.0, 10.0])
    eventually(lambda: np.abs(space.read("icub/encoders") - STANDARD).max() < 0.5)
    assert space.entry("icub/torso") is None
    assert space.entry("motor/refused") is None


@pytest.mark.parametrize(("guided", "follows", "torso"), [("right", "left", True), ("left", "right", False)])
def test_a_hand_goes_where_the_guided_one_is_in_a_mirror(
    space: LocalSpace, guided: str, follows: str, torso: bool
) -> None:
    """One arm is pushed by an outside force, yields, and stays where it is let go; the other hand follows it.

    A torso that is driven does not give way.
    """
    start(space, torso=torso, careful=False, follow=guided)
    before = palm(space, guided)
    space.write("icub/push", {guided: [-10.0, 0.0, -20.0]})
    eventually(lambda: np.linalg.norm(palm(space, guided) - before) > 80.0)
    space.delete("icub/push")
    moved = palm(space, guided)

    def mirrored() -> bool:
        return bool(np.linalg.norm(palm(space, follows) - palm(space, guided) * [1, -1, 1]) < 12.0)

    eventually(mirrored)
    here = space.read("icub/encoders")
    np.testing.assert_allclose(here[:5], here[5:], atol=2.0)  # as in a mirror: not only the hand
    assert np.linalg.norm(palm(space, guided) - moved) < 30.0
    assert space.read("reach/state")["hand"] == follows


def test_a_goal_comes_before_the_hand_that_is_followed(space: LocalSpace) -> None:
    """And the hand follows again when the goal is over; without `follow` a goal may say so itself."""
    start(space, torso=False, careful=False, follow="right")
    space.write("reach/goal", {"to": [-250.0, -150.0, 150.0], "hand": "left"})
    eventually(lambda: np.linalg.norm(palm(space, "left") - [-250.0, -150.0, 150.0]) < 12.0)
    space.delete("reach/goal")
    eventually(lambda: np.linalg.norm(palm(space, "left") - palm(space, "right") * [1, -1, 1]) < 12.0)
    space.write("reach/goal", {"to": "mirror", "hand": "right"})
    wait(space, "reach/state", lambda entry: bool(entry.value) and entry.value["hand"] == "right")


@pytest.mark.parametrize("push", [[1, 2, 3], {"both": [1, 2, 3]}, {"right": [1, 2]}, {"right": [0, 0, 1000]}])
def test_what_is_no_push(space: LocalSpace, push: Any) -> None:
    """It is refused in words, and the robot goes on."""
    space.run(Simulator(fps=0.0))
    space.write("icub/push", push)
    assert "push" in eventually(lambda: space.read("icub/refused"))
    space.write("icub/push", None)
    eventually(lambda: space.read("icub/encoders") is not None)


def test_a_push_on_a_hand_that_there_is_not() -> None:
    """The error names the hands."""
    with Icub() as robot, pytest.raises(PointError, match="a hand is right or left, not 'third'"):
        robot.push("third", [1.0, 0.0, 0.0])


def reached(space: LocalSpace) -> None:
    wait(space, "reach/state", lambda entry: bool(entry.value) and entry.value["state"] == "reached", 60.0)
