"""Expressions on the face of an iCub, over real YARP."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from agents.face import Face
from agentspace import LocalSpace
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.states import PATIENCE, becomes

pytestmark = pytest.mark.yarp

SOON = 1.0
FACE = """
class Interface(yarp.PortReader):
    def read(self, connection):
        question, answer = yarp.Bottle(), yarp.Bottle()
        if not connection.isValid() or not question.read(connection):
            return False
        say("made", question.toString())
        answer.addString("ok")
        writer = connection.getWriter()
        return writer is None or answer.write(writer)
interface, port = Interface(), yarp.Port()
port.setReader(interface)
say("up" if port.open("/emotion/in") else "no port")
wait()
"""


class Setup:
    """A face on a space, and an emotion interface on a network."""

    def __init__(self, network: YarpNetwork, space: LocalSpace) -> None:
        self.network = network
        self.space = space

    def start(self) -> Program:
        interface = self.network.client(FACE)
        interface.expect("up")
        return interface

    def becomes(self, state: str, error: str = "", within: float = PATIENCE) -> dict[str, Any]:
        return becomes(self.space, "face/state", state, error, within)


@pytest.fixture
def setup(joined_network: YarpNetwork) -> Iterator[Setup]:
    with LocalSpace() as space:
        yield Setup(joined_network, space)


def test_makes_faces(setup: Setup) -> None:
    """Each expression becomes a command of the emotion interface, and the state says what is shown."""
    interface = setup.start()
    setup.space.run(Face(), "face")
    setup.becomes("connected")
    for expression, command in (("happy", "hap"), ("surprised", "sur"), ("neutral", "neu")):
        setup.space.write("expression", expression)
        interface.expect(f"made set all {command}")
        eventually(lambda command=command: setup.space.read("face/state")["shown"] == f"set all {command}")


def test_mouth_of_who_talks_moves(setup: Setup) -> None:
    """As long as the robot talks its mouth opens and closes; then it has its expression again."""
    interface = setup.start()
    setup.space.run(Face(), "face")
    setup.becomes("connected")
    setup.space.write("expression", "talking")
    for mouth in ("ta1", "ta2", "ta1", "ta2"):
        interface.expect(f"made set mou {mouth}")
    setup.space.write("expression", "happy")
    interface.expect("made set all hap")


@pytest.mark.parametrize("value", [None, 7, "joyful", ["happy"]])
def test_refuses_what_is_no_expression(setup: Setup, value: Any) -> None:
    """It is told, with what is valid; the next good one is shown."""
    interface = setup.start()
    setup.space.run(Face(), "face")
    setup.space.write("expression", value)
    refused = eventually(lambda: setup.space.read("face/refused"))
    assert "is no expression; valid: neutral, happy, surprised" in refused
    setup.space.write("expression", "happy")
    interface.expect("made set all hap")


@pytest.mark.alone
def test_an_interface_that_is_killed(setup: Setup) -> None:
    """Is told within a second; the next one is told the expression again."""
    interface = setup.start()
    setup.space.run(Face(), "face")
    setup.space.write("expression", "happy")
    interface.expect("made set all hap")
    interface.kill()
    setup.becomes("lost", "/emotion/in", SOON)
    interface = setup.start()
    interface.expect("made set all hap", PATIENCE)
    setup.becomes("connected")


@pytest.mark.alone
def test_an_interface_that_hangs(setup: Setup) -> None:
    """Is told within a second, without anything to say to it; the newest expression reaches it later."""
    interface = setup.start()
    face = setup.space.run(Face(), "face")
    setup.space.write("expression", "happy")
    interface.expect("made set all hap")
    interface.signal(signal.SIGSTOP)
    setup.becomes("lost", "does not answer: its process is stopped, or hangs", SOON)
    setup.space.write("expression", "surprised")
    interface.signal(signal.SIGCONT)
    interface.expect("made set all sur", PATIENCE)
    assert not face.agent.stopped


def test_no_name_server(setup: Setup) -> None:
    """Is told, and nothing blocks; later everything is found."""
    setup.network.kill()
    setup.space.run(Face(), "face")
    setup.space.write("expression", "happy")
    setup.becomes("connecting", "there is no name server")
    setup.network.start()
    setup.start().expect("made set all hap", PATIENCE)
