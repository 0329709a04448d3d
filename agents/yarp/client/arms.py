"""The helper program of a motor: a client of the control boards of both arms, and of the torso if that is driven.

It says ``ready`` with the limits, then ``at`` with each new state of the robot; it hears ``go`` with a posture,
and ``end``. Postures are ten doubles, degrees, or thirteen with the torso. Of each arm only the five joints that a
posture has are commanded; of an arm that somebody guides, none.
"""

import contextlib
import math
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from agents.yarp.binding import decode
from agents.yarp.client.child import CALL, Child, run
from agents.yarp.client.helper import GRACE
from agents.yarp.client.pipe import PipeEndedError

JOINTS: Final = tuple(range(5))
"""Those of an iCub's arm that a posture has: shoulder pitch, roll, yaw, elbow, wrist prosup."""
TORSO: Final = tuple(range(3))
"""Those of its torso: yaw, roll, pitch."""
PORTS: Final = ("/rpc:o", "/command:o", "/stateExt:i")
"""Of a client of a control board."""
QUIET: Final = 0.4
"""Seconds without a new state after which a robot is lost; it says 50 to 100 a second."""
LOOK: Final = 0.001
"""Seconds between two looks at the newest state, which YARP's client only offers for looking at."""
_SLACK: Final = 1.25
"""Of the speed: a motor that trembles may catch up."""


def doubles(count: int) -> struct.Struct:
    """The form of that many numbers: a posture; its limits; or a posture and the stamp of each part, s."""
    return struct.Struct(f"<{count}d")


class Limb:
    """An arm, or another part, as a client of its control board sees it.

    Args:
        child: The process.
        yarp: The module.
        remote: Name of the control board, such as ``/icubSim/right_arm``.
        local: Of this client's ports.
        joints: Which of its joints are looked at and commanded.
    """

    def __init__(self, child: Child, yarp: Any, remote: str, local: str, joints: Sequence[int] = JOINTS) -> None:
        self.remote, self.joints = remote, tuple(joints)
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
        if axes <= max(self.joints):
            self._refuse(f"has {axes} joints, not the {max(self.joints) + 1} that are needed")
        self._angles, self._times = yarp.DVector(axes), yarp.DVector(axes)  # shorter ones would be overrun
        self._mode_of = yarp.IVector(axes)
        self._joints = yarp.IVector(self.joints)

    def limits(self) -> list[tuple[float, float]]:
        """Lowest and highest angle of each joint, degrees, as the robot says."""
        control, found = self._driver.viewIControlLimits(), []
        low, high = self._yarp.DVector(1), self._yarp.DVector(1)
        for joint in self.joints:
            with self._step(f"reading the limits of {self.remote}"):
                if not control.getLimits(joint, low, high) or not low[0] < high[0]:
                    self._refuse(f"says no limits of joint {joint}")
            found.append((low[0], high[0]))
        return found

    def take(self, mode: int, speed: float) -> None:
        """Begins to command: reference speed (degrees per second) and control mode of its joints."""
        with self._step(f"setting the speed of {self.remote}"):
            for joint in self.joints:  # not as a group: not every control board knows that
                if not self._position.setRefSpeed(joint, speed):
                    self._refuse(f"takes no reference speed for joint {joint}")
        self._set_mode(mode)

    def _set_mode(self, mode: int) -> None:
        count = len(self.joints)
        with self._step(f"setting the control mode of {self.remote}"):
            if not self._modes.setControlModes(count, self._joints, self._yarp.IVector([mode] * count)):
                self._refuse("takes no control modes")

    def look(self, now: float) -> bool:
        """Whether the robot says something new; then it is in `angles` (degrees) and `stamp` (s)."""
        if not self._encoders.getEncodersTimed(self._angles, self._times) or self._times[0] == self.stamp:
            return False
        self.stamp, self.heard = self._times[0], now
        self.angles = tuple(self._angles[joint] for joint in self.joints)
        return True

    def modes(self) -> set[int]:
        """The control modes that its joints are in."""
        known = self._modes.getControlModes(self._mode_of)
        return {self._mode_of[joint] for joint in self.joints} if known else set()

    def stream(self, angles: Sequence[float]) -> None:
        """Position direct: where the joints shall be now, degrees; nobody answers."""
        self._direct.setPositions(len(self.joints), self._joints, self._yarp.DVector(angles))

    def move(self, angles: Sequence[float]) -> None:
        """Position mode: where the joints shall go at the reference speed, degrees."""
        with self._step(f"moving {self.remote}"):
            if not self._position.positionMove(len(self.joints), self._joints, self._yarp.DVector(angles)):
                self._refuse("did not take a command")

    def release(self) -> None:
        """Stops its joints where they are, and leaves them in position mode."""
        with self._step(f"letting go of {self.remote}"):
            for joint in self.joints:
                self._position.stop(joint)
            self._set_mode(self._yarp.VOCAB_CM_POSITION)

    def close(self) -> None:
        """Closes its ports."""
        self._driver.close()

    def trouble(self) -> str:
        """Why it is silent, for people."""
        port, names = f"{self.remote}/rpc:i", self._child.names
        return "" if names is None else names.trouble_with(port, self.place)

    def _step(self, what: str, seconds: float = CALL) -> contextlib.AbstractContextManager[None]:
        return self._child.step(what, self.trouble, seconds)

    def _refuse(self, what: str) -> None:
        self._child.fail(self.trouble() or f"{self.remote} {what}")


class Arms:
    """Both arms, and the torso, and how they are commanded.

    Args:
        child: The process; its settings are those of `agents.body.drivers.yarp_icub`.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        settings = child.settings
        yarp = child.start_yarp()
        self._limbs: list[Limb] = []
        parts = [(part, JOINTS) for part in settings["parts"]]
        for part, joints in [*parts, *([(settings["torso"], TORSO)] if settings["torso"] else [])]:
            names = f"{settings['robot']}/{part}", f"{settings['local']}/{part}"
            self._limbs.append(Limb(child, yarp, *names, joints))
        self._driven = [limb for limb in self._limbs if limb.remote != f"{settings['robot']}/{settings['guided']}"]
        self._limits = [pair for limb in self._limbs for pair in limb.limits()]
        self._direct = settings["control"] == "direct"
        self._mode = yarp.VOCAB_CM_POSITION_DIRECT if self._direct else yarp.VOCAB_CM_POSITION
        self._period = 1.0 / settings["rate"]
        self._way = min(settings["speed"] * _SLACK, settings["ceiling"])
        self._goal: list[float] | None = None
        self._sent: list[float] | None = None
        self._told_modes = ""
        self._streamed = 0.0

    def run(self) -> None:
        """Takes the arms, and drives them until the agent says the end."""
        self._wait_for_state()
        if not self._child.settings["faulty"]:
            for limb in self._driven:
                limb.take(self._mode, self._child.settings["speed"])
            self._wait_for_modes()
        self._told_modes = self._strange()
        self._child.watched = f"{self._limbs[0].remote}/rpc:i"
        limits = doubles(2 * len(self._limits)).pack(*(angle for pair in self._limits for angle in pair))
        self._child.pipe.send({"is": "ready", "strange": self._told_modes}, limits)
        with contextlib.suppress(PipeEndedError):
            self._drive()
        for limb in self._driven:
            limb.release()
        with self._child.step("closing", self._trouble, GRACE):
            close(self._limbs)

    def _wait_for_state(self) -> None:
        """A client has no state for the first 5 to 20 ms."""
        until = time.monotonic() + 2 * QUIET
        while not all(limb.angles or limb.look(time.monotonic()) for limb in self._limbs):
            if time.monotonic() > until:
                self._child.fail(self._trouble() or "the robot says no joint angles")
            time.sleep(LOOK)

    def _wait_for_modes(self) -> None:
        """Nothing may be commanded before: it would wait in the robot, which would jump there."""
        until = time.monotonic() + 2 * CALL
        while any(limb.modes() != {self._mode} for limb in self._driven):
            if time.monotonic() > until:
                self._child.fail(self._trouble() or self._strange() or "the robot says no control modes")
            time.sleep(LOOK)

    def _drive(self) -> None:
        modes_due = 0.0
        while True:
            message = self._child.pipe.receive(LOOK)
            now = time.monotonic()
            if message is not None:
                if message.header["do"] == "end":
                    return
                self._hear(message.body)
            self._look(now)
            if now >= modes_due:
                modes_due = now + 0.1
                self._look_at_modes()
            due = message is not None or now - self._streamed >= self._period
            if self._direct and self._goal is not None and due:
                self._stream(self._goal, now)

    def _hear(self, body: bytes | bytearray) -> None:
        goal = [
            min(max(x, low), high)
            for x, (low, high) in zip(doubles(len(self._limits)).unpack(body), self._limits, strict=True)
        ]
        news = goal != self._goal
        self._goal = goal
        if not self._direct and news:
            for limb, angles in self._shares(goal):
                limb.move(angles)

    def _look(self, now: float) -> None:
        news = [limb.look(now) for limb in self._limbs]
        silent = [limb for limb in self._limbs if now - limb.heard > QUIET]
        if silent:
            why = silent[0].trouble() or f"{silent[0].remote} answers, but says no joint angles any more"
            self._child.fail(why)
        if any(news):
            numbers = [*self._here(), *(limb.stamp for limb in self._limbs)]
            header = {"is": "at", "heard": min(limb.heard for limb in self._limbs)}
            self._child.pipe.send(header, doubles(len(numbers)).pack(*numbers))

    def _look_at_modes(self) -> None:
        """Says when joints are in another control mode: a fault, the emergency button, or another program."""
        text = self._strange()
        if text != self._told_modes:
            self._told_modes = text
            self._child.pipe.send({"is": "modes", "strange": text})

    def _strange(self) -> str:
        return "; ".join(
            f"{limb.remote} has joints in control mode {decode(mode)}, not {decode(self._mode)}"
            for limb in self._driven
            for mode in sorted(limb.modes() - {self._mode})
        )

    def _stream(self, goal: list[float], now: float) -> None:
        """One step on the way from where it was sent last, or is: never faster than its speed."""
        if self._told_modes:  # another program has the joints: what was wanted before is wanted no more
            self._sent = self._goal = None
            return
        start = self._here() if self._sent is None else self._sent
        way = 0.0 if self._sent is None else self._way * min(now - self._streamed, 2.0 * self._period)
        self._sent = [x + min(max(y - x, -way), way) for x, y in zip(start, goal, strict=True)]
        self._streamed = now
        for limb, angles in self._shares(self._sent):
            limb.stream(angles)

    def _here(self) -> list[float]:
        return [angle for limb in self._limbs for angle in limb.angles]

    def _shares(self, posture: list[float]) -> Iterator[tuple[Limb, list[float]]]:
        """Each limb that is driven, with its angles of a posture."""
        first = 0
        for limb in self._limbs:
            last = first + len(limb.joints)
            if limb in self._driven:
                yield limb, posture[first:last]
            first = last

    def _trouble(self) -> str:
        return next(filter(None, (limb.trouble() for limb in self._limbs)), "")


def close(limbs: Sequence[Limb]) -> None:
    """Closes all at once, which takes half a second if they are udp."""
    closing = [threading.Thread(target=limb.close) for limb in limbs]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join()


if __name__ == "__main__":
    run(lambda child: Arms(child).run())
