"""The blackboard as the supervisor sees it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Set
from typing import Any

from agentspace.client.space import RemoteSpace, connect
from agentspace.core.space import Entry
from agentspace.errors import AgentspaceError
from agentspace.wire.address import Address

_PATIENCE = 1.0  #: seconds for an answer
_FRESH = 0.03  #: seconds for which one look serves several questions


class Contact:
    """The blackboard as far as a supervisor needs it. No method blocks for long, and none raises.

    Args:
        address: Of the server.
        name: Of the launch; its report lies in the slot ``launch/NAME``.
    """

    def __init__(self, address: Address, name: str) -> None:
        self._address = address
        self._name = name
        self._space: RemoteSpace | None = None
        self._seen: Mapping[str, Entry] = {}
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
        entry = self._look().get(f"_/roles/{role}")
        if entry is None or entry.value.get("pid") != pid:
            return None
        state: str = entry.value["state"]
        return state

    def stop_requested(self) -> Set[str]:
        """Roles that were asked to stop; ``*`` stands for the whole launch."""
        seen = self._look()
        if "_/server" in seen and seen["_/server"].value["stop_requested"]:
            return {"*"}
        prefix = "_/roles/"
        return {
            name.removeprefix(prefix)
            for name, entry in seen.items()
            if name.startswith(prefix) and entry.value["stop_requested"]
        }

    def swaps(self) -> Mapping[str, Mapping[str, Any]]:
        """The last swap of each role, as ``_/swaps/ROLE`` has it."""
        prefix = "_/swaps/"
        seen = self._look()
        return {name.removeprefix(prefix): entry.value for name, entry in seen.items() if name.startswith(prefix)}

    def successor_lost(self, role: str, number: int, why: str) -> None:
        """Tells that a successor has ended, or could not be started."""
        with contextlib.suppress(AgentspaceError):
            if self._space is not None:
                self._space.successor_lost(role, number, why)

    def report(self, report: dict[str, Any]) -> None:
        """Shows the state of the launch to everybody."""
        with contextlib.suppress(AgentspaceError):
            if self._space is not None:
                self._space.write(f"launch/{self._name}", report)

    def close(self) -> None:
        """Lets go of the server."""
        space, self._space = self._space, None
        if space is not None:
            space.close()

    def _look(self) -> Mapping[str, Entry]:
        now = time.monotonic()
        if self._space is not None and now - self._seen_at > _FRESH:
            with contextlib.suppress(AgentspaceError):
                self._seen = self._space.snapshot("_/*")
                self._seen_at = time.monotonic()
        return self._seen
