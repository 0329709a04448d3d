"""Picture -> the people in it: BlazePose's detector.

It says of each of 2 254 anchors, places on three grids, how much it looks as if somebody is there, where their
face is, and four points of theirs. Boxes that overlap are one person, and their mean is taken, weighted by their
scores (weighted non-maximum suppression, V. Bazarevsky et al., BlazeFace, arXiv 1907.05047).
"""

from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from models.arrays import AnyFloats, Floats, Image
from models.blazepose.logistic import logistic
from models.blazepose.networks import DETECTOR
from models.blazepose.region import Region

if TYPE_CHECKING:
    import onnxruntime

SURE: Final = 0.5
"""The score from which on somebody is there."""
SAME: Final = 0.3
"""Intersection over union above which two boxes are one person."""
_GRIDS: Final = ((8, 2), (16, 2), (32, 6))  # pixels from one place to the next, and anchors in each


class Detection(NamedTuple):
    """Somebody who was found.

    Attributes:
        score: 0..1, how sure it is.
        box: (2, 2) the top left and the bottom right corner of the face, pixels.
        points: (4, 2) pixels: between the hips; on the circle around the person, above; the same two of the upper
            body.
    """

    score: float
    box: Floats
    points: Floats

    @property
    def region(self) -> Region:
        """The square with the person."""
        return Region.of_person(self.points[0], self.points[1])

    @property
    def upper(self) -> float:
        """Radius of the upper body, pixels; raised arms do not change it, as they do the region."""
        return float(np.linalg.norm(self.points[3] - self.points[2]))


def anchors(size: int = DETECTOR.size) -> Floats:
    """The places (2254, 2), x and y in parts of the picture: the middles of cells, grid by grid, row by row."""
    found = []
    for stride, count in _GRIDS:
        middles = (np.arange(size // stride) + 0.5) * stride / size
        y, x = np.meshgrid(middles, middles, indexing="ij")
        found.append(np.repeat(np.column_stack([x.ravel(), y.ravel()]), count, axis=0))
    return np.concatenate(found)


def decode(boxes: AnyFloats, scores: AnyFloats, places: Floats, size: int) -> list[Detection]:
    """Those of the anchors where somebody is, in parts of the picture.

    Args:
        boxes: (n, 12) pixels: the middle of the box relative to the anchor, its width and height, four points
            relative to the anchor.
        scores: (n,) log odds.
        places: (n, 2) the anchors.
        size: Of the picture that the detector saw, pixels.
    """
    sure = logistic(scores)
    found = []
    for index in np.flatnonzero(sure >= SURE):
        numbers = boxes[index].astype(np.float64).reshape(6, 2) / size
        middle, extent = numbers[0] + places[index], numbers[1]
        box = np.array([middle - extent / 2, middle + extent / 2])
        found.append(Detection(float(sure[index]), box, numbers[2:] + places[index]))
    return found


def overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes (2, 2): 1 for the same, 0 for boxes that do not touch."""
    sides = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
    if np.any(sides <= 0):
        return 0.0
    common = float(np.prod(sides))
    return common / (float(np.prod(one[1] - one[0])) + float(np.prod(other[1] - other[0])) - common)


def merge(found: list[Detection]) -> list[Detection]:
    """Each person once, the surest first: the mean of the boxes that overlap it, weighted by scores."""
    rest = sorted(found, key=lambda one: one.score, reverse=True)
    merged = []
    while rest:
        best = rest[0]
        same = [one for one in rest if one is best or overlap(best.box, one.box) > SAME]
        weights = np.array([one.score for one in same])
        box, points = (
            np.average(values, axis=0, weights=weights) for values in zip(*(one[1:] for one in same), strict=True)
        )
        merged.append(Detection(best.score, box, points))
        rest = [one for one in rest if not any(one is other for other in same)]
    return merged


class Detector:
    """Finds people in pictures."""

    def __init__(self, session: "onnxruntime.InferenceSession") -> None:
        self._session = session
        self._anchors = anchors()

    @classmethod
    def load(cls, threads: int = 1) -> Self:
        """Loads the network.

        Raises:
            ArtifactError: Its file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        return cls(DETECTOR.open(threads))

    def detect(self, image: Image) -> list[Detection]:
        """The people in an RGB picture (H, W, 3), in its pixels, the surest first."""
        whole, size = Region.around(image), DETECTOR.size
        given = whole.cut(image, size, spread=False)[None]
        boxes, scores = self._session.run(list(DETECTOR.outputs), {"image": given})
        found = merge(decode(boxes[0], scores[0, :, 0], self._anchors, size))
        return [one._replace(box=whole.place(one.box), points=whole.place(one.points)) for one in found]
