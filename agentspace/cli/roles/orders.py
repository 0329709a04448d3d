"""Commands about the processes of a launch's roles: start and restart."""

import click

from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import Seconds, complete_role, echo_json, json_option, space_option
from agentspace.client.account import SpaceAccount
from agentspace.client.orders import Want, check_supervised, give
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import RoleOrderError

_roles_argument = click.argument("roles", metavar="ROLE...", nargs=-1, required=True, shell_complete=complete_role)
_timeout_option = click.option(
    "-t", "--timeout", type=Seconds(min=0), default=30.0, show_default=True, help="Seconds to wait for each role."
)


@click.command()
@_roles_argument
@_timeout_option
@space_option
@json_option
def start(roles: tuple[str, ...], timeout: float, address: str, as_json: bool) -> None:
    """Start each ROLE of a launch now: one that was stopped, failed, gave up, is blocked, or waits.

    Its new starts are counted anew. One that runs goes on.

    \b
    Examples:
      agentspace start camera
      agentspace start camera eye --timeout 60
    """  # noqa: D301
    _order(Want.START, roles, timeout, address, as_json)


@click.command()
@_roles_argument
@_timeout_option
@space_option
@json_option
def restart(roles: tuple[str, ...], timeout: float, address: str, as_json: bool) -> None:
    """End the process of each ROLE of a launch, and start another one.

    It begins anew, without the state of the one before; `agentspace swap` hands that over.

    \b
    Examples:
      agentspace restart camera
    """  # noqa: D301
    _order(Want.RESTART, roles, timeout, address, as_json)


def _order(want: Want, roles: tuple[str, ...], timeout: float, address: str, as_json: bool) -> None:
    with connect(address) as space:
        account = SpaceAccount.of(space)
        for role in roles:  # a mistake in one is told before anything is done
            check_supervised(account, role, want)
        told = [_give(space, role, want, timeout, as_json) for role in dict.fromkeys(roles)]
    if as_json:
        echo_json(told)
    if not all(each["done"] for each in told):
        raise click.exceptions.Exit(FAILED)


def _give(space: RemoteSpace, role: str, want: Want, timeout: float, as_json: bool) -> dict[str, str | int | None]:
    """Orders one role, and tells what came of it."""
    try:
        done = give(space, role, want, timeout)
    except RoleOrderError as error:
        click.echo(f"agentspace: {error}", err=True)
        return {"role": role, "done": False, "pid": None, "reason": str(error)}
    if not as_json:
        click.echo(f"{role}: runs, pid {done.pid}")
    return {"role": role, "done": True, "pid": done.pid, "reason": ""}
