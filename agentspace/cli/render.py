"""Values as text for people: short for tables, and tables of them; entries as JSON."""

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agentspace.core.space import Entry
from agentspace.core.value import Value, describe, is_long, to_json

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["entry_to_json", "in_bytes", "seconds", "short", "show_table", "to_json", "to_table"]

SHORT: Final = 60
_FEW: Final = 8


def short(value: Value, width: int = SHORT) -> str:
    """The value in a few words: small ones whole, large ones by type and shape."""
    if isinstance(value, np.ndarray) and value.size > _FEW:
        return describe(value)
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, separator=", ", max_line_width=10_000)
    elif isinstance(value, str):
        text = repr(value)
    else:
        text = _plain(value)
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _plain(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {short(item, 24)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        inside = ", ".join(short(item, 24) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return hex(value) if is_long(value) else str(value)


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
        "type": describe(entry.value) if entry.kind == "written" else None,
        "revision": entry.revision,
        "priority": entry.priority,
        "writer": str(entry.writer),
        "age": entry.age,
        "time_left": entry.time_left,
        "latency": entry.latency,
    }
    return data | ({"value": to_json(entry.value)} if with_value else {})


def to_table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Container[str]) -> "Table":
    """A table of texts; the columns that are named are aligned to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return table


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Container[str]) -> None:
    """Prints a table."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 1000  # a pipe gets whole lines
    console.print(to_table(columns, rows, right))
