"""The command that tells what a store keeps: store."""

import time
from pathlib import Path
from typing import Any

import click

from agentspace.cli.terminal.exits import FAILED
from agentspace.cli.terminal.options import echo_json, json_option
from agentspace.cli.terminal.render import in_bytes, seconds, show_table
from agentspace.core.board import Floors
from agentspace.core.durable.cuts import RoleRecord, SavedSpace, SlotRecord
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.shown import in_words, to_json
from agentspace.errors import StoreError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--salvage",
    metavar="NEW",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is whole into another store.",
)
@json_option
@click.pass_context
def store(ctx: click.Context, file: Path, salvage: Path | None, as_json: bool) -> None:
    """Tell what the store FILE keeps, while no server has it: slots, roles, queues, and what is damaged.

    \b
    Examples:
      agentspace store runs/imitation.db
      agentspace store runs/imitation.db --json
      agentspace store damaged.db --salvage whole.db
    """  # noqa: D301
    from agentspace.store.file import StoreFile

    found = StoreFile(file, create=False)
    contents = found.read()
    found.close()
    if salvage is not None:
        _save(contents.spaces, contents.floors, salvage)
    if as_json:
        echo_json({"clean": contents.clean, "damage": contents.damage, "spaces": _told(contents.spaces)})
    else:
        for name, space in contents.spaces.items():
            _show(name, space)
        for damage in contents.damage:
            click.echo(f"damaged: {damage}", err=True)
        if salvage is not None:
            click.echo(f"what is whole is in {salvage}")
    ctx.exit(FAILED if contents.damage and salvage is None else 0)


def _save(spaces: dict[str, SavedSpace[Any]], floors: Floors, path: Path) -> None:
    from agentspace.store.file import StoreFile

    if path.exists():
        raise StoreError(f"{path} exists already: choose another name for what is whole")
    saved = StoreFile(path)
    kept = {**spaces, "": SavedSpace(floors, [], [], {})}
    saved.keep([space.as_cut(name) for name, space in kept.items()], clean=True)
    saved.close()


def _show(name: str, space: SavedSpace[Any]) -> None:
    click.echo(f"space {name}: {len(space.slots)} slots, {len(space.roles)} roles")
    rows = [
        (each["name"], each["value"], each["revision"], each["priority"], each["writer"], each["left"])
        for each in map(_slot_words, space.slots)
    ]
    if rows:
        show_table(
            ("SLOT", "VALUE", "REVISION", "PRIORITY", "WRITER", "LEFT"), rows, {"REVISION", "PRIORITY", "LEFT"}
        )
    roles = [
        (role.name, str(role.epoch), role.state, _kept_words(role), str(len(space.queues.get(role.name, ()))))
        for role in space.roles
    ]
    if roles:
        show_table(("ROLE", "EPOCH", "STATE", "KEEPS", "QUEUED"), roles, {"EPOCH", "QUEUED"})


def _slot_words(record: SlotRecord[Any]) -> dict[str, str]:
    change = record.change
    return {
        "name": change.name,
        "value": "held empty" if record.value is None else in_words(record.value.value()),
        "revision": str(change.revision),
        "priority": f"{change.priority:g}",
        "writer": str(change.writer),
        "left": seconds(_left(record)),
    }


def _kept_words(role: RoleRecord[Any]) -> str:
    words = [f"a state of {in_bytes(role.kept.value.size)}"] if role.kept is not None else []
    words += [f"{name}={in_words(value)}" for name, value in role.held.items()]
    words += [f"{role.letters['count']} dead letters"] if role.letters["count"] else []
    return ", ".join(words)


def _told(spaces: dict[str, SavedSpace[Any]]) -> dict[str, Any]:
    return {
        name: {
            "slots": [
                {
                    "name": slot.change.name,
                    "revision": slot.change.revision,
                    "priority": slot.change.priority,
                    "writer": str(slot.change.writer),
                    "time_left": _left(slot),
                    "held_empty": slot.value is None,
                    "value": None if slot.value is None else to_json(slot.value.value()),
                }
                for slot in space.slots
            ],
            "roles": [
                {
                    "name": role.name,
                    "epoch": role.epoch,
                    "state": role.state,
                    "settings": to_json(role.held),
                    "kept_version": None if role.kept is None else role.kept.version,
                    "kept_bytes": 0 if role.kept is None else role.kept.value.size,
                    "dead_letters": role.letters["count"],
                    "queued": len(space.queues.get(role.name, ())),
                }
                for role in space.roles
            ],
        }
        for name, space in spaces.items()
    }


def _left(record: SlotRecord[Any]) -> float | None:
    """Seconds until a value runs out; None if it never does."""
    valid_to = record.change.valid_to
    return None if valid_to == FOREVER else max(0.0, valid_to - time.monotonic())
