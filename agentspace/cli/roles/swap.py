"""The command that replaces an agent while everything else goes on: swap."""

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import click

from agentspace.agent import process
from agentspace.cli.roles.source_files import LOOK, Changed, Watcher, roles_of
from agentspace.cli.terminal.options import complete_agent, complete_role, echo_json, json_option, space_option
from agentspace.client.reports import SwapReport
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.swap import Step
from agentspace.errors import (
    AgentspaceError,
    ParameterError,
    RoleNotFoundError,
    SpaceUnreachableError,
    SwapError,
    suggest,
)

_SHOWN: Final = 14  #: columns for the name of a step
_FILES: Final = 3  #: of a role that are named


@click.command()
@click.argument("role", required=False, shell_complete=complete_role)
@click.argument("words", metavar="[MODULE:CLASS] [NAME=VALUE]...", nargs=-1, shell_complete=complete_agent)
@click.option("--force", is_flag=True, help="Fence a predecessor whose handler does not end in time.")
@click.option("--fresh", is_flag=True, help="Hand over no state.")
@click.option("--limit", metavar="STEP=SECONDS", multiple=True, help="Time for a step, such as prepare=120.")
@click.option("--watch", is_flag=True, help="Swap whenever the code on the disk differs; without ROLE all roles.")
@space_option
@json_option
def swap(
    role: str | None,
    words: tuple[str, ...],
    force: bool,
    fresh: bool,
    limit: tuple[str, ...],
    watch: bool,
    address: str,
    as_json: bool,
) -> None:
    """Replace the agent of ROLE while everything else goes on; exit code 1 if it is rolled back.

    Without MODULE:CLASS the class stays, with its new code from disk. NAME=VALUE changes parameters and slot
    names; the others stay, as far as the class knows them.

    \b
    Examples:
      agentspace swap extractor                        the same class, as it is on disk now
      agentspace swap extractor threads=2
      agentspace swap camera agents.other:Other rate=15
      agentspace swap extractor --watch                whenever its file is saved
    """  # noqa: D301
    if role is None and not watch:
        raise click.UsageError("name a ROLE, or give --watch to follow all")
    spec = next((word for word in words if "=" not in word), None)
    settings = process.settings([word for word in words if word is not spec])
    options: dict[str, Any] = {"force": force, "fresh": fresh, "limits": _limits(limit)}
    if watch and (spec or settings):
        raise click.UsageError("--watch follows the class and settings that the role has: give no others")
    with connect(address) as space:
        if watch:
            _watch(space, role, options, as_json)
        else:
            assert role is not None  # noqa: S101  (asked for above)
            _swap_once(space, role, spec, settings, options, as_json)


def _swap_once(
    space: RemoteSpace,
    role: str,
    spec: str | None,
    settings: Mapping[str, str],
    options: Mapping[str, Any],
    as_json: bool,
) -> None:
    last: SwapReport | None = None

    def tell(report: SwapReport) -> None:
        """Shows the steps that are new."""
        nonlocal last
        for step, seconds in report.steps[len(last.steps) if last else 0 :]:
            if not as_json:
                click.echo(f"{step:<{_SHOWN}}{1e3 * seconds:10.1f} ms", err=True)
        last = report

    try:
        report = space.swap(role, spec, settings, **options, progress=tell)
    except SwapError:
        if as_json and last is not None:
            echo_json(last.to_dict())
        raise
    if as_json:
        echo_json(report.to_dict())
    else:
        click.echo(_summary(report))


def _summary(report: SwapReport) -> str:
    old, new = report.old, report.new
    was = f"epoch {old['epoch']}, pid {old.get('pid')}" if old else "nobody"
    gap = "" if report.gap is None else f"; gap {1e3 * report.gap:.1f} ms"
    carried = f"; {report.carried} waiting change(s) carried over" if report.carried else ""
    left = f"; not taken over: {', '.join(report.left_out)}" if report.left_out else ""
    who = f"epoch {new.get('epoch')}, pid {new.get('pid')}, {new.get('class')}"
    return f"{report.role}: {was} -> {who}{gap}{carried}{left}"


def _limits(words: Iterable[str]) -> dict[str, float]:
    found = {}
    for name, text in process.settings(list(words)).items():
        try:
            found[name] = float(text)
        except ValueError:
            raise ParameterError(f"--limit {name}={text}: {text!r} is not a number of seconds") from None
    return found


def _watch(space: RemoteSpace, role: str | None, options: Mapping[str, Any], as_json: bool) -> None:
    """Swaps whatever runs another code than the disk has, until Ctrl-C; what goes wrong is told, and it goes on.

    Raises:
        RoleNotFoundError: At first there is no such role; the error lists them.
        AgentspaceError: At first there is nothing to watch.
    """
    known = roles_of(space)
    if role is not None and role not in known:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(known))}")
    watcher, told, away = Watcher(), dict[str, tuple[str, ...]](), False
    while True:
        try:
            changed = watcher.look(roles_of(space, role))
            away = False
        except SpaceUnreachableError as error:
            if not away:
                click.echo(f"agentspace: {error}; waiting for it", err=True)
            away, changed = True, []
        if not (watcher.files or told):
            who = "no role has a" if role is None else f"role {role!r} has no"
            raise AgentspaceError(f"{who} source file on this machine")
        if watcher.files and watcher.files != told:
            told = dict(watcher.files)
            click.echo(f"watching {', '.join(itertools.starmap(_described, told.items()))}; Ctrl-C ends", err=True)
        for each in changed:
            _reload(space, each, options, as_json)
        time.sleep(LOOK)


def _described(role: str, files: tuple[str, ...]) -> str:
    shown = ", ".join(files[:_FILES])
    return f"{role} ({shown} and {len(files) - _FILES} more)" if len(files) > _FILES else f"{role} ({shown})"


def _reload(space: RemoteSpace, changed: Changed, options: Mapping[str, Any], as_json: bool) -> None:
    """Swaps a role whose code has changed, if that can be run."""
    if changed.fault:
        _complain(changed.role, f"{changed.fault}; the old one goes on", as_json)
        return
    try:
        report = space.swap(changed.role, **options)
    except AgentspaceError as error:
        _complain(changed.role, str(error), as_json)
    else:
        click.echo(json.dumps(report.to_dict()) if as_json else _summary(report))


def _complain(role: str, why: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"role": role, "state": str(Step.ROLLED_BACK), "reason": why}))
    else:
        click.echo(f"agentspace: {role}: {why}", err=True)
