"""The rest of an iCub on real YARP: the torso is driven, all is renewed, an arm may be guided by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.body.drivers.yarp_icub import Options, limbs_of, usual_limbs
from agents.motor import Motor
from agents.reach import Reach
from agents.script.operation import Operation, attempt
from agentspace import LocalSpace
from models.icub.kinematics import STANDARD
from models.icub.reaching import Reacher
from models.icub.simulator import REST
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.robot import YarpRobotProcess, words
from tests.support.yarp.states import PATIENCE, becomes

pytestmark = pytest.mark.yarp

BENT = {"torso": (20.0, -10.0, 25.0), "head": (10.0, 0.0, -20.0)}
LOOKER = """
parts = {part: open_part(part, f"/looker/{part}") for part in ("torso", "head", "right_arm", "left_leg")}
import sys
say("up")
for line in sys.stdin:
    what, part, *angles = line.split()
    if what == "move":
        for joint, angle in enumerate(angles):
            parts[part].viewIPositionControl().setRefSpeed(joint, 100.0)
            parts[part].viewIPositionControl().positionMove(joint, float(angle))
    say("at", *encoders(parts[part]))
"""
"""A client that moves parts (`move torso 20 -10 25`) and says where they are (`look torso`)."""


class Body:
    """A simulated robot on YARP, a motor in a space that drives it, and a client that looks at its parts."""

    def __init__(self, robot: YarpRobotProcess, space: LocalSpace) -> None:
        self.robot, self.space = robot, space
        robot.serve("speed=200.0")
        self.looker: Program = robot.client(LOOKER)
        self.looker.expect("up")

    def ask(self, line: str) -> np.ndarray:
        self.looker.say(line)
        return np.array([float(word) for word in words(self.looker.expect("at"))])

    def part(self, name: str) -> np.ndarray:
        return self.ask(f"look {name}")

    def bend(self) -> None:
        for part, angles in BENT.items():
            self.ask(f"move {part} {' '.join(map(str, angles))}")
        eventually(lambda: all(np.abs(self.part(part)[:3] - goal).max() < 1.0 for part, goal in BENT.items()))

    def drive(self, **values: Any) -> None:
        settings = {"driver": "yarp", "robot": "icubSim", "speed": 60.0, "rate": 60.0, **values}
        self.space.run(Motor(**settings))
        becomes(self.space, "motor/robot", "connected")
        eventually(lambda: self.space.read("icub/encoders") is not None)

    def renewed(self, state: str) -> dict[str, Any]:
        def told() -> dict[str, Any] | None:
            found = (self.space.read("motor/robot") or {}).get("renewed", {})
            return found if found.get("state") == state else None

        result = eventually(told, PATIENCE)
        assert result is not None
        return result


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


@pytest.fixture
def body(yarp_robot: YarpRobotProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Body]:
    """The motor's space is not that of the robot, which hears of nothing but what YARP tells it."""
    yarp_robot.network.join(monkeypatch)
    with LocalSpace() as space:
        yield Body(yarp_robot, space)


def test_the_torso_is_driven_with_the_arms(body: Body) -> None:
    """Encoders and limits are in slots of their own; targets of ten angles leave the torso where it is."""
    body.drive(torso=True)
    assert body.space.read("icub/limits").shape == (10, 2)
    np.testing.assert_allclose(body.space.read("icub/torso/limits")[0], [-50.0, 50.0])
    body.space.write("joints", np.r_[REST, BENT["torso"]], validity=60.0)
    eventually(lambda: np.abs(body.part("torso") - BENT["torso"]).max() < 1.0, PATIENCE)
    eventually(lambda: np.abs(body.space.read("icub/torso") - BENT["torso"]).max() < 1.0)
    body.space.write("joints", STANDARD, validity=60.0)
    eventually(lambda: np.abs(body.space.read("icub/encoders") - STANDARD).max() < 1.0, PATIENCE)
    np.testing.assert_allclose(body.part("torso"), BENT["torso"], atol=2.0)
    assert attempt(body.space, "renew", Operation().renew()).fine
    eventually(lambda: np.abs(body.part("torso")).max() < 1.0, PATIENCE)
    assert body.space.read("motor/robot")["state"] == "connected"


def test_a_hand_reaches_with_the_torso_through_yarp(body: Body) -> None:
    """To a point where neither arm gets alone."""
    body.drive(torso=True)
    body.space.run(Reach(torso=True))
    far = np.array([-450.0, 100.0, 150.0])
    body.space.write("reach/goal", far.tolist())
    eventually(lambda: (body.space.read("reach/state") or {}).get("state") == "reached", 60.0)
    palm = Reacher("right").palm(body.part("right_arm")[:5], body.part("torso"))
    assert np.linalg.norm(palm - far) < 12.0


def test_renew_brings_the_whole_robot_to_its_standard_posture(body: Body) -> None:
    """Torso, head, hands, legs and arms, of a motor that drives no torso; `motor/robot` tells which."""
    body.bend()
    body.drive()
    assert attempt(body.space, "renew", Operation().renew()).fine
    found = body.renewed("renewed")
    assert found["limbs"] == ["right_arm", "left_arm", "head", "torso", "right_leg", "left_leg"]
    assert (found["missing"], found["late"]) == ([], [])
    for part in ("torso", "head", "left_leg"):
        assert np.abs(body.part(part)).max() < 2.0
    np.testing.assert_allclose(body.part("right_arm")[7:11], [59.0, 20.0, 20.0, 20.0], atol=2.0)
    eventually(lambda: np.abs(body.space.read("icub/encoders") - STANDARD).max() < 1.0, PATIENCE)
    assert body.space.read("motor/robot")["state"] == "connected"


def test_a_stop_ends_a_renewal_where_it_is(body: Body) -> None:
    """The head and the torso stand, though they were on their way; and a stopped robot is not renewed."""
    body.bend()
    body.drive()
    attempt(body.space, "renew", Operation().renew())
    body.renewed("renewing")
    attempt(body.space, "stop", Operation().stop())
    assert "torso" in body.renewed("renewed")["late"]
    stands = body.part("torso")
    assert np.abs(stands).max() > 5.0
    body.space.write("icub/renew", "again")
    assert "is not renewed" in eventually(lambda: body.space.read("motor/refused"))
    np.testing.assert_allclose(body.part("torso"), stands, atol=0.5)


def test_only_the_limbs_that_are_there_and_were_named_are_renewed(body: Body) -> None:
    """The torso only; the head keeps what it does."""
    body.bend()
    body.drive(options={"renewed": ["torso"]})
    body.space.write("icub/renew", "all")
    assert body.renewed("renewed")["limbs"] == ["torso"]
    assert np.abs(body.part("torso")).max() < 2.0
    np.testing.assert_allclose(body.part("head")[:3], BENT["head"], atol=1.0)


def test_a_guided_arm_is_listened_to_and_not_commanded(body: Body) -> None:
    """Another client moves it, which stands for a person; the other hand goes where it is in a mirror."""
    body.drive(options={"guided": "right_arm"})
    body.space.run(Reach(careful=False, follow="right"))
    body.ask("move right_arm -30 40 20 60 0")
    eventually(lambda: np.abs(body.part("right_arm")[:5] - [-30, 40, 20, 60, 0]).max() < 1.0, PATIENCE)
    right, left = Reacher("right"), Reacher("left")

    def mirrored() -> bool:
        here = body.space.read("icub/encoders")
        return bool(np.linalg.norm(left.palm(here[5:]) - right.palm(here[:5]) * [1, -1, 1]) < 12.0)

    eventually(mirrored, PATIENCE)
    eventually(lambda: np.abs(np.diff(body.space.read("icub/encoders").reshape(2, 5), axis=0)).max() < 2.0)
    assert body.space.read("motor/robot")["state"] == "connected"
    np.testing.assert_allclose(body.part("right_arm")[:5], [-30, 40, 20, 60, 0], atol=1.0)


def test_a_robot_that_has_no_such_limbs_is_renewed_without_them(
    joined_network: YarpNetwork, space: LocalSpace
) -> None:
    """Its arms are, and it is told what is missing."""
    joined_network.arms("/icub")
    options = {"renewed": ["head", "torso"]}
    space.run(Motor(driver="yarp", robot="icub", speed=30.0, options=options))
    becomes(space, "motor/robot", "connected")
    space.write("icub/renew", "all")
    eventually(lambda: (space.read("motor/robot") or {}).get("renewed", {}).get("missing") == ["head", "torso"])


def test_a_robot_that_is_not_there_is_not_renewed(joined_network: YarpNetwork, space: LocalSpace) -> None:
    """That is told, and nothing is tried later."""
    space.run(Motor(driver="yarp", robot="icub"))
    eventually(lambda: space.read("motor/robot"))
    space.write("icub/renew", "all")
    found = eventually(lambda: (space.read("motor/robot") or {}).get("renewed"))
    assert found == {"state": "refused", "why": "/icub is not connected: connecting"}


def test_a_real_robot_keeps_its_legs_still() -> None:
    """Unless they are named: it may stand on them. The joints of a posture belong to the motor itself."""
    assert list(limbs_of(("right_arm", "torso"), torso=True)) == ["right_arm"]
    assert limbs_of(("right_arm",), torso=False)["right_arm"][0] == list(range(5, 16))
    assert usual_limbs("/icub") == ("right_arm", "left_arm", "head", "torso")
    assert usual_limbs("/icubSim")[-2:] == ("right_leg", "left_leg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guided": "head"}, "option guided is 'head'; valid: right_arm, left_arm, or empty"),
        ({"renewed": ["tail"]}, "option renewed has 'tail'; valid: right_arm, left_arm, head, torso"),
    ],
)
def test_options_that_are_not(options: dict[str, Any], message: str) -> None:
    """The error names the value, and the valid ones."""
    with pytest.raises(ValueError, match=message):
        Options.read(options)
