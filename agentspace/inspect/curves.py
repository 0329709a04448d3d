"""Curves of numbers over time as braille characters, for a terminal: gaps where nothing was known."""

import bisect
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character: row, column
_FIRST: Final = 0x2800
_ACROSS, _DOWN = 2, 4

Sample = tuple[float, float | None]  #: a time (s) and what holds from then on; None: nothing


class Cell(NamedTuple):
    """A character of the picture.

    Attributes:
        sign: What is drawn.
        curve: The number of the curve that is drawn there, the first of several; -1 for none.
    """

    sign: str
    curve: int


class CurvePicture(NamedTuple):
    """Curves, drawn.

    Attributes:
        rows: Of characters, the highest first.
        low: The number at the lower edge.
        high: The number at the upper edge.
    """

    rows: list[list[Cell]]
    low: float
    high: float


def held(samples: Sequence[Sample], times: Sequence[float]) -> list[float | None]:
    """What held at these times; None before the first sample, in gaps, and where it was not finite."""
    starts = [at for at, _ in samples]
    found: list[float | None] = []
    for time in times:
        place = bisect.bisect_right(starts, time) - 1
        value = samples[place][1] if place >= 0 else None
        found.append(value if value is not None and math.isfinite(value) else None)
    return found


def draw(curves: Sequence[Sequence[Sample]], begin: float, end: float, width: int, height: int) -> CurvePicture:
    """Draws curves over the time from begin to end (s), in so many characters.

    A value holds until the next sample of its curve; jumps are drawn as upright lines.
    """
    columns, lines = _ACROSS * width, _DOWN * height
    times = [begin + (end - begin) * (column + 1) / columns for column in range(columns)]
    shown = [held(samples, times) for samples in curves]
    known = [value for values in shown for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if low == high:
        margin = abs(low) / 10 or 1.0
        low, high = low - margin, high + margin
    dots = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    half = high / 2 - low / 2  # halves: the difference may be beyond what a float can say
    for number, values in enumerate(shown):
        before: int | None = None
        for column, value in enumerate(values):
            if value is None:
                before = None
                continue
            row = lines - 1 - round((lines - 1) * ((value / 2 - low / 2) / half if half else 0.5))
            start = row if before is None else before + (row > before) - (row < before)
            for line in range(min(start, row), max(start, row) + 1):
                y, x = line // _DOWN, column // _ACROSS
                dots[y][x] |= _DOTS[line % _DOWN][column % _ACROSS]
                owner[y][x] = number if owner[y][x] < 0 else owner[y][x]
            before = row
    rows = [
        [Cell(chr(_FIRST + dot) if dot else " ", curve) for dot, curve in zip(line, curves_there, strict=True)]
        for line, curves_there in zip(dots, owner, strict=True)
    ]
    return CurvePicture(rows, low, high)
