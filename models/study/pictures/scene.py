"""Scenes for a camera: a robot or a person, somewhere, in a posture."""

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.kinematics import JOINTS
from models.icub.view import View
from models.people.appearance import Clothes, Sight
from models.people.body import Build

BACKDROPS: Final = ("", "photograph", "clutter")
"""Pictures for the wall behind a robot; "" is the plain wall."""


@dataclass(frozen=True)
class RobotScene:
    """A robot, seen by a camera in front of it.

    Attributes:
        view: Where the camera is, the light, the noise, the wall.
        mirror: Whether the picture is flipped as a mirror does.
        backdrop: One of `BACKDROPS`.
    """

    view: View = field(default_factory=View)
    mirror: bool = False
    backdrop: str = ""

    def __post_init__(self) -> None:
        if self.backdrop not in BACKDROPS:
            raise ValueError(f"backdrop is {self.backdrop!r}; valid are {', '.join(map(repr, BACKDROPS))}")

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of each pixel, grey levels."""
        return self.view.noise

    @property
    def clean(self) -> "RobotScene":
        """The same without noise."""
        return dataclasses.replace(self, view=dataclasses.replace(self.view, noise=0.0))


@dataclass(frozen=True)
class PersonScene:
    """A person in a room, seen by a camera in front of them.

    Attributes:
        build: Their body.
        clothes: What they wear.
        sight: Where they stand, the room, the light, the noise.
    """

    build: Build
    clothes: Clothes
    sight: Sight

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of each pixel, grey levels."""
        return self.sight.noise

    @property
    def clean(self) -> "PersonScene":
        """The same without noise."""
        return dataclasses.replace(self, sight=dataclasses.replace(self.sight, noise=0.0))


Scene = RobotScene | PersonScene


@dataclass(frozen=True)
class Shot:
    """One picture to be taken.

    Attributes:
        scene: Of whom, and how.
        posture: (10,) degrees.
        seed: Of the noise.
    """

    scene: Scene
    posture: tuple[float, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.posture) != len(JOINTS):
            raise ValueError(f"a posture has {len(JOINTS)} angles, not {len(self.posture)}")

    @cached_property
    def picture(self) -> str:
        """Text that is the same for the same picture without noise: scene and posture."""
        clean = self.scene.clean
        said = [type(clean).__name__, dataclasses.asdict(clean), self.posture]
        return json.dumps(said, sort_keys=True)

    @cached_property
    def key(self) -> str:
        """Text that is the same for the same picture, noise included."""
        return f"{self.picture} noise {self.scene.noise!r} {self.seed if self.scene.noise else 0}"


def shots(scene: Scene, postures: Floats, seed: int) -> list[Shot]:
    """Pictures of postures (n, 10) in one scene; each has a noise of its own.

    Args:
        scene: Of whom, and how.
        postures: (n, 10) degrees.
        seed: Of all their noise.
    """
    seeds = np.random.default_rng([seed, 1]).integers(2**31, size=len(postures))
    return [
        Shot(scene, tuple(map(float, posture)), int(one)) for posture, one in zip(postures, seeds, strict=True)
    ]
