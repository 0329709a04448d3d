"""The command that measures how fast a space is on this machine: bench."""

import contextlib
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from agentspace.bench.chart import can_draw, draw_chart
from agentspace.bench.outcome import Outcome
from agentspace.bench.page import CHART, write_page
from agentspace.bench.run import PARTS, QUICK, BenchmarkExtent, Run
from agentspace.bench.tables import missing, preface, sheets
from agentspace.cli.terminal.options import echo_json, json_option
from agentspace.cli.terminal.render import console, to_table
from agentspace.errors import AgentspaceError


@click.command()
@click.option("--quick", is_flag=True, help="Less of everything: about 40 s in place of 5 minutes.")
@click.option("--peers", is_flag=True, help="Compare with Zenoh, dora-rs, Redis and iceoryx2, too.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part only; may be repeated.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="So many rounds, in place of the usual number.")
@click.option(
    "--readers", type=click.IntRange(1, 60), multiple=True, help="Latency to so many readers; may be repeated."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write performance.png, and the tables into performance.md, in this folder.",
)
@json_option
def bench(
    quick: bool,
    peers: bool,
    only: tuple[str, ...],
    rounds: int | None,
    readers: tuple[int, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure how fast a space is on this machine, beside a raw broker and other libraries.

    It starts servers and clients of its own, and touches no space that runs. All that is compared takes turns
    within one run: on a machine that does something else, look at the ratios only. The peers come with
    pip install 'agentspace[bench]'; Redis needs its server, too.

    \b
    Examples:
      agentspace bench --quick
      agentspace bench --peers --output docs      refreshes the tables in docs/performance.md
      agentspace bench --only latency --rounds 2
      agentspace bench --json > figures.json
    """  # noqa: D301
    extent = QUICK if quick else BenchmarkExtent()
    if readers:
        extent = replace(
            extent, readers=tuple((number, extent.readers[0][1]) for number in dict.fromkeys(readers))
        )
    if rounds is not None:
        extent = replace(extent, readers=tuple((number, rounds) for number, _ in extent.readers), rounds=rounds)
    if output is not None:
        _check(output)
    run = Run(extent, only or PARTS, peers)
    with _ended_by_signals(), _progress(run.steps) as run.tell:
        outcome = run.go()
    if as_json:
        echo_json(outcome.to_json())
    else:
        _show(outcome)
    if output is not None:  # last: what was measured is not lost if it cannot be written
        _write(outcome, output)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: with everything that it has started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _progress(steps: int) -> Iterator[Callable[[str], object]]:
    """A line that says what is measured, and how much of it is done, on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = Console(stderr=True)
    if not shown.is_terminal:
        yield lambda words: None
        return
    columns = BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=shown, transient=True) as progress:
        task = progress.add_task("", total=steps)
        yield lambda words: progress.update(task, advance=1, description=words)


def _check(folder: Path) -> None:
    """Whether files can be made in a folder, which is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AgentspaceError(f"cannot write into {folder}: {error}") from None


def _write(outcome: Outcome, folder: Path) -> None:
    chart = CHART if outcome.latency and can_draw() else None
    if chart is not None:
        draw_chart(outcome, folder / chart)
    elif outcome.latency:
        click.echo("agentspace: no picture: pip install 'agentspace[bench]' brings what draws it", err=True)
    click.echo(f"agentspace: wrote {write_page(folder, outcome, chart)}", err=True)


def _show(outcome: Outcome) -> None:
    shown = console()
    if not shown.is_terminal:
        shown.width = 1000
    for sheet in sheets(outcome):
        shown.print(sheet.title, style="bold", markup=False, highlight=False)
        shown.print(to_table(sheet.columns, sheet.rows, set(sheet.columns[1:])))
        shown.print()
    for line in missing(outcome):
        shown.print(f"not compared: {line}", markup=False, highlight=False)
    shown.print(preface(outcome), markup=False, highlight=False)
