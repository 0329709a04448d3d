"""The driver of a simulated robot: it talks to an agent `Simulator` through that agent's slots."""

from agents.posture import NotAPostureError, read_posture
from agentspace import Agent
from models.kinematics import JOINTS, Floats


class MujocoDriver:
    """Drives the simulator whose slots begin with the robot's name: `icub/target`, `icub/encoders`, `icub/limits`.

    Args:
        agent: The agent that drives; commands are committed with its handler.
        robot: The name, "icub" say.
    """

    def __init__(self, agent: Agent, robot: str) -> None:
        self._agent = agent
        self._target = f"{robot}/target"
        self._encoders = f"{robot}/encoders"
        self._limits = f"{robot}/limits"

    def open(self) -> None:
        """Nothing to do: the slots are there when the simulator is."""

    def limits(self) -> Floats | None:
        """What the simulator read from its model (10, 2), degrees; None before it runs."""
        limits = self._agent.read(self._limits)
        return None if limits is None or limits.shape != (len(JOINTS), 2) else limits

    def encoders(self) -> Floats | None:
        """Where the simulated joints are; None if the simulator has not said so lately."""
        try:
            return read_posture(self._agent.read(self._encoders))
        except NotAPostureError:
            return None

    def command(self, degrees: Floats) -> None:
        """Writes the posture to the simulator's target slot."""
        self._agent.write(self._target, degrees)

    def close(self) -> None:
        """Nothing to do: the simulator keeps the posture that it was given."""
