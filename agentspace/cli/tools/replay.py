"""Playing a recording back, and telling what is in it: replay."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentspace.cli.terminal.exits import INTERRUPTED, REFUSED
from agentspace.cli.terminal.options import Seconds, echo_json, json_option, space_option
from agentspace.cli.terminal.progress import Line, until_signal
from agentspace.cli.terminal.render import in_bytes, seconds, show_table
from agentspace.client.simulated import driver
from agentspace.client.space import connect
from agentspace.core.values.masks import Mask
from agentspace.errors import RecordingError

if TYPE_CHECKING:
    from agentspace.recording import Player, Recording, Summary
    from agentspace.recording.player import Played


def _rules(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    rules = {}
    for rule in given:
        old, sign, new = rule.partition("=")
        if not (sign and old and new):
            raise click.BadParameter(f"{rule!r} is no renaming; valid: camera=eye, 'left/*=right/*'")
        rules[old] = new
    return rules


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rate", type=float, default=1.0, show_default=True, help="2: twice as fast.")
@click.option("--only", metavar="MASK", multiple=True, help="Only these of the recorded slots; may be repeated.")
@click.option(
    "--remap",
    metavar="OLD=NEW",
    multiple=True,
    callback=_rules,
    help="Write to another slot: camera=eye, or 'left/*=right/*'; may be repeated.",
)
@click.option("--start", type=Seconds(min=0), default=0.0, help="Leave out so many seconds.")
@click.option("-p", "--priority", type=float, help="For all writes, instead of the recorded ones.")
@click.option("--loop", is_flag=True, help="Begin again at the end, until Ctrl-C.")
@click.option("--info", is_flag=True, help="Only tell what is in the file.")
@space_option
@json_option
def replay(
    file: Path,
    rate: float,
    only: tuple[str, ...],
    remap: dict[str, str],
    start: float,
    priority: float | None,
    loop: bool,
    info: bool,
    address: str,
    as_json: bool,
) -> None:
    """Write what was recorded in FILE into a space, with its spacing.

    A server whose clock is simulated follows the recording: everything expires as it did, at any rate.

    Exit code 4: some writes were refused.

    \b
    Examples:
      agentspace replay run.mcap
      agentspace replay run.mcap --info
      agentspace replay run.mcap --only camera --remap camera=eye --rate 2 --loop
    """  # noqa: D301
    from agentspace.recording import Player, Recording, Rename

    recording = Recording(file)
    if info:
        _tell_info(recording, as_json)
        return
    rename = Rename(remap)
    with connect(address, name="replay") as space:
        player = Player(
            recording,
            space,
            rate=rate,
            only=only or ("*",),
            rename=rename,
            start=start,
            priority=priority,
            drive=driver(space),
        )
        _check_matches(recording, only, remap)
        came = _play(player, loop)
    _tell_played(player.played, recording, as_json)
    if came:
        raise click.exceptions.Exit(INTERRUPTED)
    if player.played.refused:
        raise click.exceptions.Exit(REFUSED)


def _check_matches(recording: "Recording", only: tuple[str, ...], remap: dict[str, str]) -> None:
    """Refuses masks that match nothing that was recorded."""
    if not only and not remap:
        return
    names = recording.slots()
    for mask in (*only, *remap):
        if not any(Mask(mask).matches(name) for name in names):
            raise RecordingError(f"no recorded slot is {mask!r}; there are: {', '.join(names) or 'none'}")


def _play(player: "Player", loop: bool) -> list[int]:
    line = Line()

    def tell(how: "Played") -> None:
        line.show(lambda: f"at {seconds(how.seconds)}, {how.changes} changes, {sum(how.refused.values())} refused")

    with until_signal(player.stop) as came:
        player.run(loop, tell)
    line.clear()
    return came


def _tell_played(how: "Played", recording: "Recording", as_json: bool) -> None:
    if as_json:
        echo_json({"file": str(recording.path), **vars(how), "damage": recording.damage})
    else:
        click.echo(f"{recording.path}: {how.changes} changes in {seconds(how.seconds)}")
    for damage in recording.damage:
        click.echo(f"agentspace: {recording.path}: {damage}; the rest was played", err=True)
    if how.unplayable:
        click.echo(f"agentspace: {how.unplayable} changes of the space's own slots were left out", err=True)
    if how.refused:
        counts = ", ".join(f"{name} ({count})" for name, count in how.refused.items())
        click.echo(f"agentspace: refused, because something of a higher priority held them: {counts}", err=True)


def _tell_info(recording: "Recording", as_json: bool) -> None:
    from agentspace.recording import summarize

    summary = summarize(recording)
    if as_json:
        echo_json(_info_json(recording, summary))
        return
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(summary.started))
    size = in_bytes(recording.path.stat().st_size)
    click.echo(f"{recording.path}: {size}, {seconds(summary.duration)} from {began}, {summary.lost} changes lost")
    rows = [
        [
            *(
                slot.name,
                str(slot.changes),
                f"{slot.changes / summary.duration:.1f}/s" if summary.duration else "",
            ),
            *(in_bytes(slot.size), ", ".join(slot.types), ", ".join(slot.writers)),
        ]
        for slot in summary.slots.values()
    ]
    show_table(["slot", "changes", "rate", "size", "type", "writer"], rows, right={"changes", "rate", "size"})
    for damage in summary.damage:
        click.echo(f"agentspace: {damage}", err=True)


def _info_json(recording: "Recording", summary: "Summary") -> dict[str, Any]:
    slots = [{**vars(slot), "changes": slot.changes} for slot in summary.slots.values()]
    size = recording.path.stat().st_size
    return {"file": str(recording.path), "size": size, **vars(summary), "slots": slots}
