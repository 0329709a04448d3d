"""The command that removes old runs, and what killed servers have left behind: clean."""

import os
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from agentspace.agent.run_folder import hold
from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import FOLDER, echo_json, json_option
from agentspace.cli.terminal.render import in_bytes
from agentspace.supervise.log_reader import run_began, runs_in, span
from agentspace.wire.address import local_servers, sweep

KEEP: Final = 10  #: runs


class _Span(click.ParamType[float]):
    """A span such as 30d."""

    name = "span"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds."""
        found = span(value)
        if found is None:
            self.fail(f"{value!r} is no span: write 30d, 12h, 90m or 2w", param, ctx)
        return found


@click.command()
@click.option("--keep", type=click.IntRange(min=0), help=f"Keep the newest so many; by default {KEEP}.")
@click.option("--older-than", type=_Span(), metavar="SPAN", help="Remove only what is older: 30d, 12h, 2w.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--runs", type=FOLDER, help="The folder with the runs; by default runs/ here.")
@json_option
def clean(
    keep: int | None, older_than: float | None, dry_run: bool, yes: bool, runs: Path | None, as_json: bool
) -> None:
    """Remove old runs of launches, with their logs and reports, and what servers left that were killed.

    Never removed: a run that goes on, the one that runs/latest points to, and folders that are no runs. With both
    --keep and --older-than, a run must be beyond both.

    \b
    Examples:
      agentspace clean                       keeps the last 10
      agentspace clean --older-than 30d
      agentspace clean --keep 3 --dry-run
    """  # noqa: D301
    where = runs or Path("runs")
    least = KEEP if keep is None and older_than is None else keep or 0
    old = _old(where, least, older_than or 0.0)
    dead = [name for name, lives in local_servers().items() if not lives]
    if as_json and not (dry_run or yes):
        raise click.UsageError("--json does not ask: give --yes or --dry-run")
    if not as_json:
        _tell(old, dead, where)
    done = not dry_run and bool(old or dead) and (yes or _agreed(len(old), len(dead)))
    failed = [path for path in old if not _removed(path)] if done else []
    swept = [name for name in dead if sweep(name)] if done else []
    if as_json:
        texts = {"old": old, "removed": [path for path in old if done and path not in failed], "failed": failed}
        listed = {name: [str(path) for path in paths] for name, paths in texts.items()}
        echo_json(listed | {"dead": dead, "swept": swept})
    if failed:
        click.echo(f"agentspace: could not be removed: {', '.join(map(str, failed))}", err=True)
        raise click.exceptions.Exit(FAILED)


def _tell(old: list[Path], dead: list[str], where: Path) -> None:
    for path in old:
        click.echo(f"{path}  {in_bytes(_size(path))}")
    for name in dead:
        click.echo(f"server {name!r}: killed, its socket is left")
    if not (old or dead):
        click.echo(f"nothing to remove in {where}")


def _agreed(runs: int, servers: int) -> bool:
    """Whether the user agrees.

    Raises:
        click.UsageError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was removed: give --yes (or --dry-run, to look only)")
    what = [f"{runs} run{'s' if runs != 1 else ''}"] if runs else []
    if servers:
        what.append(f"what {servers} server{'s' if servers != 1 else ''} left")
    return click.confirm(f"Remove {' and '.join(what)}?", default=False)


def _old(where: Path, keep: int, older_than: float) -> list[Path]:
    """The runs to remove, the oldest first."""
    latest = (where / "latest").resolve()
    known = runs_in(where)
    before = datetime.fromtimestamp(time.time() - older_than)
    beyond = [run for run in known[: max(0, len(known) - keep)] if (run_began(run) or before) < before]
    return [run for run in beyond if run.resolve() != latest and _is_over(run)]


def _is_over(run: Path) -> bool:
    """Whether no launch writes there any more."""
    held = hold(run)
    if held is None:
        return False
    os.close(held)
    return True


def _removed(run: Path) -> bool:
    """Removes a run, unless somebody writes there; whether it is gone."""
    held = hold(run)
    if held is None:
        return False
    try:
        shutil.rmtree(run, ignore_errors=True)
    finally:
        os.close(held)
    return not run.exists()


def _size(run: Path) -> int:
    """The bytes that a run takes."""
    return sum(path.lstat().st_size for path in run.rglob("*") if not path.is_dir())
