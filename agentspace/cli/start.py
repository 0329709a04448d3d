"""Commands that start something: server, agent, launch, new; and describe and schema, which tools use."""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import click

from agentspace.agent import process
from agentspace.cli.options import Seconds, complete_agent, json_option, space_option
from agentspace.errors import AgentspaceError
from agentspace.supervise.process import PARENT_VARIABLE, die_with_parent
from agentspace.wire.address import Address, parse

_GRACE = 4.0  #: seconds that the server outlives its supervisor: the agents end first


def _set_up_logging(role: str | None, level: str) -> None:
    """Log lines name the role, unless a supervisor puts its own mark before them."""
    supervised = bool(os.environ.get(PARENT_VARIABLE))
    mark = "" if supervised or role is None else f"{role}: "
    logging.basicConfig(
        level=level.upper(),
        format=f"%(asctime)s.%(msecs)03d %(levelname)-7s {mark}%(message)s",
        datefmt="%H:%M:%S",
    )


_level_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    envvar="AGENTSPACE_LOG_LEVEL",
    help="Log no less than this.",
)
_name_option = click.option(
    "--name", "space_name", metavar="NAME", help="The named space, as #NAME in the address."
)


def _address(address: str, space_name: str | None) -> Address:
    where = parse(address)
    return where if space_name is None else parse(f"{where.endpoint}#{space_name}")


@click.command()
@click.option(
    "--bind", metavar="tcp://HOST:PORT", help="Serve other machines too; needs keys, see docs/protocol.md."
)
@click.option(
    "--lease",
    type=Seconds(min=0.2),
    default=5.0,
    show_default=True,
    help="Seconds of silence after which a client is gone.",
)
@space_option
@_level_option
def server(bind: str | None, lease: float, address: str, log_level: str) -> None:
    """Serve a space until SIGTERM or Ctrl-C.

    \b
    Examples:
      agentspace server
      agentspace server --space lab --bind 'tcp://*:7447'
    """  # noqa: D301
    from agentspace.server.server import Server

    _set_up_logging("server", log_level)
    die_with_parent(_GRACE)
    where = parse(address)
    if not where.local:
        raise click.UsageError(
            f"a server has a local address; give {where.endpoint} as --bind, and a name as --space"
        )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a descriptor for each client and each segment
    serving = Server(where, bind, lease)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: serving.stop())
    logging.getLogger("agentspace").info("serving %s", " and ".join(filter(None, (where.endpoint, serving.tcp))))
    try:
        gc.freeze()  # what is there now stays: the collector need not look through it again and again
        serving.run()
    finally:
        serving.close()


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
        _section(
            formatter,
            "Slots",
            [(f"{n}={item['default']}", item["help"]) for n, item in described["slots"].items()],
        )


def _option_after(name: str, default: str) -> str:
    words = sys.argv
    return words[words.index(name) + 1] if name in words[:-1] else default


def _section(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _explain(item: dict[str, Any]) -> str:
    limits = [f"at least {item['minimum']:g}"] if item["minimum"] is not None else []
    limits += [f"at most {item['maximum']:g}"] if item["maximum"] is not None else []
    limits += [f"one of {', '.join(map(str, item['choices']))}"] if item["choices"] is not None else []
    return f"{item['type']}; {item['help']}" + (f" ({', '.join(limits)})" if limits else "")


@click.command(cls=_AgentCommand, context_settings={"ignore_unknown_options": True})
@click.argument("spec", metavar="MODULE:CLASS", shell_complete=complete_agent)
@click.argument("settings", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("-r", "--role", help="The role that it fills; by default the class's name in lower case.")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder to import from; by default this one.",
)
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
@_name_option
@_level_option
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
    _set_up_logging(role or spec.partition(":")[2].lower(), log_level)
    die_with_parent()
    values, where = process.settings(settings), _address(address, space_name)
    if not (replace or number):
        ctx.exit(process.run(spec, role, where, project.absolute(), values, stop_timeout))
    offers = process.settings(offer)
    ctx.exit(process.succeed(spec, role, where, project.absolute(), values, offers, number or 0, stop_timeout))


@click.command()
@click.argument("specs", metavar="MODULE:CLASS...", nargs=-1, required=True)
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder to import from.",
)
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
    import dataclasses

    from agentspace.client.space import connect
    from agentspace.errors import LaunchError, SpaceUnreachableError
    from agentspace.launch.launchfile import load
    from agentspace.supervise.contact import SpaceContact
    from agentspace.supervise.launcher import launch as run

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
    where = _address(plan.address or "", plan.space)
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
    contact = SpaceContact(where, plan.name)
    try:
        ctx.exit(run(plan, contact, own_server=not join, runs=logs))
    finally:
        contact.close()


@click.command()
def schema() -> None:
    """Print the JSON Schema of launch files, for editors."""
    from agentspace.launch.structure import schema as launch_schema

    click.echo(json.dumps(launch_schema(), indent=2))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Make a FOLDER with one agent, one launch file and one test that passes.

    \b
    Example:
      agentspace new my_robot
    """  # noqa: D301
    from agentspace.cli.scaffold import scaffold

    for file in scaffold(folder):
        click.echo(file)
    name = folder.absolute().name
    click.echo(f"\nNow: cd {folder} && agentspace launch launch/{name}.yaml    and: python -m pytest")


COMMANDS = (launch, server, agent, new, describe, schema)
