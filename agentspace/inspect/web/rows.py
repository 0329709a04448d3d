"""The observer's knowledge, as tables for JSON. Times are on the inspector's clock, so that rows rest.

A row says since when something is so, not for how long: a value that does not change makes no traffic.
"""

import itertools
import math
from typing import Any, Final

from agentspace.core.values.plain import as_dict
from agentspace.core.values.shown import to_json
from agentspace.core.values.value import size_of
from agentspace.inspect.views import Refusal, RoleView, Sample, SlotView, Snapshot
from agentspace.inspect.web.picture import tiling
from agentspace.inspect.wording import brief

PREVIEW: Final = 160  #: characters of a value in a list
_BRIEF: Final = 1 << 16  #: bytes of a value that is put into words
_DIGITS: Final = 3  #: of a time in seconds


class Rows:
    """Makes the tables of the page, and remembers what it has worked out of values that have not changed.

    Each value gets a stamp of its own: a revision may come again after a restart of the server, a stamp does not.
    """

    def __init__(self) -> None:
        self._shown: dict[str, tuple[SlotView, dict[str, Any]]] = {}  # with the row of its value
        self._stamps = itertools.count(1)

    def tables(self, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        """All tables but that of the panels. May take long: not for the event loop."""
        self._shown = {slot.name: (slot, self._value(slot)) for slot in snapshot.slots}
        return {
            "slots": {name: {**row, **slot_row(slot, snapshot.at)} for name, (slot, row) in self._shown.items()},
            "roles": {role.name: role_row(role) for role in snapshot.roles},
            "swaps": {role.name: to_json(role.swap) for role in snapshot.roles if isinstance(role.swap, dict)},
            "log": _numbered([{**event._asdict(), "at": round(event.at, _DIGITS)} for event in snapshot.events]),
            "refusals": _numbered([refusal_row(refusal) for refusal in snapshot.refusals]),
            "server": {"facts": to_json(snapshot.server), "away": snapshot.away},
        }

    def _value(self, slot: SlotView) -> dict[str, Any]:
        """The row of a slot's value: the last one while the slot has that still."""
        before, row = self._shown.get(slot.name, (None, {}))
        if before and before.value is slot.value and (before.revision, before.kind) == (slot.revision, slot.kind):
            return row
        return {**value_row(slot), "stamp": next(self._stamps)}


def value_row(slot: SlotView) -> dict[str, Any]:
    """The columns that depend on the value of a slot alone; its stamp is missing."""
    found = tiling(slot.value) if slot.readable else None
    large = size_of(slot.value) > _BRIEF and not isinstance(slot.value, str)
    text = slot.type if large else brief(slot.value)
    return {
        "type": slot.type,
        "text": text[:PREVIEW] if slot.readable else "",
        "none": slot.readable and slot.value is None,
        "numbers": numbers(slot.history[-1]) if slot.readable and slot.history else [],
        "large": _is_mean(slot),
        "picture": [found.width, found.height, found.tiles] if found else None,
    }


def slot_row(slot: SlotView, now: float) -> dict[str, Any]:
    """The other columns of a slot."""
    names = ("kind", "state", "holder", "revision", "refused", "triggers", "writers", "readers")
    return {
        **{name: getattr(slot, name) for name in names},
        "priority": number(slot.priority),
        "at": round(now - slot.age, _DIGITS),
        "until": None if slot.time_left is None else round(now + slot.time_left, _DIGITS),
        "latency": round(slot.latency, 6),
        "rate": round(slot.rate, 1),
        "bandwidth": round(slot.bandwidth),
    }


def role_row(role: RoleView) -> dict[str, Any]:
    """One role."""
    names = "state epoch pid host project code triggers handled pending busy refused missed overflow restarts"
    names += " reason error"
    return {
        **{name: getattr(role, name) for name in names.split()},
        "class": role.spec,
        "possible": role.possible,
        "stopping": role.stop_requested,
        "median": role.median,
        "p99": role.p99,
        "rate": None if role.rate is None else round(role.rate, 1),
        "lag": None if role.lag is None else round(role.lag, _DIGITS),
        "memory": role.memory,
        "cpu": None if role.cpu is None else round(role.cpu, 1),
        "settings": to_json(role.told.get("settings")),
        "live": sorted(as_dict(role.told.get("live"))),
        "stale": None if role.disk is None else role.disk.differs,
        "changed": [] if role.disk is None else [*role.disk.changed, *role.disk.missing],
        "letters": to_json(role.letters),
    }


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """One refused write."""
    priorities = {"priority": number(refusal.priority), "held_priority": number(refusal.held_priority)}
    return {**refusal._asdict(), **priorities, "at": round(refusal.at, _DIGITS)}


def numbers(sample: Sample) -> list[float | None]:
    """The numbers of a sample; None where JSON has no number."""
    return [value if math.isfinite(value) else None for value in sample.numbers]


def number(value: float) -> float | str:
    """A number, or its text where JSON has none."""
    return value if math.isfinite(value) else str(value)


def _is_mean(slot: SlotView) -> bool:
    """Whether the numbers of its samples are means of something larger."""
    return getattr(slot.value, "size", 1) > 1 and bool(slot.history) and len(slot.history[-1].numbers) == 1


def _numbered(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{row['at']}/{hash(tuple(map(str, row.values()))) & 0xFFFFFFFF:x}": row for row in rows}
