"""A table that is told again and again what to show, and touches only what changed."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from rich.text import Text
from textual.coordinate import Coordinate
from textual.filter import LineFilter
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from agentspace.inspect.tui.fading import faded

_PADDING: Final = 2  #: that a DataTable puts around a cell


class Column(NamedTuple):
    """A column.

    Attributes:
        key: By which it is known.
        label: Its head.
        width: In characters, without padding.
        rank: Columns of high rank are left out first where there is no room.
        right: Numbers are put to the right.
        stretch: How much of the room that is left it takes.
        style: Of a cell that has none of its own.
        by: The attribute of an item (a slot, a role, ...) by which rows are sorted; by default the key.
        cell: What is shown of an item; nothing for zero.
        some: It is left out while no row has anything there.
    """

    key: str
    label: str
    width: int
    rank: int = 0
    right: bool = False
    stretch: int = 0
    style: str = ""
    by: str = ""
    cell: Callable[[Any], Any] = str
    some: bool = False

    def of(self, item: Any) -> Text:
        """Its cell in the row of an item."""
        shown = self.cell(item)
        return shown if isinstance(shown, Text) else Text(str(shown or ""), self.style)


class Row(NamedTuple):
    """A row: the key by which it is known, and a cell for each column."""

    key: str
    cells: dict[str, Text]


class LiveTable(DataTable[Text]):
    """Shows rows.

    Args:
        columns: All that it can show.
        follows: The cursor stays on its row when that moves; else on its line of the screen.
    """

    DEFAULT_CSS = "LiveTable { height: 1fr; scrollbar-size-vertical: 1; }"

    def __init__(self, columns: Sequence[Column], follows: bool) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True, cell_padding=1)
        self._all = tuple(columns)
        self._shown: tuple[Column, ...] = ()
        self._rows: list[Row] = []
        self._lines: list[RowKey] = []
        self.follows = follows

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Those of the app, and grey while the screen is stale."""
        return faded(self, super().get_line_filters())

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        return self._rows[self.cursor_row].key if 0 <= self.cursor_row < len(self._rows) else None

    def show(self, rows: list[Row], mark: str = "", reverse: bool = False) -> None:
        """Shows these rows.

        Args:
            rows: In their order.
            mark: The key of the column by which they are sorted.
            reverse: In descending order.
        """
        if not self.size.width:
            return  # it is not shown
        labelled = [
            column._replace(label=column.label + ("▾" if reverse else "▴") if column.key == mark else column.label)
            for column in self._all
            if not column.some or any(row.cells[column.key] for row in rows)
        ]
        columns = tuple(fitted(labelled, self.size.width - 1))
        before, chosen, self._rows = self._rows, self.chosen, rows
        if columns != self._shown:
            self._shown = columns
            self.clear(columns=True)
            for column in columns:
                label = Text(column.label, justify="right" if column.right else "left")
                self.add_column(label, key=column.key, width=column.width)
            before, self._lines = [], []
        self._fill(before, rows)
        if self.follows and chosen is not None and chosen != self.chosen:
            places = {row.key: place for place, row in enumerate(rows)}
            self.move_cursor(row=places.get(chosen, self.cursor_row), scroll=False)

    def _fill(self, before: list[Row], rows: list[Row]) -> None:
        """Touches the cells that differ; adds and removes lines at the end, so that the view stays where it is."""
        for number, (old, new) in enumerate(zip(before, rows, strict=False)):
            for place, column in enumerate(self._shown):
                if old.cells[column.key] != new.cells[column.key]:
                    self.update_cell_at(Coordinate(number, place), _cell(new, column))
        for row in rows[len(before) :]:
            self._lines.append(self.add_row(*(_cell(row, column) for column in self._shown)))
        while len(self._lines) > len(rows):
            self.remove_row(self._lines.pop())


def fitted(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns for which there is room, stretched to fill it."""
    kept = list(columns)

    def needed() -> int:
        return sum(column.width + _PADDING for column in kept)

    while needed() > width and max(column.rank for column in kept):
        kept.remove(max(reversed(kept), key=lambda column: column.rank))
    spare, parts = max(0, width - needed()), sum(column.stretch for column in kept)
    if parts:
        kept = [column._replace(width=column.width + spare * column.stretch // parts) for column in kept]
    return kept


def _cell(row: Row, column: Column) -> Text:
    cell = row.cells[column.key].copy()
    cell.truncate(column.width, overflow="ellipsis")
    cell.justify = "right" if column.right else "left"
    return cell
