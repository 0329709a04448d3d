"""Numbers and values as they fit into the cell of a table."""

from typing import Any, Final

import numpy as np

from agentspace.core.value import Value
from agentspace.inspect.views import SlotView, type_of

_FEW: Final = 16  #: numbers of a vector that are spelled out


def duration(time: float | None) -> str:
    """A time in at most five characters: ``∞``, ``35ms``, ``1.5s``, ``12m``, ``3.2h``, ``4d``."""
    if time is None:
        return "∞"
    for limit, unit, scale in ((1, "ms", 1e-3), (100, "s", 1), (6000, "m", 60), (360_000, "h", 3600)):
        if time < limit:
            shown = time / scale
            return f"{shown:.1f}{unit}" if shown < 10 and unit != "ms" else f"{shown:.0f}{unit}"
    return f"{time / 86400:.0f}d"


def amount(count: float) -> str:
    """A number of bytes in at most seven characters."""
    if not count:
        return ""
    if count < 1000:
        return f"{count:.0f} B"
    for unit, size in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if count < 1000 * size or unit == "GB":
            break
    return f"{count / size:.1f} {unit}" if count < 100 * size else f"{count / size:.0f} {unit}"


def frequency(rate: float | None) -> str:
    """A number per second; empty for none."""
    return f"{rate:.1f}" if rate else ""


def time_left(slot: SlotView) -> str:
    """The time until a slot runs out; empty for one that holds nothing any more."""
    return duration(slot.time_left) if slot.readable or slot.time_left is not None else ""


def preview(slot: SlotView) -> str:
    """The value of a slot in one line, or why there is none."""
    if slot.readable:
        return brief(slot.value)
    if slot.kind == "delayed":
        return "(delayed)"
    return "(held empty)" if slot.kind == "deleted" and slot.time_left is not None else f"({slot.kind})"


def brief(value: Value) -> str:
    """A value in one line: short vectors whole, larger arrays by type and shape."""
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and 0 < value.size <= _FEW and value.dtype.kind in "biuf":
            return " ".join(number(item) for item in value.tolist())
        return type_of(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {brief(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(brief, value)) + "]"
    if isinstance(value, str):
        return " ".join(value.split()) if value.strip() else repr(value)
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else number(value)


def number(value: Any) -> str:
    """A number with few digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
