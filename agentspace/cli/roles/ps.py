"""Commands about the roles of a space: ps, which shows them, and stop, which ends them."""

import time
from collections.abc import Sequence
from typing import Any, Final

import click

from agentspace.cli.roles.everywhere import FoundSpace, find_servers
from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import Seconds, complete_role, echo_json, json_option, space_option
from agentspace.cli.terminal.render import seconds, show_table
from agentspace.client.account import ROLES, SpaceAccount
from agentspace.client.disk import UNKNOWN, DiskCode, marked, on_disk
from agentspace.client.orders import Want, give
from agentspace.client.reports import RoleAccount
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.life import UNDECIDED
from agentspace.core.values.shown import in_words
from agentspace.errors import RoleNotFoundError

_MARKS: Final = {
    "*": "the disk has another code; `agentspace swap ROLE` runs it",
    "?": "runs on another machine, whose disk cannot be seen from here",
}


@click.command()
@click.option("-a", "--all", "everywhere", is_flag=True, help="Of all spaces on this machine, and the launches.")
@space_option
@json_option
def ps(everywhere: bool, address: str, as_json: bool) -> None:
    """Show the roles: who fills them and how they fare.

    With --all: of every local server of this user, in all its named spaces, after a table of the servers and the
    launches there. A server that does not answer is "silent"; "dead" is one that was killed, and left its socket.

    \b
    Examples:
      agentspace ps
      agentspace ps --all
      agentspace ps --json | jq '.[] | select(.state != "running")'
    """  # noqa: D301
    if everywhere:
        _show_all(as_json)
        return
    with connect(address) as space:
        account = SpaceAccount.of(space)
    if as_json:
        echo_json([_row(role) for role in account.everybody.values()])
        return
    _show([(None, role) for role in account.everybody.values()])
    if account.clock is not None and account.clock.simulated:
        click.echo(account.clock, err=True)


def _show_all(as_json: bool) -> None:
    servers = find_servers()
    if as_json:
        echo_json([server.to_dict() for server in servers])
        return
    if not servers:
        click.echo("no server of yours runs on this machine; `agentspace server` or a launch starts one", err=True)
        return
    rows = []
    for server in servers:
        for space in server.spaces or (FoundSpace(server.name, SpaceAccount({})),):
            roles = space.account.everybody.values()
            launches = ", ".join(f"{one.name} (pid {one.pid})" for one in space.account.launches.values())
            filled = f"{sum(role.filled for role in roles)}/{len(roles)}" if server.spaces else ""
            rows.append([space.address, server.state, str(server.pid or ""), filled, launches])
    show_table(["space", "server", "pid", "roles", "launches"], rows, right={"pid", "roles"})
    spaces = [space for server in servers for space in server.spaces]
    found = [(space.address, role) for space in spaces for role in space.account.everybody.values()]
    if found:
        click.echo()
        _show(found)


def _show(roles: Sequence[tuple[str | None, RoleAccount]]) -> None:
    """Prints the table of roles, with their spaces if these are named."""
    counts = ["handled", "median", "p99", "pending", "refused", "lost"]
    spaces = [[] if space is None else [space] for space, _ in roles]
    columns = [
        *(["space"] if any(spaces) else []),
        "role",
        "state",
        "epoch",
        "pid",
        "class",
        *counts,
        "code",
        "reason",
    ]
    codes = [marked(role.code, on_disk(role)) for _, role in roles]
    lines = zip(spaces, [_row(role) for _, role in roles], codes, strict=True)
    rows = [[*space, *_role_row(row), code, _shown(row.get("reason"))] for space, row, code in lines]
    changed = [_changed(role) for _, role in roles]
    if any(changed):  # by `agentspace set`
        columns, rows = [*columns, "set"], [[*row, text] for row, text in zip(rows, changed, strict=True)]
    show_table(columns, rows, right={"epoch", "pid", *counts})
    for mark, meaning in _MARKS.items():
        if any(code.endswith(mark) for code in codes):
            click.echo(f"{mark} {meaning}", err=True)


def _on_disk(disk: DiskCode | None) -> dict[str, Any]:
    return UNKNOWN if disk is None else disk.to_dict()


def _row(role: RoleAccount) -> dict[str, Any]:
    """All that is known of a role, as JSON can say it."""
    known = {**role.told, "state": role.state, **(role.load.to_dict() if role.load else {})}
    if role.life is not None:
        life = {"restarts": role.life.restarts, "exit_code": role.life.exit_code, "reason": role.life.reason}
        known |= {"pid": role.pid, "launch": role.launch, **life}
    return {"role": role.name, **known, **_on_disk(on_disk(role))}


def _changed(role: RoleAccount) -> str:
    return " ".join(f"{name}={in_words(value)}" for name, value in role.changed.items())


def _role_row(role: dict[str, Any]) -> list[str]:
    of = "handler_ms" if "handler_ms" in role else "timer_ms"  # of timers, if no change wakes it
    milliseconds = [f"{role[key]:.1f} ms" if key in role else "" for key in (of, f"{of}_p99")]
    counts = [str(role.get(key, "")) for key in ("pending", "refused", "overflow")]
    return [
        *(role["role"], role["state"], *(_shown(role.get(name)) for name in ("epoch", "pid", "class"))),
        *(_shown(role.get("handled")), *milliseconds, *counts),
    ]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


@click.command()
@click.argument("roles", nargs=-1, shell_complete=complete_role)
@click.option("--all", "everything", is_flag=True, help="All roles, and the server; a launch ends with them.")
@click.option("-t", "--timeout", type=Seconds(min=0), default=10.0, show_default=True, help="Seconds to wait.")
@space_option
@json_option
def stop(roles: tuple[str, ...], everything: bool, timeout: float, address: str, as_json: bool) -> None:
    """Stop ROLES; their supervisor does not restart them.

    \b
    Examples:
      agentspace stop camera
      agentspace stop --all
    """  # noqa: D301
    if everything == bool(roles):
        raise click.UsageError("name ROLES, or give --all")
    with connect(address) as space:
        known = SpaceAccount.of(space).everybody
        unknown = [role for role in roles if role not in known]
        if unknown:
            raise RoleNotFoundError(f"there is no role {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
        asked = [role for role in (["*"] if everything else roles) if _stop(space, role, known.get(role))]
        left = [] if everything else _wait(space, asked, timeout)
    if as_json:
        echo_json({"stopped": sorted(set(known if everything else roles) - set(left)), "left": left})
    if left:
        click.echo(f"agentspace: still at work after {seconds(timeout)}: {', '.join(left)}", err=True)
        raise click.exceptions.Exit(FAILED)


def _stop(space: RemoteSpace, role: str, known: RoleAccount | None) -> bool:
    """Asks a role to end; if it has no process that could, its launch. Whether its end has to be waited for."""
    if known is not None and not known.filled and known.state in UNDECIDED:
        give(space, role, Want.STOP)
        return False
    if known is None or known.told:
        space.stop(role)
        return True
    return False


def _wait(space: RemoteSpace, roles: list[str], timeout: float) -> list[str]:
    """The roles that are still filled when the time (s) is over."""
    until = time.monotonic() + timeout
    left = set(roles)
    with space.watch(f"{ROLES}*") as changes:
        while left and (rest := until - time.monotonic()) > 0:
            for entry in changes.next(rest) or ():
                left -= {name for name, role in SpaceAccount.of_slots([entry]).roles.items() if not role.filled}
    return sorted(left)
