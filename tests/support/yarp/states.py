"""What agents of YARP say of themselves in their state slots."""

from __future__ import annotations

from typing import Any

from agentspace import Space
from tests.support.eventually import eventually

PATIENCE = 20.0  # seconds in which what is there is found on a busy machine


def becomes(space: Space, slot: str, state: str, reason: str = "", within: float = PATIENCE) -> dict[str, Any]:
    """What a state slot tells, once the agent is in a state.

    Args:
        space: Where the slot is.
        slot: Its name.
        state: Which is waited for.
        reason: What must be in the agent's error or message.
        within: Seconds.
    """

    def found() -> dict[str, Any] | None:
        value = space.read(slot)
        if not value or value["state"] != state:
            return None
        return value if reason in (value["error"] if "error" in value else value["message"]) else None

    result = eventually(found, within)
    assert result is not None
    return result
