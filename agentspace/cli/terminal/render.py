"""Values as text for people: short for tables, and tables of them; entries as JSON."""

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from agentspace.core.space import Entry
from agentspace.core.values.shown import printable, to_json, type_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


_NARROW: Final = 24  #: characters that a column may always have


def seconds(time: float | None) -> str:
    """A duration for people."""
    if time is None:
        return "∞"
    if time < 1:
        return f"{1e3 * time:.0f} ms"
    if time < 120:
        return f"{time:.1f} s"
    return f"{time / 60:.0f} min" if time < 7200 else f"{time / 3600:.1f} h"


def in_bytes(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def entry_to_json(entry: Entry, with_value: bool = True) -> dict[str, Any]:
    """An entry as JSON can say it; times in seconds."""
    data: dict[str, Any] = {
        "name": entry.name,
        "kind": str(entry.kind),
        "type": type_text(entry.value) if entry.kind == "written" else None,
        "revision": entry.revision,
        "priority": entry.priority,
        "writer": str(entry.writer),
        "age": entry.age,
        "time_left": entry.time_left,
        "latency": entry.latency,
    }
    return data | ({"value": to_json(entry.value)} if with_value else {})


def to_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], right: Container[str], widest: int | None = None
) -> "Table":
    """A table of texts; the columns that are named are aligned to the right; none is wider than said."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True, max_width=widest)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(printable(str(cell))) for cell in row))
    return table


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Container[str]) -> None:
    """Prints a table."""
    shown = console()
    if not shown.is_terminal:
        shown.width = 1000  # a pipe gets whole lines
    widest = max(_NARROW, shown.width // 3)  # a long name leaves room for what is told of it
    shown.print(to_table(columns, rows, right, widest))


def console() -> "Console":
    """Where tables are printed; a closed pipe is told as everywhere."""
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Console()
