"""Small copies of pictures."""

from typing import Any, Final

import numpy as np

from models.arrays import Image, as_rgb

SIDE: Final = 160
"""Of a thumbnail, pixels, if nothing else is said."""
GREY: Final = 128
"""Of a picture that is not there, and beside one that is not square."""


def thumbnail(value: Any, side: int = SIDE) -> Image:
    """A small copy of a picture (side, side, 3), in its proportions; grey where there is none."""
    import cv2

    sheet = np.full((side, side, 3), GREY, np.uint8)
    try:
        image = as_rgb(value)
    except (TypeError, ValueError):
        return sheet
    height, width = (max(1, round(side * length / max(image.shape[:2]))) for length in image.shape[:2])
    top, left = (side - height) // 2, (side - width) // 2
    small = cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_AREA)
    sheet[top : top + height, left : left + width] = small
    return sheet
