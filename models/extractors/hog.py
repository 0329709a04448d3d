"""Image -> histograms of oriented gradients: features without a network, and without weights.

The image, grey, is cut into 14x14 cells of 16x16 pixels. In each cell the directions of its gradients (9 bins over
180 degrees, shared between neighbouring bins) are counted, weighted by their length; each 2x2 cells together are
divided by their norm, cut off at 0.2, and divided again: 13 * 13 * 4 * 9 = 6 084 features.

Source: N. Dalal, B. Triggs, Histograms of oriented gradients for human detection, CVPR 2005 (L2-Hys).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Features, as_rgb, fit
from models.extractors.efficientnet import SIZE
from models.extractors.network import Look

CELL: Final = 16
"""Side of a cell, pixels."""
BINS: Final = 9
_CELLS: Final = SIZE // CELL
_CUT: Final = 0.2
_SMALL: Final = 1e-6  # a block without any edge stays 0


class Hog:
    """Histograms of oriented gradients; there is nothing to load."""

    identifier: str = "hog/14x14/9"
    count: int = (_CELLS - 1) ** 2 * 4 * BINS
    size: int = SIZE
    gaze: str = ""
    presence: int | None = None
    person: str = ""
    backend: str = "NumPy"

    def features(self, image: object) -> Features:
        """Features (6084,) float32 of an image; see `models.extractors.network.Network`."""
        colours = fit(as_rgb(image)).astype(np.float32) / np.float32(255)
        grey: Features = colours @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        blocks = _blocks(_histograms(grey))
        for cut in (True, False):
            blocks /= np.sqrt(np.square(blocks).sum(axis=-1, keepdims=True) + _SMALL)
            blocks = np.minimum(blocks, _CUT) if cut else blocks
        return np.ascontiguousarray(blocks.reshape(-1), dtype=np.float32)

    def look(self, image: object) -> Look:
        """The same; every edge counts alike, so that there are no maps."""
        return Look(self.features(image))


def _histograms(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """(14, 14, 9) of a grey image (224, 224)."""
    dy, dx = np.gradient(grey)
    place = np.mod(np.arctan2(dy, dx), np.pi) * (BINS / np.pi) - 0.5  # in bins; -0.5: between last and first
    lower = np.floor(place)
    share = (place - lower).astype(np.float32)
    length = np.hypot(dx, dy)
    rows, columns = np.indices(grey.shape) // CELL
    first = (rows * _CELLS + columns) * BINS
    size = _CELLS * _CELLS * BINS
    below, above = np.mod(lower, BINS).astype(np.int64), np.mod(lower + 1, BINS).astype(np.int64)
    counts = np.bincount((first + below).ravel(), (length * (1 - share)).ravel(), size)
    counts += np.bincount((first + above).ravel(), (length * share).ravel(), size)
    return counts.reshape(_CELLS, _CELLS, BINS).astype(np.float32)


def _blocks(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(13, 13, 36): each 2x2 neighbouring cells together."""
    return np.concatenate([cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]], axis=-1)
