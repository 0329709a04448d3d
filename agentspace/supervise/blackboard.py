"""The blackboard as the supervisor sees it."""

import contextlib
import time
from collections.abc import Mapping, Set
from typing import Any, Final

from agentspace.client.account import LAUNCHES, SpaceAccount, SwapReport
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AgentspaceError
from agentspace.wire.address import Address

_PATIENCE: Final = 1.0  #: seconds for an answer
_FRESH: Final = 0.03  #: seconds for which one look serves several questions


class Blackboard:
    """The blackboard as far as a supervisor needs it. No method blocks for long, and none raises.

    Args:
        address: Of the server.
        name: Of the launch; its report lies in the slot ``launch/NAME``.
    """

    def __init__(self, address: Address, name: str) -> None:
        self._address = address
        self._name = name
        self._space: RemoteSpace | None = None
        self._seen = SpaceAccount({})
        self._seen_at = float("-inf")

    def connect(self) -> bool:
        """Tries to reach the server; whether it answered. Called again and again until it does."""
        self.close()
        with contextlib.suppress(AgentspaceError):
            space = connect(self._address, "supervisor", patience=_PATIENCE)
            self._space = space.named(self._address.space)
        return self._space is not None

    def valid(self, slot: str) -> bool:
        """Whether a slot has a valid value."""
        with contextlib.suppress(AgentspaceError):
            return self._space is not None and self._space.entry(slot) is not None
        return False

    def role_state(self, role: str, pid: int) -> str | None:
        """State of a role if the process `pid` fills it: "starting", "running", "stopped", "gone", ..."""
        told = self._look().roles.get(role)
        return told.state if told is not None and told.pid == pid else None

    def stop_requested(self) -> Set[str]:
        """Roles that were asked to stop; ``*`` stands for the whole launch."""
        account = self._look()
        if account.server is not None and account.server.stop_requested:
            return {"*"}
        return {name for name, role in account.roles.items() if role.stop_requested}

    def swaps(self) -> Mapping[str, SwapReport]:
        """The last swap of each role."""
        return self._look().swaps

    def successor_lost(self, role: str, number: int, why: str) -> None:
        """Tells that a successor has ended, or could not be started."""
        with contextlib.suppress(AgentspaceError):
            if self._space is not None:
                self._space.successor_lost(role, number, why)

    def report(self, report: dict[str, Any]) -> None:
        """Shows the state of the launch to everybody."""
        with contextlib.suppress(AgentspaceError):
            if self._space is not None:
                self._space.write(LAUNCHES + self._name, report)

    def close(self) -> None:
        """Lets go of the server."""
        space, self._space = self._space, None
        if space is not None:
            space.close()

    def _look(self) -> SpaceAccount:
        now = time.monotonic()
        if self._space is not None and now - self._seen_at > _FRESH:
            with contextlib.suppress(AgentspaceError):
                self._seen = SpaceAccount.told_by(self._space)
                self._seen_at = time.monotonic()
        return self._seen
