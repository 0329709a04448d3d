"""Claims about the simulated iCub as a robot of YARP: real name servers, real clients, all of them processes."""

from __future__ import annotations

import signal
import sys

import numpy as np
import pytest

from models.icub.simulator import REST
from tests.support.eventually import eventually
from tests.support.page import fences
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.yarp.robot import YarpRobotProcess, words

pytestmark = pytest.mark.yarp

GOAL = np.array([-30.0, 30, 0, 90, 0, -60, 20, 10, 40, 0])
TARGET = "icub/target"


def test_ancestors_program_reaches_its_target(yarp_robot: YarpRobotProcess) -> None:
    """The program that everybody writes first, as the docs have it: open, move, get encoders until it is there."""
    yarp_robot.serve()
    (code,) = [fence.text for fence in fences(ROOT / "docs" / "robots" / "yarp.md") if fence.language == "py"]
    program = yarp_robot.network.program(sys.executable, "-c", code)
    reached = [float(value) for value in words(program.expect("reached"))]
    assert program.wait() == 0
    np.testing.assert_allclose(reached, [-30.0, 30, 0, 45, 0], atol=1.0)
    yarp_robot.reaches(np.concatenate([[-30.0, 30, 0, 45, 0], REST[5:]]), 1.0)


@pytest.mark.alone
def test_every_part_has_its_joints_names_and_limits(yarp_robot: YarpRobotProcess) -> None:
    """What a client reads of each part is what the model has; all parts move, and stand where they were sent."""
    yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(
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
    done(driver, joint)
    while abs(encoders(driver)[joint] - goal) > 0.5:  # their stream may be a message behind the answer
        time.sleep(0.001)
    say(part, position.getAxes(), axis.getAxisName(joint), low[0], high[0], fast[0], early, goal)
    driver.close()
"""
    )
    assert client.expect("right_arm") == "right_arm 16 r_elbow 15.0 106.0 200.0 False 60.0"
    assert client.expect("left_arm") == "left_arm 16 l_thumb_oppose 0.0 90.0 200.0 False 40.0"
    assert client.expect("head") == "head 6 neck_yaw -50.0 50.0 200.0 False -30.0"
    assert client.expect("torso") == "torso 3 torso_yaw -50.0 50.0 200.0 False 25.0"


@pytest.mark.alone
def test_motion_takes_its_time_and_is_done_only_at_the_target(yarp_robot: YarpRobotProcess) -> None:
    """40 degrees at 20 degrees per second take 2 s; targets outside are clipped; a stopped joint holds."""
    yarp_robot.serve()
    client = yarp_robot.client(
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


@pytest.mark.alone
def test_modes_streams_and_stamps(yarp_robot: YarpRobotProcess) -> None:
    """Position direct and velocity are obeyed in their modes, refused in others; encoders have a time stamp."""
    yarp_robot.serve()
    client = yarp_robot.client(
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
    assert yarp_robot.account()["refusals"] == {"left_arm": "the mode is posd; valid for this: pos, mix"}


def test_remapper_rpc_and_read_find_a_robot(yarp_robot: YarpRobotProcess) -> None:
    """remotecontrolboardremapper joins joints of two parts; `yarp rpc` and `yarp read` talk to it by hand."""
    yarp_robot.serve("speed=200.0")
    remapper = yarp_robot.client(
        """
options = yarp.Property()
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
    reply = yarp_robot.network.run("yarp", "rpc", "/icubSim/torso/rpc:i", text="get enc 0").split()
    assert reply[:3] == ["Response:", "[is]", "[enc]"]
    assert float(reply[3]) == pytest.approx(20.0, abs=0.3)
    assert "[fail]" in yarp_robot.network.run("yarp", "rpc", "/icubSim/torso/rpc:i", text="get enc 9")
    reader = yarp_robot.network.tool("yarp", "read", "/read", "/icubSim/torso/state:o")
    eventually(lambda: any(len(line.split()) == 3 for line in reader.lines))
    assert float(reader.lines[-1].split()[0]) == pytest.approx(20.0, abs=0.3)
    yarp_robot.reaches(np.where(np.arange(10) % 5 == 3, [0, 0, 0, 60, 0, 0, 0, 0, 70, 0], REST))


def test_cameras_show_what_the_slot_shows(yarp_robot: YarpRobotProcess) -> None:
    """At /icubSim/view is the picture of the slot; cameras have 320x240; an unmodified grabber takes them."""
    yarp_robot.serve("noise=0.0")
    client = yarp_robot.client(
        """
for name in ("/icubSim/view", "/icubSim/cam", "/icubSim/cam/left", "/icubSim/cam/right"):
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
    for name in ("/icubSim/view", "/icubSim/cam", "/icubSim/cam/left", "/icubSim/cam/right"):
        said, width, height, age, *pixels = words(client.expect("saw"))
        square = name == "/icubSim/view"
        assert (said, width, height) == (name, *(("64", "64") if square else ("320", "240")))
        assert 0.0 <= float(age) < 0.5
        if square:
            view = yarp_robot.space.read("icub/view")
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
    yarp_robot.network.tool("yarpdev", "--device", "frameGrabber_nws_yarp", *grabber)
    again = yarp_robot.client(
        """
port = yarp.BufferedPortImageRgb()
port.open("/look/again")
while not yarp.Network.connect("/again", "/look/again"): time.sleep(0.05)
image = port.read(True)
say("grabbed", image.width(), image.height())
"""
    )
    assert words(again.expect("grabbed")) == ["320", "240"]


def test_slots_and_clients_take_turns(yarp_robot: YarpRobotProcess) -> None:
    """Whoever commands last leads; None in the slot is an emergency stop for clients of YARP, until it is gone."""
    yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(
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
    yarp_robot.space.write(TARGET, goal)
    yarp_robot.reaches(goal)
    for angle in (50.0, 80.0):
        client.say(str(angle))
        assert words(client.expect("moved")) == ["True", "False"]
        goal[3] = angle
        yarp_robot.reaches(goal)
    yarp_robot.space.write(TARGET, GOAL)
    yarp_robot.reaches(GOAL)
    yarp_robot.space.write(TARGET, None, priority=1e6)
    eventually(lambda: moved(client, "20.0") == ["False", "True"])
    stood = yarp_robot.encoders()
    assert moved(client, "30.0") == ["False", "True"]
    np.testing.assert_allclose(yarp_robot.encoders(), stood, atol=1.0)  # it has just stopped, and settles
    eventually(lambda: "emergency stop" in yarp_robot.account()["refusals"].get("right_arm", ""))
    yarp_robot.space.delete(TARGET, priority=1e6)
    eventually(lambda: moved(client, "70.0") == ["True", "False"])
    yarp_robot.reaches(np.concatenate([GOAL[:3], [70.0], GOAL[4:]]))


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


@pytest.mark.alone
def test_stalled_client_disturbs_nobody(yarp_robot: YarpRobotProcess) -> None:
    """Three clients at once; two are stopped in the middle: the third, the slots and the pictures go on."""
    yarp_robot.serve()
    clients = [yarp_robot.client(STREAM, str(number)) for number in range(3)]
    for client in clients:
        client.expect("ready")
    eventually(lambda: yarp_robot.account()["clients"]["right_arm"] == 3)
    before = rate(clients[0])
    for client in clients[1:]:
        client.signal(signal.SIGSTOP)
    picture = yarp_robot.space.entry("icub/view")
    assert rate(clients[0]) > 0.6 * before
    assert rate(clients[0]) > 0.6 * before  # also when the buffers of the stopped ones are full
    now = yarp_robot.space.entry("icub/view")
    assert now.revision - picture.revision > 0.5 * 4.0 * 30.0 * 0.6
    for client in clients[1:]:
        client.signal(signal.SIGCONT)
    assert rate(clients[1]) > 0.5 * before
    clients[2].signal(signal.SIGSTOP)
    process = yarp_robot.processes[0]
    process.signal(signal.SIGTERM)
    assert process.wait(10.0) == 0


def rate(client: Program) -> float:
    """States per second that a client gets; none of them comes late, and its requests are answered."""
    client.say("go")
    per_second, longest, answered = words(client.expect("rate"))
    assert float(longest) < 0.5
    assert answered == "True"
    return float(per_second)
