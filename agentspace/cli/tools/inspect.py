"""Commands that look at the whole of a running space: inspect, top, graph, doctor."""

import dataclasses
import importlib.util
import os
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import FOLDER, Seconds, echo_json, json_option, space_option
from agentspace.cli.terminal.render import console as printing_console
from agentspace.cli.terminal.render import seconds, to_table
from agentspace.core.values.plain import as_list
from agentspace.errors import AgentspaceError, SpaceUnreachableError
from agentspace.wire.address import parse

if TYPE_CHECKING:
    from rich.table import Table

    from agentspace.inspect.doctor import Finding
    from agentspace.inspect.views import RoleView, Snapshot

_NICE: Final = 10  #: an onlooker makes nobody late, and yet is seen when all are busy
_PERIOD: Final = 1.0  #: seconds between two tables
_MARKS: Final = {"error": ("✗", "red"), "warning": ("!", "yellow"), "info": ("·", "cyan")}
_STATES: Final = {"running": "green", "starting": "yellow", "failed": "bold red", "gone": "bold red"}


@click.command()
@click.option("--read-only", is_flag=True, help="Forbid what changes something.")
@click.option("--web", is_flag=True, help="In a browser instead of this terminal.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --web: the address to bind to.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="With --web: 0, the default, any free one.")
@click.option("--no-open", is_flag=True, help="With --web: print the page's address, but open no browser.")
@click.option("--project", type=FOLDER, help="With --web: a folder whose agents/panels/*.js are shown.")
@space_option
def inspect(
    read_only: bool, web: bool, host: str, port: int, no_open: bool, project: Path | None, address: str
) -> None:
    """Look at a running space: slots, agents, graph, log, refused writes. q or Ctrl-C ends it.

    \b
    Examples:
      agentspace inspect
      agentspace inspect --read-only --space tcp://robot:7447
      agentspace inspect --web --project .
    """  # noqa: D301
    if web:
        _in_browser(address, read_only, host, port, no_open, project)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("inspect needs a terminal; `agentspace top --once` and `agentspace slots` do not")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("inspect needs a terminal that can move its cursor, not TERM=dumb")
    if importlib.util.find_spec("textual") is None:
        raise AgentspaceError("inspect needs Textual: pip install 'agentspace[tools]'")
    from agentspace.inspect.attachment import Attachment
    from agentspace.inspect.tui.app import PERIOD, Inspector

    os.nice(_NICE)
    with Attachment(address, PERIOD) as attachment:  # to look more often than it draws would be in vain
        Inspector(attachment, read_only).run()


def _in_browser(address: str, read_only: bool, host: str, port: int, no_open: bool, project: Path | None) -> None:
    missing = [name for name in ("aiohttp", "PIL") if importlib.util.find_spec(name) is None]
    if missing:
        raise AgentspaceError(f"inspect --web needs {' and '.join(missing)}: pip install 'agentspace[tools]'")
    from agentspace.inspect.web.server import WebInspector

    def tell(url: str) -> None:
        click.echo(url)
        if not no_open and ("DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ):
            webbrowser.open(url)

    WebInspector(parse(address), host, port, read_only, project).run(tell)


@click.command()
@click.option("--once", is_flag=True, help="Print one table, after a second of measuring, and end.")
@space_option
@json_option
def top(once: bool, address: str, as_json: bool) -> None:
    """Show the agents and what they cost, the busiest first, until Ctrl-C. With --json: once.

    \b
    Examples:
      agentspace top
      agentspace top --once
      agentspace top --json | jq '.[] | select(.cpu > 50)'
    """  # noqa: D301
    from rich.live import Live

    from agentspace.inspect.attachment import Attachment

    console = printing_console()
    with Attachment(address) as attachment:
        snapshot = _measured(attachment, 2 * _PERIOD)
        if as_json:
            echo_json([_role_to_json(role) for role in _busiest(snapshot)])
            return
        if once or not console.is_terminal:
            console.width = console.width if console.is_terminal else 200
            console.print(_agents(snapshot))
            return
        with Live(_agents(snapshot), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_PERIOD)
                live.update(_agents(attachment.snapshot), refresh=True)


def _measured(attachment: Any, span: float) -> "Snapshot":
    """The snapshot after some time (s) of looking.

    Raises:
        SpaceUnreachableError: The server went away meanwhile.
    """
    looks = attachment.fresh()
    until = time.monotonic() + span
    while time.monotonic() < until:
        looks = attachment.fresh(looks)
    snapshot: Snapshot = attachment.snapshot
    if snapshot.away is not None:
        raise SpaceUnreachableError(snapshot.away)
    return snapshot


def _busiest(snapshot: "Snapshot") -> "list[RoleView]":
    return sorted(snapshot.roles, key=lambda role: (-(role.cpu or 0.0), role.name))


def _role_to_json(role: "RoleView") -> dict[str, Any]:
    names = "name state epoch pid host spec restarts handled rate handler_ms handler_ms_p99 timer_ms timer_ms_p99"
    return {
        name: getattr(role, name)
        for name in (*names.split(), "pending", "lag", "refused", "missed", "overflow", "cpu", "memory")
    }


def _agents(snapshot: "Snapshot") -> "Table":
    """The table of `top`."""
    from rich.text import Text

    from agentspace.inspect.wording import doubt

    numbers = ["epoch", "pid", "cpu", "memory", "rate", "median", "p99", "lag", "pending", "restarts"]
    rows = (
        [role.name, Text(role.state, _STATES.get(role.state, "dim")), *_numbers(role)]
        for role in _busiest(snapshot)
    )
    table = to_table(["role", "state", *numbers], rows, right=numbers)
    why = doubt(snapshot, time.monotonic())
    if why:
        table.style = "dim"
        table.title, table.title_justify, table.title_style = f"✗ {why}", "left", "bold red"
    return table


def _numbers(role: "RoleView") -> list[str]:
    return [
        str(role.epoch),
        _told(role.pid, "{}"),
        _told(role.cpu, "{:.0f} %"),
        "" if role.memory is None else f"{role.memory / 1e6:.0f} MB",
        _told(role.rate, "{:.1f}/s"),
        _told(role.median, "{:.1f} ms"),
        _told(role.p99, "{:.1f} ms"),
        seconds(role.lag) if role.lag else "",
        str(role.pending or ""),
        _told(role.restarts, "{}"),
    ]


def _told(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


@click.command()
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "dot", "mermaid", "svg", "json"]),
    help="By default what the ending of --output says, else text.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@space_option
@json_option
def graph(form: str | None, output: Path | None, address: str, as_json: bool) -> None:
    """Print who writes what and whom that wakes: agents, slots, agents.

    \b
    Examples:
      agentspace graph
      agentspace graph -o graph.svg
      agentspace graph --json | jq '.edges[] | select(.kind == "wakes")'
      agentspace graph --format dot | dot -Tpng -o graph.png
    """  # noqa: D301
    from agentspace.inspect.attachment import Attachment
    from agentspace.inspect.export import FORMATS
    from agentspace.inspect.graph import graph_of

    endings = {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".svg": "svg", ".json": "json"}
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} ask for two things: give one of them")
    chosen = "json" if as_json else form or (endings.get(output.suffix, "text") if output else "text")
    with Attachment(address) as attachment:
        snapshot = _measured(attachment, 0.0)
    text = FORMATS[chosen](graph_of(snapshot))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write {output}: {error}") from None


@click.command()
@click.option("-t", "--time", "span", type=Seconds(min=0), default=3.0, show_default=True, help="Seconds to look.")
@space_option
@json_option
def doctor(span: float, address: str, as_json: bool) -> None:
    """Look for what may be wrong: with the space, with its agents, with this machine; exit code 1 if something is.

    \b
    Examples:
      agentspace doctor
      agentspace doctor --json | jq '.[] | select(.severity == "error")'
    """  # noqa: D301
    from agentspace.inspect.attachment import Attachment
    from agentspace.inspect.doctor import examine
    from agentspace.inspect.environment import look_around
    from agentspace.inspect.views import Snapshot

    here = look_around()
    try:
        with Attachment(address) as attachment:
            attachment.fresh()
            if span:
                click.echo(f"agentspace: looks for {span:g} s", err=True)
            snapshot = _measured(attachment, span)
        here = dataclasses.replace(here, mistakes=tuple(_mistakes(snapshot)), lacks=dict(_lacks(snapshot)))
    except SpaceUnreachableError as error:
        snapshot = Snapshot(time.monotonic(), away=str(error))
    findings = examine(snapshot, here)
    if as_json:
        echo_json([finding._asdict() for finding in findings])
    else:
        _tell(findings, snapshot)
    if any(finding.severity == "error" for finding in findings):
        raise click.exceptions.Exit(FAILED)


def _mistakes(snapshot: "Snapshot") -> Iterator[tuple[str, str, bool]]:
    """What is wrong with the classes of the roles, as far as they lie on this machine."""
    from agentspace.agent.parent_process import in_place, shadow
    from agentspace.launch.description import DescriptionError, describe

    for project, found in _by_project(snapshot).items():
        roles = {role.name: role.spec for role in found}
        file = shadow(Path(project))
        if file is not None:
            yield ", ".join(roles), f"{file}:1: {in_place(file)}", False
        try:
            told = describe(sorted(set(roles.values())), Path(project))
        except (DescriptionError, OSError):
            continue  # its roles are told to have failed
        for role, spec in roles.items():
            yield from ((role, problem, True) for problem in told[spec].problems)
            yield from ((role, doubt, False) for doubt in told[spec].doubts)


def _lacks(snapshot: "Snapshot") -> Iterator[tuple[str, tuple[str, ...]]]:
    """What roles that have failed lack with their settings, as far as their classes lie on this machine."""
    from agentspace.inspect.doctor import FALLEN
    from agentspace.launch.description import Asked, DescriptionError, lacking

    for project, found in _by_project(snapshot).items():
        roles = [role for role in found if role.settings and role.state in FALLEN]
        asked = [Asked(role.spec, _plain_settings(role), {}) for role in roles]
        try:
            told = lacking(asked, Path(project)) if asked else []
        except (DescriptionError, OSError):
            continue  # its classes are told to have mistakes
        yield from zip((role.name for role in roles), told, strict=True)


def _plain_settings(role: "RoleView") -> dict[str, Any]:
    """The settings of a role without secrets, which are not shown."""
    secrets = as_list(role.told.get("secrets"))
    return {name: value for name, value in role.settings.items() if name not in secrets}


def _by_project(snapshot: "Snapshot") -> "dict[str, list[RoleView]]":
    """The roles whose classes lie on this machine, by the folder from which they are imported."""
    found: dict[str, list[RoleView]] = {}
    for role in sorted(snapshot.roles, key=lambda role: role.project):
        if role.project and role.host == os.uname().nodename and role.spec:
            found.setdefault(role.project, []).append(role)
    return found


def _tell(findings: "list[Finding]", snapshot: "Snapshot") -> None:
    from agentspace.inspect.doctor import folded

    for finding in folded(findings):
        mark = click.style(*_MARKS[finding.severity])
        click.echo(f"{mark} {finding.severity:<7} {click.style(finding.subject, bold=True)}: {finding.what}")
        click.echo(f"            {finding.remedy}")
    if snapshot.away is None:
        server = snapshot.server
        looked = f"{len(snapshot.roles)} roles and {len(snapshot.slots)} slots"
        click.echo(f"{'' if findings else 'Nothing found. '}Looked at {looked}, server {server.get('version')}")
