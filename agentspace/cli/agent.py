"""The command that runs one agent, agent; and describe, which says what agents take."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from agentspace.agent import process
from agentspace.agent.parameter import Setting
from agentspace.cli.options import (
    FOLDER,
    Seconds,
    address_of,
    complete_agent,
    log_option,
    set_up_logging,
    space_option,
)
from agentspace.errors import AgentspaceError


class _AgentCommand(click.Command):
    """``--help`` after an agent's name shows that agent's parameters."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        spec = next((word for word in sys.argv[1:] if ":" in word and not word.startswith("-")), None)
        if spec is None:
            return
        project = Path(_option_after("--project", "."))
        found = process.load(spec, project.absolute())
        described = found.describe()
        formatter.write_paragraph()
        formatter.write_text(f"{spec}: {described['doc'].splitlines()[0] if described['doc'] else ''}")
        rows = [(f"{name}={item['default']!r}", _explain(item)) for name, item in described["parameters"].items()]
        _section(formatter, "Parameters", rows)
        rows = [(f"{name}={item['default']}", item["help"]) for name, item in described["slots"].items()]
        _section(formatter, "Slots", rows)


def _option_after(name: str, default: str) -> str:
    words = sys.argv
    return words[words.index(name) + 1] if name in words[:-1] else default


def _section(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _explain(item: dict[str, Any]) -> str:
    limits = Setting.from_dict("", item).bounds
    limits += [f"one of {', '.join(map(str, item['choices']))}"] if item["choices"] is not None else []
    return f"{item['type']}; {item['help']}" + (f" ({', '.join(limits)})" if limits else "")


@click.command(cls=_AgentCommand, context_settings={"ignore_unknown_options": True})
@click.argument("spec", metavar="MODULE:CLASS", shell_complete=complete_agent)
@click.argument("settings", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("-r", "--role", help="The role that it fills; by default the class's name in lower case.")
@click.option("--project", type=FOLDER, default=".", help="The folder to import from; by default this one.")
@click.option(
    "--stop-timeout",
    type=Seconds(min=0),
    default=process.STOP_TIMEOUT,
    show_default=True,
    help="Seconds to end after a signal.",
)
@click.option("--replace", is_flag=True, help="Take the role over from who fills it, in a swap.")
@click.option("--swap", "number", type=click.IntRange(min=1), hidden=True, help="Take it over in that swap.")
@click.option("--offer", metavar="NAME=VALUE", multiple=True, help="In a swap: set it if the class has it.")
@space_option
@click.option("--name", "space_name", metavar="NAME", help="The named space, as #NAME in the address.")
@log_option
@click.pass_context
def agent(
    ctx: click.Context,
    spec: str,
    settings: tuple[str, ...],
    role: str | None,
    project: Path,
    stop_timeout: float,
    replace: bool,
    number: int | None,
    offer: tuple[str, ...],
    address: str,
    space_name: str | None,
    log_level: str,
) -> None:
    """Run one agent as this process. NAME=VALUE sets its parameters and renames its slots.

    \b
    Examples:
      agentspace agent agents.camera:Camera device=0 rate=15
      agentspace agent agents.camera:Camera --help      its parameters and slots
      agentspace agent agents.camera:Camera --replace   in place of the one that runs
    """  # noqa: D301
    set_up_logging(role or process.default_role(spec), log_level)
    code = process.run(
        spec,
        role,
        address_of(address, space_name),
        process.settings(settings),
        project=project.absolute(),
        swap=(number or 0) if replace or number else None,
        offers=process.settings(offer),
        stop_timeout=stop_timeout,
    )
    ctx.exit(code)


@click.command()
@click.argument("specs", metavar="MODULE:CLASS...", nargs=-1, required=True)
@click.option("--project", type=FOLDER, default=".", help="The folder to import from.")
def describe(specs: tuple[str, ...], project: Path) -> None:
    """Print the parameters and slots of agent classes, as JSON."""
    found: dict[str, Any] = {}
    for spec in specs:
        try:
            found[spec] = process.load(spec, project.absolute()).describe()
        except AgentspaceError as error:
            module = sys.modules.get(spec.partition(":")[0])
            found[spec] = {"error": str(error), "classes": process.agents_of(module) if module else []}
    click.echo(json.dumps(found))
