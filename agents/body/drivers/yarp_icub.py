"""The driver of an iCub, real or simulated, that is on a YARP network: a client of its control boards.

YARP itself is called by a helper process, see `agents.yarp.client`.
"""

import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np

from agents.body.drivers import Job
from agents.body.drivers.mujoco import write_parts
from agents.body.follower import CARRIED
from agents.yarp.client.arms import JOINTS as DRIVEN
from agents.yarp.client.arms import doubles
from agents.yarp.client.helper import Helper
from agents.yarp.client.pipe import Message
from agents.yarp.robot.parts import AXES, PARTS, STANDARD_AXES
from agentspace.errors import AgentspaceError
from models.arrays import Floats
from models.icub.kinematics import JOINTS, TORSO_JOINTS

FRESH: Final = 0.25
"""Seconds for which joint angles count as where the robot is."""
SIMULATED: Final = "/icubSim"
"""The simulated robot, which hurts nobody."""
CAREFUL: Final = 30.0
"""Degrees per second that any other robot does not exceed, unless the option `ceiling` allows it."""
CONTROLS: Final = ("direct", "position")
GENTLE: Final = 10.0
"""Degrees per second that head, torso and hands do not exceed when they are renewed; what an iCub begins with."""
_LEGS: Final = ("right_leg", "left_leg")
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
        torso: The part that is its torso.
        guided: An arm that somebody moves by hand, right_arm say: it is not commanded, only listened to.
        renewed: Parts that `renew` brings to their standard posture, where the robot has them; of the arms all
            joints but those of a posture. Empty for all but the legs, or all for /icubSim.
    """

    parts: tuple[str, str] = ("right_arm", "left_arm")
    control: str = "direct"
    rate: float = 100.0
    carrier: str = "udp"
    ceiling: float = 0.0
    local: str = ""
    torso: str = "torso"
    guided: str = ""
    renewed: tuple[str, ...] = ()

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
        tuples = {name: tuple(values.get(name, getattr(cls, name))) for name in ("parts", "renewed")}
        given = cls(**{**values, **tuples})
        if len(given.parts) != 2 or not all(isinstance(part, str) and part for part in given.parts):
            raise ValueError(f"option parts is {list(given.parts)}, not the names of a right and a left arm")
        given._check_names()
        if given.control not in CONTROLS:
            raise ValueError(f"option control is {given.control!r}; valid: {', '.join(CONTROLS)}")
        if not 1.0 <= given.rate <= 1000.0:
            raise ValueError(f"option rate is {given.rate}; valid are 1 to 1000 per second")
        if not 0.0 <= given.ceiling < math.inf:
            raise ValueError(f"option ceiling is {given.ceiling}; valid are 0 or more degrees per second")
        return given

    def _check_names(self) -> None:
        if self.guided not in ("", *self.parts):
            raise ValueError(f"option guided is {self.guided!r}; valid: {', '.join(self.parts)}, or empty")
        unknown = [part for part in self.renewed if part not in PARTS]
        if unknown:
            raise ValueError(f"option renewed has {unknown[0]!r}; valid: {', '.join(PARTS)}")


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
        self._renewal: Helper | None = None
        self._halted = False
        self._renewed: dict[str, Any] = {}
        self._limbs = {
            "robot": self._robot,
            "local": f"{local}/renewed",
            "carrier": options.carrier,
            "speed": min(speed, GENTLE),
            "limbs": limbs_of(options.renewed or usual_limbs(self._robot), job.torso),
        }
        if self.plans and job.torso:
            speed *= CARRIED  # the robot itself goes at the same speed whatever it is that moves
        self._guided = [
            joint for joint in range(len(JOINTS)) if options.parts[joint // len(DRIVEN)] == options.guided
        ]
        self._settings = {
            **asdict(options),
            "torso": options.torso if job.torso else "",
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
        self._count = len(JOINTS) + len(TORSO_JOINTS) * job.torso
        self._stamp: Floats = np.full(2, np.nan)
        self._heard = -math.inf
        self._sent: Floats | None = None
        self._status = Status(self._robot, since=time.time())
        self._told: tuple[Status, bool | None, dict[str, Any]] | None = None
        self._told_at = -math.inf

    def open(self) -> None:
        """Begins to look for the robot."""
        self._helper.open()

    def limits(self) -> Floats | None:
        """As the robot itself says, (n, 2) degrees; None before it was found."""
        return self._limits

    def encoders(self) -> Floats | None:
        """The posture of the robot; None if it is not connected, in a fault, or has said nothing lately."""
        with self._lock:
            fresh = time.monotonic() - self._heard < FRESH
            return self._here if fresh and self._status.state == CONNECTED else None

    def command(self, degrees: Floats) -> None:
        """Passes a posture on to the helper; if none takes it, the status tells."""
        if self._helper.say({"do": "go"}, doubles(self._count).pack(*degrees)):
            self._sent = degrees
            self._agent.write(self._job.command, degrees)

    def renew(self) -> None:
        """Lets another helper bring the rest of the robot to its standard posture, unless one is at it.

        It does not touch the joints of a posture, which the first one has; nor a robot that is in a fault.
        """
        with self._lock:
            state = self._status.state
            begins = state == CONNECTED and self._renewed.get("state") not in ("begins", "renewing")
            if begins:
                self._renewed, self._halted = {"state": "begins"}, False
            elif state != CONNECTED:
                self._renewed = {"state": "refused", "why": f"{self._robot} is not connected: {state}"}
        if begins:
            self._renewal = Helper(
                "agents.yarp.client.limbs", self._limbs, self._hear_limbs, self._agent.log, again=False
            )
            self._renewal.open()

    def halt(self) -> None:
        """Stops what is renewed where it is."""
        self._halted = True  # a helper that does not hear yet is told when it says that it begins
        if self._renewal is not None:
            self._renewal.say({"do": "end"})

    def tell(self) -> None:
        """Writes the status if it is news, or was not told lately."""
        now = time.monotonic()
        with self._lock:
            status, age, renewed = self._status, now - self._heard, self._renewed
        done = self._done()
        if (status, done, renewed) == self._told and now - self._told_at < _TELL:
            return
        self._told, self._told_at = (status, done, renewed), now
        value = {
            **asdict(status),
            "encoder_age": age if math.isfinite(age) else None,
            "stamp": self._stamp.tolist() if self._here is not None else None,
            "done": done,
            "renewed": renewed,
            "starts": self._helper.starts,
            "killed": self._helper.killed,
        }
        self._agent.write(self._job.status, value, validity=4 * _TELL)

    def _done(self) -> bool | None:
        """Whether the robot is where it was sent; None if unknown: never True of a robot that is gone."""
        here, sent = self.encoders(), self._sent
        if here is None or sent is None:
            return None
        return bool(np.abs(np.delete(here - sent, self._guided)).max() < _NEAR)

    def close(self) -> None:
        """Lets the helper stop the robot where it is, and let go of it."""
        if self._renewal is not None:
            self._renewal.close()
        self._helper.close()
        with self._lock:
            self._status = self._status.changed("closed")
            self._heard = -math.inf

    # --- in the helper's thread

    def _hear(self, message: Message) -> None:
        getattr(self, f"_hear_{message.header['is']}")(message)

    def _hear_ready(self, message: Message) -> None:
        self._limits = np.reshape(doubles(2 * self._count).unpack(message.body), (self._count, 2))
        self._write(self._job.limits, self._job.torso_limits, self._limits)
        strange = message.header["strange"]
        self._change(FAULT if strange else CONNECTED, network="", error=strange)

    def _hear_at(self, message: Message) -> None:
        numbers = np.frombuffer(bytes(message.body), "<f8")
        with self._lock:
            self._here, self._stamp = numbers[: self._count], numbers[self._count :][:2]
            self._heard = message.header["heard"]
        if time.monotonic() - self._heard < FRESH:  # else the space kept us waiting, and newer ones will come
            self._write(self._job.stamp, "", self._stamp, 2 * FRESH)
            self._write(self._job.encoders, self._job.torso_encoders, self._here, 2 * FRESH)

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
        if state == FAULT:
            self.halt()
        if state in (FAULT, CONNECTED):
            self._settings["faulty"] = state == FAULT  # a new helper shall leave the joints alone, too
        if (state, self._status.error) != (before.state, before.error):
            level = self._agent.log.info if state == CONNECTED else self._agent.log.warning
            level("%s: %s%s", self._robot, state, f": {self._status.error}" if self._status.error else "")

    def _hear_limbs(self, message: Message) -> None:
        """In the thread of the helper that renews."""
        header = {name: value for name, value in message.header.items() if name != "is"}
        with self._lock:
            if message.header["is"] == "gone" and self._renewed["state"] == "renewed":
                return
            self._renewed = {**self._renewed, "state": message.header["is"], **header}
        if self._halted:
            self.halt()
        self._agent.log.info("%s: %s", self._robot, self._renewed)

    def _write(self, arms: str, torso: str, values: Floats, validity: float | None = None) -> None:
        try:
            write_parts(self._agent.space, arms, torso, values, validity)
        except AgentspaceError as error:  # the agent's own thread hears of it, too, and ends if it must
            self._agent.log.debug("%s was not written: %s", arms, error)


def usual_limbs(robot: str) -> tuple[str, ...]:
    """The parts of a robot, /icub say, that are renewed if nobody says which: it may stand on its legs."""
    return tuple(part for part in PARTS if robot == SIMULATED or part not in _LEGS)


def limbs_of(parts: Sequence[str], torso: bool) -> dict[str, tuple[list[int], list[float]]]:
    """What is renewed of each part: the joints, and their standard posture in degrees.

    Args:
        parts: See `Options.renewed`.
        torso: It is driven with the arms, and is left out.
    """
    found = {}
    for part in parts:
        if part == "torso" and torso:
            continue
        first = len(DRIVEN) if part.endswith("_arm") else 0
        angles = {joint: float(STANDARD_AXES[AXES.index(name)]) for joint, name in enumerate(PARTS[part])}
        found[part] = (list(angles)[first:], list(angles.values())[first:])
    return found


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
