"""What hangs on the wall behind a robot."""

from __future__ import annotations

from functools import cache

import numpy as np

from models.arrays import Image

_SEED = 7
_THINGS = 60


@cache
def backdrop(name: str, size: int) -> Image:
    """A picture (size, size, 3).

    `photograph` is a portrait of Grace Hopper before a flag that comes with matplotlib (U.S. Navy, public domain):
    a face, a uniform, edges, colours. `clutter` is drawn: sixty boxes and discs of random colours over a gradient.

    Raises:
        ValueError: There is no such backdrop.
    """
    if name == "photograph":
        return _photograph(size)
    if name == "clutter":
        return _clutter(size)
    raise ValueError(f"{name!r} is no backdrop; valid are 'photograph' and 'clutter'")


def _photograph(size: int) -> Image:
    import cv2
    from matplotlib.cbook import get_sample_data

    path = str(get_sample_data("grace_hopper.jpg", asfileobj=False))
    image = np.asarray(cv2.imread(path, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    side = min(image.shape[:2])
    square = np.ascontiguousarray(image[:side, :side])
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _clutter(size: int) -> Image:
    import cv2

    random = np.random.default_rng(_SEED)
    ramp = np.linspace(90, 190, size)[:, None, None] * np.array([1.0, 0.95, 0.85])
    image = np.ascontiguousarray(np.broadcast_to(ramp, (size, size, 3)).astype(np.uint8))
    for number in range(_THINGS):
        colour = tuple(map(int, random.integers(0, 256, 3)))
        x, y, width, height = (int(v) for v in random.integers(0, size, 4) // (1, 1, 5, 5))
        if number % 2:
            cv2.rectangle(image, (x, y), (x + width, y + height), colour, -1)
        else:
            cv2.circle(image, (x, y), width // 2, colour, -1)
    return image
