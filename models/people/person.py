"""A person in a room, as a camera sees them; and commands about people.

::

    person = Person(Build(gender=0.0), Clothes(), Sight(room="office"))
    person.render(REST)             # (224, 224, 3) uint8 RGB

    python -m models.people.person show runs/people.png     # some people, rooms and postures in one picture
    python -m models.people.person bake                     # models/weights/bodies.npz anew; needs anny and torch
"""

import sys
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Image
from models.cli import PATH, group
from models.offscreen import OVERSAMPLING, Canvas, Drawn, noisy
from models.people import body
from models.people.appearance import Clothes, Sight
from models.people.bake import bake
from models.people.body import Build
from models.people.figure import Figure
from models.people.skinning import pose

EYES_AT: Final = 1.35
"""Of the camera, metres above the floor."""


class Person(Drawn):
    """Draws a person.

    Args:
        build: Their body.
        clothes: Their colours.
        sight: Where they stand, and where the light comes from.
        size: Of the picture, pixels.
        seed: Of the noise.

    Attributes:
        body: Their body, at rest.

    Raises:
        BodyError: Somebody like this cannot be.
        ValueError: The size is not positive.
    """

    def __init__(
        self,
        build: Build | None = None,
        clothes: Clothes | None = None,
        sight: Sight | None = None,
        size: int = 224,
        seed: int = 0,
    ) -> None:
        import mujoco

        if size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size!r}")
        self.body = body.make(build or Build())
        self.size = size
        self._sight = sight or Sight()
        self._random = np.random.default_rng(seed)
        self._figure = Figure(self.body, clothes or Clothes(), self._sight, OVERSAMPLING * size)
        self._data = mujoco.MjData(self._figure.model)
        mujoco.mj_forward(self._figure.model, self._data)
        self._canvas = Canvas(self._figure.model, size)

    def render(self, posture: ArrayLike, out: Image | None = None) -> Image:
        """The picture of the camera, (size, size, 3) uint8 RGB; always to be called from one thread.

        Args:
            posture: (10,) degrees: the person's right arm, then the left.
            out: The array to fill; a new one by default.

        Raises:
            ValueError: That is no posture.
            NoDisplayError: Nothing on this machine can draw; the message says what to install.
        """
        import mujoco

        for mesh in self._figure.move(pose(self.body, posture).vertices):
            self._canvas.upload(mesh)
        camera = mujoco.MjvCamera()
        camera.azimuth, camera.elevation = 90.0, 0.0
        camera.distance, camera.lookat = self._sight.distance, (0.0, 0.0, EYES_AT)
        return noisy(self._canvas.draw(self._data, camera, out=out), self._sight.noise, self._random)


PEOPLE: Final = (
    (Build(), Clothes(), Sight()),
    (
        Build(0.0, 25.0, 0.35),
        Clothes(shirt=(0.75, 0.2, 0.22), hair=(0.75, 0.6, 0.3), sleeves="long"),
        Sight("office"),
    ),
    (
        Build(1.0, 60.0, 0.9),
        Clothes(shirt=(0.3, 0.45, 0.3), skin=(0.45, 0.3, 0.22)),
        Sight("living", light_from=50.0),
    ),
    (Build(0.5, 10.0, 0.5), Clothes(shirt=(0.95, 0.8, 0.3), sleeves="none"), Sight("library", distance=1.7)),
)
"""Some people, to be looked at."""
POSTURES: Final = (
    (-80.0, 80, 0, 50, 0) * 2,
    (0.0, 10, 0, 20, 0) * 2,
    (0.0, 155, 0, 20, 0) * 2,
    (-90.0, 10, 0, 20, 0) * 2,
    (-40.0, 20, 60, 100, 0) * 2,
    (-90.0, 100, 0, 90, 0, -10, 30, 0, 60, 0),
)
"""Postures (10,), degrees: at rest, hanging, up, forwards, crossed, and each arm another."""


@group("models.people.person", "Simulated people.", needs="'agentspace[robot]' 'anny>=0.6,<0.7'")
def main() -> None:
    """Draw people, or make their bodies."""


@main.command()
@click.argument("path", type=PATH)
def show(path: Path) -> None:
    """Draw some people, rooms and postures.

    PATH is that of the picture, PNG say.
    """
    import cv2

    rows = []
    for build, clothes, sight in PEOPLE:
        with Person(build, clothes, sight) as person:
            rows.append(np.hstack([person.render(posture) for posture in POSTURES]))
    if not cv2.imwrite(str(path), np.vstack(rows)[..., ::-1]):
        raise OSError(f"{path} cannot be written")
    print(path)


@main.command("bake")
def _bake() -> None:
    """Make the bodies anew, by anny."""
    print(bake(body.FILE))


if __name__ == "__main__":
    sys.exit(main())
