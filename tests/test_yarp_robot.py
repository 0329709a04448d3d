"""Claims about the simulated iCub as a robot of YARP: real name servers, real clients, all of them processes."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from eventually import eventually
from program import PATIENCE, Program
from server_process import ServerProcess
from yarp_network import YarpNetwork

from agentspace.client import RemoteSpace
from models.icub import REST

pytestmark = pytest.mark.yarp

GOAL = np.array([-30.0, 30, 0, 90, 0, -60, 20, 10, 40, 0])
TARGET = "icub/target"

# What clients in processes of their own begin with: a part as every program of YARP opens it.
PART = """
import time
def open_part(part, local, robot="/icubSim"):
    options = yarp.Property()
    options.put("device", "remote_controlboard")
    options.put("remote", f"{robot}/{part}")
    options.put("local", local)
    driver = yarp.PolyDriver(options)
    if not driver.isValid():
        say("invalid")
        raise SystemExit
    return driver
def encoders(driver):
    view = driver.viewIEncoders()
    values = yarp.DVector(view.getAxes())
    while not view.getEncoders(values):
        time.sleep(0.001)
    return list(values)
def done(driver, joint):
    while not driver.viewIPositionControl().checkMotionDone():
        time.sleep(0.001)
    return encoders(driver)[joint]
"""


class Robot:
    """A simulated robot on a network of YARP and in a space, ended with the test."""

    def __init__(self, network: YarpNetwork, server: ServerProcess) -> None:
        self.network, self.server = network, server
        self.space: RemoteSpace = server.connect("watcher")
        self.processes: list[Program] = []

    def start(self, *parameters: str) -> Program:
        command = [
            sys.executable,
            "-m",
            "agentspace",
            "agent",
            "agents.simulator:Simulator",
            "yarp=true",
            "size=64",
        ]
        environment = self.network.environment | self.server.environment
        self.processes.append(Program([*command, *parameters], environment=environment))
        return self.processes[-1]

    def account(self, name: str = "icub/yarp") -> dict[str, Any]:
        return self.space.read(name) or {}

    def wait_for(self, state: str, name: str = "icub/yarp", timeout: float = PATIENCE) -> dict[str, Any]:
        """Waits until the robot tells of a state; gives its whole account."""
        eventually(lambda: str(self.account(name).get("state", "")).startswith(state), timeout)
        return self.account(name)

    def serve(self, *parameters: str) -> Program:
        process = self.start(*parameters)
        self.wait_for("serving")
        return process

    def client(self, code: str, *arguments: str) -> Program:
        return self.network.client(PART + code, *arguments)

    def encoders(self) -> np.ndarray:
        return np.asarray(self.space.read("icub/encoders"))

    def reaches(self, goal: np.ndarray, tolerance: float = 0.5) -> None:
        eventually(lambda: self.space.read("icub/encoders") is not None and near(self.encoders(), goal, tolerance))

    def close(self) -> None:
        self.space.close()
        for process in self.processes:
            if not process.ended:
                process.signal(signal.SIGCONT)
            process.close()


def near(values: np.ndarray, goal: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(values - goal).max() < tolerance)


@pytest.fixture
def robot(yarp_network: YarpNetwork) -> Iterator[Robot]:
    with ServerProcess() as server, contextlib.closing(Robot(yarp_network, server)) as robot:
        yield robot


def words(line: str) -> list[str]:
    return line.split()[1:]


def test_ancestors_program_reaches_its_target(robot: Robot) -> None:
    """The program that everybody writes first runs unchanged: open, move, look at the encoders until it is there."""
    robot.serve()
    program = robot.network.program(sys.executable, "-c", ANCESTOR)
    reached = [float(value) for value in words(program.expect("reached"))]
    assert program.wait() == 0
    np.testing.assert_allclose(reached, [-30.0, 30, 0, 45, 0], atol=1.0)
    robot.reaches(np.concatenate([[-30.0, 30, 0, 45, 0], REST[5:]]), 1.0)


ANCESTOR = """
import time
import yarp

yarp.Network.init()
options = yarp.Property()
options.put("device", "remote_controlboard")
options.put("local", "/client/right_arm")
options.put("remote", "/icubSim/right_arm")
robot = yarp.PolyDriver(options)
position = robot.viewIPositionControl()
encoders = robot.viewIEncoders()
joints = position.getAxes()
for joint in range(joints):
    position.setRefSpeed(joint, 60.0)
angles = yarp.DVector(joints)
while not encoders.getEncoders(angles):
    time.sleep(0.01)
target = yarp.DVector(joints)
for joint in range(joints):
    target[joint] = angles[joint]
for joint, angle in enumerate([-30.0, 30.0, 0.0, 45.0, 0.0]):
    target[joint] = angle
position.positionMove(target)
while max(abs(angles[joint] - target[joint]) for joint in range(joints)) > 1.0:
    encoders.getEncoders(angles)
    time.sleep(0.01)
print("reached", *list(angles)[:5], flush=True)
robot.close()
yarp.Network.fini()
"""


def test_every_part_has_its_joints_names_and_limits(robot: Robot) -> None:
    """What a client reads of each part is what the model has; all parts move, and stand where they were sent."""
    robot.serve("speed=200.0")
    client = robot.client(
        """
for part, joint, goal in (("right_arm", 3, 60.0), ("left_arm", 8, 40.0), ("head", 2, -30.0), ("torso", 0, 25.0)):
    driver = open_part(part, "/client/" + part)
    position, limits, axis = driver.viewIPositionControl(), driver.viewIControlLimits(), driver.viewIAxisInfo()
    low, high, fast = yarp.DVector(1), yarp.DVector(1), yarp.DVector(1)
    limits.getLimits(joint, low, high)
    limits.getVelLimits(joint, yarp.DVector(1), fast)
    position.setRefSpeed(joint, 100.0)
    position.positionMove(joint, goal)
    early = position.checkMotionDone()
    say(part, position.getAxes(), axis.getAxisName(joint), low[0], high[0], fast[0], early, round(done(driver, joint), 1))
    driver.close()
"""
    )
    assert words(client.expect("right_arm")) == "16 r_elbow 15.0 106.0 200.0 False 60.0".split()
    assert words(client.expect("left_arm")) == "16 l_thumb_oppose 0.0 90.0 200.0 False 40.0".split()
    assert words(client.expect("head")) == "6 neck_yaw -50.0 50.0 200.0 False -30.0".split()
    assert words(client.expect("torso")) == "3 torso_yaw -50.0 50.0 200.0 False 25.0".split()


def test_motion_takes_its_time_and_is_done_only_at_the_target(robot: Robot) -> None:
    """40 degrees at 20 degrees per second take 2 s; targets outside are clipped; a stopped joint holds."""
    robot.serve()
    client = robot.client(
        """
arm = open_part("right_arm", "/client")
position = arm.viewIPositionControl()
position.setRefSpeed(3, 20.0)
start = time.monotonic()
position.positionMove(3, 90.0)
say("moved", done(arm, 3), time.monotonic() - start)
position.setRefSpeed(3, 90.0)
position.positionMove(3, 1e6)
say("clipped", done(arm, 3))
position.positionMove(3, 20.0)
while encoders(arm)[3] > 80.0: pass
position.stop(3)
say("stopped", done(arm, 3))
"""
    )
    angle, seconds = map(float, words(client.expect("moved")))
    assert (angle, seconds) == (pytest.approx(90.0, abs=0.3), pytest.approx(2.0, abs=0.5))
    assert float(words(client.expect("clipped"))[0]) == pytest.approx(106.0, abs=0.3)
    assert 40.0 < float(words(client.expect("stopped"))[0]) < 80.5


def test_modes_streams_and_stamps(robot: Robot) -> None:
    """Position direct and velocity are obeyed in their modes and refused in others; the encoders have a time stamp."""
    robot.serve()
    client = robot.client(
        """
arm = open_part("left_arm", "/client")
position, direct, velocity = arm.viewIPositionControl(), arm.viewIPositionDirect(), arm.viewIVelocityControl()
modes, timed = arm.viewIControlMode(), arm.viewIEncodersTimed()
encoders(arm)
modes.setControlMode(0, yarp.VOCAB_CM_POSITION_DIRECT)
say("refused", position.positionMove(0, -40.0))
angle = -80.0
while angle < -40.0:
    angle += 0.5
    direct.setPosition(0, angle)
    time.sleep(0.01)
while abs(encoders(arm)[0] + 40.0) > 0.3: pass
say("streamed", modes.getControlMode(0) == yarp.VOCAB_CM_POSITION_DIRECT)
modes.setControlMode(3, yarp.VOCAB_CM_VELOCITY)
velocity.velocityMove(3, 30.0)
start = time.monotonic()
while encoders(arm)[3] < 80.0: pass
say("ran", time.monotonic() - start)
velocity.velocityMove(3, 0.0)
values, stamps = yarp.DVector(16), yarp.DVector(16)
timed.getEncodersTimed(values, stamps)
first = stamps[0]
while stamps[0] == first: timed.getEncodersTimed(values, stamps)
say("age", time.time() - stamps[0], stamps[0] - first)
"""
    )
    assert words(client.expect("refused")) == ["False"]
    assert words(client.expect("streamed")) == ["True"]
    assert float(words(client.expect("ran"))[0]) == pytest.approx(1.0, abs=0.4)
    age, period = map(float, words(client.expect("age")))
    assert 0.0 <= age < 0.3
    assert 0.005 < period < 0.3
    assert robot.account()["refusals"] == {"left_arm": "the mode is posd; valid for this: pos, mix"}


def test_remapper_rpc_and_read_find_a_robot(robot: Robot) -> None:
    """remotecontrolboardremapper joins joints of two parts; `yarp rpc` and `yarp read` talk to it by hand."""
    robot.serve("speed=200.0")
    remapper = robot.client(
        """
options = yarp.Property()
options.put("device", "remotecontrolboardremapper")
axes, boards = yarp.Bottle(), yarp.Bottle()
options.addGroup
options.fromString("(device remotecontrolboardremapper) (axesNames (torso_yaw r_elbow l_elbow)) "
    "(remoteControlBoards (/icubSim/torso /icubSim/right_arm /icubSim/left_arm)) (localPortPrefix /remapped)")
driver = yarp.PolyDriver(options)
say("axes", driver.viewIPositionControl().getAxes())
position = driver.viewIPositionControl()
for joint, angle in enumerate((20.0, 60.0, 70.0)):
    position.setRefSpeed(joint, 100.0)
    position.positionMove(joint, angle)
while not position.checkMotionDone(): time.sleep(0.001)
say("there", *[round(value) for value in encoders(driver)])
"""
    )
    assert words(remapper.expect("axes")) == ["3"]
    assert words(remapper.expect("there")) == ["20", "60", "70"]
    reply = robot.network.run("yarp", "rpc", "/icubSim/torso/rpc:i", text="get enc 0")
    assert reply.startswith("Response: [is] [enc] 20.")
    assert "[fail]" in robot.network.run("yarp", "rpc", "/icubSim/torso/rpc:i", text="get enc 9")
    reader = robot.network.tool("yarp", "read", "/read", "/icubSim/torso/state:o")
    assert float(reader.expect("20.").split()[0]) == pytest.approx(20.0, abs=0.1)
    robot.reaches(np.where(np.arange(10) % 5 == 3, [0, 0, 0, 60, 0, 0, 0, 0, 70, 0], REST))


def test_cameras_show_what_the_slot_shows(robot: Robot) -> None:
    """The picture at /icubSim/cam is that of the slot; the eyes see; an unmodified grabber takes them."""
    robot.serve("noise=0.0")
    client = robot.client(
        """
for name in ("/icubSim/cam", "/icubSim/cam/left", "/icubSim/cam/right"):
    port = yarp.BufferedPortImageRgb()
    port.open("/look" + name)
    yarp.Network.connect(name, "/look" + name)
    image = port.read(True)
    stamp = yarp.Stamp()
    port.getEnvelope(stamp)
    pixels = [image.pixel(x, y).r for x in (5, 32, 60) for y in (5, 32, 60)]
    say("saw", name, image.width(), image.height(), time.time() - stamp.getTime(), *pixels)
"""
    )
    for name in ("/icubSim/cam", "/icubSim/cam/left", "/icubSim/cam/right"):
        said, width, height, age, *pixels = words(client.expect("saw"))
        assert (said, width, height) == (name, "64", "64")
        assert 0.0 <= float(age) < 0.5
        if name == "/icubSim/cam":
            view = robot.space.read("icub/view")
            assert [int(pixel) for pixel in pixels] == [
                int(view[y, x, 0]) for x in (5, 32, 60) for y in (5, 32, 60)
            ]
    grabber = [
        "--subdevice",
        "remote_grabber",
        "--remote",
        "/icubSim/cam",
        "--local",
        "/grabber",
        "--name",
        "/again",
    ]
    robot.network.tool("yarpdev", "--device", "frameGrabber_nws_yarp", *grabber)
    again = robot.client(
        """
port = yarp.BufferedPortImageRgb()
port.open("/look/again")
while not yarp.Network.connect("/again", "/look/again"): time.sleep(0.05)
image = port.read(True)
say("grabbed", image.width(), image.height())
"""
    )
    assert words(again.expect("grabbed")) == ["64", "64"]


def test_slots_and_clients_take_turns(robot: Robot) -> None:
    """Whoever commands last leads; None in the slot is an emergency stop for clients of YARP, until it is gone."""
    robot.serve("speed=200.0")
    client = robot.client(
        """
HELD = yarp.VOCAB_CM_HW_FAULT
arm = open_part("right_arm", "/client")
position = arm.viewIPositionControl()
position.setRefSpeed(3, 200.0)
encoders(arm)
while (angle := wait()) != "end":
    say("moved", position.positionMove(3, float(angle)), arm.viewIControlMode().getControlMode(3) == HELD)
"""
    )
    goal = GOAL.copy()
    robot.space.write(TARGET, goal)
    robot.reaches(goal)
    for angle in (50.0, 80.0):
        client.say(str(angle))
        assert words(client.expect("moved")) == ["True", "False"]
        goal[3] = angle
        robot.reaches(goal)
    robot.space.write(TARGET, GOAL)
    robot.reaches(GOAL)
    robot.space.write(TARGET, None, priority=1e6)
    eventually(lambda: moved(client, "20.0") == ["False", "True"])
    stood = robot.encoders()
    assert moved(client, "30.0") == ["False", "True"]
    np.testing.assert_allclose(robot.encoders(), stood, atol=0.1)
    eventually(lambda: "emergency stop" in robot.account()["refusals"].get("right_arm", ""))
    robot.space.delete(TARGET, priority=1e6)
    eventually(lambda: moved(client, "70.0") == ["True", "False"])
    robot.reaches(np.concatenate([GOAL[:3], [70.0], GOAL[4:]]))


def moved(client: Program, angle: str) -> list[str]:
    """Whether a move was taken, and whether the joint says that it has a fault."""
    client.say(angle)
    return words(client.expect("moved"))


STREAM = """
arm = open_part("right_arm", "/client/" + sys.argv[1])
view, values = arm.viewIEncodersTimed(), yarp.DVector(16)
stamps = yarp.DVector(16)
port = yarp.BufferedPortImageRgb()
port.open("/look/" + sys.argv[1])
yarp.Network.connect("/icubSim/cam", "/look/" + sys.argv[1])
say("ready")
while wait() != "end":
    longest, seen, last, end = 0.0, set(), time.monotonic(), time.monotonic() + 2.0
    while time.monotonic() < end:
        view.getEncodersTimed(values, stamps)
        if stamps[0] not in seen:
            seen.add(stamps[0])
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        time.sleep(0.001)
    say("rate", len(seen) / 2.0, longest, arm.viewIPositionControl().setRefSpeed(0, 20.0))
"""


@pytest.mark.slow
def test_stalled_client_disturbs_nobody(robot: Robot) -> None:
    """Three clients at once; two are stopped in the middle: the third, the slots and the pictures go on as before."""
    robot.serve()
    clients = [robot.client(STREAM, str(number)) for number in range(3)]
    for client in clients:
        client.expect("ready")
    eventually(lambda: robot.account()["clients"]["right_arm"] == 3)
    before = rate(clients[0])
    for client in clients[1:]:
        client.signal(signal.SIGSTOP)
    picture = robot.space.entry("icub/view")
    assert rate(clients[0]) > 0.6 * before
    assert rate(clients[0]) > 0.6 * before  # also when the buffers of the stopped ones are full
    now = robot.space.entry("icub/view")
    assert now.revision - picture.revision > 0.5 * 4.0 * 30.0 * 0.6
    for client in clients[1:]:
        client.signal(signal.SIGCONT)
    assert rate(clients[1]) > 0.5 * before
    clients[2].signal(signal.SIGSTOP)
    process = robot.processes[0]
    process.signal(signal.SIGTERM)
    assert process.wait(10.0) == 0


def rate(client: Program) -> float:
    """States per second that a client gets; none of them comes late, and its requests are answered."""
    client.say("go")
    per_second, longest, answered = words(client.expect("rate"))
    assert float(longest) < 0.5
    assert answered == "True"
    return float(per_second)
