"""Commands about the parameters of running agents: get, which shows them, and set, which changes them."""

from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from agentspace.agent import process
from agentspace.cli.terminal.options import (
    Seconds,
    complete_role,
    echo_json,
    from_space,
    json_option,
    space_option,
)
from agentspace.cli.terminal.render import show_table
from agentspace.client.account import SpaceAccount
from agentspace.client.reports import RoleAccount
from agentspace.client.space import connect
from agentspace.core.setting import Setting
from agentspace.core.values.plain import as_dict, as_list
from agentspace.core.values.shown import in_words, json_text
from agentspace.errors import ParameterError, RoleNotFoundError, suggest


def _complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The parameters of the role that was named; for `set` those that are live, with ``=`` and their choices."""
    roles = from_space(ctx, lambda space: SpaceAccount.told_by(space).roles) or {}
    role = roles.get(ctx.params.get("role") or "", RoleAccount(""))
    if param.name != "pairs":
        return [CompletionItem(name) for name in role.settings if name.startswith(incomplete)]
    words = [word for name, declared in role.live.items() for word in _words(name, declared)]
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _words(name: str, declared: Any) -> list[str]:
    choices = declared.get("choices") if isinstance(declared, dict) else None
    return [f"{name}={choice}" for choice in choices] if isinstance(choices, list) and choices else [f"{name}="]


@click.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("role", shell_complete=complete_role)
@click.argument("pairs", metavar="NAME=VALUE...", nargs=-1, required=True, shell_complete=_complete_name)
@click.option(
    "-t", "--timeout", type=Seconds(min=0), default=10.0, show_default=True, help="Seconds to wait for the agent."
)
@space_option
@json_option
def set_(role: str, pairs: tuple[str, ...], timeout: float, address: str, as_json: bool) -> None:
    """Set parameters of the agent that fills ROLE, while it runs; all of them between two handlers, or none.

    Only what the agent declares as live can be set; for everything else use agentspace swap ROLE NAME=VALUE.
    A successor in a swap, or after a crash, has what was set.

    \b
    Examples:
      agentspace set camera rate=15
      agentspace set associator novelty=0.1 doubt=false
      agentspace get camera                 what can be set
    """  # noqa: D301
    settings = process.settings(pairs)
    with connect(address) as space:
        taken = space.configure(role, settings, timeout)
    if as_json:
        echo_json(taken)
    else:
        click.echo(f"{role}: " + ", ".join(f"{name}={in_words(value)}" for name, value in taken.items()))


@click.command("get")
@click.argument("role", shell_complete=complete_role)
@click.argument("name", required=False, shell_complete=_complete_name)
@space_option
@json_option
def get(role: str, name: str | None, address: str, as_json: bool) -> None:
    """Show the parameters of the agent that fills ROLE, or the value of the one called NAME.

    \b
    Examples:
      agentspace get camera
      agentspace get camera rate
      agentspace get camera --json | jq 'map_values(.value)'
    """  # noqa: D301
    with connect(address) as space:
        roles = SpaceAccount.told_by(space).roles
    if role not in roles:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(roles))}")
    known = _parameters(roles[role])
    if name is not None:
        if name not in known:
            raise ParameterError(f"role {role!r} has no parameter {name!r}: {suggest(name, known)}")
        value = known[name]["value"]
        if as_json:
            echo_json({name: known[name]})
        else:
            click.echo(value if isinstance(value, str) else json_text(value))
    elif as_json:
        echo_json(known)
    elif not known:
        click.echo(f"agentspace: role {role!r} says nothing of its parameters", err=True)
    else:
        told = [(name, in_words(it["value"]), it) for name, it in known.items()]
        rows = [[name, value, _may_be_set(it), str(it.get("help", ""))] for name, value, it in told]
        show_table(["parameter", "value", "can be set", "meaning"], rows, right=())


def _parameters(role: RoleAccount) -> dict[str, dict[str, Any]]:
    """What is known of each parameter and slot name."""
    return {
        name: {
            **as_dict(role.live.get(name)),
            "value": value,
            "live": name in role.live,
            "changed": name in role.changed,
        }
        for name, value in role.settings.items()
    }


def _may_be_set(item: Mapping[str, Any]) -> str:
    """Which values it takes while the agent runs."""
    if not item["live"]:
        return "swap"
    try:
        limits = Setting.from_dict("", item).bounds
    except (KeyError, TypeError, ValueError, ArithmeticError):  # it may be a program's in another language
        limits = []
    choices = as_list(item.get("choices"))
    limits += [f"one of {', '.join(map(str, choices))}"] if choices else []
    return ", ".join(["live" + (", was set" if item["changed"] else ""), *limits])
