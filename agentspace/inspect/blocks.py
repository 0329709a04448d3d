"""Pictures and numbers as characters, for whatever is shown in a terminal: `picture`, `bar`, `profile`."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

from agentspace.core.values.value import Array

_HALF: Final = "▀"  #: the upper half in the one colour, the lower in the other
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def picture(image: Array, width: int, height: int) -> Text:
    """An image in characters, each two pixels high; keeps its proportions.

    Args:
        image: Grey, RGB or RGBA bytes, shape (h, w) or (h, w, 1 | 3 | 4).
        width: Characters at most.
        height: Lines at most.
    """
    rows, columns = image.shape[:2]
    scale = min(width / columns, 2 * height / rows)
    across, down = max(1, round(columns * scale)), max(2, round(rows * scale / 2) * 2)
    picked = image[_samples(down, rows)[:, None], _samples(across, columns)].reshape(down, 2, across, 2, -1)
    small = picked.mean(axis=(1, 3)).round().astype(int)
    if small.shape[2] < 3:
        small = np.repeat(small[..., :1], 3, axis=2)
    pairs = np.concatenate([small[::2, :, :3], small[1::2, :, :3]], axis=2)  # the two colours of each character
    text = Text(no_wrap=True, end="")
    for line in pairs.tolist():
        for (r, g, b, *below), run in itertools.groupby(line):
            style = Style(color=Color.from_rgb(r, g, b), bgcolor=Color.from_rgb(*below))
            text.append(_HALF * len(list(run)), style)
        text.append("\n")
    return text


def bar(value: float, limit: float, width: int) -> str:
    """A number as a bar from the middle, to the left if it is negative.

    Args:
        value: The number.
        limit: The largest magnitude that has room.
        width: Characters.
    """
    half = (width - 1) // 2
    share = min(1.0, abs(value) / limit) if limit > 0 else 0.0
    if value < 0:
        return ("█" * round(share * half)).rjust(half) + "│" + " " * half
    whole, rest = divmod(round(share * half * 8), 8)
    return " " * half + "│" + ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(half)


def profile(numbers: Sequence[float]) -> str:
    """Numbers as columns of one line, the least as the lowest."""
    least, span = min(numbers), max(numbers) - min(numbers)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(top * (number - least) / span) if span else 0] for number in numbers)


def curve(numbers: Sequence[float | None], height: int = 3) -> str:
    """Numbers as columns over some lines, the least as the lowest; nothing where there is none."""
    known = [number for number in numbers if number is not None]
    least, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    steps = len(_LEVELS) * height - 1
    tops = [
        None if number is None else (round(steps * (number - least) / span) if span else 0) for number in numbers
    ]
    lines = []
    for floor in range((height - 1) * len(_LEVELS), -1, -len(_LEVELS)):
        filled = (-1 if top is None else min(top - floor, len(_LEVELS) - 1) for top in tops)
        lines.append("".join(" " if level < 0 else _LEVELS[level] for level in filled))
    return "\n".join(lines)


def _samples(count: int, length: int) -> NDArray[np.intp]:
    """Two places in each of `count` equal parts of a length."""
    return ((np.arange(2 * count) + 0.5) * length / (2 * count)).astype(np.intp)
