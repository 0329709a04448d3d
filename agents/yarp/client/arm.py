"""One arm of a robot on YARP, as a client of its control board; for the helper process."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from typing import Any, Final

from agents.yarp.client.child import CALL, Child

JOINTS: Final = tuple(range(5))
"""Those of an iCub's arm that a posture has: shoulder pitch, roll, yaw, elbow, wrist prosup."""
PORTS: Final = ("/rpc:o", "/command:o", "/stateExt:i")
"""Of a client of a control board."""


class Arm:
    """One arm as a client of its control board sees it.

    Args:
        child: The process.
        yarp: The module.
        remote: Name of the control board, such as ``/icubSim/right_arm``.
        local: Of this client's ports.
    """

    def __init__(self, child: Child, yarp: Any, remote: str, local: str) -> None:
        self.remote = remote
        self.heard = time.monotonic()
        self.stamp = math.nan
        self.angles: tuple[float, ...] = ()
        self._child = child
        self._yarp = yarp
        self.place = child.find(f"{remote}/rpc:i")
        for port in PORTS:
            child.claim(local + port)
        options = yarp.Property()
        options.put("device", "remote_controlboard")
        options.put("remote", remote)
        options.put("carrier", child.settings["carrier"])

        def attempt(name: str) -> bool:
            options.put("local", name)
            self._driver = yarp.PolyDriver(options)
            return bool(self._driver.isValid())

        with self._step(f"opening {remote}", 4.0):
            if not child.open(local, PORTS, attempt):
                self._refuse("cannot be opened: YARP says why on standard error")
            self._view()

    def _view(self) -> None:
        driver, yarp = self._driver, self._yarp
        self._encoders = driver.viewIEncodersTimed()
        self._modes = driver.viewIControlMode()
        self._position = driver.viewIPositionControl()
        self._direct = driver.viewIPositionDirect()
        axes = self._encoders.getAxes()
        if axes < len(JOINTS):
            self._refuse(f"has {axes} joints, not the {len(JOINTS)} of an arm")
        self._angles, self._times = yarp.DVector(axes), yarp.DVector(axes)  # shorter ones would be overrun
        self._mode_of = yarp.IVector(axes)
        self._joints = yarp.IVector(JOINTS)

    def limits(self) -> list[tuple[float, float]]:
        """Lowest and highest angle of each joint, degrees, as the robot says."""
        control, found = self._driver.viewIControlLimits(), []
        low, high = self._yarp.DVector(1), self._yarp.DVector(1)
        for joint in JOINTS:
            with self._step(f"reading the limits of {self.remote}"):
                if not control.getLimits(joint, low, high) or not low[0] < high[0]:
                    self._refuse(f"says no limits of joint {joint}")
            found.append((low[0], high[0]))
        return found

    def take(self, mode: int, speed: float) -> None:
        """Begins to command: reference speed (degrees per second) and control mode of its joints."""
        with self._step(f"setting the speed of {self.remote}"):
            for joint in JOINTS:  # not as a group: not every control board knows that
                if not self._position.setRefSpeed(joint, speed):
                    self._refuse(f"takes no reference speed for joint {joint}")
        self._set_mode(mode)

    def _set_mode(self, mode: int) -> None:
        count = len(JOINTS)
        with self._step(f"setting the control mode of {self.remote}"):
            if not self._modes.setControlModes(count, self._joints, self._yarp.IVector([mode] * count)):
                self._refuse("takes no control modes")

    def look(self, now: float) -> bool:
        """Whether the robot says something new; then it is in `angles` (degrees) and `stamp` (s)."""
        if not self._encoders.getEncodersTimed(self._angles, self._times) or self._times[0] == self.stamp:
            return False
        self.stamp, self.heard = self._times[0], now
        self.angles = tuple(self._angles[joint] for joint in JOINTS)
        return True

    def modes(self) -> set[int]:
        """The control modes that its joints are in."""
        known = self._modes.getControlModes(self._mode_of)
        return {self._mode_of[joint] for joint in JOINTS} if known else set()

    def stream(self, angles: Sequence[float]) -> None:
        """Position direct: where the joints shall be now, degrees; nobody answers."""
        self._direct.setPositions(len(JOINTS), self._joints, self._yarp.DVector(angles))

    def move(self, angles: Sequence[float]) -> None:
        """Position mode: where the joints shall go at the reference speed, degrees."""
        with self._step(f"moving {self.remote}"):
            if not self._position.positionMove(len(JOINTS), self._joints, self._yarp.DVector(angles)):
                self._refuse("did not take a command")

    def release(self) -> None:
        """Stops its joints where they are, and leaves them in position mode."""
        with self._step(f"letting go of {self.remote}"):
            for joint in JOINTS:
                self._position.stop(joint)
            self._set_mode(self._yarp.VOCAB_CM_POSITION)

    def close(self) -> None:
        """Closes its ports, which takes half a second if they are udp."""
        self._driver.close()

    def trouble(self) -> str:
        """Why it is silent, for people."""
        port, names = f"{self.remote}/rpc:i", self._child.names
        return "" if names is None else names.trouble_with(port, self.place)

    def _step(self, what: str, seconds: float = CALL) -> contextlib.AbstractContextManager[None]:
        return self._child.step(what, self.trouble, seconds)

    def _refuse(self, what: str) -> None:
        self._child.fail(self.trouble() or f"{self.remote} {what}")
