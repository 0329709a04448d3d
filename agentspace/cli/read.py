"""Commands that only read slots: slots, read, watch."""

import json
import time
from pathlib import Path

import click
import numpy as np

from agentspace.cli.exits import SLOT_EMPTY
from agentspace.cli.options import Seconds, complete_slot, echo_json, json_option, space_option
from agentspace.cli.render import entry_to_json, seconds, short, show_table, to_json
from agentspace.client.account import SpaceAccount
from agentspace.client.space import connect
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry
from agentspace.core.value import Value, describe


@click.command()
@click.argument("mask", default="*", shell_complete=complete_slot)
@click.option("-a", "--all", "everything", is_flag=True, help="The space's own slots, under _/, too.")
@space_option
@json_option
def slots(mask: str, everything: bool, address: str, as_json: bool) -> None:
    """List the slots under MASK (a name or a glob; by default all).

    \b
    Examples:
      agentspace slots
      agentspace slots 'icub/*' --json
    """  # noqa: D301
    with connect(address) as space:
        found = space.snapshot(mask)
        own = space.snapshot("_/*")
    account = SpaceAccount.of_slots(own.values())
    rates, refusals = account.rates, account.refusals
    if everything:
        found |= own
    if as_json:
        counts = {name: {"rate": rates.get(name, 0.0), "refused": refusals.get(name, 0)} for name in found}
        echo_json([entry_to_json(entry) | counts[name] for name, entry in found.items()])
        return
    columns = ["slot", "type", "value", "holder", "prio", "left", "age", "rate", "rev", "refused"]
    rows = [_slot_row(entry, rates.get(name, 0.0), refusals.get(name, 0)) for name, entry in found.items()]
    show_table(columns, rows, right=set(columns[4:]))


def _slot_row(entry: Entry, rate: float, refused: int) -> list[str]:
    readable = entry.kind == "written"
    what = describe(entry.value) if readable else "delayed" if entry.kind == "delayed" else "held empty"
    shown = short(entry.value, 32) if readable else ""
    return [
        *(entry.name, what, "" if shown == what else shown, str(entry.writer), f"{entry.priority:g}"),
        *(seconds(entry.time_left), seconds(entry.age), f"{rate:.1f}/s" if rate else ""),
        *(str(entry.revision), str(refused) if refused else ""),
    ]


@click.command()
@click.argument("name", shell_complete=complete_slot)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the value to a .npy, .json or .png file."
)
@space_option
@json_option
def read(name: str, output: Path | None, address: str, as_json: bool) -> None:
    """Print the value of the slot NAME; exit code 5 if it is empty.

    \b
    Examples:
      agentspace read mode
      agentspace read features -o features.npy
      agentspace read camera -o camera.png
    """  # noqa: D301
    with connect(address) as space:
        entry = space.entry(name)
        if entry is None:
            click.echo(f"agentspace: the slot {name!r} is empty", err=True)
            raise click.exceptions.Exit(SLOT_EMPTY)
        if output is not None:
            try:
                save(entry.value, output)
            except OSError as error:
                raise click.UsageError(f"cannot write {output}: {error}") from None
        elif as_json:
            echo_json(entry_to_json(entry))
        else:
            click.echo(entry.value if isinstance(entry.value, str) else json.dumps(to_json(entry.value)))


def save(value: Value, file: Path) -> None:
    """Writes a value to a file, in the format that its ending names.

    Raises:
        click.UsageError: The format does not fit the value, or is unknown.
    """
    match file.suffix, value:
        case ".json", _:
            file.write_text(json.dumps(to_json(value)) + "\n")
        case ".npy", np.ndarray():
            np.save(file, value, allow_pickle=False)
        case ".png", np.ndarray(dtype=np.uint8, ndim=2 | 3 as axes):
            import cv2

            picture = value if axes == 2 else cv2.cvtColor(value, cv2.COLOR_RGB2BGR)
            file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        case _:
            what = f"a {describe(value)} to {file}"
            raise click.UsageError(f"cannot write {what}: .json takes all, .npy arrays, .png images")


@click.command()
@click.argument("mask", default="*", shell_complete=complete_slot)
@click.option("--every", is_flag=True, help="Each change, not only the newest value of each slot.")
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after so many changes.")
@click.option("-t", "--timeout", type=Seconds(min=0), help="End after so many seconds.")
@space_option
@json_option
def watch(mask: str, every: bool, count: int | None, timeout: float | None, address: str, as_json: bool) -> None:
    """Follow the slots under MASK: what is there now, then each change. Ctrl-C ends it.

    \b
    Examples:
      agentspace watch features
      agentspace watch 'motor/*' --every --json
      agentspace watch _/refusals
    """  # noqa: D301
    until = None if timeout is None else time.monotonic() + timeout
    left = count
    with connect(address) as space, space.watch(mask, Trigger.EVERY if every else Trigger.NORMAL) as changes:
        while left is None or left > 0:
            wait = None if until is None else until - time.monotonic()
            entries = changes.next(wait) if wait is None or wait > 0 else None
            if entries is None:
                return
            for entry in entries[:left]:
                click.echo(json.dumps(entry_to_json(entry)) if as_json else _line(entry))
            left = None if left is None else left - len(entries)
        if changes.overflow:
            click.echo(f"agentspace: {changes.overflow} changes were lost: this reader was too slow", err=True)


def _line(entry: Entry) -> str:
    now = time.strftime("%H:%M:%S")
    value = short(entry.value) if entry.kind == "written" else str(entry.kind)
    priority = f" priority {entry.priority:g}" if entry.priority else ""
    return f"{now}  {entry.name}  {value}  r{entry.revision} {entry.writer}{priority}"
