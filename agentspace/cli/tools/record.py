"""Recording a space: record."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import Seconds, complete_slot, echo_json, json_option, space_option
from agentspace.cli.terminal.progress import Line, until_signal
from agentspace.cli.terminal.render import in_bytes, seconds
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.life import LAUNCHES

if TYPE_CHECKING:
    from agentspace.recording.recorder import Progress


@click.command()
@click.argument("masks", metavar="[MASK]...", nargs=-1, shell_complete=complete_slot)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file; by default agentspace-DATE-TIME.mcap, in the folder of the run if there is one.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite the file.")
@click.option("--decisions", is_flag=True, help="Record also what is refused.")
@click.option("-d", "--duration", type=Seconds(min=0), help="End after so many seconds; by default with Ctrl-C.")
@click.option(
    "--jpeg",
    type=click.IntRange(1, 100),
    metavar="QUALITY",
    help="Images as JPEG, small but not exact; by default PNG.",
)
@space_option
@json_option
def record(
    masks: tuple[str, ...],
    output: Path | None,
    force: bool,
    decisions: bool,
    duration: float | None,
    jpeg: int | None,
    address: str,
    as_json: bool,
) -> None:
    """Record every change of the slots under MASKs (by default all) into an MCAP file, until Ctrl-C.

    Exit code 1: changes were lost, or the disk is full. The file is good in any case.

    \b
    Examples:
      agentspace record
      agentspace record -o run.mcap camera 'arm/*' --duration 60
      agentspace record '*' '_/*' --decisions --jpeg 90
    """  # noqa: D301
    from agentspace.recording import Recorder

    if files := [mask for mask in masks if mask.endswith(".mcap")]:
        raise click.UsageError(f"{files[0]!r} is no slot: the file to record into is named by -o {files[0]}")
    with connect(address) as space:
        path = output or _run_of(space) / time.strftime("agentspace-%Y%m%d-%H%M%S.mcap")
        recorder = Recorder(space, path, masks or ("*",), decisions=decisions, jpeg=jpeg, overwrite=force)
        line = Line()
        with until_signal(recorder.stop):
            click.echo(f"recording to {path}", err=True)  # whoever reads this may interrupt: nothing is lost now
            how = recorder.run(duration, lambda progress: line.show(lambda: _recorded(progress)))
        line.clear()
    if as_json:
        echo_json({"file": str(path), **vars(how), "failure": recorder.failure})
    else:
        click.echo(f"{path}: {_recorded(how)}")
    if recorder.failure is not None:
        click.echo(f"agentspace: stopped: {recorder.failure}; what was recorded until then can be read", err=True)
    if how.lost:
        click.echo(f"agentspace: {how.lost} changes were lost: this machine is too slow for all of them", err=True)
    if how.lost or recorder.failure is not None:
        raise click.exceptions.Exit(FAILED)


def _run_of(space: RemoteSpace) -> Path:
    """The folder of the run that is recorded, as the launch in this space tells it; if it has none, this one."""
    entries = space.snapshot(f"{LAUNCHES}*").values()
    told = [entry.value.get("logs") for entry in entries if isinstance(entry.value, dict)]
    folders = [Path(folder) for folder in told if isinstance(folder, str) and folder and Path(folder).is_dir()]
    return folders[0] if len(folders) == 1 else Path()


def _recorded(how: "Progress") -> str:
    refused = f", {how.refused} refusals" if how.refused else ""
    return f"{seconds(how.seconds)}, {how.changes} changes{refused}, {in_bytes(how.size)}, {how.lost} lost"
