"""What the observer knows, as rows that JSON can say. Times are on the inspector's clock, so that rows rest.

A row says since when something is so, not for how long: a value that does not change makes no traffic.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

from agentspace.core.value import Value, size_of, to_json
from agentspace.inspect.views import Event, Refusal, RoleView, Sample, SlotView, Snapshot
from agentspace.inspect.web.picture import tiling
from agentspace.inspect.wording import brief

PREVIEW = 160  #: characters of a value in a list
_BRIEF = 1 << 16  #: bytes of a value that is put into words
_DIGITS = 3  #: of a time in seconds


class _Shown(NamedTuple):
    """A value, and what was worked out of it."""

    revision: int
    kind: str
    value: Value
    row: dict[str, Any]

    def is_of(self, slot: SlotView) -> bool:
        """Whether the slot has it still."""
        return self.value is slot.value and (self.revision, self.kind) == (slot.revision, slot.kind)


class Rows:
    """Makes rows, and remembers what it has worked out of values that have not changed.

    Each value gets a stamp of its own: a revision may come again after a restart of the server, a stamp does not.
    """

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}
        self._stamps = itertools.count(1)

    def tables(self, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        """All tables of the page but the graph."""
        known, self._shown = self._shown, {}
        slots = {}
        for slot in snapshot.slots:
            shown = known.get(slot.name)
            if shown is None or not shown.is_of(slot):
                shown = _Shown(slot.revision, slot.kind, slot.value, self._value(slot))
            self._shown[slot.name] = shown
            slots[slot.name] = {**shown.row, **slot_row(slot, snapshot.at)}
        return {
            "slots": slots,
            "roles": {role.name: role_row(role) for role in snapshot.roles},
            "swaps": {role.name: to_json(role.swap) for role in snapshot.roles if isinstance(role.swap, dict)},
            "log": _numbered([event_row(event) for event in snapshot.events]),
            "refusals": _numbered([refusal_row(refusal) for refusal in snapshot.refusals]),
            "server": {"facts": to_json(snapshot.server), "away": snapshot.away},
        }

    def _value(self, slot: SlotView) -> dict[str, Any]:
        return {**value_row(slot), "stamp": next(self._stamps)}


def value_row(slot: SlotView) -> dict[str, Any]:
    """What depends on the value of a slot alone; its stamp is missing."""
    found = tiling(slot.value) if slot.readable else None
    large = size_of(slot.value) > _BRIEF and not isinstance(slot.value, str)
    text = slot.type if large else brief(slot.value)
    return {
        "type": slot.type,
        "text": text[:PREVIEW] if slot.readable else "",
        "none": slot.readable and slot.value is None,
        "numbers": numbers(slot.history[-1]) if slot.readable and slot.history else [],
        "large": _large(slot),
        "picture": [found.width, found.height, found.tiles] if found else None,
    }


def slot_row(slot: SlotView, now: float) -> dict[str, Any]:
    """What else there is to say of a slot."""
    return {
        "kind": slot.kind,
        "holder": slot.holder,
        "priority": number(slot.priority),
        "at": round(now - slot.age, _DIGITS),
        "until": None if slot.time_left is None else round(now + slot.time_left, _DIGITS),
        "latency": round(slot.latency, 6),
        "revision": slot.revision,
        "rate": round(slot.rate, 1),
        "bandwidth": round(slot.bandwidth),
        "refused": slot.refused,
        "triggers": list(slot.triggers),
        "writers": list(slot.writers),
        "readers": list(slot.readers),
    }


def role_row(role: RoleView) -> dict[str, Any]:
    """One role."""
    return {
        "state": role.state,
        "epoch": role.epoch,
        "pid": role.pid,
        "host": role.host,
        "class": role.spec,
        "stopping": role.stop_requested,
        "triggers": [list(trigger) for trigger in role.triggers],
        "handled": role.handled,
        "median": role.handler_ms,
        "p99": role.handler_ms_p99,
        "rate": None if role.rate is None else round(role.rate, 1),
        "pending": role.pending,
        "busy": role.busy,
        "lag": None if role.lag is None else round(role.lag, _DIGITS),
        "refused": role.refused,
        "missed": role.missed,
        "overflow": role.overflow,
        "restarts": role.restarts,
        "reason": role.reason,
        "error": role.error,
        "cpu": None if role.cpu is None else round(role.cpu, 1),
        "memory": role.memory,
        "settings": to_json(role.told.get("settings")),
    }


def event_row(event: Event) -> dict[str, Any]:
    """One line of the log."""
    return {"at": round(event.at, _DIGITS), "level": event.level, "subject": event.subject, "text": event.text}


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """One refused write."""
    return {
        "at": round(refusal.at, _DIGITS),
        "slot": refusal.slot,
        "writer": refusal.writer,
        "priority": number(refusal.priority),
        "holder": refusal.holder,
        "held": number(refusal.held_priority),
        "left": refusal.time_left,
        "kind": refusal.kind,
    }


def numbers(sample: Sample) -> list[float | None]:
    """The numbers of a sample; None where JSON has no number."""
    return [value if math.isfinite(value) else None for value in sample.numbers]


def number(value: float) -> float | str:
    """A number, or its text where JSON has none."""
    return value if math.isfinite(value) else str(value)


def _large(slot: SlotView) -> bool:
    """Whether the numbers of its samples are means of something larger."""
    return getattr(slot.value, "size", 1) > 1 and bool(slot.history) and len(slot.history[-1].numbers) == 1


def _numbered(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{row['at']}/{hash(tuple(map(str, row.values()))) & 0xFFFFFFFF:x}": row for row in rows}
