"""Drivers: how postures get to a robot, one file per kind of robot.

A driver is chosen by name; its module, and whatever heavy library it needs, is imported only then. To add one,
implement `Driver` in a module of this folder and name its class in `DRIVERS`.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from agentspace import Agent
from models.arrays import Floats

DRIVERS: Final = {
    "mujoco": "agents.body.drivers.mujoco:MujocoDriver",
    "yarp": "agents.body.drivers.yarp_icub:YarpDriver",
}
"""Module and class of each driver by its name."""


@dataclass(frozen=True)
class Job:
    """A driver's job: the robot, its limits, and the slots in which it is told.

    Attributes:
        agent: The motor; what a driver writes is committed with its handler, or written at once by its space.
        robot: Which robot; what this means is the driver's own.
        speed: Limit of every joint, degrees per second.
        options: What only this kind of driver has.
        torso: The torso is driven, too.
        encoders: Slot for the joint angles of robots that have no slots: float64 (10,) degrees.
        stamp: Slot for the robot's time at which they were so: float64 (2,) s, right arm, left arm.
        limits: Slot for what `Driver.limits` gives of these ten.
        torso_encoders: Slot for yaw, roll and pitch of the torso: float64 (3,) degrees.
        torso_limits: Slot for lowest and highest angle of these three.
        command: Slot for what such a robot was told last, float64 (10,) or (13,) degrees.
        status: Slot for how the robot is connected, a dict.
        renew: Slot by which the rest of the robot is asked for its standard posture.
    """

    agent: Agent
    robot: str
    speed: float = 30.0
    options: Mapping[str, Any] = field(default_factory=dict)
    encoders: str = "icub/encoders"
    stamp: str = "icub/stamp"
    limits: str = "icub/limits"
    command: str = "motor/command"
    status: str = "motor/robot"
    torso: bool = False
    torso_encoders: str = "icub/torso"
    torso_limits: str = "icub/torso/limits"
    renew: str = "icub/renew"


class Driver(Protocol):
    """Both arms of one robot; postures are (10,) float64 degrees in the order of `models.icub.kinematics.JOINTS`.

    If the job has a torso, postures are (13,): `TORSO_JOINTS` come behind.

    All methods are called by one thread and return at once: a driver whose robot may keep it waiting does the
    waiting elsewhere. A robot that is not there (yet) is no error: `limits` and `encoders` say None.

    Attributes:
        plans: The robot plans its way to a posture by itself, within the job's speed: it may be told the goal
            instead of the way.
    """

    plans: bool

    def __init__(self, job: Job) -> None:
        """Takes note of the job.

        Raises:
            ValueError: An option is not valid; names it and the valid ones.
        """

    def open(self) -> None:
        """Gets hold of the robot, or begins to try."""

    def limits(self) -> Floats | None:
        """Lowest and highest angle of each joint (n, 2), degrees; None as long as the robot has not told."""

    def encoders(self) -> Floats | None:
        """The posture of the robot; None if it has said nothing lately, or must not be commanded."""

    def command(self, degrees: Floats) -> None:
        """Commands a posture: within the limits, and near to the present one unless the robot plans."""

    def renew(self) -> None:
        """Begins to bring what a posture does not have to its standard posture: torso, head, hands."""

    def halt(self) -> None:
        """Ends that where it is."""

    def tell(self) -> None:
        """Called in each handler: writes what is news about the robot, if it does not do so itself."""

    def close(self) -> None:
        """Lets go of the robot, which keeps its posture; may be called again."""


def load_driver(name: str) -> type[Driver]:
    """The class of the driver of that name; imports what it needs.

    Raises:
        ValueError: There is no such driver; the message names those that there are.
    """
    if name not in DRIVERS:
        raise ValueError(f"there is no driver {name!r}; valid: {', '.join(DRIVERS)}")
    module, _, cls = DRIVERS[name].partition(":")
    found: type[Driver] = getattr(importlib.import_module(module), cls)
    return found


def open_driver(name: str, job: Job) -> Driver:
    """Makes and opens the driver of that name.

    Raises:
        ValueError: There is no such driver, or it has no such option; the message names those that there are.
    """
    driver = load_driver(name)(job)
    driver.open()
    return driver
