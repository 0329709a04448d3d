"""The helper program of a motor: a client of the control boards of both arms.

It says ``ready`` with the limits, then ``at`` with each new state of the robot; it hears ``go`` with a posture,
and ``end``. Postures are ten doubles, degrees. Of each arm only the five joints that a posture has are commanded.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from typing import Final

from agents.yarp.client.arm import JOINTS, Arm
from agents.yarp.client.child import CALL, Child, run
from agents.yarp.client.helper import FAREWELL
from agents.yarp.client.pipe import PipeEndedError

QUIET: Final = 0.4
"""Seconds without a new state after which a robot is lost; it says 50 to 100 a second."""
LOOK: Final = 0.001
"""Seconds between two looks at the newest state, which YARP's client only offers for looking at."""
POSTURE: Final = struct.Struct(f"<{2 * len(JOINTS)}d")
SAMPLE: Final = struct.Struct(f"<{2 * len(JOINTS) + 2}d")  #: a posture and the robot's time stamp of each arm, s
LIMITS: Final = struct.Struct(f"<{4 * len(JOINTS)}d")
_SLACK: Final = 1.25  #: of the speed: a motor that trembles may catch up


class Arms:
    """Both arms, and how they are commanded.

    Args:
        child: The process; its settings are those of `agents.body.drivers.yarp_icub`.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        settings = child.settings
        yarp = child.start_yarp()
        self._arms: list[Arm] = []
        for part in settings["parts"]:
            self._arms.append(Arm(child, yarp, f"{settings['robot']}/{part}", f"{settings['local']}/{part}"))
        self._limits = [pair for arm in self._arms for pair in arm.limits()]
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
            for arm in self._arms:
                arm.take(self._mode, self._child.settings["speed"])
            self._wait_for_modes()
        self._told_modes = self._strange()
        self._child.watched = f"{self._arms[0].remote}/rpc:i"
        limits = LIMITS.pack(*(angle for pair in self._limits for angle in pair))
        self._child.pipe.send({"is": "ready", "strange": self._told_modes}, limits)
        with contextlib.suppress(PipeEndedError):
            self._drive()
        for arm in self._arms:
            arm.release()
        with self._child.step("closing", self._trouble, FAREWELL):
            closing = [threading.Thread(target=arm.close) for arm in self._arms]
            for thread in closing:
                thread.start()
            for thread in closing:
                thread.join()

    def _wait_for_state(self) -> None:
        """A client has no state for the first 5 to 20 ms."""
        until = time.monotonic() + 2 * QUIET
        while not all(arm.angles or arm.look(time.monotonic()) for arm in self._arms):
            if time.monotonic() > until:
                self._child.fail(self._trouble() or "the robot says no joint angles")
            time.sleep(LOOK)

    def _wait_for_modes(self) -> None:
        """Nothing may be commanded before: it would wait in the robot, which would jump there."""
        until = time.monotonic() + 2 * CALL
        while any(arm.modes() != {self._mode} for arm in self._arms):
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
        goal = [min(max(x, low), high) for x, (low, high) in zip(POSTURE.unpack(body), self._limits, strict=True)]
        news = goal != self._goal
        self._goal = goal
        if not self._direct and news:
            for number, arm in enumerate(self._arms):
                arm.move(self._part(goal, number))

    def _look(self, now: float) -> None:
        news = [arm.look(now) for arm in self._arms]
        silent = [arm for arm in self._arms if now - arm.heard > QUIET]
        if silent:
            why = silent[0].trouble() or f"{silent[0].remote} answers, but says no joint angles any more"
            self._child.fail(why)
        if any(news):
            angles = [angle for arm in self._arms for angle in arm.angles]
            body = SAMPLE.pack(*angles, *(arm.stamp for arm in self._arms))
            self._child.pipe.send({"is": "at", "heard": min(arm.heard for arm in self._arms)}, body)

    def _look_at_modes(self) -> None:
        """Says when joints are in another control mode: a fault, the emergency button, or another program."""
        text = self._strange()
        if text != self._told_modes:
            self._told_modes = text
            self._child.pipe.send({"is": "modes", "strange": text})

    def _strange(self) -> str:
        return "; ".join(
            f"{arm.remote} has joints in control mode {_decode(mode)}, not {_decode(self._mode)}"
            for arm in self._arms
            for mode in sorted(arm.modes() - {self._mode})
        )

    def _stream(self, goal: list[float], now: float) -> None:
        """One step on the way from where it was sent last, or is: never faster than its speed."""
        if self._told_modes:  # somebody else has the joints: what was wanted before is wanted no more
            self._sent = self._goal = None
            return
        here = [angle for arm in self._arms for angle in arm.angles]
        start = here if self._sent is None else self._sent
        way = 0.0 if self._sent is None else self._way * min(now - self._streamed, 2.0 * self._period)
        self._sent = [x + min(max(y - x, -way), way) for x, y in zip(start, goal, strict=True)]
        self._streamed = now
        for number, arm in enumerate(self._arms):
            arm.stream(self._part(self._sent, number))

    @staticmethod
    def _part(posture: list[float], number: int) -> list[float]:
        return posture[number * len(JOINTS) : (number + 1) * len(JOINTS)]

    def _trouble(self) -> str:
        return next(filter(None, (arm.trouble() for arm in self._arms)), "")


def _decode(vocab: int) -> str:
    return (vocab & 0xFFFFFFFF).to_bytes(4, "little").rstrip(b"\0").decode("latin-1")


if __name__ == "__main__":
    run(lambda child: Arms(child).run())
