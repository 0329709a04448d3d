"""The body of a person: its skin, what its arms move, and where their joints are.

`models/weights/bodies.npz` holds a grid of bodies of the parametric model anny (`python -m models.people.person
bake`). Anny is linear in each of the attributes between two of its anchors, and so is everything between the
bodies of the grid: neither anny nor torch is needed to make a body.

Coordinates are those of anny, moved up to the floor: x to the left of the person, y backwards, z up; metres. The
person stands at the origin and looks towards -y.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.arrays import Floats, Ints
from models.files.artifact import WEIGHTS, ArtifactError, read_arrays, verify

FILE: Final = WEIGHTS / "bodies.npz"
KIND: Final = "agentspace bodies 1"
BAKE: Final = "python -m models.people.person bake"
UNIT: Final = 1e-4
"""Metres per unit of the stored integers."""

AGES: Final = (10.0, 25.0, 90.0)
"""Years of the bodies of the grid, for anny's child, young and old."""
FATNESS: Final = (0.0, 0.5, 1.0)
"""Weights of the bodies of the grid: anny's least, average and greatest."""
GROUPS: Final = (
    "body",
    *(f"{side} {part}" for side in ("right", "left") for part in ("shoulder", "upper arm", "forearm")),
)
"""The parts that move: vertices have a weight for each. The forearm takes the hand along."""
PARTS: Final = ("hair", "head", "eyes", "trunk", "upper arms", "forearms", "hands", "legs", "feet")
"""Each face of the skin belongs to one: they may have different colours."""
POINTS: Final = ("right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist")


class BodyError(ValueError):
    """A body cannot be so; the message names the attribute and what is valid."""


@dataclass(frozen=True)
class Build:
    """Build of a person: their look without clothes.

    Attributes:
        gender: From 0 (female) to 1 (male).
        age: Years, 10 to 90.
        weight: From 0 (thin) to 1 (heavy).
        height: Metres; 0 for what is usual with this gender and age.
    """

    gender: float = 0.5
    age: float = 35.0
    weight: float = 0.5
    height: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("gender", 0.0, 1.0), ("age", AGES[0], AGES[-1]), ("weight", 0.0, 1.0)):
            check(name, getattr(self, name), low, high)
        check("height", self.height, 0.0, 3.0)


def check(name: str, value: Any, low: float, high: float) -> None:
    """Raises BodyError: it is not a number from `low` to `high`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise BodyError(f"{name} is a number from {low:g} to {high:g}, not {value!r}")


@dataclass(frozen=True)
class Body:
    """A body; at rest its arms are half lifted to the sides.

    Attributes:
        vertices: (v, 3) metres.
        faces: (f, 3) indices of vertices, counter-clockwise seen from outside.
        parts: (f,) index in `PARTS` of each face.
        weights: (v, 7) how much each of `GROUPS` moves each vertex; the sum of a row is 1.
        joints: (2, 3, 3) metres: shoulder, elbow and wrist of the right arm, then of the left.
    """

    vertices: Floats
    faces: Ints
    parts: Ints
    weights: Floats
    joints: Floats

    @property
    def height(self) -> float:
        """Metres from the floor to the top of the head."""
        return float(self.vertices[:, 2].max())


@dataclass(frozen=True)
class Grid:
    """The bodies that others lie between.

    Attributes:
        vertices: (2, ages, weights, 2, v, 3) metres: by gender (female, male), age, weight, height (short, tall).
        points: (2, ages, weights, 2, 6, 3) metres: where `POINTS` are.
        body: Of any of them: what all have in common.
    """

    vertices: Floats
    points: Floats
    body: Body


@cache
def grid(path: Path = FILE) -> Grid:
    """The stored grid.

    Raises:
        ArtifactError: The file is missing or damaged.
    """
    verify(path, BAKE)
    arrays = read_arrays(path, KIND)
    shape = (2, len(AGES), len(FATNESS), 2)
    try:
        mean = arrays["mean"].astype(np.int32)
        vertices: Floats = (arrays["offsets"].astype(np.int32) + mean) * np.float64(UNIT)
        weights = arrays["weights"].astype(np.float64)
        points = arrays["points"].astype(np.float64)
        body = Body(
            vertices[0, 0, 0, 0],
            arrays["faces"].astype(np.intp),
            arrays["parts"].astype(np.intp),
            weights / weights.sum(axis=1, keepdims=True),
            points[0, 0, 0, 0].reshape(2, 3, 3),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ArtifactError(f"{path} does not hold whole bodies: {error}") from error
    if vertices.shape[:4] != shape or points.shape != (*shape, len(POINTS), 3):
        raise ArtifactError(f"{path} has a grid {vertices.shape[:4]}; valid is {shape}")
    return Grid(vertices, points, body)


def make(build: Build) -> Body:
    """A body, between those of the grid.

    Raises:
        BodyError: With this gender, age and weight nobody has this height; the message says who could be found.
        ArtifactError: The file with the bodies is missing or damaged.
    """
    known = grid()
    vertices, points = known.vertices, known.points
    for axis, value in (((0.0, 1.0), build.gender), (AGES, build.age), (FATNESS, build.weight)):
        vertices, points = _between(axis, value, vertices), _between(axis, value, points)
    heights = vertices[..., 2].max(axis=1)
    height = build.height or heights.mean()
    if not heights[0] - 1e-9 <= height <= heights[1] + 1e-9:
        raise BodyError(
            f"height is {build.height:g}; with this gender, age and weight valid is {heights[0]:.2f} to "
            f"{heights[1]:.2f} metres, or 0 for what is usual"
        )
    vertices, points = _between(heights, height, vertices), _between(heights, height, points)
    return dataclasses.replace(known.body, vertices=vertices, joints=points.reshape(2, 3, 3))


def _between(axis: Any, value: float, nodes: Floats) -> Floats:
    """Linear interpolation along the first axis of nodes that lie at increasing places."""
    place = np.interp(value, axis, np.arange(len(axis)))
    low = min(int(place), len(axis) - 2)
    return np.asarray(nodes[low] + (place - low) * (nodes[low + 1] - nodes[low]))
