"""Commands that only read slots: slots, read, watch."""

import contextlib
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import click
import numpy as np

from agentspace.cli.slots.part import PartError, ValuePart, complete_part, find_part, holds_something
from agentspace.cli.terminal.exits import SLOT_EMPTY
from agentspace.cli.terminal.options import Seconds, complete_slot, echo_json, json_option, space_option
from agentspace.cli.terminal.progress import tell_contact, until_signal
from agentspace.cli.terminal.render import entry_to_json, seconds, show_table
from agentspace.client.account import SpaceAccount
from agentspace.client.contact import Contact
from agentspace.client.drain import until_over
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry
from agentspace.core.values.shown import in_words, json_text, printable, to_json, type_text
from agentspace.core.values.value import Value

_COLOURS: Final = ((1,), (3,), (4,))


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
    what = type_text(entry.value) if readable else "delayed" if entry.kind == "delayed" else "held empty"
    shown = in_words(entry.value, 32) if readable else ""
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
    """Print the value of the slot NAME; exit code 5 if it is empty. NAME may name a part of it.

    \b
    Examples:
      agentspace read mode
      agentspace read 'joints[0]'
      agentspace read camera/state.pictures
      agentspace read features -o features.npy
      agentspace read camera -o camera.png
    """  # noqa: D301
    with connect(address) as space:
        entry = _part_of(space, name)
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
            click.echo(_as_text(entry.value))


def _as_text(value: Value) -> str:
    """A text as it is, but harmless where a terminal would obey it; anything else as JSON."""
    if not isinstance(value, str):
        return json_text(value)
    return printable(value, lines=True) if sys.stdout.isatty() else str(to_json(value))


def _part_of(space: RemoteSpace, name: str) -> Entry | None:
    """The slot of that name, or the part of a slot that the name means.

    Raises:
        click.UsageError: The slot's value has no such part.
    """
    found = _part_in(space, name)
    entry = space.entry(found.slot if found else name)
    if entry is None or found is None:
        return entry
    try:
        return dataclasses.replace(entry, name=name, value=found.of(entry.value))
    except PartError as error:
        raise click.UsageError(f"slot {found.slot!r}: {error}") from None


def _part_in(space: RemoteSpace, name: str) -> ValuePart | None:
    """The part of a slot that a text names; None if it names a slot, or nothing that there is now.

    Raises:
        click.UsageError: It can be no part of that slot.
    """
    try:
        found = find_part(name, lambda slot: holds_something(space, slot))
    except PartError as error:
        raise click.UsageError(str(error)) from None
    return found if found is not None and found.steps else None


def save(value: Value, file: Path) -> None:
    """Writes a value to a file, in the format that its ending names.

    Raises:
        click.UsageError: The format does not fit the value, or is unknown.
    """
    match file.suffix, value:
        case ".json", _:
            file.write_text(json_text(value) + "\n", encoding="utf-8")
        case ".npy", np.ndarray():
            np.save(file, value, allow_pickle=False)
        case ".png", np.ndarray(dtype=np.uint8) if value.size and (value.ndim == 2 or value.shape[2:] in _COLOURS):
            from agentspace.recording import image

            file.write_bytes(image.encode(value).data)
        case _:
            what = f"a {type_text(value)} to {file}"
            raise click.UsageError(f"cannot write {what}: .json takes all, .npy arrays, .png images")


@click.command()
@click.argument("mask", default="*", shell_complete=complete_part)
@click.option("--every", is_flag=True, help="Each change, not only the newest value of each slot.")
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after so many changes.")
@click.option("-t", "--timeout", type=Seconds(min=0), help="End after so many seconds.")
@space_option
@json_option
def watch(mask: str, every: bool, count: int | None, timeout: float | None, address: str, as_json: bool) -> None:
    """Follow the slots under MASK: what is there now, then each change. Ctrl-C ends it.

    MASK may name a part of one slot: a field of a dict, an element or a slice of a list or array. Where there is a
    slot of the whole name, that is meant.

    \b
    Examples:
      agentspace watch features
      agentspace watch 'joints[0:3]'
      agentspace watch camera/state.pictures
      agentspace watch 'motor/*' --every --json
      agentspace watch _/refusals
    """  # noqa: D301
    until = float("inf") if timeout is None else time.monotonic() + timeout
    left = count
    kind = Trigger.EVERY if every else Trigger.NORMAL
    with until_signal(lambda: None) as over, connect(address) as space, contextlib.ExitStack() as watching:
        part = _part_in(space, mask)
        changes = watching.enter_context(space.watch(part.slot if part else mask, kind))
        contact = Contact(space.watch)
        for entries in until_over(changes, lambda: bool(over) or time.monotonic() >= until):
            for entry in entries[:left]:
                _tell(entry, part, as_json)
            left = None if left is None else left - len(entries)
            tell_contact(contact)
            if (left is not None and left <= 0) or (over and contact.away):
                break
        if changes.overflow:
            click.echo(f"agentspace: {changes.overflow} changes were lost: this reader was too slow", err=True)
    if signal.SIGTERM in over:
        os.kill(os.getpid(), signal.SIGTERM)  # it ends as any program does
    elif over:
        raise click.exceptions.Exit(128 + over[0])


def _tell(entry: Entry, part: ValuePart | None, as_json: bool) -> None:
    """Prints a change; of a part, if one is followed."""
    error = None
    if part is not None:
        entry = dataclasses.replace(entry, name=part.slot + part.path)
        try:
            value = part.of(entry.value) if entry.kind == "written" else None
        except PartError as failed:
            error, value = str(failed), None
        entry = dataclasses.replace(entry, value=value)
    if as_json:
        echo_json(entry_to_json(entry) | ({} if error is None else {"error": error}))
    else:
        click.echo(_line(entry, error))


def _line(entry: Entry, error: str | None = None) -> str:
    now = time.strftime("%H:%M:%S")
    value = error or (in_words(entry.value) if entry.kind == "written" else str(entry.kind))
    priority = f" priority {entry.priority:g}" if entry.priority else ""
    return f"{now}  {printable(entry.name)}  {value}  r{entry.revision} {entry.writer}{priority}"
