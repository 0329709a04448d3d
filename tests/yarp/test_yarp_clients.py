"""Clients as they are written for iCub_SIM with pyicubsim, against the simulated iCub: real YARP, real processes.

They ask the name server for a port and talk to it by YARP's text protocol over a socket; they open limbs by
`remote_controlboard`, and set all joints at once; their cameras have room for 320x240 pixels and for nothing else.
"""

from __future__ import annotations

import numpy as np
import pytest

from models.icub.face import EMOTIONS
from tests.support.eventually import eventually
from tests.support.yarp.robot import YarpRobotProcess, words

pytestmark = pytest.mark.yarp

LINES = """
import re, socket
def command(address, *commands):
    connection = socket.create_connection(address)
    connection.sendall(b"CONNECT extern\\n")
    replies = []
    def line():
        text = ""
        while "\\n" not in text:
            text += connection.recv(1024).decode()
        return re.sub("[\\r\\n].*", "", text)
    line()
    for words in commands:
        connection.sendall(f"d\\n{words}\\n".encode())
        replies.append(line())
    connection.close()
    return replies
def query(port):
    (answer,) = command(("127.0.0.1", int(sys.argv[1])), f"query {port}")
    found = re.match("registration name [^ ]+ ip ([^ ]+) port ([0-9]+) type tcp", answer)
    return found.group(1), int(found.group(2))
"""
"""What such clients begin with: the text protocol, without YARP."""


def test_emotions_are_shown(yarp_robot: YarpRobotProcess) -> None:
    """`set all hap` in text, as iCubEmotion does, is answered, told of, and seen in the picture of the face."""
    yarp_robot.serve("face_fps=10.0")
    client = yarp_robot.client(
        f"""{LINES}
for emotion in ("neu", "hap", "xyz"):
    say("told", *command(query("/emotion/in"), f"set all {{emotion}}"))
wait()
""",
        str(yarp_robot.network.port),
    )
    assert words(client.expect("told")) == ["[ok]"]
    assert words(client.expect("told")) == ["[ok]"]
    refused = client.expect("told")
    assert "[fail]" in refused
    assert ", ".join(EMOTIONS) in refused
    eventually(lambda: yarp_robot.account().get("emotion") == "set all hap")
    eventually(lambda: lights(yarp_robot) > 10)
    assert yarp_robot.network.run("yarp", "rpc", "/emotion/in", text="set mou sad").startswith("Response: [ok]")


def lights(robot: YarpRobotProcess) -> int:
    """The number of pixels of the face that are red."""
    face = robot.space.read("icub/face").astype(int)
    return int(((face[..., 0] > 210) & (face[..., 1] < 150)).sum())


def test_ball_is_read_and_set(yarp_robot: YarpRobotProcess) -> None:
    """`world get ball` and `world set ball` as iCubBall asks; slot and client agree where it is."""
    yarp_robot.serve()
    assert yarp_robot.space.read("icub/ball") is None
    client = yarp_robot.client(
        f"""{LINES}
world = query("/icubSim/world")
say("ball", *command(world, "world get ball"))
say("set", *command(world, "world set ball -0.1 0.65 0.3"))
say("ball", *command(world, "world get ball"))
wait()
say("ball", *command(world, "world get ball"))
""",
        str(yarp_robot.network.port),
    )
    assert len([float(value) for value in words(client.expect("ball"))]) == 3
    assert words(client.expect("set")) == ["[ok]"]
    assert [float(value) for value in words(client.expect("ball"))] == pytest.approx([-0.1, 0.65, 0.3])
    eventually(lambda: np.allclose(yarp_robot.space.read("icub/ball", 0.0), [-326.0, 100.0, 52.4]))
    yarp_robot.space.write("ball", [-400.0, -100.0, 0.0])
    eventually(lambda: np.allclose(yarp_robot.space.read("icub/ball", 0.0), [-400.0, -100.0, 0.0]))
    client.say("go on")
    assert [float(value) for value in words(client.expect("ball"))] == pytest.approx([0.1, 0.5976, 0.374])


def test_limbs_and_cameras_of_such_a_client(yarp_robot: YarpRobotProcess) -> None:
    """Six limbs are set all joints at once, as iCubLimb does, and are renewed; cameras fill 320x240 pixels."""
    yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(
        """
APP = "/app/client"
class Limb:
    def __init__(self, name):
        properties = yarp.Property()
        for key, value in (("device", "remote_controlboard"), ("local", APP + name), ("remote", name)):
            properties.put(key, value)
        self.driver = yarp.PolyDriver(properties)
        self.position, self.view = self.driver.viewIPositionControl(), self.driver.viewIEncoders()
        self.joints = self.position.getAxes()
        time.sleep(0.1)
    def get(self):
        values = yarp.Vector(self.joints)
        self.view.getEncoders(values.data())
        return tuple(values.get(joint) for joint in range(self.joints))
    def set(self, *goals):
        values = yarp.Vector(self.joints)
        self.view.getEncoders(values.data())
        for joint, goal in enumerate(goals):
            values.set(joint, goal)
        self.position.positionMove(values.data())
arm = (0.0, 80.0, 0.0, 50.0, 0.0, 0.0, 0.0, 59.0, 20.0, 20.0, 20.0, 10.0, 10.0, 10.0, 10.0, 10.0)
goals = {"head": [0.0] * 5 + [5.0], "torso": [5.0, 0.0, 0.0],
    "right_arm": arm[:7] + (30.0,) + arm[8:], "left_arm": arm,
    "right_leg": [10.0] + [0.0] * 5, "left_leg": [0.0] * 6}
limbs = {name: Limb("/icubSim/" + name) for name in goals}
say("joints", *[limb.joints for limb in limbs.values()])
for name, goal in goals.items():
    limbs[name].set(*goal)
def off(): return max(abs(a - b) for name, goal in goals.items() for a, b in zip(limbs[name].get(), goal))
while off() > 0.5: time.sleep(0.02)
say("there")
wait()
goals = {"torso": [0.0] * 3, "head": [0.0] * 6, "right_leg": [0.0] * 6}
goals["right_arm"] = limbs["right_arm"].get()[:7] + arm[7:]
while off() > 0.5: time.sleep(0.02)
say("renewed")
for name in ("/icubSim/cam", "/icubSim/cam/left", "/icubSim/cam/right"):
    port = yarp.Port()
    port.open(APP + name)
    yarp.delay(0.25)
    yarp.Network.connect(name, APP + name)
    image, room = yarp.ImageRgb(), bytearray(320 * 240 * 3)
    image.resize(320, 240)
    image.setExternal(room, 320, 240)
    port.read(image)
    say("picture", image.width(), image.height(), any(room))
"""
    )
    assert words(client.expect("joints")) == ["6", "3", "16", "16", "6", "6"]
    client.expect("there")
    yarp_robot.reaches(np.array([0.0, 80, 0, 50, 0] * 2), 1.0)
    yarp_robot.space.write("icub/renew", "all")
    client.say("go on")
    client.expect("renewed")
    for _ in range(3):
        assert words(client.expect("picture")) == ["320", "240", "True"]
