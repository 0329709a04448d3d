"""The motor drives an iCub over real YARP, and tells within a second what goes wrong: robot, names, processes."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from agents.body.drivers import Job
from agents.body.drivers.yarp_icub import CAREFUL, Options, YarpDriver
from agents.motor import Motor
from agentspace import LocalSpace
from agentspace.agent.runner import Runner
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program, command_of, send
from tests.support.recording import recording
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.states import PATIENCE
from tests.support.yarp.stub_arm import LIMITS, REST

pytestmark = pytest.mark.yarp

SOON = 1.0  # seconds in which a failure must be told
GOAL = np.array([-60.0, 60, 10, 70, -20, -50, 20, 20, 40, 30])


class Setup:
    """A space with a motor that drives a robot on a network; each of them can be had anew."""

    def __init__(self, network: YarpNetwork, space: LocalSpace) -> None:
        self.network = network
        self.space = space
        self.robot: Program | None = None
        self.motor: Runner | None = None

    def start_robot(self, name: str = "/icubSim") -> Program:
        self.robot = self.network.arms(name)
        return self.robot

    def start_motor(self, role: str = "motor", **values: Any) -> Runner:
        options = {"rate": 100.0, **values.pop("options", {})}
        settings = {"driver": "yarp", "robot": "/icubSim", "speed": 200.0, "rate": 60.0, **values}
        return self.space.run(Motor(options=options, **settings), role)

    def status(self, slot: str = "motor/robot") -> dict[str, Any]:
        found = self.space.read(slot)
        return {} if found is None else found

    def becomes(self, state: str, within: float = PATIENCE, error: str = "", slot: str = "motor/robot") -> None:
        eventually(lambda: (found := self.status(slot)).get("state") == state and error in found["error"], within)

    def here(self) -> np.ndarray | None:
        return self.space.read("icub/encoders")

    def is_at(self, goal: np.ndarray) -> bool:
        """Asks for a posture again, and looks whether it is reached."""
        self.space.write("joints", goal)
        here = self.here()
        return here is not None and bool(np.abs(here - goal).max() < 0.5)

    def helpers(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process().children(recursive=True)
            if any("agents.yarp.client" in word for word in command_of(child))
        ]


@pytest.fixture
def setup(joined_network: YarpNetwork) -> Iterator[Setup]:
    """Nothing runs yet but a name server and a space."""
    with LocalSpace() as space:
        made = Setup(joined_network, space)
        yield made
    assert made.helpers() == []


@pytest.fixture
def driven(setup: Setup) -> Setup:
    """A robot that is driven."""
    setup.start_robot()
    setup.start_motor()
    setup.becomes("connected")
    eventually(lambda: setup.is_at(GOAL), PATIENCE)
    return setup


# --- driving


@pytest.mark.alone
@pytest.mark.parametrize("control", ["direct", "position"])
def test_drives_both_arms_to_a_posture(setup: Setup, control: str) -> None:
    """Limits, encoders with their stamp, and the status are in slots; the robot goes where the target says."""
    robot = setup.start_robot()
    setup.start_motor(options={"control": control})
    setup.becomes("connected")
    np.testing.assert_array_equal(setup.space.read("icub/limits"), LIMITS + LIMITS)
    eventually(lambda: setup.here() is not None)
    np.testing.assert_allclose(setup.here(), REST + REST)
    eventually(lambda: setup.is_at(GOAL), PATIENCE)
    eventually(lambda: np.allclose(setup.space.read("motor/command"), GOAL), PATIENCE)  # it is near before
    entry = setup.space.entry("icub/encoders")
    assert entry is not None
    assert entry.time_left is not None
    assert 0.0 < entry.time_left <= 0.5
    assert np.abs(setup.space.read("icub/stamp") - time.time()).max() < 1.0
    eventually(lambda: setup.status()["done"] is True)
    assert setup.status()["encoder_age"] < 0.25
    assert not [line for line in robot.lines if line.startswith("jump")]


def test_commands_only_the_joints_of_a_posture(driven: Setup) -> None:
    """Of the sixteen joints of an arm only the first five are ever commanded."""
    assert driven.robot is not None
    commanded = {tuple(line.split()[1:]) for line in driven.robot.lines if line.startswith("commanded")}
    assert commanded == {
        (f"/icubSim/{part}", str(joint)) for part in ("right_arm", "left_arm") for joint in range(5)
    }


def test_keeps_within_the_limits_of_the_robot(driven: Setup) -> None:
    """What is asked beyond the limits that the robot has told is clamped, which is said in a slot."""
    low, high = np.array(LIMITS + LIMITS).T
    for asked, given in ((high + 40.0, high), (low - 500.0, low)):

        def clamped(asked: np.ndarray = asked, given: np.ndarray = given) -> bool:
            driven.is_at(asked)
            return np.allclose(driven.here(), given)

        eventually(clamped, PATIENCE)
    assert driven.space.read("motor/clamped")[0]["given"] == low[0]


@pytest.mark.alone
@pytest.mark.parametrize("control", ["direct", "position"])
def test_moves_at_its_speed(setup: Setup, control: str) -> None:
    """Forty degrees at forty degrees per second take a second, by a reference speed or by streaming."""
    setup.start_robot()
    setup.start_motor(speed=40.0, options={"control": control})
    setup.becomes("connected")
    eventually(lambda: setup.here() is not None)
    goal = np.array(REST + REST) + np.array([0.0, 40, 0, 0, 0] * 2)
    began = time.monotonic()
    eventually(lambda: setup.is_at(goal), PATIENCE)
    assert 0.9 < time.monotonic() - began < 4.0


@pytest.mark.parametrize("control", ["direct", "position"])
def test_a_real_robot_is_slow_unless_told_otherwise(setup: Setup, control: str) -> None:
    """Any robot but the simulated one is careful, whatever the motor was told: 60 degrees take two seconds."""
    setup.start_robot("/icub")
    setup.start_motor(robot="icub", speed=500.0, options={"control": control})
    setup.becomes("connected")
    goal = np.array(REST + REST) + np.array([0.0, 2 * CAREFUL, 0, 0, 0] * 2)
    eventually(lambda: setup.here() is not None)
    began = time.monotonic()
    eventually(lambda: setup.is_at(goal), PATIENCE)
    assert time.monotonic() - began > 1.9


# --- the robot


@pytest.mark.alone
@pytest.mark.parametrize("control", ["direct", "position"])
def test_a_robot_that_is_killed(setup: Setup, control: str, caplog: pytest.LogCaptureFixture) -> None:
    """Is told as lost within a second, never as done; the new one is driven, and from where it is."""
    setup.start_robot()
    setup.start_motor(options={"control": control})
    setup.becomes("connected")
    eventually(lambda: setup.is_at(GOAL), PATIENCE)
    assert setup.robot is not None
    setup.robot.kill()
    with recording(setup.space, "motor/robot") as told:
        setup.becomes("lost", SOON, "was killed, or has ended")
        eventually(lambda: setup.space.read("motor/state") == "waiting", SOON)
        eventually(lambda: setup.here() is None, SOON)
        assert re.search(r"lost: /icubSim/(right|left)_arm/rpc:i", caplog.text)
        robot = setup.start_robot()
        setup.becomes("connected")
        assert all(entry.value["done"] is None for entry in told if entry.value["state"] == "lost")
    eventually(lambda: setup.is_at(GOAL), PATIENCE)
    assert not [line for line in robot.lines if line.startswith("jump")]


@pytest.mark.alone
def test_a_robot_that_hangs(driven: Setup) -> None:
    """Is told as lost within a second; the motor goes on, and drives it again when it is back."""
    assert driven.robot is not None
    driven.robot.signal(signal.SIGSTOP)
    driven.becomes("lost", SOON, "does not answer: its process is stopped, or hangs")
    eventually(lambda: driven.status()["starts"] > 2, PATIENCE)  # it tries, and is not blocked
    assert driven.space.read("motor/state") == "waiting"
    driven.robot.signal(signal.SIGCONT)
    driven.becomes("connected")
    eventually(lambda: driven.is_at(GOAL), PATIENCE)


def test_a_motor_stops_in_time_while_its_robot_hangs(setup: Setup) -> None:
    """Neither closing nor a command that is under way keeps the agent from ending."""
    setup.start_robot()
    motor = setup.start_motor(options={"control": "position"})
    setup.becomes("connected")
    eventually(lambda: setup.here() is not None)
    assert setup.robot is not None
    setup.robot.signal(signal.SIGSTOP)
    setup.space.write("joints", GOAL)
    motor.stop()
    eventually(lambda: setup.space.read("_/roles/motor")["state"] == "stopped", 3.0)


@pytest.mark.alone
def test_a_robot_that_falls_silent(driven: Setup) -> None:
    """One that answers but says no states any more is lost as well."""
    assert driven.robot is not None
    driven.robot.say("mute")
    driven.becomes("lost", SOON, "says no joint angles any more")


@pytest.mark.alone
def test_a_robot_in_a_fault_is_not_commanded(driven: Setup) -> None:
    """When joints leave their control mode, by the emergency button say, it is told and they are left alone."""
    assert driven.robot is not None
    driven.robot.say("mode hwf")
    driven.becomes("fault", SOON, "control mode hwf, not posd")
    driven.space.write("joints", GOAL + 5.0)
    eventually(lambda: driven.space.read("motor/state") == "waiting", SOON)
    np.testing.assert_allclose(driven.here(), GOAL, atol=0.5)
    driven.robot.say("mode posd")
    driven.becomes("connected")
    eventually(lambda: driven.is_at(GOAL + 5.0), PATIENCE)
    assert not [line for line in driven.robot.lines if line.startswith("jump")]


@pytest.mark.alone
def test_a_fault_is_respected_by_the_next_helper(driven: Setup) -> None:
    """Joints that were switched off are not switched on because something else fails as well."""
    assert driven.robot is not None
    driven.robot.say("mode idl")
    driven.becomes("fault", SOON, "control mode idl, not posd")
    (helper,) = driven.helpers()
    helper.kill()
    driven.becomes("lost", SOON)
    driven.becomes("fault", PATIENCE, "control mode idl, not posd")
    driven.space.write("joints", GOAL + 5.0)
    eventually(lambda: driven.here() is not None, PATIENCE)  # the new helper reads the encoders again
    np.testing.assert_allclose(driven.here(), GOAL, atol=0.5)
    driven.robot.say("mode posd")
    driven.becomes("connected")


def test_a_robot_without_limits_is_not_driven(setup: Setup) -> None:
    """YARP's fake motors know no limits: nothing could keep the arms from harm, so they are refused."""
    for part in ("right_arm", "left_arm"):
        axes = " ".join(f"joint{number}" for number in range(16))
        device = f"device controlboardwrapper2\nsubdevice fakeMotionControl\nname /icubSim/{part}\nperiod 20\n"
        file = setup.network.folder / f"{part}.ini"
        file.write_text(f"{device}[GENERAL]\nJoints 16\nAxisName {axes}\n")
        setup.network.tool("yarpdev", "--from", str(file))
    setup.start_motor()
    setup.becomes("connecting", PATIENCE, "says no limits of joint 0")


# --- the name server


def test_no_name_server(setup: Setup) -> None:
    """Is told; the robot is found when both are there."""
    setup.network.kill()
    setup.start_motor()
    setup.becomes("connecting", PATIENCE, "there is no name server")
    setup.network.start()
    setup.becomes("connecting", PATIENCE, "knows no /icubSim/right_arm/rpc:i: does the robot run?")
    setup.start_robot()
    setup.becomes("connected")


def test_no_configuration(setup: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any yarp.conf YARP would open ports that nobody finds: it is told how to get one."""
    monkeypatch.setenv("YARP_CONFIG_HOME", str(tmp_path))
    setup.start_motor()
    setup.becomes("connecting", PATIENCE, "there is no yarp.conf: run `yarp conf")


def test_a_folder_called_yarp_is_not_taken_for_the_module(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a working directory with a package of that name, it is told what hides YARP."""
    (tmp_path / "yarp").mkdir()
    (tmp_path / "yarp" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    setup.start_motor()
    setup.becomes("connecting", PATIENCE, "or a folder called yarp hides it")


@pytest.mark.alone
def test_a_name_server_that_is_killed_and_restarted(driven: Setup) -> None:
    """The robot is driven on, and what is wrong is told; the robot that is found after it is a new one."""
    driven.network.kill()
    eventually(lambda: "there is no name server" in driven.status()["network"], SOON)
    eventually(lambda: driven.is_at(GOAL - 5.0), PATIENCE)
    driven.network.start()
    eventually(lambda: "knows no /icubSim/right_arm/rpc:i" in driven.status()["network"], SOON)
    eventually(lambda: driven.is_at(GOAL), PATIENCE)
    assert driven.status()["state"] == "connected"
    assert driven.robot is not None
    driven.robot.kill()
    driven.becomes("lost", SOON, "name server")
    driven.start_robot()
    driven.becomes("connected")
    assert driven.status()["network"] == ""


@pytest.mark.alone
def test_a_name_server_that_hangs(driven: Setup) -> None:
    """The robot is driven on and it is told; whoever wants to connect meanwhile waits without being blocked."""
    assert driven.network.server is not None
    driven.network.server.signal(signal.SIGSTOP)
    eventually(lambda: "does not answer: its process is stopped" in driven.status()["network"], SOON)
    eventually(lambda: driven.is_at(GOAL - 5.0), PATIENCE)
    driven.start_motor("second", robot_state="second/robot", state="second/state", joints="second/joints")
    driven.becomes("connecting", PATIENCE, "does not answer: its process is stopped", "second/robot")
    driven.network.server.signal(signal.SIGCONT)
    eventually(lambda: driven.status()["network"] == "", SOON)
    driven.becomes("connected", slot="second/robot")


def test_two_clients_with_one_name(setup: Setup) -> None:
    """The second is told, and the first goes on; when that has gone, the second gets the robot."""
    setup.start_robot()
    first = setup.start_motor(options={"local": "/agentspace/one"})
    setup.becomes("connected")
    names = {"robot_state": "second/robot", "state": "second/state", "joints": "second/joints"}
    setup.start_motor("second", options={"local": "/agentspace/one"}, **names)
    taken = "the name /agentspace/one/right_arm/rpc:o is taken by another program"
    setup.becomes("connecting", PATIENCE, taken, "second/robot")
    eventually(lambda: setup.is_at(GOAL), PATIENCE)
    first.stop()
    setup.becomes("connected", slot="second/robot")


def test_port_numbers_that_are_in_use(setup: Setup) -> None:
    """A restarted name server gives out numbers that somebody uses; the motor gets hold of others."""
    setup.start_robot()
    first = setup.network.port + 2  # what name servers give out begins there
    used = 0
    with contextlib.ExitStack() as stack:
        for number in range(first, first + 20, 2):
            taken = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                taken.bind(("", number))
                taken.listen()
                used += 1
        assert used > 4
        setup.start_motor()
        setup.becomes("connected")
        eventually(lambda: setup.is_at(GOAL), PATIENCE)
    names = re.findall(r"/agentspace\S+", setup.network.run("yarp", "name", "list"))
    assert len(names) == 6


# --- the processes of the motor


@pytest.mark.alone
def test_a_helper_that_is_killed(driven: Setup) -> None:
    """The robot is lost for a moment, and taken again under the same name."""
    (helper,) = driven.helpers()
    helper.kill()
    driven.becomes("lost", SOON, "the helper ended")
    driven.becomes("connected")
    eventually(lambda: driven.is_at(GOAL), PATIENCE)


@pytest.mark.alone
def test_a_helper_that_hangs(driven: Setup) -> None:
    """Is killed, counted, and told within a second; its successor takes the robot."""
    (helper,) = driven.helpers()
    send(helper.pid, signal.SIGSTOP)
    driven.becomes("lost", SOON + 0.2, "was silent for 0.8 s while ")  # it may be at anything just then
    driven.becomes("connected")
    assert driven.status()["killed"] == 1


MOTOR = """
import sys
from agents.motor import Motor
from agentspace import LocalSpace
from tests.support.eventually import eventually
with LocalSpace() as space:
    space.run(Motor(driver="yarp", robot="/icubSim", speed=20.0, patience=60.0, options={"control": "position"}))
    eventually(lambda: (found := space.read("motor/robot")) and found["state"] == "connected", 30)
    print("connected", flush=True)
    space.write("joints", [-60.0, 60, 10, 70, -20, -50, 20, 20, 40, 30])
    sys.stdin.readline()
"""


def test_a_motor_that_is_killed(setup: Setup) -> None:
    """Its helper notices, stops the arms on their way, and is gone; the next motor finds them at rest."""
    setup.start_robot()
    program = Program([sys.executable, "-c", MOTOR], ROOT)
    with program as motor:
        motor.expect("connected")
        (helper,) = psutil.Process(motor.pid).children()
        eventually(lambda: setup.robot is not None and any(" 4" in line for line in setup.robot.lines))
        motor.kill()
        eventually(lambda: not helper.is_running(), 3.0)
    setup.start_motor()
    setup.becomes("connected")
    eventually(lambda: setup.here() is not None)
    here = setup.here()
    assert here is not None
    assert np.abs(here - GOAL).max() > 5.0


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contol": "direct"}, r"no option 'contol'; valid: parts, control, rate"),
        ({"control": "velocity"}, "control is 'velocity'; valid: direct, position"),
        ({"parts": ["right_arm"]}, r"parts is \['right_arm'\], not the names"),
        ({"rate": 0.0}, "rate is 0.0; valid are 1 to 1000"),
        ({"ceiling": -1.0}, "ceiling is -1.0"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    """The error says what is wrong and what is valid."""
    with pytest.raises(ValueError, match=message):
        Options.read(options)


def test_a_driver_that_was_never_opened_can_be_closed() -> None:
    """Nothing is started by making it."""
    with LocalSpace() as space:
        motor = Motor()
        motor.bind(space.join("motor"), logging.getLogger(), Path())
        YarpDriver(Job(motor, "/icubSim")).close()


# --- the emergency stop


@pytest.mark.alone
@pytest.mark.parametrize("control", ["direct", "position"])
def test_an_emergency_stop_holds_the_robot_where_it_is(setup: Setup, control: str) -> None:
    """None with a high priority stops a robot on its way, which then takes no targets until it is released."""
    setup.start_robot()
    setup.start_motor(speed=20.0, options={"control": control})
    setup.becomes("connected")
    eventually(lambda: setup.here() is not None)
    goal = np.array(REST + REST) + np.array([0.0, 60, 0, 0, 0] * 2)
    eventually(lambda: setup.is_at(goal) or setup.here()[1] > REST[1] + 5.0, PATIENCE)
    setup.space.write("joints", None, priority=1e6)
    eventually(lambda: setup.space.read("motor/state") == "hold", SOON)
    stopped = _rest_of(setup)
    assert stopped[1] < REST[1] + 30.0
    assert not setup.space.write("joints", goal)
    setup.space.delete("joints", priority=1e6)
    eventually(lambda: setup.is_at(goal), PATIENCE)


def _rest_of(setup: Setup) -> np.ndarray:
    """Where the robot stands, once it has not moved for a fifth of a second."""
    found: list[np.ndarray] = []

    def rests() -> bool:
        before, stamp = setup.here(), setup.space.read("icub/stamp")
        eventually(lambda: setup.space.read("icub/stamp")[0] > stamp[0] + 0.2)
        here = setup.here()
        if before is None or here is None or not np.array_equal(before, here):
            return False
        found.append(here)
        return True

    eventually(rests, PATIENCE)
    return found[0]
