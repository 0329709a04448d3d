"""The command that runs launch files, launch; and schema, which says what can be in one."""

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from agentspace.agent import process
from agentspace.cli.terminal.options import FOLDER, address_of, explain, json_option, space_option
from agentspace.client.account import SpaceAccount
from agentspace.client.launches import claim
from agentspace.client.space import connect
from agentspace.core.setting import Setting
from agentspace.errors import AgentspaceError, LaunchError, SpaceUnreachableError
from agentspace.launch.plan import REAL, SIMULATED, Plan
from agentspace.wire.address import Address, parse

_WORDS: Final = "agentspace.launch.words"  #: what was given to the command; --help comes before it is parsed


class _LaunchCommand(click.Command):
    """``--help`` after a launch file shows that file's arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        file = next((Path(word) for word in ctx.meta.get(_WORDS, ()) if word.endswith((".yaml", ".yml"))), None)
        if file is None or not file.is_file():
            return
        from agentspace.launch.launchfile import arguments_of

        try:
            found = arguments_of(file)
        except LaunchError as error:
            formatter.write_paragraph()
            formatter.write_text(str(error))
            return
        rows = [(_default_of(name, setting), explain(setting)) for name, setting in found.items()]
        formatter.write_paragraph()
        with formatter.section(f"Arguments of {file}"):
            if rows:
                formatter.write_dl(rows)
            else:
                formatter.write_text("none")


def _default_of(name: str, setting: Setting) -> str:
    if setting.required:
        return f"{name}=... (required)"
    default = setting.default
    return f"{name}={default if isinstance(default, str) else json.dumps(default)}"


def _complete_argument(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The arguments of the file that are not given yet, with ``=``; after that their choices."""
    from agentspace.launch.launchfile import arguments_of

    file, given = ctx.params.get("file"), {word.partition("=")[0] for word in ctx.params.get("arguments") or ()}
    found: dict[str, Setting] = {}
    with contextlib.suppress(AgentspaceError, OSError):
        found = arguments_of(Path(file)) if file else {}
    name, equals, _ = incomplete.partition("=")
    if equals and name in found:
        choices = ("true", "false") if found[name].type is bool else found[name].choices or ()
        words = [(f"{name}={choice}", "") for choice in choices]
    else:
        words = [(f"{name}=", setting.help) for name, setting in found.items() if name not in given]
    return [CompletionItem(word, help=text or None) for word, text in words if word.startswith(incomplete)]


@click.command(cls=_LaunchCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=_complete_argument)
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready; it goes on by itself.")
@click.option("--check", is_flag=True, help="Only check the file.")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
@click.option("--project", type=FOLDER, help="The folder to import agents from; by default that of the file.")
@click.option("--join", is_flag=True, help="Use the server that is running already.")
@click.option("--fresh", is_flag=True, help="Forget what the store of the launch has kept.")
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
    detach: bool,
    project: Path | None,
    check: bool,
    dry_run: bool,
    join: bool,
    fresh: bool,
    logs: Path | None,
    address: str,
    as_json: bool,
) -> None:
    """Start the constellation of a launch FILE and keep it running until it ends or Ctrl-C.

    \b
    Examples:
      agentspace launch launch/mirror.yaml
      agentspace launch launch/mirror.yaml pairs=20 decoder=ancestor
      agentspace launch launch/mirror.yaml --help    its arguments
      agentspace launch launch/mirror.yaml --check
      agentspace launch launch/imitation.yaml --fresh   with nothing that was learned before
      agentspace launch launch/mirror.yaml -d        then: agentspace logs -f, agentspace stop --all
    """  # noqa: D301
    from agentspace.supervise.blackboard import Blackboard
    from agentspace.supervise.localhost import launch as run

    try:
        plan = _planned(file, arguments, project, check, starts=not (dry_run or as_json))
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
    if detach:
        from agentspace.cli.roles.detach import start_detached

        more = [*(["--project", str(project)] if project else []), *(["--fresh"] if fresh else [])]
        ctx.exit(start_detached(file, (*arguments, *more), plan, where, own_server=not join, logs=logs))
    _enter(where, plan, join)
    if fresh:
        _forget(plan, join)
    blackboard = Blackboard(where, plan.name, joins=join)
    try:
        ctx.exit(run(plan, blackboard, own_server=not join, runs=logs, adopts=True))
    finally:
        blackboard.close()


def _planned(file: Path, arguments: Sequence[str], project: Path | None, check: bool, starts: bool) -> Plan:
    """The plan of a launch file; if it is to be started or checked, its agents lack nothing that they know of.

    Raises:
        LaunchError: There are problems.
    """
    from agentspace.launch import load
    from agentspace.launch.lacks import check_lacks

    plan = load(file, process.settings(arguments), strict=check, project=project)
    if check or starts:
        check_lacks(plan)
    return plan


def _enter(where: Address, plan: Plan, join: bool) -> None:
    """Sees to it that there is a server, or none, as is wanted, and room for the launch.

    Raises:
        AgentspaceError: There is not.
    """
    try:
        with connect(where) as space:
            running = True
            if join:
                account = SpaceAccount.told_by(space)
                _check_clock(account, plan)
                _check_store(account, plan)
                claim(space, where, plan.name, [agent.role for agent in plan.agents], plan.file)
    except SpaceUnreachableError:
        running = False
    if running != join:
        why = (
            "a server runs there already: give --join to use it, or another --space"
            if running
            else "no server runs there to --join"
        )
        raise AgentspaceError(f"{where}: {why}")


def _forget(plan: Plan, join: bool) -> None:
    """Deletes the store of a launch.

    Raises:
        AgentspaceError: It has none, or a server has it.
    """
    from agentspace.store.place import discard

    if plan.storage is None or join:
        why = "is of the server that it joins" if join else "does not exist: the launch file names none"
        raise AgentspaceError(f"--fresh: the store {why}")
    discard(plan.storage.path)


def _check_clock(account: SpaceAccount, plan: Plan) -> None:
    """Whether a server counts time as the launch wants it.

    Raises:
        AgentspaceError: It does not.
    """
    told = account.clock
    clock = SIMULATED if told is not None and told.simulated else REAL
    if clock != plan.clock:
        raise AgentspaceError(f"the clock of the server is {clock}, and that of the launch {plan.clock}")


def _check_store(account: SpaceAccount, plan: Plan) -> None:
    """Whether a server keeps what the launch wants to be durable.

    Raises:
        AgentspaceError: It does not.
    """
    if plan.storage is None:
        return
    told = account.server.store if account.server is not None else None
    kept = set(map(str, told.get("durable", ()))) if told else set()
    if told is None or not kept >= set(plan.storage.durable):
        wanted = " ".join(f"--durable '{mask}'" for mask in plan.storage.durable)
        has = f"keeps {', '.join(sorted(kept)) or 'roles only'}" if told else "has no store"
        raise AgentspaceError(
            f"the server {has}; the launch wants one of `agentspace server --store FILE {wanted}`".rstrip()
        )


@click.command()
def schema() -> None:
    """Print the JSON Schema of launch files, for editors."""
    from agentspace.launch import schema as launch_schema

    click.echo(json.dumps(launch_schema(), indent=2))
