"""Launches beside each other on one space: no two of one name, and none with a role of another."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agentspace.client.account import SpaceAccount
from agentspace.client.reports import LaunchAccount
from agentspace.core.life import LAUNCHES, LifeState
from agentspace.core.space import Space
from agentspace.errors import AgentspaceError
from agentspace.wire.address import Address, machine


def process_started(pid: int) -> int:
    """When a process of this machine started, in ticks; 0 if there is none. With its pid it is known for ever."""
    try:
        status = Path("/proc", str(pid), "stat").read_bytes()
    except OSError:
        return 0
    state, *fields = status[status.rindex(b")") + 2 :].split()
    return 0 if state in (b"Z", b"X") else int(fields[18])


def supervisor() -> dict[str, Any]:
    """This process, as a launch tells of it."""
    return {"pid": os.getpid(), "machine": machine(), "started": process_started(os.getpid())}


def is_alive(launch: LaunchAccount, account: SpaceAccount) -> bool:
    """Whether a launch goes on: its supervisor runs; or, if that is on another machine, one of its agents does."""
    if launch.machine == machine():
        return launch.pid is not None and launch.started == process_started(launch.pid) != 0
    roles = account.roles
    return any(
        name in roles and roles[name].filled and roles[name].pid == life.pid for name, life in launch.roles.items()
    )


def claim(space: Space, where: Address, name: str, roles: Iterable[str], file: Path) -> None:
    """Tells that a launch begins, if there is room for it.

    Args:
        space: Where it acts.
        where: The address of that; on one machine, only one claim at a time is looked at.
        name: Of the launch.
        roles: All that it has.
        file: From which it was read.

    Raises:
        AgentspaceError: A launch of that name goes on, or one that has one of the roles; names its process.
    """
    wanted = list(roles)
    with _alone(where):
        account = SpaceAccount.of(space)
        for other in account.launches.values():
            shared = [role for role in wanted if role in other.roles]
            if not (other.name == name or shared) or not is_alive(other, account):
                continue
            if other.name == name:
                raise AgentspaceError(
                    f"launch {name!r} runs already at {where}: its supervisor is pid {other.pid}"
                )
            names = ", ".join(map(repr, shared))
            raise AgentspaceError(f"launch {other.name!r}, pid {other.pid}, has these roles already: {names}")
        lives = {role: {"state": str(LifeState.WAITING)} for role in wanted}
        report = {"launch": name, "file": str(file), **supervisor(), "state": "starting", "roles": lives}
        space.write(LAUNCHES + name, report)


@contextlib.contextmanager
def _alone(where: Address) -> Iterator[None]:
    """Holds a lock beside the server's socket; none where that is on another machine, or cannot be written."""
    file = None
    with contextlib.suppress(OSError):
        file = (where.path.parent / "launches.lock").open("a") if where.local else None
    if file is None:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
