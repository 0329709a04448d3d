"""The driver of a simulated robot: it talks to an agent `Simulator` through that agent's slots."""

from typing import Final

import numpy as np

from agents.body.drivers import Job
from agents.body.posture import NotAPostureError, read_posture, read_torso
from agentspace import Agent, Space
from models.arrays import Floats
from models.icub.kinematics import JOINTS, TORSO_JOINTS

FRESH: Final = 0.5
"""Seconds for which encoders that are passed on are valid."""


def write_parts(to: Agent | Space, arms: str, torso: str, values: Floats, validity: float | None = None) -> None:
    """Writes what is known of ten joints, or of thirteen, to the slots of the arms and of the torso."""
    to.write(arms, values[: len(JOINTS)], validity)
    if len(values) > len(JOINTS):
        to.write(torso, values[len(JOINTS) :], validity)


class MujocoDriver:
    """Drives the simulator whose slots begin with the robot's name: `icub/target`, `icub/encoders`, `icub/limits`,
    and of its torso `icub/torso`, `icub/torso/limits`.

    Where others look for encoders and limits in slots of another name, it passes them on.

    Args:
        job: The robot is a name, "icub" say. There are no options.
    """

    plans = False

    def __init__(self, job: Job) -> None:
        if job.options:
            raise ValueError(f"the driver mujoco has no options, but was given {', '.join(job.options)}")
        self._agent = job.agent
        self._job = job
        self._target = f"{job.robot}/target"
        self._encoders = f"{job.robot}/encoders"
        self._limits = f"{job.robot}/limits"
        self._torso = f"{job.robot}/torso"
        self._told_limits = self._limits == job.limits

    def open(self) -> None:
        """Nothing to do: the slots are there when the simulator is."""

    def limits(self) -> Floats | None:
        """The limits of the simulator's model (n, 2), degrees; None before it runs. Some have no torso."""
        limits, torso = self._agent.read(self._limits), self._torso_limits()
        if limits is None or limits.shape != (len(JOINTS), 2):
            return None
        return limits if torso is None else np.vstack([limits, torso])

    def _torso_limits(self) -> Floats | None:
        """Those of the torso (3, 2), degrees, if it is to be driven and there is one."""
        limits = self._agent.read(f"{self._torso}/limits") if self._job.torso else None
        return None if limits is None or limits.shape != (len(TORSO_JOINTS), 2) else limits

    def encoders(self) -> Floats | None:
        """The posture of the simulated robot; None if the simulator has said nothing lately."""
        try:
            here = read_posture(self._agent.read(self._encoders))
            if self._torso_limits() is None:
                return here
            return np.concatenate([here, read_torso(self._agent.read(self._torso))])
        except NotAPostureError:
            return None

    def command(self, degrees: Floats) -> None:
        """Writes the posture to the simulator's target slot."""
        self._agent.write(self._target, degrees)
        if self._encoders != self._job.encoders:
            self._agent.write(self._job.command, degrees)

    def renew(self) -> None:
        """Passes it on to a simulator that does not hear of it itself."""
        slot = f"{self._job.robot}/renew"
        if slot != self._job.renew:
            self._agent.write(slot, "all", validity=1.0)

    def halt(self) -> None:
        """Nothing to do: what stops the arms stops all of the simulated robot."""

    def tell(self) -> None:
        """Passes on what others do not hear from the simulator itself."""
        if self._encoders != self._job.encoders and (encoders := self.encoders()) is not None:
            write_parts(self._agent, self._job.encoders, self._job.torso_encoders, encoders, FRESH)
        if not self._told_limits and (limits := self.limits()) is not None:
            self._told_limits = True
            write_parts(self._agent, self._job.limits, self._job.torso_limits, limits)

    def close(self) -> None:
        """Nothing to do: the simulator keeps the posture that it was given."""
