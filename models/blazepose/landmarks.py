"""Picture and where somebody is in it -> 33 points of their body: BlazePose's landmark network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from models.arrays import AnyFloats, Floats, Image
from models.blazepose.logistic import logistic
from models.blazepose.networks import LANDMARKS
from models.blazepose.region import Region

if TYPE_CHECKING:
    import onnxruntime

COUNT: Final = 33
"""Points of a body: nose 0, eyes 1..6, ears 7 and 8, mouth 9 and 10, shoulders 11 and 12, elbows 13 and 14,
wrists 15 and 16, little fingers 17 and 18, forefingers 19 and 20, thumbs 21 and 22, hips 23 and 24, knees 25
and 26, ankles 27 and 28, heels 29 and 30, toes 31 and 32; of two, the person's own left one comes first."""
THERE: Final = 0.5
"""The presence from which on somebody is in the region."""
_MIDDLE, _ABOVE = 33, 34  # two more points, from which the region in the next picture follows
_NUMBERS: Final = 5  # of a landmark: x, y, z, visibility, presence
_REACH: Final = 3  # places of a heat map to each side of a landmark that count
_WARM: Final = 0.5  # of the largest of these, from which on they are believed


@dataclass(frozen=True)
class Landmarks:
    """Where the body of a person is.

    Attributes:
        points: (33, 2) pixels of the picture, from its top left corner.
        depth: (33,) pixels, away from the camera, relative to the hips; a guess.
        visibility: (33,) 0..1, how sure it is that the point is in the picture and not hidden.
        world: (33, 3) metres, relative to the middle of the hips: to the right, down, away from the camera.
        presence: 0..1, how sure it is that somebody is there.
        region: Where they were looked for.
        next: Where to look for them in the next picture, or again in this one.
    """

    points: Floats
    depth: Floats
    visibility: Floats
    world: Floats
    presence: float
    region: Region
    next: Region

    @property
    def is_there(self) -> bool:
        """Whether somebody is there."""
        return self.presence >= THERE


def refine(points: AnyFloats, maps: AnyFloats) -> Floats:
    """Landmarks at the centres of gravity of what their heat maps have around them.

    Most of what it corrects is the same in every picture of a person. Without it the mean error of a robot that
    imitates somebody in another room was 6.5 % in place of 5.1 % (100 pairs, five robots).

    Args:
        points: (n, 2) x and y in parts of what the network saw.
        maps: (h, w, n) log odds that the landmark is there.
    """
    height, width, count = maps.shape
    columns, rows = (points * (width, height)).astype(int).T
    inside = (points >= 0).all(axis=1) & (columns < width) & (rows < height)
    around = np.arange(-_REACH, _REACH + 1)
    x, y = columns[:, None] + around, rows[:, None] + around
    known = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    odds = maps[
        y.clip(0, height - 1)[:, :, None], x.clip(0, width - 1)[:, None, :], np.arange(count)[:, None, None]
    ]
    heat = known * logistic(odds)
    total = np.maximum(heat.sum(axis=(1, 2)), _WARM)
    centres = np.column_stack([(heat.sum(axis=1) * x).sum(axis=1), (heat.sum(axis=2) * y).sum(axis=1)])
    believed = inside & (heat.max(axis=(1, 2)) >= _WARM)
    return np.where(believed[:, None], centres / total[:, None] / (width, height), points)


def project(points: AnyFloats, others: AnyFloats, world: AnyFloats, presence: float, region: Region) -> Landmarks:
    """What the network gives, in the picture.

    Args:
        points: (39, 2) x and y in parts of what the network saw.
        others: (39, 3) z in the same unit, and two log odds: that the landmark can be seen, and is in the picture.
        world: (39, 3) x, y, z, metres.
        presence: 0..1.
        region: Where it looked.
    """
    places = region.place(points)
    return Landmarks(
        points=places[:COUNT],
        depth=np.asarray(others[:COUNT, 0] * region.side),
        visibility=logistic(others[:COUNT, 1]),
        world=np.column_stack([region.turn(world[:COUNT, :2]), world[:COUNT, 2]]),
        presence=presence,
        region=region,
        next=Region.of_person(places[_MIDDLE], places[_ABOVE]),
    )


class Landmarker:
    """Finds the landmarks of a person."""

    def __init__(self, session: "onnxruntime.InferenceSession") -> None:
        self._session = session

    @classmethod
    def load(cls, threads: int = 1) -> Self:
        """Loads the network.

        Raises:
            ArtifactError: Its file is missing or damaged.
            ValueError: `threads` is not positive.
        """
        return cls(LANDMARKS.open(threads))

    def look(self, image: Image, region: Region) -> Landmarks:
        """The landmarks of who is in a region of an RGB picture (H, W, 3)."""
        given = region.cut(image, LANDMARKS.size, spread=True)[None]
        landmarks, presence, maps, world = self._session.run(list(LANDMARKS.outputs), {"image": given})
        rows = landmarks[0].astype(np.float64).reshape(-1, _NUMBERS)
        points, others = rows[:, :2] / LANDMARKS.size, rows[:, 2:] / (LANDMARKS.size, 1, 1)
        space = world[0].astype(np.float64).reshape(-1, 3)
        return project(refine(points, maps[0]), others, space, float(presence[0, 0]), region)
