"""The slots as a tree, or sorted by a number."""

from collections import Counter
from typing import Final

from rich.text import Text

from agentspace.inspect.tui.pane import Pane
from agentspace.inspect.tui.rows import Column, LiveTable, Row
from agentspace.inspect.views import SlotView, Snapshot
from agentspace.inspect.wording import amount, duration, frequency, preview, time_left

_SOON: Final = 0.25  #: seconds before its end at which a value is shown to be about to expire


def _dim(slot: SlotView) -> str:
    return "" if slot.readable else "dim"


def _name_style(slot: SlotView) -> str:
    return _dim(slot) or ("" if slot.rate else "default")


def _value(slot: SlotView) -> Text:
    return Text(preview(slot), "dim italic" if not slot.readable else "cyan" if slot.rate else "")


def _priority(slot: SlotView) -> str:
    return f"{slot.priority:g}" if slot.priority else ""


def _wakes(slot: SlotView) -> Text:
    return Text(" ".join(slot.triggers), "" if slot.rate else "dim")


def _left(slot: SlotView) -> Text:
    soon = slot.readable and slot.time_left is not None and slot.time_left < _SOON
    return Text(time_left(slot), "red" if soon else "dim")


class SlotsPane(Pane):
    """All slots; sorted by name they are a tree, whose branches Enter closes and opens."""

    COLUMNS = (
        Column("slot", "slot", 16, stretch=2, by="name", cell=lambda slot: Text(slot.name, _name_style(slot))),
        Column("value", "value", 16, stretch=3, cell=_value),
        Column("holder", "holder", 11, 2, stretch=1, cell=lambda slot: Text(slot.holder, _dim(slot))),
        Column("prio", "prio", 5, 3, right=True, style="bold yellow", by="priority", cell=_priority),
        Column("left", "left", 5, 1, right=True, cell=_left),
        Column("rate", "Hz", 5, 1, right=True, style="green", cell=lambda slot: frequency(slot.rate)),
        Column("bytes", "B/s", 7, 6, True, by="bandwidth", cell=lambda s: Text(amount(s.bandwidth), _dim(s))),
        Column("age", "age", 5, 4, right=True, style="dim", cell=lambda slot: duration(slot.age)),
        Column("rev", "rev", 6, 7, right=True, style="dim", cell=lambda slot: str(slot.revision)),
        Column("wakes", "wakes", 12, 5, stretch=1, cell=_wakes),
        Column("refused", "refused", 8, 8, right=True, style="yellow", cell=lambda slot: slot.refused),
    )
    SORTS = ("slot", "rate", "bytes", "prio", "age", "refused")
    ACTIONS = ("write", "delete", "sort")

    def __init__(self) -> None:
        super().__init__()
        self._shut: set[str] = set()

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
        return [self.row(slot.name, slot) for slot in self.sorted(slots)]

    def _tree(self, slots: list[SlotView]) -> list[Row]:
        rows: dict[str, Row] = {}
        counts = Counter(branch for slot in slots for branch in _branches(slot.name))
        for slot in sorted(slots, key=lambda slot: slot.name.split("/")):
            way = [branch for branch in _branches(slot.name) if counts[branch] > 1]  # one leaf needs no branch
            for depth, branch in enumerate(way):
                if branch not in rows:
                    rows[branch] = _branch_row(branch, depth, branch in self._shut, counts[branch])
                if branch in self._shut:
                    break
            else:
                label = "  " * len(way) + slot.name.removeprefix(way[-1] if way else "")
                rows[slot.name] = self.row(slot.name, slot, slot=Text(label, _name_style(slot)))
        return list(rows.values())


def _there(slot: SlotView) -> bool:
    """Deleted slots are shown while they are held empty; values that expired always: they may be missed."""
    if slot.kind == "expired":
        return slot.timed
    return slot.kind != "deleted" or slot.time_left is not None


def _branches(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]


def _branch_row(branch: str, depth: int, closed: bool, count: int) -> Row:
    name = branch.rstrip("/").rpartition("/")[2]
    cells = {column.key: Text() for column in SlotsPane.COLUMNS}
    cells["slot"] = Text("  " * depth + ("▸ " if closed else "▾ ") + name + "/", "bold")
    cells["value"] = Text(f"{count} slots" if closed else "", "dim")
    return Row(branch, cells)
