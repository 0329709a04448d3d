"""The helper program of a motor that brings the other joints of a robot to their standard posture, once.

It says ``renewing`` with the limbs that it moves and those that the robot does not have, then ``renewed`` with
those that did not come there in time, and ends; it hears ``end``, and stops them where they are.
"""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from agents.yarp.client.arms import LOOK, Limb, close
from agents.yarp.client.child import Child, run
from agents.yarp.client.helper import GRACE
from agents.yarp.client.pipe import PipeEndedError

NEAR: Final = 2.0
"""Degrees within which a joint is there."""
PATIENCE: Final = 20.0
"""Seconds until the limbs are let go of, wherever they are."""


class Renewed(NamedTuple):
    """A limb on its way.

    Attributes:
        name: Of the part.
        limb: The client of its control board.
        goal: Degrees, within its limits.
    """

    name: str
    limb: Limb
    goal: Sequence[float]

    def is_there(self) -> bool:
        """Whether all its joints are."""
        self.limb.look(time.monotonic())
        here = self.limb.angles
        return bool(here) and all(abs(x - y) < NEAR for x, y in zip(here, self.goal, strict=True))


class Limbs:
    """The limbs of one robot.

    Args:
        child: The process; its settings are robot, local, carrier, speed (degrees per second) and limbs: of each
            part its joints and their angles.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._settings = child.settings
        self._yarp = child.start_yarp()
        self._limbs: list[Renewed] = []
        self._missing: list[str] = []

    def run(self) -> None:
        """Opens what there is, moves it, waits until it is there, and lets go of it."""
        for name, (joints, angles) in self._settings["limbs"].items():
            self._open(name, joints, angles)
        late: list[str] = []
        try:
            if not self._is_ended(0.0):
                late = self._move()
        except PipeEndedError:  # the motor is gone
            pass
        finally:
            for each in self._limbs:
                each.limb.release()
        self._child.pipe.send({"is": "renewed", "late": late})
        with self._child.step("closing", lambda: "", GRACE):
            close([each.limb for each in self._limbs])

    def _open(self, name: str, joints: Sequence[int], angles: Sequence[float]) -> None:
        remote = f"{self._settings['robot']}/{name}"
        names = self._child.names
        if names is None or names.query(f"{remote}/rpc:i") is None:
            self._missing.append(name)
            return
        limb = Limb(self._child, self._yarp, remote, f"{self._settings['local']}/{name}", joints)
        goal = [min(max(x, low), high) for x, (low, high) in zip(angles, limb.limits(), strict=True)]
        self._limbs.append(Renewed(name, limb, goal))

    def _move(self) -> list[str]:
        """The limbs that did not come there."""
        for each in self._limbs:
            each.limb.take(self._yarp.VOCAB_CM_POSITION, self._settings["speed"])
            each.limb.move(each.goal)
        going = [each.name for each in self._limbs]
        self._child.pipe.send({"is": "renewing", "limbs": going, "missing": self._missing})
        until = time.monotonic() + PATIENCE
        late = going
        while late and time.monotonic() < until and not self._is_ended(10 * LOOK):
            late = [each.name for each in self._limbs if not each.is_there()]
        return late

    def _is_ended(self, seconds: float) -> bool:
        message = self._child.pipe.receive(seconds)
        return message is not None and message.header["do"] == "end"


if __name__ == "__main__":
    run(lambda child: Limbs(child).run())
