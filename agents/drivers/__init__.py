"""Drivers: how postures get to a robot, one file per kind of robot.

A driver is chosen by name; its module, and whatever heavy library it needs, is imported only then. To add one,
implement `Driver` in a module of this folder and name its class in `DRIVERS`.
"""

import importlib
from typing import Final, Protocol

from agentspace import Agent
from models.kinematics import Floats

DRIVERS: Final = {"mujoco": "agents.drivers.mujoco:MujocoDriver"}
"""Module and class of each driver by its name."""


class Driver(Protocol):
    """Both arms of one robot; postures are (10,) float64 degrees in the order of `models.kinematics.JOINTS`.

    All methods are called by one thread and return at once: a driver whose robot may keep it waiting does the
    waiting in a thread of its own. A robot that is not there (yet) is no error: `limits` and `encoders` say None.
    """

    def __init__(self, agent: Agent, robot: str) -> None:
        """Args: the agent that drives, and which robot (what this means is the driver's own)."""

    def open(self) -> None:
        """Gets hold of the robot, or begins to try."""

    def limits(self) -> Floats | None:
        """Lowest and highest angle of each joint (10, 2), degrees; None as long as the robot has not told."""

    def encoders(self) -> Floats | None:
        """Where the joints are; None if the robot has said nothing lately."""

    def command(self, degrees: Floats) -> None:
        """Where the joints shall be now: within the limits, and near to where they are."""

    def close(self) -> None:
        """Lets go of the robot, which keeps its posture; may be called again."""


def open_driver(name: str, agent: Agent, robot: str) -> Driver:
    """Makes and opens the driver of that name.

    Raises:
        ValueError: there is no such driver; the message names those that there are.
    """
    if name not in DRIVERS:
        raise ValueError(f"there is no driver {name!r}; valid: {', '.join(DRIVERS)}")
    module, _, cls = DRIVERS[name].partition(":")
    driver: Driver = getattr(importlib.import_module(module), cls)(agent, robot)
    driver.open()
    return driver
