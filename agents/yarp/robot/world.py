"""The world of iCub_SIM, `/icubSim/world`, as far as clients ask for its ball. Pure: messages are lists.

Its frame is not that of the robot: x to the robot's left, y up from the floor, z ahead, metres. The ball comes
into this world with the first who asks for it, because in the world of iCub_SIM there is one from the beginning.

Source of the frame: "root to world" of the iCub simulator's documentation.
"""

import threading
from typing import Any, Final

import numpy as np

from agents.yarp.binding import Message, Vocab
from models.arrays import Floats
from models.icub.simulator import PointError, read_point

BALL: Final[Floats] = np.array([-376.0, 150.0, -44.0])
"""Where it is in the beginning, mm in the root frame: on iCub_SIM's table, before the right hand."""
BALL.setflags(write=False)
_TO_WORLD: Final[Floats] = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
_ORIGIN: Final[Floats] = np.array([0.0, 597.6, -26.0])
"""The root, mm in the world."""
_HELP: Final = "valid: world get ball, world set ball X Y Z (metres: to the left, up, ahead)"


def to_world(point: Floats) -> Floats:
    """A point of the root frame (3,), mm, in the world, metres."""
    return np.asarray((_TO_WORLD @ point + _ORIGIN) / 1000.0)


def to_root(point: Floats) -> Floats:
    """A point of the world (3,), metres, in the root frame, mm."""
    return np.asarray(_TO_WORLD.T @ (1000.0 * point - _ORIGIN))


class World:
    """The ball, and what clients ask about it; may be used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ball: Floats | None = None

    @property
    def ball(self) -> Floats | None:
        """Where it is (3,), mm in the root frame; None while there is none."""
        with self._lock:
            return self._ball

    @ball.setter
    def ball(self, ball: Floats | None) -> None:
        with self._lock:
            self._ball = ball

    def answer(self, request: Message) -> Message:
        """The reply to a request: three numbers, `[ok]`, or `[fail]` and why."""
        match request:
            case ["world", "get", "ball"]:
                return self._get()
            case ["world", "set", "ball", *where]:
                return self._set(where)
            case ["help"]:
                return [_HELP]
            case _:
                return [Vocab("fail"), f"{' '.join(map(str, request))!r:.80} is not understood; {_HELP}"]

    def _get(self) -> Message:
        with self._lock:
            if self._ball is None:
                self._ball = BALL
            numbers: list[float] = to_world(self._ball).tolist()
        return numbers

    def _set(self, where: list[Any]) -> Message:
        try:
            ball = read_point(to_root(np.array(where, np.float64)))
        except (PointError, ValueError):
            return [Vocab("fail"), f"{where!r:.80} is no place within two metres of the robot; {_HELP}"]
        self.ball = ball
        return [Vocab("ok")]
