"""The command that runs launch files, launch; and schema, which says what can be in one."""

import dataclasses
import json
from pathlib import Path

import click

from agentspace.agent import process
from agentspace.cli.options import address_of, json_option, space_option
from agentspace.client.space import connect
from agentspace.errors import AgentspaceError, LaunchError, SpaceUnreachableError
from agentspace.wire.address import parse


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--check", is_flag=True, help="Only check the file.")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
@click.option("--join", is_flag=True, help="Use the server that is running already.")
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for log files; by default runs/ of the project.",
)
@space_option
@json_option
@click.pass_context
def launch(
    ctx: click.Context,
    file: Path,
    arguments: tuple[str, ...],
    check: bool,
    dry_run: bool,
    join: bool,
    logs: Path | None,
    address: str,
    as_json: bool,
) -> None:
    """Start the constellation of a launch FILE and keep it running until it ends or Ctrl-C.

    \b
    Examples:
      agentspace launch launch/mirror.yaml
      agentspace launch launch/mirror.yaml pairs=20 decoder=ancestor
      agentspace launch launch/mirror.yaml --check
    """  # noqa: D301
    from agentspace.launch import load
    from agentspace.supervise.blackboard import Blackboard
    from agentspace.supervise.localhost import launch as run

    try:
        plan = load(file, process.settings(arguments))
    except LaunchError as error:
        if as_json:
            problems = [dataclasses.asdict(problem) for problem in error.problems]
            click.echo(json.dumps({"ok": False, "problems": problems}))
        raise
    if address:
        plan = dataclasses.replace(plan, address=parse(address).endpoint)
    if check:
        click.echo(json.dumps({"ok": True}) if as_json else f"{file}: no problem found")
        return
    if dry_run or as_json:
        click.echo(json.dumps(plan.to_dict()) if as_json else plan.describe())
        return
    where = address_of(plan.address or "", plan.space)
    try:
        connect(where).close()
        running = True
    except SpaceUnreachableError:
        running = False
    if running != join:
        why = (
            "a server runs there already: give --join to use it, or another --space"
            if running
            else "no server runs there to --join"
        )
        raise AgentspaceError(f"{where}: {why}")
    blackboard = Blackboard(where, plan.name)
    try:
        ctx.exit(run(plan, blackboard, own_server=not join, runs=logs))
    finally:
        blackboard.close()


@click.command()
def schema() -> None:
    """Print the JSON Schema of launch files, for editors."""
    from agentspace.launch import schema as launch_schema

    click.echo(json.dumps(launch_schema(), indent=2))
