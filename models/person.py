"""A person in a room, as a camera sees them; and the command that makes the bodies.

person = Person(Build(gender=0.0), Clothes(), Sight(room="office"))
person.render(REST)             # (224, 224, 3) uint8 RGB

python -m models.person show runs/people.png        # some people, rooms and postures in one picture
python -m models.person bake                        # models/weights/bodies.npz anew; needs anny and torch
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import ArrayLike

from models import body, room
from models.body import PARTS, BodyError, Build, Ints, check
from models.kinematics import Floats
from models.offscreen import Image
from models.skinning import pose

if TYPE_CHECKING:
    import mujoco

    from models.offscreen import Canvas

OVERSAMPLING: Final = 2
"""Pictures are drawn this many times larger and averaged."""
FIELD_OF_VIEW: Final = 50.0
"""Of the camera, degrees."""
EYES_AT: Final = 1.35
"""Of the camera, metres above the floor."""
LENGTHS: Final = {
    "none": ("trunk",),
    "short": ("trunk", "upper arms"),
    "long": ("trunk", "upper arms", "forearms"),
}
"""Parts that a shirt covers, by its sleeves."""


@dataclass(frozen=True)
class Clothes:
    """Colours of a person: red, green, blue, 0..1.

    Attributes:
        shirt: Of the shirt.
        trousers: Of the trousers.
        skin: Of the skin.
        hair: Of the hair.
        sleeves: none, short or long.
    """

    shirt: tuple[float, float, float] = (0.2, 0.34, 0.55)
    trousers: tuple[float, float, float] = (0.18, 0.18, 0.22)
    skin: tuple[float, float, float] = (0.86, 0.66, 0.54)
    hair: tuple[float, float, float] = (0.22, 0.14, 0.09)
    sleeves: str = "short"

    def __post_init__(self) -> None:
        if self.sleeves not in LENGTHS:
            raise BodyError(f"sleeves is {self.sleeves!r}; valid are {', '.join(LENGTHS)}")
        for name in ("shirt", "trousers", "skin", "hair"):
            colour = getattr(self, name)
            if not isinstance(colour, tuple) or len(colour) != 3:
                raise BodyError(f"{name} is three numbers from 0 to 1 (red, green, blue), not {colour!r}")
            for value in colour:
                check(name, value, 0.0, 1.0)

    def of(self, part: str) -> tuple[float, float, float]:
        """The colour of a part of the body."""
        if part in LENGTHS[self.sleeves]:
            return self.shirt
        others = {"hair": self.hair, "eyes": (0.9, 0.9, 0.9), "legs": self.trousers, "feet": (0.12, 0.1, 0.1)}
        return others.get(part, self.skin)


@dataclass(frozen=True)
class Sight:
    """How a person is seen.

    Attributes:
        room: A name of `models.room.ROOMS`.
        distance: Metres from the camera.
        aside: Metres to the left of the person.
        turn: Of the whole person to their left, degrees.
        light: Brightness; 1 is normal.
        light_from: Where the lamp is, degrees: 0 behind the camera, 90 on the person's left.
        noise: Standard deviation of the noise of each pixel, grey levels.
    """

    room: str = "plain"
    distance: float = 2.0
    aside: float = 0.0
    turn: float = 0.0
    light: float = 1.0
    light_from: float = -30.0
    noise: float = 2.0

    def __post_init__(self) -> None:
        if self.room not in room.ROOMS:
            raise BodyError(f"room is {self.room!r}; valid are {', '.join(room.ROOMS)}")
        limits = {"distance": (0.5, 4.0), "aside": (-2.0, 2.0), "light": (0.0, 4.0), "noise": (0.0, 100.0)}
        for name, (low, high) in {**limits, "turn": (-180.0, 180.0), "light_from": (-180.0, 180.0)}.items():
            check(name, getattr(self, name), low, high)


class Person:
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
        build: Build = Build(),  # noqa: B008  (frozen, as the others)
        clothes: Clothes = Clothes(),  # noqa: B008
        sight: Sight = Sight(),  # noqa: B008
        size: int = 224,
        seed: int = 0,
    ) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size!r}")
        self.body = body.make(build)
        self.size = size
        self._sight = sight
        self._random = np.random.default_rng(seed)
        self._pieces = _pieces(self.body.parts, self.body.faces)
        self._model = _model(self, clothes, sight, OVERSAMPLING * size)
        self._canvas: Canvas | None = None

    @property
    def pieces(self) -> dict[str, tuple[Ints, Ints]]:
        """Of each part: which vertices (k,) it has, and its faces (f, 3) as indices into these."""
        return self._pieces

    def render(self, posture: ArrayLike) -> Image:
        """What the camera sees, (size, size, 3) uint8 RGB; always to be called from one thread.

        Args:
            posture: (10,) degrees: the person's right arm, then the left.

        Raises:
            ValueError: That is no posture.
            NoDisplayError: Nothing on this machine can draw; the message says what to install.
        """
        import cv2
        import mujoco

        canvas = self._open_canvas()
        self._move(canvas, pose(self.body, posture).vertices)
        camera = mujoco.MjvCamera()
        camera.azimuth, camera.elevation = 90.0, 0.0
        camera.distance, camera.lookat = self._sight.distance, (0.0, 0.0, EYES_AT)
        large = canvas.draw(self._data, camera)
        picture = np.asarray(cv2.resize(large, (self.size, self.size), interpolation=cv2.INTER_AREA), np.uint8)
        if self._sight.noise > 0.0:
            noisy = picture + self._random.normal(0.0, self._sight.noise, picture.shape)
            picture = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        return picture

    def _open_canvas(self) -> Canvas:
        import mujoco

        from models.offscreen import Canvas

        if self._canvas is None:
            self._canvas = Canvas(self._model, OVERSAMPLING * self.size)
            self._data = mujoco.MjData(self._model)
            mujoco.mj_forward(self._model, self._data)
        return self._canvas

    def _move(self, canvas: Canvas, vertices: Floats) -> None:
        """Puts the skin somewhere (v, 3), and its normals along."""
        import mujoco

        normals = _normals(vertices, self.body.faces)
        for part, (chosen, _) in self._pieces.items():
            mesh = self._model.mesh(part).id
            frame = np.zeros(9)
            mujoco.mju_quat2Mat(frame, self._model.mesh_quat[mesh])  # a mesh is kept in its inertial frame
            turn = frame.reshape(3, 3)
            first, count = self._model.mesh_vertadr[mesh], len(chosen)
            self._model.mesh_vert[first : first + count] = (vertices[chosen] - self._model.mesh_pos[mesh]) @ turn
            first = self._model.mesh_normaladr[mesh]
            self._model.mesh_normal[first : first + count] = normals[chosen] @ turn
            canvas.upload(mesh)

    def close(self) -> None:
        """Frees the drawing context; may be called again."""
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pieces(parts: Ints, faces: Ints) -> dict[str, tuple[Ints, Ints]]:
    found = {}
    for index, part in enumerate(PARTS):
        chosen, numbers = np.unique(faces[parts == index], return_inverse=True)
        found[part] = (chosen, numbers.reshape(-1, 3))
    return found


def _normals(vertices: Floats, faces: Ints) -> Floats:
    """(v, 3): those of the faces around each vertex, by their areas."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    each = np.repeat(across, 3, axis=0)
    sums = [np.bincount(faces.ravel(), each[:, axis], len(vertices)) for axis in range(3)]
    normals = np.stack(sums, axis=1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _model(person: Person, clothes: Clothes, sight: Sight, size: int) -> mujoco.MjModel:
    """Compiles the person in their room."""
    import mujoco

    spec = mujoco.MjSpec()
    visual = spec.visual
    visual.global_.offwidth = visual.global_.offheight = size
    visual.global_.fovy = FIELD_OF_VIEW
    visual.quality.offsamples = 0
    visual.map.znear = 0.05
    visual.headlight.ambient = [0.38 * sight.light] * 3
    visual.headlight.diffuse = [0.2 * sight.light] * 3
    visual.headlight.specular = [0.0] * 3
    angle = np.deg2rad(sight.light_from)
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=[-np.sin(angle), np.cos(angle), -0.8],
        diffuse=[0.5 * sight.light] * 3,
        specular=[0.05] * 3,
        castshadow=False,
    )
    room.add(spec, room.ROOMS[sight.room])
    turn = np.deg2rad(sight.turn) / 2
    stand = spec.worldbody.add_body(pos=[sight.aside, 0, 0], quat=[np.cos(turn), 0, 0, np.sin(turn)])
    normals = _normals(person.body.vertices, person.body.faces)
    for part, (chosen, faces) in person.pieces.items():
        spec.add_mesh(
            name=part,
            uservert=person.body.vertices[chosen].ravel(),
            usernormal=normals[chosen].ravel(),
            userface=faces.ravel(),
            userfacenormal=faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        stand.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=part,
            rgba=[*clothes.of(part), 1.0],
            contype=0,
            conaffinity=0,
        )
    model = spec.compile()
    for part, (chosen, _) in person.pieces.items():
        mesh = model.mesh(part).id
        assert (model.mesh_vertnum[mesh], model.mesh_normalnum[mesh]) == (len(chosen), len(chosen)), (
            "MuJoCo changed a mesh"
        )
    return model
