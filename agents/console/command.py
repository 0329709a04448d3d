"""The command line of the operator."""

from __future__ import annotations

from pathlib import Path

import click

from agents.console.operation import Operation
from agents.console.procedure import grammar
from agents.exam.script import load
from agents.operator import check_terminal
from agentspace.agent import process
from agentspace.cli import exit_code, space_option
from agentspace.errors import AgentspaceError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("settings", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--script", type=click.Path(path_type=Path), help="YAML file with actions, done without a terminal.")
@click.option("-r", "--role", default="operator", show_default=True, help="The role that it fills.")
@space_option
@click.pass_context
def main(ctx: click.Context, settings: tuple[str, ...], script: Path | None, role: str, address: str) -> None:
    """Drive the robot by hand: a console in this terminal, or a script. NAME=VALUE renames slots.

    \b
    Examples:
      python -m agents.operator
      python -m agents.operator --script stop.yaml        with the one line: - stop
      python -m agents.operator --space tcp://robot:7447 camera=left/camera

    \b
    Steps of a script: confirm, mode: use, act: [0.1, -0.3], forget, save: FILE, load: FILE,
      pause, resume, stop, release, wait: 2.5, wait: {slot: pairs, at_least: 3, timeout: 10}
    """  # noqa: D301  (\b is click's mark for text that is not wrapped)
    try:
        values = process.settings(settings)
        if script is None:
            check_terminal()
        else:
            load(script, grammar(Operation()))  # what is wrong is said before anything is begun
            values["script"] = str(script.absolute())
        spec = "agents.operator:Operator"
        code = process.run(spec, role, address, values)
    except AgentspaceError as error:
        click.echo(f"operator: {error}", err=True)
        code = exit_code(error)
    ctx.exit(code)
