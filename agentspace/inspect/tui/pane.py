"""The base of panes with tables: filter, sort, and a view of the row under the cursor."""

import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from agentspace.inspect.tui.rows import Column, LiveTable, Row
from agentspace.inspect.views import Snapshot

Item = TypeVar("Item")


class Pane(Vertical):
    """A pane that shows a part of a snapshot as a table.

    Attributes:
        COLUMNS: Of the table.
        SORTS: Keys of the columns by which it can be sorted, the first one at the start.
        ACTIONS: What can be done to a row.
        wanted: Only names with this text, or that this glob covers, are shown.
    """

    COLUMNS: ClassVar[Sequence[Column]] = ()
    SORTS: ClassVar[Sequence[str]] = ()
    ACTIONS: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.wanted = ""
        self.table = LiveTable(self.COLUMNS, bool(self.SORTS))
        self._sort = 0
        self._reverse = False
        self._picture: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def show(self, snapshot: Snapshot) -> None:
        """Shows a snapshot."""
        self._picture = snapshot
        self.table.show(self.rows(snapshot), self.sort, self._reverse)

    def rows(self, snapshot: Snapshot) -> list[Row]:
        """The rows to show, in order."""
        raise NotImplementedError

    def row(self, key: str, item: Any, **cells: Text) -> Row:
        """The row of an item; cells that depend on more than the item are given."""
        made = {column.key: column.of(item) for column in self.COLUMNS if column.key not in cells}
        return Row(key, made | cells)

    def sorted(self, items: Iterable[Item]) -> list[Item]:
        """Items in the order of the column by which it is sorted."""
        by = next(column.by or column.key for column in self.COLUMNS if column.key == self.sort)
        return sorted(items, key=lambda item: getattr(item, by) or 0, reverse=self._reverse)

    @property
    def sort(self) -> str:
        """The key of the column by which it is sorted."""
        return self.SORTS[self._sort] if self.SORTS else ""

    def sort_next(self) -> None:
        """Sorts by the next column."""
        if self.SORTS:
            self._sort = (self._sort + 1) % len(self.SORTS)
            self._reverse = self._sort > 0  # of numbers the largest are of interest
            self._sorted()

    def sort_reversed(self) -> None:
        """Sorts the other way round."""
        self._reverse = not self._reverse
        self._sorted()

    def _sorted(self) -> None:
        self.again()
        self.table.move_cursor(row=0)

    def again(self) -> None:
        """Shows the last snapshot as it is wanted now."""
        if self._picture is not None:
            self.show(self._picture)

    def wants(self, name: str) -> bool:
        """Whether the filter lets a name through."""
        return matches(self.wanted, name)

    @property
    def chosen(self) -> str | None:
        """The name under the cursor."""
        return self.table.chosen


def matches(wanted: str, name: str) -> bool:
    """Whether a filter lets a name through: a part of it in any case, or a glob; nothing lets all through."""
    if set("*?[") & set(wanted):
        return fnmatch.fnmatchcase(name.lower(), wanted.lower())
    return wanted.lower() in name.lower()
