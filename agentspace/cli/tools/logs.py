"""The command that shows what agents said: logs."""

import contextlib
import select
import sys
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from agentspace.cli.terminal.options import FOLDER, complete_role, json_option, space_option
from agentspace.cli.terminal.progress import tell_contact
from agentspace.client.account import SpaceAccount
from agentspace.client.contact import Contact
from agentspace.client.reports import LaunchAccount
from agentspace.client.space import connect
from agentspace.core.values.shown import logged
from agentspace.errors import AgentspaceError, RoleNotFoundError, suggest
from agentspace.inspect.observer import INSPECTOR
from agentspace.launch.launchfile import RESERVED
from agentspace.supervise.log_reader import LogLine, LogTail, dump, launch_of, moment, runs_in
from agentspace.supervise.logs import coloured, colours_of, wants_colour

LATEST: Final = "latest"
_LOOK: Final = 0.2  #: seconds between looks at the files
_PATIENCE: Final = 1.0  #: seconds for a server to say which launches run


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The runs in the folder, the newest first."""
    found = [run.name for run in reversed(runs_in(ctx.params.get("runs") or Path("runs")))]
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


@click.command()
@click.argument("roles", metavar="[ROLE]...", nargs=-1, shell_complete=complete_role)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, over restarts and new runs.")
@click.option("--since", metavar="SPAN|TIME", help="No older lines: 30s, 5m, 2h, 1d, 14:05, 2026-11-29T14:05.")
@click.option("-n", "--lines", "--tail", type=click.IntRange(min=0), help="No more than the last so many lines.")
@click.option("-t", "--timestamps", is_flag=True, help="Show when each line was written.")
@click.option(
    "--run", "run", metavar="NAME", shell_complete=_complete_run, help="Of that run, or the last of that launch."
)
@click.option("--runs", type=FOLDER, help="The folder with the runs; by default runs/ here.")
@space_option
@json_option
def logs(
    roles: tuple[str, ...],
    follow: bool,
    since: str | None,
    lines: int | None,
    timestamps: bool,
    run: str | None,
    runs: Path | None,
    address: str,
    as_json: bool,
) -> None:
    """Show what the agents in ROLES said, by default all, of the launch that runs, or of the last run.

    The lines of all roles come in their order, with those of the supervisor about them (marked with *). The roles
    "launch" and "server" are the supervisor itself and the server.

    \b
    Examples:
      agentspace logs
      agentspace logs camera extractor -f
      agentspace logs --since 5m -n 100
      agentspace logs --run mirror            the last run of launch/mirror.yaml
      agentspace logs --json | jq 'select(.by == "launch")'
    """  # noqa: D301
    try:
        after = 0.0 if since is None else moment(since)
    except ValueError as error:
        raise click.UsageError(f"--since {error}") from None
    folder = _folder(run, runs, roles, address)
    tail = LogTail(folder)
    shown = _Printer(as_json, timestamps)
    first = list(tail.next())
    _check(roles, first, folder, address)
    kept = deque((line for line in _chosen(first, roles) if line.at >= after), lines)
    last = [] if follow else [line for line in _chosen(tail.rest(), roles) if line.at >= after]
    with contextlib.ExitStack() as stack:
        contact = _contact(stack, address) if follow else None
        shown.print([*kept, *last])
        if follow:
            _follow(tail, roles, shown, None if run else folder.parent / LATEST, contact)


def _folder(run: str | None, runs: Path | None, roles: tuple[str, ...], address: str) -> Path:
    """The folder of the run that is meant.

    Raises:
        click.UsageError: There is none.
    """
    where = runs or Path("runs")
    if run is not None:
        return _named(run, where)
    running = None if runs else _running(roles, address)
    if running is not None:
        return running
    if (where / LATEST).is_dir():
        return (where / LATEST).resolve()
    known = runs_in(where)
    if known:
        return known[-1]
    raise click.UsageError(
        f"no launch runs here and there is no run in {where}: go to the project's folder, or give --runs"
    )


def _named(run: str, where: Path) -> Path:
    """The run of that name, or the last one of the launch of that name."""
    for path in (where / run, Path(run)):
        if path.is_dir():
            return path.resolve()
    known = runs_in(where)
    fit = [path for path in known if launch_of(path) == run]
    if fit:
        return fit[-1]
    raise click.UsageError(f"there is no run {run!r} in {where}: {suggest(run, [path.name for path in known])}")


def _running(roles: tuple[str, ...], address: str) -> Path | None:
    """The folder of the launch that runs in the space with these roles, if it is on this machine.

    Raises:
        click.UsageError: They belong to several launches.
    """
    launches: list[LaunchAccount] = []
    with contextlib.suppress(AgentspaceError), connect(address, patience=_PATIENCE) as space:
        launches = [
            one for one in SpaceAccount.of(space).launches.values() if one.logs and Path(one.logs).is_dir()
        ]
    wanted = set(roles) - {*RESERVED}
    fit = [one for one in launches if wanted <= one.roles.keys()]
    if not fit and len({one.name for one in launches if wanted & one.roles.keys()}) > 1:
        raise click.UsageError(
            f"{', '.join(sorted(wanted))} belong to several launches: ask for each of them alone"
        )
    chosen = next(iter(fit or launches), None)
    others = [one.name for one in launches if one is not chosen]
    if chosen is not None and others and not wanted:
        click.echo(f"agentspace: of launch {chosen.name!r}; for others: --run {' or '.join(others)}", err=True)
    return None if chosen is None else Path(chosen.logs)


def _check(roles: Iterable[str], lines: Iterable[LogLine], folder: Path, address: str) -> None:
    """Whether all these roles take part.

    Raises:
        RoleNotFoundError: One does not; lists those that do.
    """
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.log")}
    known = {line.role for line in lines} | files | {*RESERVED}
    unknown = [role for role in roles if role not in known]
    if not unknown:
        return
    with contextlib.suppress(AgentspaceError), connect(address, patience=_PATIENCE) as space:
        account = SpaceAccount.of(space)
        known |= {*account.roles, *(role for launch in account.launches.values() for role in launch.roles)}
    for role in unknown:
        if role not in known:
            raise RoleNotFoundError(f"there is no role {role!r} in {folder}: {suggest(role, sorted(known))}")


def _chosen(lines: Iterable[LogLine], roles: Collection[str]) -> Iterator[LogLine]:
    return (line for line in lines if not roles or line.role in roles)


def _contact(stack: contextlib.ExitStack, address: str) -> Contact | None:
    """The contact with the space whose agents are followed; None, and a word about it, if there is none."""
    try:
        return Contact(stack.enter_context(connect(address, INSPECTOR, patience=_PATIENCE)).watch)
    except AgentspaceError as error:
        click.echo(f"agentspace: {error}; following the files alone", err=True)
        return None


def _follow(
    tail: LogTail, roles: Collection[str], shown: "_Printer", latest: Path | None, contact: Contact | None
) -> None:
    """Shows what is added, until Ctrl-C, or until nobody reads it any more."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    while True:
        if latest is not None and latest.is_dir() and latest.resolve() != tail.folder.resolve():
            shown.print(_chosen([*tail.next(), *tail.rest()], roles))
            tail = LogTail(latest.resolve())
        shown.print(_chosen(tail.next(), roles))
        if contact is not None:
            tell_contact(contact)
        if poll.poll(1e3 * _LOOK):  # the other end of the pipe is closed
            return


class _Printer:
    """Prints lines: for people with a coloured mark, or as JSON."""

    def __init__(self, as_json: bool, timestamps: bool) -> None:
        self._as_json = as_json
        self._timestamps = timestamps
        self._colour = wants_colour(sys.stdout)
        self._roles: list[str] = []

    def print(self, lines: Iterable[LogLine]) -> None:
        """Prints lines."""
        found = list(lines)
        self._roles += [role for role in dict.fromkeys(line.role for line in found) if role not in self._roles]
        colours = colours_of(self._roles) if self._colour else {}
        width = max(map(len, self._roles), default=0)
        for line in found:
            if self._as_json:
                click.echo(dump(line))
                continue
            stamp = time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(line.at)) if self._timestamps else ""
            mark = f"{line.role:{width}} {'*' if line.by_launch else '|'}"
            shown = coloured(mark, colours.get(line.role)) if self._colour else mark
            click.echo(f"{stamp}{shown} {logged(line.text, self._colour)}", color=True)
