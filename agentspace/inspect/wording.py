"""Numbers and values as they fit into the cell of a table."""

from typing import Final

import numpy as np

from agentspace.client.contact import SILENCE
from agentspace.core.values.shown import cut, in_words, number, printable
from agentspace.core.values.value import Value
from agentspace.inspect.views import SlotView, Snapshot, type_of

_FEW: Final = 16  #: numbers of a vector that are spelled out
_REAL: Final = "biuf"
_WIDTH: Final = 200  #: characters of a value in one line


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
    return brief(slot.value) if slot.readable else f"({slot.state})"


def brief(value: Value, width: int = _WIDTH) -> str:
    """A value in one line: short vectors whole, larger arrays by type and shape, texts without quotation marks."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and 0 < value.size <= _FEW and value.dtype.kind in _REAL:
        return " ".join(number(item) for item in value.tolist())
    if isinstance(value, np.ndarray) and value.ndim:
        return type_of(value)
    if isinstance(value, str) and value.strip():
        return cut(printable(" ".join(value[: 2 * width].split())), width)
    return in_words(value, width)


def age(snapshot: Snapshot, now: float) -> float:
    """How long ago (s) the space was heard last: whatever is shown is as of then."""
    return max(0.0, now - (snapshot.at if snapshot.heard is None else snapshot.heard))


def is_stale(snapshot: Snapshot, now: float) -> bool:
    """Whether what is shown may be no more: the space gives a sign of life once a second."""
    return snapshot.away is not None or age(snapshot, now) > SILENCE


def doubt(snapshot: Snapshot, now: float) -> str:
    """Why what is shown may be no more, and since when; empty if it is alive."""
    if not is_stale(snapshot, now):
        return ""
    why = "no sign of life from the server" if snapshot.away is None else f"server away: {snapshot.away}"
    return f"as of {duration(age(snapshot, now))} ago; waiting: {why}"
