"""The camera looks through image ports of real YARP: colours, lost pictures, senders that die, hang, come back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.camera import Camera
from agents.pictures.source import SourceError, open_source
from agents.yarp.client.pictures import Gaps
from agentspace import Entry, LocalSpace
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.states import PATIENCE, becomes

pytestmark = pytest.mark.yarp

SOON = 1.0  # seconds in which a failure must be told
RED, BLUE = (200, 10, 30), (10, 20, 220)
SENDER = """
import ctypes, select
colour = [int(word) for word in sys.argv[2].split(",")]
port = yarp.BufferedPortImageRgb()
say("up" if port.open(sys.argv[1]) else "no port")
count = 0
while True:
    image = port.prepare()
    image.resize(33, 24)
    row = image.getRowSize()
    memory = (ctypes.c_uint8 * (row * 24)).from_address(int(image.getRawImage()))
    np.frombuffer(memory, np.uint8).reshape(24, row)[:, :99] = np.tile(colour, 33)
    port.setEnvelope(yarp.Stamp(count, time.time()))
    port.write()
    if select.select([sys.stdin], [], [], 1 / 30)[0]:
        count += int(wait())
    count += 1
"""


class Setup:
    """A space with a camera, and senders of pictures on a network."""

    def __init__(self, network: YarpNetwork, space: LocalSpace) -> None:
        self.network = network
        self.space = space

    def send(self, port: str = "/icubSim/cam", colour: tuple[int, ...] = RED) -> Program:
        sender = self.network.client(SENDER, port, ",".join(map(str, colour)))
        sender.expect("up")
        return sender

    def look(self, device: str = "yarp:/icubSim/cam") -> Any:
        return self.space.run(Camera(device=device, rate=100.0, validity=0.3, retry=0.1), "camera")

    def shows(self, colour: tuple[int, ...]) -> Entry | None:
        """The picture, if it has that colour now."""
        entry = self.space.entry("camera")
        return entry if entry is not None and (entry.value == np.array(colour)).all() else None

    def becomes(self, state: str, message: str = "", within: float = PATIENCE) -> dict[str, Any]:
        return becomes(self.space, "camera/state", state, message, within)


@pytest.fixture
def setup(joined_network: YarpNetwork) -> Iterator[Setup]:
    with LocalSpace() as space:
        yield Setup(joined_network, space)


def test_shows_what_is_sent(setup: Setup) -> None:
    """Pictures come as RGB, also when their rows are padded; none is lost but by a busy machine."""
    setup.send()
    setup.look()
    image = eventually(lambda: setup.shows(RED), PATIENCE).value
    assert (image.shape, image.dtype) == ((24, 33, 3), np.uint8)
    assert setup.becomes("running")["lost"] < 100


def test_counts_lost_pictures(setup: Setup) -> None:
    """What is missing in the sequence numbers of the sender is told in the state, as a sum."""
    sender = setup.send()
    setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    sender.say("1000")  # and a few that a busy machine loses by itself
    eventually(lambda: 1000 <= setup.space.read("camera/state")["lost"] < 1100)
    sender.say("5000")
    eventually(lambda: 6000 <= setup.space.read("camera/state")["lost"] < 6100)


def test_gaps_begin_anew_with_a_new_sender() -> None:
    """Numbers that go back, or stand still because somebody does not count, are no loss."""
    gaps = Gaps()
    for number in (5, 6, 9, 0, 0, 0, 1, 2):
        gaps.see(number)
    assert gaps.lost == 2


@pytest.mark.alone
def test_a_sender_that_is_killed(setup: Setup) -> None:
    """Is told within a second; the pictures expire; the next sender is seen."""
    sender = setup.send()
    setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    sender.kill()
    setup.becomes("failed", "was killed, or has ended", SOON)
    eventually(lambda: setup.space.entry("camera") is None)
    setup.send(colour=BLUE)
    eventually(lambda: setup.shows(BLUE), PATIENCE)
    setup.becomes("running")


@pytest.mark.alone
def test_a_sender_that_hangs(setup: Setup) -> None:
    """Is told within a second, and seen again when it goes on."""
    sender = setup.send()
    setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    sender.signal(signal.SIGSTOP)
    setup.becomes("failed", "does not answer: its process is stopped, or hangs", SOON + 0.2)
    sender.signal(signal.SIGCONT)
    setup.becomes("running")


def test_a_name_server_that_is_killed(setup: Setup) -> None:
    """Pictures go on to come; a camera that begins then is told what is missing, and finds it later."""
    sender = setup.send()
    camera = setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    setup.network.kill()
    setup.becomes("running")
    setup.space.write("camera/source", "yarp:/other")
    setup.becomes("failed", "there is no name server")
    sender.kill()  # the new name server would give its port number away
    setup.network.start()
    setup.becomes("failed", "knows no /other: does the robot run?")
    setup.send("/other", BLUE)
    eventually(lambda: setup.shows(BLUE), PATIENCE)
    assert not camera.agent.stopped


def test_changes_from_port_to_port(setup: Setup) -> None:
    """The slot camera/source leads to another port and back, with local names that do not meet."""
    setup.send()
    setup.send("/icubSim/cam/left", BLUE)
    setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    setup.space.write("camera/source", "yarp:/icubSim/cam/left?carrier=udp")
    eventually(lambda: setup.shows(BLUE), PATIENCE)
    setup.space.delete("camera/source")
    eventually(lambda: setup.shows(RED), PATIENCE)


def test_a_camera_stops_in_time_while_its_sender_hangs(setup: Setup) -> None:
    """Nothing that hangs in YARP keeps the agent."""
    sender = setup.send()
    camera = setup.look()
    eventually(lambda: setup.shows(RED), PATIENCE)
    sender.signal(signal.SIGSTOP)
    camera.stop()
    eventually(lambda: setup.space.read("_/roles/camera")["state"] == "stopped", 2.0)


@pytest.mark.parametrize(
    "device", ["yarp:cam", "yarp:/a b", "yarp:/cam?carier=udp", "yarp:/cam?carrier=", "yarp:"]
)
def test_a_device_that_is_no_port_is_refused(device: str, tmp_path: Path) -> None:
    """The message says how a port is written."""
    with pytest.raises(SourceError, match=r"write yarp:/PORT"):
        open_source(device, tmp_path)
