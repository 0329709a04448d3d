"""Pictures in a terminal: each character shows two pixels, one above the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

from models.extractor import Image, as_rgb


def halfblock(value: Any, columns: int, rows: int) -> Text:
    """A picture as text.

    Args:
        value: RGB, RGBA or grey picture (H, W[, channels]) uint8; its aspect is kept.
        columns: Characters in a row at most.
        rows: Rows at most; a pixel is as high as half a row.

    Raises:
        TypeError: It is no picture.
        ValueError: It is no picture.
    """
    image = _shrink(as_rgb(value), columns, 2 * rows)
    text = Text(no_wrap=True, end="")
    for upper, lower in zip(image[::2], image[1::2], strict=True):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            text.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        text.append("\n")
    text.right_crop(1)
    return text


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
