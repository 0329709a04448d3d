"""The map of postures as a picture: what was acquired in red, what was tried and no news in green."""

import math
from typing import Any, Final

import numpy as np

from models.arrays import Floats, Image

SIDE: Final = 480
"""Of the picture, pixels."""
LEAST: Final = 1.0
"""How far the map reaches from the origin at least."""
PAPER, LINE, INK = (255, 255, 255), (222, 226, 233), (107, 114, 128)
RED, GREEN = (207, 34, 46), (26, 127, 55)
_MARGIN: Final = 1.18  # beyond the outermost point
_LEGEND: Final = 26  # pixels below the map


def draw_map(
    acquired: Floats, tried: Floats, marked: int | None = None, side: int = SIDE, legend: bool = True
) -> Image:
    """The map as an RGB picture (side, side, 3), higher by the legend, if there is one.

    The first number of a latent goes to the right, the second upwards.

    Args:
        acquired: (pairs, m) latents; of one number they lie on the axis, of more than two the first two count.
        tried: (n, m) latents that were tried, but were no news.
        marked: Which of the acquired ones has a ring; None for none.
        side: Pixels.
        legend: Whether the colours are explained.
    """
    import cv2

    picture: Any = np.full((side, side, 3), PAPER, np.uint8)
    pairs, others = _plane(acquired), _plane(tried)
    reach = _MARGIN * max(LEAST, *(float(np.abs(points).max(initial=0.0)) for points in (pairs, others)))
    _grid(picture, reach)
    size = max(2, side // 110)
    for point in _pixels(others, reach, side):
        cv2.circle(picture, point, size, GREEN, max(1, side // 240), cv2.LINE_AA)
    places = _pixels(pairs, reach, side)
    for point in places:
        cv2.circle(picture, point, size, RED, cv2.FILLED, cv2.LINE_AA)
    if marked is not None and 0 <= marked < len(places):
        cv2.circle(picture, places[marked], 3 * size, RED, max(1, side // 160), cv2.LINE_AA)
    if legend:
        picture = np.vstack([picture, _legend(side, len(pairs), len(others))])
    return np.asarray(picture, np.uint8)


def _plane(latents: Floats) -> Floats:
    """The first two numbers (n, 2) of latents (n, m)."""
    if not latents.size:
        return np.empty((0, 2))
    points = np.asarray(latents, np.float64)[:, :2]
    return np.hstack([points, np.zeros_like(points)]) if points.shape[1] == 1 else points


def _pixels(points: Floats, reach: float, side: int) -> list[tuple[int, int]]:
    return [(round((1 + x / reach) / 2 * side), round((1 - y / reach) / 2 * side)) for x, y in points.tolist()]


def _grid(picture: Any, reach: float) -> None:
    import cv2

    side = picture.shape[0]
    step = 0.5 if reach <= 2 else 2.0 ** math.ceil(math.log2(reach / 4))
    for number in np.arange(-math.floor(reach / step), math.floor(reach / step) + 1) * step:
        ((across, up),) = _pixels(np.array([[number, number]]), reach, side)
        thick = 2 if number == 0 else 1
        cv2.line(picture, (across, 0), (across, side), LINE, thick)
        cv2.line(picture, (0, up), (side, up), LINE, thick)
        if side >= SIDE // 2 and number != 0:
            cv2.putText(
                picture, f"{number:g}", (across + 3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA
            )


def _legend(side: int, acquired: int, tried: int) -> Image:
    import cv2

    strip: Any = np.full((_LEGEND, side, 3), PAPER, np.uint8)
    middle = _LEGEND // 2
    cv2.circle(strip, (14, middle), 4, RED, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(strip, (150, middle), 4, GREEN, 1, cv2.LINE_AA)
    for left, text in ((24, f"acquired: {acquired}"), (160, f"tried, no news: {tried}")):
        cv2.putText(strip, text, (left, middle + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return np.asarray(strip, np.uint8)
