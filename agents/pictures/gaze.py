"""Where an extractor looks, for people: maps over the picture, and the points that count most."""

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Floats32, Image, as_rgb
from models.extractors.gaze import SteadyPoints
from models.extractors.network import Look, Window

WIDTH: Final = 320
"""Of the large picture, pixels; those of the heads are half as wide."""
_ROWS: Final = 2  # of the pictures of the heads
_DIM: Final = 0.35  # of what does not count, how bright it stays
_COLOUR: Final = (0, 255, 255)  # of the point
_STRONGEST: Final = 255


class Gaze(NamedTuple):
    """Where an extractor looks.

    Attributes:
        maps: (1 + heads, h, w) float32, the mean of the heads first; (1, h, w) if there is but one.
        points: (as many, 2) float64, x to the right and y down, in parts of the picture, steadied; NaN if unknown.
        view: (H, W, 3) uint8, RGB: the picture with the mean, and small ones with each head.
    """

    maps: Floats32
    points: Floats
    view: Image


class GazeFollower:
    """Follows where an extractor looks, at most so often; time is passed in (s)."""

    def __init__(self) -> None:
        self._steady = SteadyPoints(0)
        self._last = -math.inf

    def is_due(self, rate: float, now: float) -> bool:
        """Whether it is time to look, with that many looks per second; 0 for none."""
        return rate > 0.0 and now - self._last >= 0.9 / rate  # a picture that comes a little early counts

    def follow(self, image: object, look: Look, now: float) -> Gaze | None:
        """Where it looked in an image; None if it cannot tell."""
        if look.maps is None:
            return None
        self._last = now
        maps = with_mean(look.maps)
        if len(self._steady) != len(maps):
            self._steady = SteadyPoints(len(maps))
        left, top, width, height = look.window
        points = self._steady.follow(maps, now) * (width, height) + (left, top)
        return Gaze(maps, points, draw(as_rgb(image), maps, points, look.window))


def with_mean(maps: Floats32) -> Floats32:
    """Maps (heads, h, w) with their mean before them; a single one stays alone."""
    return maps if len(maps) == 1 else np.concatenate([maps.mean(axis=0, keepdims=True), maps])


def draw(image: Image, maps: Floats32, points: Floats, window: Window) -> Image:
    """The picture with the first map, and small ones with each of the others: (H, W, 3) uint8.

    Args:
        image: (H, W, 3), RGB.
        maps: (n, h, w).
        points: (n, 2), in parts of the image.
        window: The part of the image that the maps cover.
    """
    height = max(_ROWS, round(WIDTH * image.shape[0] / image.shape[1] / _ROWS) * _ROWS)
    height = min(height, 2 * WIDTH)
    large = _tile(_resized(image, WIDTH, height), maps[0], points[0], window)
    if len(maps) == 1:
        return large
    little = _resized(image, WIDTH // _ROWS, height // _ROWS)
    small = [_tile(little, each, point, window) for each, point in zip(maps[1:], points[1:], strict=True)]
    small += [np.zeros_like(little)] * (-len(small) % _ROWS)
    columns = len(small) // _ROWS
    rows = [np.hstack(small[row * columns : (row + 1) * columns]) for row in range(_ROWS)]
    return np.hstack([large, np.vstack(rows)])


def _resized(image: Image, width: int, height: int) -> Image:
    import cv2

    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _tile(image: Image, place_map: Floats32, point: Floats, window: Window) -> Image:
    """The image, bright where the map counts, and a mark at the point."""
    import cv2

    height, width = image.shape[:2]
    x, y = round(window[0] * width), round(window[1] * height)
    w, h = max(1, round(window[2] * width)), max(1, round(window[3] * height))
    weakest = float(place_map.min())
    level = (place_map - weakest) * (_STRONGEST / ((float(place_map.max()) - weakest) or 1.0))
    inner = cv2.resize(level, (w, h), interpolation=cv2.INTER_CUBIC)
    counts = np.zeros((height, width), np.uint8)
    counts[y : y + h, x : x + w] = np.clip(inner[: height - y, : width - x], 0.0, _STRONGEST)
    light, colours = _look_up()
    tile: Image = cv2.add(np.asarray((image * light[counts][:, :, None]) >> 8, np.uint8), colours[counts])  # type: ignore[assignment]
    if np.isfinite(point).all():
        centre = (int(point[0] * (width - 1)), int(point[1] * (height - 1)))
        cv2.drawMarker(tile, centre, _COLOUR, cv2.MARKER_CROSS, max(6, width // 16), 2)
    return tile


@cache
def _look_up() -> tuple[NDArray[np.uint16], Image]:
    """By how much a place counts (0..255): how bright the image stays, in 256ths, and the colour that is added."""
    import cv2

    shares = np.linspace(0.0, 1.0, _STRONGEST + 1)
    greys = np.arange(_STRONGEST + 1, dtype=np.uint8)[:, None]
    heat = cv2.applyColorMap(greys, cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    light = 256.0 * (_DIM + (0.5 - _DIM) * shares)
    return light.astype(np.uint16), np.asarray(0.5 * shares[:, None] * heat, np.uint8)
