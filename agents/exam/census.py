"""Which operating-system processes make up the constellation, by what the space itself says."""

from __future__ import annotations

from collections.abc import Mapping

from agentspace import Entry

ROLES = "_/roles/"
SERVER = "_/server"
OVERFLOWS = "_/overflows"
LAUNCHES = "launch/"
ENDED = ("stopped", "failed", "gone")


def processes(accounts: Mapping[str, Entry]) -> dict[int, str]:
    """Names by process: agents, server, supervisor; two roles in one process are one process.

    Args:
        accounts: Slots under ``_/*`` and ``launch/*``.
    """
    found: dict[int, str] = {}
    for slot, entry in accounts.items():
        account = entry.value
        pid = account.get("pid") if isinstance(account, dict) else None
        if not isinstance(pid, int):
            continue
        if slot.startswith(ROLES) and account.get("state") not in ENDED:
            found.setdefault(pid, slot.removeprefix(ROLES))
        elif slot == SERVER:
            found[pid] = "server"
        elif slot.startswith(LAUNCHES):
            found[pid] = "supervisor"
    return found


def lost(accounts: Mapping[str, Entry]) -> dict[str, int] | None:
    """How many changes each role lost because its queue was full; None if the space has not said."""
    entry = accounts.get(OVERFLOWS)
    return None if entry is None else {role: int(count) for role, count in entry.value["roles"].items()}


def restarts(accounts: Mapping[str, Entry]) -> int:
    """How often a supervisor started an agent again."""
    launches = [entry.value for slot, entry in accounts.items() if slot.startswith(LAUNCHES)]
    return sum(life["restarts"] for launch in launches for life in launch["roles"].values())
