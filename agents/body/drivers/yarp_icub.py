"""The driver of an iCub, real or simulated, that is on a YARP network: a client of the control boards of its arms.

YARP itself is called by a helper process, see `agents.yarp.client`.
"""

import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np

from agents.body.drivers import Job
from agents.yarp.client.arms import LIMITS, POSTURE, SAMPLE
from agents.yarp.client.helper import Helper
from agents.yarp.client.pipe import Message
from agentspace.errors import AgentspaceError
from models.arrays import Floats
from models.icub.kinematics import JOINTS

FRESH: Final = 0.25
"""Seconds for which joint angles count as where the robot is."""
SIMULATED: Final = "/icubSim"
"""The simulated robot, which hurts nobody."""
CAREFUL: Final = 30.0
"""Degrees per second that any other robot does not exceed, unless the option `ceiling` allows it."""
CONTROLS: Final = ("direct", "position")
_TELL: Final = 0.5
"""Seconds after which the status is told anew."""
_NEAR: Final = 1.0
"""Degrees within which a posture is reached."""


@dataclass(frozen=True)
class Options:
    """The options of this driver.

    Attributes:
        parts: Its right and its left arm.
        control: Direct: positions are streamed, and if they stop the robot stands where it was sent last.
            position: the robot goes to each target by itself at its reference speed.
        rate: Positions streamed per second, besides one at once for each command.
        carrier: Of streams from and to the robot: udp, tcp, fast_tcp.
        ceiling: Degrees per second that no joint exceeds whatever the motor wants; 0 for 30, or none for /icubSim.
        local: First part of the names of this client's ports; "" for one of its own.
    """

    parts: tuple[str, str] = ("right_arm", "left_arm")
    control: str = "direct"
    rate: float = 100.0
    carrier: str = "udp"
    ceiling: float = 0.0
    local: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Options":
        """Checks given options.

        Raises:
            ValueError: Names what is wrong, and what is valid.
        """
        known = [each.name for each in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise ValueError(f"the driver yarp has no option {unknown[0]!r}; valid: {', '.join(known)}")
        given = cls(**{**values, "parts": tuple(values.get("parts", cls.parts))})
        if len(given.parts) != 2 or not all(isinstance(part, str) and part for part in given.parts):
            raise ValueError(f"option parts is {list(given.parts)}, not the names of a right and a left arm")
        if given.control not in CONTROLS:
            raise ValueError(f"option control is {given.control!r}; valid: {', '.join(CONTROLS)}")
        if not 1.0 <= given.rate <= 1000.0:
            raise ValueError(f"option rate is {given.rate}; valid are 1 to 1000 per second")
        if not 0.0 <= given.ceiling < math.inf:
            raise ValueError(f"option ceiling is {given.ceiling}; valid are 0 or more degrees per second")
        return given


class YarpDriver:
    """Drives an iCub by its control boards; only the joints of a posture are commanded.

    What it hears from the robot is written at once: encoders, their stamp, limits. How it is connected is told
    within a second of any change, and twice a second.

    Args:
        job: The robot is the first part of its port names: icub, /icub, /icubSim. Options: see `Options`.
    """

    def __init__(self, job: Job) -> None:
        options = Options.read(job.options)
        self.plans = options.control == "position"
        self._job = job
        self._agent = job.agent
        self._robot = "/" + job.robot.strip("/")
        ceiling = options.ceiling or (math.inf if self._robot == SIMULATED else CAREFUL)
        if job.speed > ceiling:
            job.agent.log.warning(
                "%s moves at %g degrees per second at most, not %g", job.robot, ceiling, job.speed
            )
        local = options.local or f"/agentspace/{job.agent.role}/{os.uname().nodename}-{os.getpid()}"
        speed = min(job.speed, ceiling)
        self._settings = {
            **asdict(options),
            "robot": self._robot,
            "local": local,
            "speed": speed,
            "ceiling": ceiling,
            "faulty": False,
        }
        self._helper = Helper("agents.yarp.client.arms", self._settings, self._hear, job.agent.log)
        self._lock = threading.Lock()
        self._limits: Floats | None = None
        self._here: Floats | None = None
        self._stamp: Floats = np.full(2, np.nan)
        self._heard = -math.inf
        self._sent: Floats | None = None
        self._status = Status(self._robot, since=time.time())
        self._told: tuple[Status, bool | None] | None = None
        self._told_at = -math.inf

    def open(self) -> None:
        """Begins to look for the robot."""
        self._helper.open()

    def limits(self) -> Floats | None:
        """As the robot itself says, (10, 2) degrees; None before it was found."""
        return self._limits

    def encoders(self) -> Floats | None:
        """The posture of the robot; None if it is not connected, in a fault, or has said nothing lately."""
        with self._lock:
            fresh = time.monotonic() - self._heard < FRESH
            return self._here if fresh and self._status.state == CONNECTED else None

    def command(self, degrees: Floats) -> None:
        """Passes a posture on to the helper; if none takes it, the status tells."""
        if self._helper.say({"do": "go"}, POSTURE.pack(*degrees)):
            self._sent = degrees
            self._agent.write(self._job.command, degrees)

    def tell(self) -> None:
        """Writes the status if it is news, or was not told lately."""
        now = time.monotonic()
        with self._lock:
            status, age = self._status, now - self._heard
        done = self._done()
        if (status, done) == self._told and now - self._told_at < _TELL:
            return
        self._told, self._told_at = (status, done), now
        value = {
            **asdict(status),
            "encoder_age": age if math.isfinite(age) else None,
            "stamp": self._stamp.tolist() if self._here is not None else None,
            "done": done,
            "starts": self._helper.starts,
            "killed": self._helper.killed,
        }
        self._agent.write(self._job.status, value, validity=4 * _TELL)

    def _done(self) -> bool | None:
        """Whether the robot is where it was sent; None if unknown: never True of a robot that is gone."""
        here, sent = self.encoders(), self._sent
        return None if here is None or sent is None else bool(np.abs(here - sent).max() < _NEAR)

    def close(self) -> None:
        """Lets the helper stop the robot where it is, and let go of it."""
        self._helper.close()
        with self._lock:
            self._status = self._status.changed("closed")
            self._heard = -math.inf

    # --- in the helper's thread

    def _hear(self, message: Message) -> None:
        getattr(self, f"_hear_{message.header['is']}")(message)

    def _hear_ready(self, message: Message) -> None:
        self._limits = np.reshape(LIMITS.unpack(message.body), (len(JOINTS), 2))
        self._write(self._job.limits, self._limits)
        strange = message.header["strange"]
        self._change(FAULT if strange else CONNECTED, network="", error=strange)

    def _hear_at(self, message: Message) -> None:
        numbers = np.array(SAMPLE.unpack(message.body))
        with self._lock:
            self._here, self._stamp = numbers[: len(JOINTS)], numbers[len(JOINTS) :]
            self._heard = message.header["heard"]
        if time.monotonic() - self._heard < FRESH:  # else the space kept us waiting, and newer ones will come
            self._write(self._job.stamp, self._stamp, 2 * FRESH)
            self._write(self._job.encoders, self._here, 2 * FRESH)

    def _hear_network(self, message: Message) -> None:
        trouble = message.header["trouble"]
        self._change(self._status.state, network=trouble)
        self._agent.log.warning("%s", trouble or "the name server answers again")

    def _hear_modes(self, message: Message) -> None:
        strange = message.header["strange"]
        self._change(FAULT if strange else CONNECTED, error=strange)

    def _hear_gone(self, message: Message) -> None:
        was = self._status.state
        self._change(LOST if was in (CONNECTED, FAULT) else was, error=message.header["why"])
        with self._lock:
            self._heard = -math.inf

    def _change(self, state: str, **news: str) -> None:
        with self._lock:
            before = self._status
            self._status = before.changed(state, **news)
        if state in (FAULT, CONNECTED):
            self._settings["faulty"] = state == FAULT  # a new helper shall leave the joints alone, too
        if (state, self._status.error) != (before.state, before.error):
            level = self._agent.log.info if state == CONNECTED else self._agent.log.warning
            level("%s: %s%s", self._robot, state, f": {self._status.error}" if self._status.error else "")

    def _write(self, name: str, value: Floats, validity: float | None = None) -> None:
        try:
            self._agent.space.write(name, value, validity)
        except AgentspaceError as error:  # the agent's own thread hears of it, too, and ends if it must
            self._agent.log.debug("%s was not written: %s", name, error)


CONNECTING: Final = "connecting"
CONNECTED: Final = "connected"
FAULT: Final = "fault"
LOST: Final = "lost"


@dataclass(frozen=True)
class Status:
    """The state of a connection to a robot.

    Attributes:
        robot: Its name.
        since: When it came into its state, s since 1970.
        state: Connecting; connected; fault (its joints take no commands); lost; closed.
        error: What is or was wrong, for people; "" for nothing.
        network: What is wrong with the name server while the robot is connected; "" for nothing.
    """

    robot: str
    since: float
    state: str = CONNECTING
    error: str = ""
    network: str = ""

    def changed(self, state: str, **news: str) -> "Status":
        """The status after something happened."""
        since = self.since if state == self.state else time.time()
        return Status(**{**asdict(self), "state": state, "since": since, **news})
