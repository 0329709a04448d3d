"""The slots as a tree, or sorted by a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, LiveTable, Row
from agentspace.inspect.views import SlotView, Snapshot
from agentspace.inspect.wording import amount, duration, frequency, preview

_SORT_BY: dict[str, Callable[[SlotView], Any]] = {
    "slot": lambda slot: slot.name,
    "rate": lambda slot: slot.rate,
    "bytes": lambda slot: slot.bandwidth,
    "prio": lambda slot: slot.priority,
    "age": lambda slot: slot.age,
    "refused": lambda slot: slot.refused,
}
_SOON = 0.25  #: seconds before its end at which a value is shown to be about to expire


class SlotsPane(Pane):
    """All slots; sorted by name they are a tree, whose branches Enter closes and opens."""

    COLUMNS = (
        Column("slot", "slot", 16, stretch=2),
        Column("value", "value", 16, stretch=3),
        Column("holder", "holder", 11, 2, stretch=1),
        Column("prio", "prio", 5, 3, right=True),
        Column("left", "left", 5, 1, right=True),
        Column("rate", "Hz", 5, 1, right=True),
        Column("bytes", "B/s", 7, 6, right=True),
        Column("age", "age", 5, 4, right=True),
        Column("rev", "rev", 6, 7, right=True),
        Column("wakes", "wakes", 12, 5, stretch=1),
        Column("refused", "refused", 8, 8, right=True),
    )
    SORTS = tuple(_SORT_BY)
    ACTIONS = ("write", "delete", "sort")

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self._shut: set[str] = set()

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def on_data_table_row_selected(self, event: LiveTable.RowSelected) -> None:
        """Enter on a branch opens or closes it."""
        key = self.chosen or ""
        if key.endswith("/"):
            event.stop()
            self._shut ^= {key}
            self.again()

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """A row for each slot, and for each branch if they are a tree."""
        slots = [slot for slot in snapshot.slots if self.wants(slot.name) and _there(slot)]
        if self.sort == "slot" and not self._reverse:
            return self._tree(slots)
        slots.sort(key=_SORT_BY[self.sort], reverse=self._reverse)
        return [_row(slot, slot.name) for slot in slots]

    def _tree(self, slots: list[SlotView]) -> list[Row]:
        rows: list[Row] = []
        seen: set[str] = set()
        counts = _counts(slots)
        for slot in sorted(slots, key=lambda slot: slot.name.split("/")):
            depth, hidden = 0, False
            for branch in _branches(slot.name):
                if counts[branch] < 2:
                    continue  # a branch with one leaf would only take room
                if branch not in seen and not hidden:
                    seen.add(branch)
                    rows.append(_branch_row(branch, depth, branch in self._shut, counts[branch]))
                hidden = hidden or branch in self._shut
                depth += 1
            if not hidden:
                rows.append(_row(slot, "  " * depth + _leaf(slot.name, counts)))
        return rows


def _left(slot: SlotView) -> str:
    return duration(slot.time_left) if slot.readable or slot.time_left is not None else ""


def _there(slot: SlotView) -> bool:
    """Deleted slots are shown while they are held empty; values that expired always: they may be missed."""
    if slot.kind == "expired":
        return slot.timed
    return slot.kind != "deleted" or slot.time_left is not None


def _branches(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]


def _counts(slots: list[SlotView]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for slot in slots:
        for branch in _branches(slot.name):
            counts[branch] = counts.get(branch, 0) + 1
    return counts


def _leaf(name: str, counts: dict[str, int]) -> str:
    """What is left of a name below the branches that are shown."""
    shown = [branch for branch in _branches(name) if counts[branch] > 1]
    return name.removeprefix(shown[-1]) if shown else name


def _branch_row(branch: str, depth: int, closed: bool, count: int) -> Row:
    name = branch.rstrip("/").rpartition("/")[2]
    cells = {column.key: Text() for column in SlotsPane.COLUMNS}
    cells["slot"] = Text("  " * depth + ("▸ " if closed else "▾ ") + name + "/", "bold")
    cells["value"] = Text(f"{count} slots" if closed else "", "dim")
    return Row(branch, cells)


def _row(slot: SlotView, label: str) -> Row:
    dim = "" if slot.readable else "dim"
    soon = slot.readable and slot.time_left is not None and slot.time_left < _SOON
    return Row(
        slot.name,
        {
            "slot": Text(label, dim or ("" if slot.rate else "default")),
            "value": Text(preview(slot), "dim italic" if dim else "cyan" if slot.rate else ""),
            "holder": Text(slot.holder, dim),
            "prio": Text(f"{slot.priority:g}" if slot.priority else "", "bold yellow" if slot.priority else ""),
            "left": Text(_left(slot), "red" if soon else "dim"),
            "rate": Text(frequency(slot.rate), "green"),
            "bytes": Text(amount(slot.bandwidth), dim),
            "age": Text(duration(slot.age), "dim"),
            "rev": Text(str(slot.revision), "dim"),
            "wakes": Text(" ".join(slot.triggers), "dim" if not slot.rate else ""),
            "refused": Text(str(slot.refused or ""), "yellow"),
        },
    )
