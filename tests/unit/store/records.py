"""A small store with one of everything, and what is in a store as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agentspace.core.board import Floors
from agentspace.core.change import Change, Kind, Writer
from agentspace.core.durable.cuts import RoleRecord, SavedSpace, SlotRecord, SpaceCut
from agentspace.core.role import State
from agentspace.store.file import StoreFile
from agentspace.wire.codec import encode
from agentspace.wire.parcel import Stored

LETTERS = {"count": 1, "in_a_row": 1, "letters": [{"slot": "d/a", "value": [1, None]}]}


def stored(value: Any) -> Stored:
    """A value as a server has it."""
    return Stored(encode(value))


def change(name: str, kind: Kind, revision: int, value: Stored | None = None, **more: float) -> Change[Stored]:
    """A change by somebody outside."""
    times = {"at": 100.0, "valid_to": math.inf, "origin": 99.5, **more}
    return Change(name, kind, revision, value, Writer("thread"), 0.5, **times)


def held(name: str, value: Any) -> SlotRecord[Stored]:
    """A slot in which a value is."""
    content = stored(value)
    return SlotRecord(change(name, Kind.WRITTEN, 3, content), content, 100.0, False)


def everything() -> list[SpaceCut[Stored]]:
    """A cut with one of everything."""
    slots = [
        held("d/a", {"a": [1, 2.5, None, "text"]}),
        SlotRecord(change("d/b", Kind.DELAYED, 4, valid_to=190.0), stored(7), 110.0, True),
        SlotRecord(change("d/c", Kind.DELETED, 5, valid_to=150.0), None, 100.0, False),
    ]
    state = State(2, stored(np.arange(3.0)))
    anne = RoleRecord("anne", 4, "running", {"pid": 3}, False, None, state, ("d/*",), {"rate": 2.0}, LETTERS, 7)
    bert = RoleRecord("bert", 5, "stopped", {}, True, 15, None, (), {}, {"count": 0, "in_a_row": 0, "letters": []})
    waits = [change("d/a", Kind.WRITTEN, 3, stored(1)), change("d/c", Kind.DELETED, 5)]
    queued = {("anne", each.name, each.revision, each.kind): each for each in waits}
    by_name = {record.change.name: record for record in slots}
    roles = {role.name: role for role in (anne, bert)}
    first = SpaceCut("DATA", Floors(1000, 6, 2), by_name, roles, frozenset(), queued)
    return [first, SpaceCut("other", Floors(77, 1, 0), {}, {}, frozenset(), {})]


def make(path: Path) -> Path:
    """A store with one of everything."""
    file = StoreFile(path)
    file.keep(everything())
    file.close()
    return path


def told(spaces: Mapping[str, SavedSpace[Stored]]) -> dict[str, Any]:
    """What spaces have, as plain data that can be compared."""
    return {
        name: (
            saved.floors,
            {record.change.name: _told(record) for record in saved.slots},
            {role.name: _told(role) for role in saved.roles},
            {role: [_told(each) for each in queue] for role, queue in saved.queues.items()},
        )
        for name, saved in spaces.items()
    }


def _told(item: Any) -> Any:
    if isinstance(item, Stored):
        return item.inline()
    if isinstance(item, tuple):
        return tuple(map(_told, item))
    return repr(item)
