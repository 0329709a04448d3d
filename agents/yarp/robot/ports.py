"""The ports of a robot on YARP: control boards, cameras, requests. Publishing never waits for a client."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agents.yarp.binding import Message, Vocab, encode, fill, import_yarp, to_list
from agents.yarp.robot.control_board import ControlBoard

_UNKNOWN: Final = 3  # torque, duty cycle, current: a simulated motor has none


class BoardPorts:
    """A control board on the network: `/rpc:i`, `/command:i`, `/state:o`, `/stateExt:o` behind its name.

    Args:
        name: "/icubSim/right_arm" say.
        board: What is behind it.
    """

    def __init__(self, name: str, board: ControlBoard) -> None:
        yarp = import_yarp()
        self._board = board
        self._count = 0
        self._rpc, self._command = yarp.Port(), yarp.BufferedPortBottle()
        self._state, self._extended = yarp.BufferedPortBottle(), yarp.BufferedPortBottle()
        self._command.setStrict(True)
        self._replier = _make_replier(lambda request: board.answer(request, self._count, time.time()))
        self._rpc.setReader(self._replier)
        self._named = {
            f"{name}/rpc:i": self._rpc,
            f"{name}/command:i": self._command,
            f"{name}/state:o": self._state,
            f"{name}/stateExt:o": self._extended,
        }

    def named(self) -> Iterator[tuple[str, Any]]:
        """Each port with its name."""
        yield from self._named.items()

    @property
    def clients(self) -> int:
        """The number of clients with a connection for requests."""
        return int(self._rpc.getInputCount())

    def start(self) -> None:
        """Listens to streamed commands until the ports close."""
        threading.Thread(target=self._listen, name="yarp-command", daemon=True).start()

    def publish(self, stamp: Any) -> None:
        """Sends the state to those who listen."""
        self._count = stamp.getCount()
        if not (self._state.getOutputCount() or self._extended.getOutputCount()):
            return
        state = self._board.state()
        joints = [array.tolist() for array in (state.positions, state.velocities, state.accelerations)]
        unknown = [0.0] * len(state.modes)
        message: Message = []
        for values in (*joints, *joints):  # of joints, and of motors
            message += [values, Vocab("ok")]
        message += [unknown, Vocab("fail")] * _UNKNOWN
        message += [[encode(mode) for mode in state.modes], Vocab("ok")]
        message += [[encode("stif")] * len(state.modes), Vocab("ok")]
        for port, content in ((self._extended, message), (self._state, joints[0])):
            bottle = port.prepare()
            bottle.clear()
            fill(bottle, content)
            port.setEnvelope(stamp)
            port.write()

    def _listen(self) -> None:
        while (bottle := self._command.read(True)) is not None:
            match to_list(bottle):
                case [list() as head, list() as body]:
                    self._board.stream(head, body)
                case _:
                    self._board.stream([], [])


class RequestPort:
    """A port of requests, each with its reply; YARP's text protocol is spoken, too.

    Args:
        name: "/icubSim/world" say.
        answer: Gives the reply to a request; is called by any thread.
    """

    def __init__(self, name: str, answer: Callable[[Message], Message]) -> None:
        self._name = name
        self._port = import_yarp().Port()
        self._replier = _make_replier(answer)
        self._port.setReader(self._replier)

    def named(self) -> Iterator[tuple[str, Any]]:
        """The port with its name."""
        yield self._name, self._port

    def start(self) -> None:
        """Nothing to do."""


class CameraPort:
    """A port of pictures.

    Args:
        name: "/icubSim/cam" say.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._port = import_yarp().BufferedPortImageRgb()
        self._replier = _make_replier(_refuse_all)
        self._port.setReplier(self._replier)

    def named(self) -> Iterator[tuple[str, Any]]:
        """The port with its name."""
        yield self.name, self._port

    def start(self) -> None:
        """Nothing to do."""

    @property
    def is_watched(self) -> bool:
        """Whether a client gets the pictures."""
        return bool(self._port.getOutputCount())

    def publish(self, picture: NDArray[np.uint8], stamp: Any) -> None:
        """Sends a picture (height, width, 3) RGB to those who look."""
        if not self.is_watched:
            return
        height, width, _ = picture.shape
        image = self._port.prepare()
        image.setQuantum(1)
        image.resize(width, height)
        _pixels(image)[:] = picture.reshape(-1)
        self._port.setEnvelope(stamp)
        self._port.write()


def _pixels(image: Any) -> NDArray[np.uint8]:
    """The memory of a `yarp.ImageRgb` whose rows are not padded."""
    import ctypes

    memory = (ctypes.c_uint8 * image.getRawImageSize()).from_address(int(image.getRawImage()))
    return np.frombuffer(memory, np.uint8)


def _refuse_all(request: Message) -> Message:
    return [Vocab("fail"), f"a simulated camera has nothing to set or get: {request!r}"]


def _make_replier(answer: Any) -> Any:
    """A `yarp.PortReader` that replies to each request; YARP calls it from a thread of each connection."""
    yarp = import_yarp()

    class Replier(yarp.PortReader):  # type: ignore[misc, name-defined]  # known when YARP is loaded
        def read(self, connection: Any) -> bool:
            if not connection.isValid():
                return False
            request, reply = yarp.Bottle(), yarp.Bottle()
            if not request.read(connection):
                return False
            fill(reply, answer(to_list(request)))
            writer = connection.getWriter()
            return True if writer is None else bool(reply.write(writer))

    return Replier()
