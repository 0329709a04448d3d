"""Pictures in a terminal: each character shows two pixels, one above the other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from models.arrays import Image, as_rgb

BLOCK: Final = "▀"


class Picture(Widget):
    """Shows a picture in the middle, or says why there is none."""

    DEFAULT_CSS = "Picture { border: round $primary; }"

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  (as all widgets call it)
        super().__init__(id=id)
        self._lines: list[Strip] = []

    @property
    def text(self) -> str:
        """What is shown, without its colours."""
        return "\n".join(line.text for line in self._lines)

    def show(self, value: Any) -> None:
        """Shows a picture; or a reason, if it is none."""
        try:
            self._lines = halfblock(value, self.size.width, self.size.height) if self.size else []
        except (TypeError, ValueError) as error:
            self.tell(str(error))
        self.refresh()

    def tell(self, reason: str) -> None:
        """Says why there is no picture."""
        if self.text != reason:
            self._lines = [Strip([Segment(reason)])]
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        row = y - (self.size.height - len(self._lines)) // 2
        if not 0 <= row < len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        line = self._lines[row].crop(0, self.size.width)
        left = (self.size.width - line.cell_length) // 2
        whole = Strip([Segment(" " * left), *line]).adjust_cell_length(self.size.width)
        return whole.apply_style(self.rich_style)


def halfblock(value: Any, columns: int, rows: int) -> list[Strip]:
    """A picture as lines of text.

    Args:
        value: RGB, RGBA or grey picture (H, W[, channels]) uint8; its aspect is kept.
        columns: Characters in a row at most.
        rows: Rows at most; a pixel is as high as half a row.

    Raises:
        TypeError: It is no picture.
        ValueError: It is no picture.
    """
    image = _shrink(as_rgb(value), columns, 2 * rows)
    return [_line(above, below) for above, below in zip(image[::2].tolist(), image[1::2].tolist(), strict=True)]


def _line(above: list[list[int]], below: list[list[int]]) -> Strip:
    pixels = [(tuple(upper), tuple(lower)) for upper, lower in zip(above, below, strict=True)]
    segments, start = [], 0
    for end in range(1, len(pixels) + 1):  # runs of one colour are one segment
        if end == len(pixels) or pixels[end] != pixels[start]:
            upper, lower = pixels[start]
            style = Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
            segments.append(Segment(BLOCK * (end - start), style))
            start = end
    return Strip(segments)


def _shrink(image: Image, width: int, height: int) -> NDArray[np.uint8]:
    """The picture with at most so many pixels, by the mean of 2 x 2 samples; an even number of rows."""
    high, wide = image.shape[:2]
    scale = min(width / wide, height / high)
    columns = max(1, min(width, round(wide * scale)))
    rows = max(2, min(height, round(high * scale)) // 2 * 2)
    across = _samples(columns, wide)
    down = _samples(rows, high)
    picked = image[down[:, None], across].astype(np.float32)
    means = picked.reshape(rows, 2, columns, 2, 3).mean(axis=(1, 3))
    return np.asarray(means.round(), np.uint8)


def _samples(count: int, length: int) -> NDArray[np.intp]:
    """Two places in each of `count` equal parts of a length."""
    return ((np.arange(2 * count) + 0.5) * length / (2 * count)).astype(np.intp)
