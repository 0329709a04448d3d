"""A naive store of cuts, and a picture of what a board must come back with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from agentspace.core.board import Board, Floors
from agentspace.core.change import Change, Kind
from agentspace.core.durable.cuts import QueueKey, RoleRecord, SavedSpace, SlotRecord, SpaceCut
from agentspace.core.mailbox import Trigger
from agentspace.core.values.masks import Mask


class Shelf:
    """Keeps the cuts of one space in dicts."""

    def __init__(self) -> None:
        self.floors = Floors()
        self.slots: dict[str, SlotRecord[Any]] = {}
        self.roles: dict[str, RoleRecord[Any]] = {}
        self.queues: dict[QueueKey, Change[Any]] = {}

    def keep(self, cut: SpaceCut[Any]) -> None:
        """Takes a cut in."""
        self.floors = cut.floors
        _merge(self.slots, cut.slots)
        _merge(self.roles, cut.roles)
        self.queues = {key: change for key, change in self.queues.items() if key[0] not in cut.emptied}
        _merge(self.queues, cut.queued)

    def read(self) -> SavedSpace[Any]:
        """All that is kept."""
        queues: dict[str, list[Change[Any]]] = {}
        for key, change in self.queues.items():
            queues.setdefault(key[0], []).append(change)
        return SavedSpace(self.floors, [*self.slots.values()], [*self.roles.values()], queues)


def _merge(table: dict[Any, Any], news: Any) -> None:
    for key, item in news.items():
        if item is None:
            table.pop(key, None)
        else:
            table[key] = item


@dataclasses.dataclass
class Picture:
    """What is to outlive the host, as it was at one moment; values are plain.

    Attributes:
        slots: By name: the value, the holder, its priority, when it becomes readable, when it runs out, whether it
            is not readable yet, whether it is held empty.
        roles: By name.
        queues: What waits for the EVERY triggers of each role, in order: slot, kind, value.
        numbers: The highest revision, epoch and number of a swap that were given.
    """

    slots: dict[str, tuple[Any, ...]]
    roles: dict[str, dict[str, Any]]
    queues: dict[str, list[tuple[Any, ...]]]
    numbers: Floors

    @classmethod
    def of(cls, board: Board[Any], durable: Mask, now: float, plain: Callable[[Any], Any]) -> Picture:
        """A board as it is; time has passed on it already."""
        slots = {
            slot.name: (
                None if slot.value is None else plain(slot.value), slot.change.writer, slot.change.priority,
                slot.valid_from, slot.change.valid_to, slot.pending, slot.empty,
            )
            for slot in board._table.slots(now)  # private: `snapshot` has no order of its own to get lost in
            if durable.matches(slot.name)
        }  # fmt: skip
        roles = {role.name: _told(role, plain) for role in board.roles.values()}
        queues = {role.name: _waits(role.mailbox, durable, plain) for role in board.roles.values()}
        return cls(slots, roles, {name: queue for name, queue in queues.items() if queue}, board.floors)

    def after(self, now: float) -> Picture:
        """What is left of it later, with what happens by itself meanwhile."""
        slots, happened = {}, []
        for name, (value, writer, priority, valid_from, valid_to, pending, empty) in self.slots.items():
            turns = [(valid_from, Kind.WRITTEN, value)] if pending else []
            turns = [turn for turn in (*turns, (valid_to, Kind.EXPIRED, None)) if turn[0] <= now]
            happened += [(when, name, str(kind), told) for when, kind, told in turns]
            if valid_to > now:
                waits = pending and valid_from > now
                slots[name] = (value, writer, priority, valid_from, valid_to, waits, empty)
        queues = {name: [*queue] for name, queue in self.queues.items()}
        for _, name, kind, told in sorted(happened, key=lambda item: item[0]):
            for role, known in self.roles.items():
                if any(Mask(mask).matches(name) for mask in known["every"]):
                    queues.setdefault(role, []).append((name, kind, told))
        return Picture(slots, self.roles, queues, self.numbers)


def _told(role: Any, plain: Callable[[Any], Any]) -> dict[str, Any]:
    given_up = role.filled and role.stop_requested  # who filled it was asked to end, and has, with its host
    return {
        "epoch": role.epoch,
        "state": role.state if role.state in ("stopped", "failed") else "gone",
        "signal": role.signal,
        "stop_requested": role.stop_requested,
        "kept": None if role.kept is None or given_up else (role.kept.version, plain(role.kept.value)),
        "held": {} if given_up else dict(role.adjustments.held),
        "letters": role.letters.told(),
        "every": sorted(mask for mask, kind in role.mailbox.attachments if kind is Trigger.EVERY),
    }


def _waits(mailbox: Any, durable: Mask, plain: Callable[[Any], Any]) -> list[tuple[Any, ...]]:
    outstanding = mailbox.outstanding.every if mailbox.outstanding else ()
    waiting = [*outstanding, *mailbox._every]  # private: nothing else tells which changes wait
    return [
        (change.name, str(change.kind), None if change.value is None else plain(change.value))
        for change in waiting
        if durable.matches(change.name)
    ]
