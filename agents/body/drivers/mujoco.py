"""The driver of a simulated robot: it talks to an agent `Simulator` through that agent's slots."""

from typing import Final

from agents.body.drivers import Job
from agents.body.posture import NotAPostureError, read_posture
from models.arrays import Floats
from models.icub.kinematics import JOINTS

FRESH: Final = 0.5
"""Seconds for which encoders that are passed on are valid."""


class MujocoDriver:
    """Drives the simulator whose slots begin with the robot's name: `icub/target`, `icub/encoders`, `icub/limits`.

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
        self._told_limits = self._limits == job.limits

    def open(self) -> None:
        """Nothing to do: the slots are there when the simulator is."""

    def limits(self) -> Floats | None:
        """The limits of the simulator's model (10, 2), degrees; None before it runs."""
        limits = self._agent.read(self._limits)
        return None if limits is None or limits.shape != (len(JOINTS), 2) else limits

    def encoders(self) -> Floats | None:
        """The posture of the simulated robot; None if the simulator has said nothing lately."""
        try:
            return read_posture(self._agent.read(self._encoders))
        except NotAPostureError:
            return None

    def command(self, degrees: Floats) -> None:
        """Writes the posture to the simulator's target slot."""
        self._agent.write(self._target, degrees)
        if self._encoders != self._job.encoders:
            self._agent.write(self._job.command, degrees)

    def tell(self) -> None:
        """Passes on what others do not hear from the simulator itself."""
        if self._encoders != self._job.encoders and (encoders := self.encoders()) is not None:
            self._agent.write(self._job.encoders, encoders, validity=FRESH)
        if not self._told_limits and (limits := self.limits()) is not None:
            self._told_limits = True
            self._agent.write(self._job.limits, limits)

    def close(self) -> None:
        """Nothing to do: the simulator keeps the posture that it was given."""
