"""Commands about the roles of a space: ps, which shows them, and stop, which ends them."""

import time
from typing import Any

import click

from agentspace.cli.exits import FAILED
from agentspace.cli.options import Seconds, complete_role, echo_json, json_option, space_option
from agentspace.cli.render import seconds, show_table
from agentspace.client.account import ROLES, SpaceAccount
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import RoleNotFoundError


@click.command()
@space_option
@json_option
def ps(address: str, as_json: bool) -> None:
    """Show the roles: who fills them and how they fare.

    \b
    Examples:
      agentspace ps
      agentspace ps --json | jq '.[] | select(.state != "running")'
    """  # noqa: D301
    with connect(address) as space:
        account = SpaceAccount.told_by(space)
    roles = [
        {"role": name, **role.told, **(role.load.to_dict() if role.load else {})}
        for name, role in account.roles.items()
    ]
    if as_json:
        echo_json(roles)
        return
    counts = ["handled", "median", "p99", "pending", "refused", "overflow"]
    columns = ["role", "state", "epoch", "pid", "class", *counts]
    show_table(columns, [_role_row(role) for role in roles], right={"epoch", "pid", *counts})


def _role_row(role: dict[str, Any]) -> list[str]:
    milliseconds = [f"{role[key]:.1f} ms" if key in role else "" for key in ("handler_ms", "handler_ms_p99")]
    counts = [str(role.get(key, "")) for key in ("pending", "refused", "overflow")]
    return [
        *(role["role"], role["state"], str(role["epoch"]), str(role.get("pid", "")), str(role.get("class", ""))),
        *(str(role.get("handled", "")), *milliseconds, *counts),
    ]


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
        known = SpaceAccount.told_by(space).roles
        unknown = [role for role in roles if role not in known]
        if unknown:
            raise RoleNotFoundError(f"there is no role {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
        for role in ["*"] if everything else roles:
            space.stop(role)
        left = [] if everything else _wait(space, list(roles), timeout)
    if as_json:
        echo_json({"stopped": sorted(set(known if everything else roles) - set(left)), "left": left})
    if left:
        click.echo(f"agentspace: still at work after {seconds(timeout)}: {', '.join(left)}", err=True)
        raise click.exceptions.Exit(FAILED)


def _wait(space: RemoteSpace, roles: list[str], timeout: float) -> list[str]:
    """The roles that are still filled when the time (s) is over."""
    until = time.monotonic() + timeout
    left = set(roles)
    with space.watch(f"{ROLES}*") as changes:
        while left and (rest := until - time.monotonic()) > 0:
            for entry in changes.next(rest) or ():
                left -= {name for name, role in SpaceAccount.of_slots([entry]).roles.items() if not role.filled}
    return sorted(left)
