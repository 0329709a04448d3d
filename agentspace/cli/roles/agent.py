"""The command that runs one agent, agent; and describe, which says what agents take."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from agentspace.agent import process
from agentspace.agent.given import Given
from agentspace.agent.lacking import can_tell, lacking
from agentspace.agent.parameter import check_shown
from agentspace.agent.review import review
from agentspace.cli.terminal.options import (
    FOLDER,
    Seconds,
    address_of,
    complete_agent,
    explain,
    log_option,
    set_up_logging,
    space_option,
)
from agentspace.core.role import Beginning
from agentspace.core.setting import Setting
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
        known = {name: Setting.from_dict(name, item) for name, item in described["parameters"].items()}
        rows = [(f"{name}={setting.default!r}", explain(setting)) for name, setting in known.items()]
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
@click.option("--fresh", is_flag=True, help="Begin anew: without what the role has kept.")
@click.option("--swap", "number", type=click.IntRange(min=1), hidden=True, help="Take it over in that swap.")
@click.option("--given", is_flag=True, hidden=True, help="Read settings from standard input, as JSON.")
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
    fresh: bool,
    number: int | None,
    given: bool,
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
    process.lend_to_children(project.absolute())
    set_up_logging(role or process.default_role(spec), log_level)
    values, offers, packages = Given.read() if given else Given({}, {})
    shown = process.settings(settings)
    if shown:
        check_shown(process.load(spec, project.absolute()), shown)
    code = process.run(
        spec,
        role,
        address_of(address, space_name),
        {**values, **shown},
        project=project.absolute(),
        swap=(number or 0) if replace or number else None,
        offers=offers,
        packages=packages,
        stop_timeout=stop_timeout,
        how=Beginning(fresh, tuple(shown)),
    )
    ctx.exit(code)


@click.command()
@click.argument("specs", metavar="MODULE:CLASS...", nargs=-1, required=True)
@click.option("--project", type=FOLDER, default=".", help="The folder to import from.")
@click.option("--lacks", is_flag=True, help="Read settings from standard input: what do they lack?")
def describe(specs: tuple[str, ...], project: Path, lacks: bool) -> None:
    """Print the parameters and slots of agent classes, as JSON."""
    if lacks:
        asked = zip(specs, json.load(sys.stdin), strict=True)
        lines = [lacking(spec, project.absolute(), each["values"], each["environment"]) for spec, each in asked]
        click.echo(json.dumps(lines))
        return
    found: dict[str, Any] = {}
    for spec in specs:
        try:
            cls = process.load(spec, project.absolute())
            told = {
                name: list(lines) for name, lines in review(cls, project.absolute())._asdict().items() if lines
            }
            found[spec] = cls.describe() | told | ({"tells": True} if can_tell(cls) else {})
        except AgentspaceError as error:
            module = sys.modules.get(spec.partition(":")[0])
            found[spec] = {"error": str(error), "classes": process.agents_of(module) if module else []}
    click.echo(json.dumps(found))
