"""A turned square in a picture: how a person is cut out, and how what is found there is brought back."""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.arrays import AnyFloats, Floats, Image

ENLARGED: Final = 1.25
"""How much longer than twice the radius a side is."""
_LARGEST: Final = 16384
"""Pixels of a side; of larger pictures every second pixel is taken, or every third: OpenCV cuts from no others."""
_NEAR: Final = 0.05
"""In sides, and radians."""
REACH: Final = 0.15
"""In sides; two metres from the camera it is 40 cm."""
_UPRIGHT: Final = math.pi / 2
"""The direction, counterclockwise from the right, in which a person's second point is seen from the first."""


@dataclass(frozen=True)
class Region:
    """A turned square.

    Attributes:
        x: Of its middle, pixels from the left.
        y: Of its middle, pixels from the top.
        side: Pixels.
        angle: By which it is turned clockwise, radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, image: Image) -> Self:
        """The smallest square with all of a picture in its middle."""
        height, width = image.shape[:2]
        return cls(width / 2, height / 2, float(max(height, width)))

    @classmethod
    def of_person(cls, middle: AnyFloats, above: AnyFloats) -> Self:
        """The square with a person in it, who stands upright there.

        Args:
            middle: (2,) pixels, between the hips.
            above: (2,) pixels, on the circle around a person with stretched limbs, over their head.
        """
        x, y = (above - middle).tolist()
        angle = _UPRIGHT - math.atan2(-y, x)
        angle -= 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))
        return cls(float(middle[0]), float(middle[1]), 2 * ENLARGED * math.hypot(x, y), angle)

    def is_near(self, other: Self) -> bool:
        """Whether another one is hardly elsewhere: 5 % of a side, and 3 degrees."""
        turn = (self.angle - other.angle + math.pi) % (2 * math.pi) - math.pi
        away = self.apart(other)
        grown = abs(self.side - other.side)
        return away < _NEAR * self.side and grown < _NEAR * self.side and abs(turn) < _NEAR

    def reaches(self, other: Self) -> bool:
        """Whether another one is so close that it may be that of the same person in the next picture."""
        return self.apart(other) <= REACH * self.side

    def apart(self, other: Self) -> float:
        """Pixels between the middles of this one and another."""
        return math.hypot(self.x - other.x, self.y - other.y)

    def place(self, points: AnyFloats) -> Floats:
        """Points (..., 2), in parts of the square from its top left corner, as pixels of the picture."""
        return np.asarray(self.turn((points - 0.5) * self.side) + np.array([self.x, self.y]))

    def turn(self, directions: AnyFloats) -> Floats:
        """Directions (..., 2) in the square as they are in the picture."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return np.asarray(directions @ np.array([[cosine, sine], [-sine, cosine]]))

    def cut(self, image: Image, size: int, spread: bool) -> Image:
        """What is in it, upright.

        Args:
            image: (H, W, 3).
            size: Of the result (size, size, 3).
            spread: Whether what is outside the picture is as its border; it is black otherwise.
        """
        import cv2

        step = max(image.shape[:2]) // _LARGEST + 1
        corner, right, below = self.place(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])) / step
        matrix = np.column_stack([(right - corner) / size, (below - corner) / size, corner])
        return np.asarray(
            cv2.warpAffine(
                np.ascontiguousarray(image[::step, ::step]),
                matrix,
                (size, size),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE if spread else cv2.BORDER_CONSTANT,
            ),
            np.uint8,
        )
