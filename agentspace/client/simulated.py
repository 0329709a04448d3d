"""The simulated clock of a server, for whoever drives it."""

import math
from collections.abc import Callable

from agentspace.client.swap import RemoteSwaps
from agentspace.errors import AgentspaceError
from agentspace.wire import from_client


class DrivenSpace(RemoteSwaps):
    """A space whose server may have a simulated clock."""

    def simulated_time(self) -> float:
        """The simulated time (s).

        Raises:
            AgentspaceError: The clock of the server is real.
        """
        return self._go_to(0.0)

    def advance(self, seconds: float) -> float:
        """Lets the simulated clock go on, and waits until it is there and no role has anything left to do.

        From then on, until the driver ends, the clock goes no further; of several drivers, the slowest leads.

        Args:
            seconds: From now on.

        Returns:
            The simulated time then (s).

        Raises:
            AgentspaceError: The clock of the server is real.
        """
        return self.advance_to(self.simulated_time() + max(0.0, seconds))

    def advance_to(self, time: float) -> float:
        """Lets the simulated clock go on to a time (s), and waits until it is there; see `advance`."""
        return self._go_to(time)

    def conduct(self, roles: list[str]) -> None:
        """Lets the simulated clock run by itself as soon as these roles are there; they begin in this order.

        When one of them ends, it stands until that is there again, or this is said again without it.

        Raises:
            AgentspaceError: The clock of the server is real.
        """
        self._call(lambda call: (from_client.Conduct(call, self.name, roles),))

    def _go_to(self, time: float) -> float:
        reply, _ = self._call(lambda call: (from_client.Advance(call, time),), math.inf)
        reached: float = reply.time
        return reached


def driver(space: DrivenSpace) -> Callable[[float], float] | None:
    """What lets the simulated clock go on to a time, in seconds from now; None if the clock is real."""
    try:
        began = space.simulated_time()
    except AgentspaceError:
        return None
    return lambda seconds: space.advance_to(began + seconds)
