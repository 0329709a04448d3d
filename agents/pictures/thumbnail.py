"""Small copies of pictures."""

from typing import Any, Final

import numpy as np

from models.arrays import Image, as_rgb

SIDE: Final = 160
"""Of a thumbnail, pixels, if nothing else is said."""
GREY: Final = 128
"""Of a picture that is not there."""


def thumbnail(value: Any, side: int = SIDE) -> Image:
    """A small copy of a picture (side, side, 3); grey where there is none."""
    import cv2

    try:
        image = as_rgb(value)
    except (TypeError, ValueError):
        return np.full((side, side, 3), GREY, np.uint8)
    small = cv2.resize(np.ascontiguousarray(image), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
