"""Rooms that a person stands in, as MuJoCo scenes: walls, a floor, some things, a lamp."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import mujoco

Colour = tuple[float, float, float]

_BEHIND: Final = 1.6  # metres from the person to the wall
_WIDTH, _HEIGHT = 3.2, 4.0  # metres, half of the width


@dataclass(frozen=True)
class Box:
    """A thing in a room.

    Attributes:
        centre: Metres: to the left of the person, in front of the wall, above the floor.
        size: Metres: width, depth, height.
        colour: Red, green, blue, 0..1.
    """

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: Colour


@dataclass(frozen=True)
class Room:
    """A room around a person.

    Attributes:
        wall: Colour of the walls, red, green, blue, 0..1.
        floor: Colours of the floor's tiles.
        things: Furniture, pictures, windows.
    """

    wall: Colour
    floor: tuple[Colour, Colour]
    things: tuple[Box, ...] = ()


_WOOD, _DARK, _WHITE, _SKY = (0.55, 0.38, 0.22), (0.16, 0.17, 0.19), (0.95, 0.95, 0.93), (0.62, 0.78, 0.93)
_SHELF: Final = tuple(
    Box((-1.05 + 0.1 * i, 0.2, 1.02 + 0.4 * row), (0.07, 0.2, 0.22 + 0.03 * ((i + row) % 3)), colour)
    for row in (0, 1)
    for i, colour in enumerate(
        [(0.6, 0.2, 0.18), (0.2, 0.35, 0.55), (0.85, 0.75, 0.4), (0.25, 0.45, 0.3), (0.5, 0.5, 0.52)] * 2
    )
    if (i + 2 * row) % 4
)
ROOMS: Final[Mapping[str, Room]] = {
    "plain": Room((0.86, 0.85, 0.81), ((0.55, 0.5, 0.45), (0.5, 0.46, 0.41))),
    "office": Room(
        (0.78, 0.82, 0.84),
        ((0.36, 0.38, 0.42), (0.32, 0.34, 0.38)),
        (
            Box((0.75, 0.03, 1.6), (1.3, 0.04, 0.9), _WHITE),
            Box((0.75, 0.02, 1.6), (1.38, 0.03, 0.98), _DARK),
            Box((-1.35, 0.25, 0.9), (0.8, 0.5, 1.8), (0.62, 0.64, 0.66)),
            Box((0.9, 0.4, 0.74), (1.4, 0.7, 0.04), _WOOD),
            Box((0.6, 0.45, 0.98), (0.5, 0.06, 0.34), _DARK),
        ),
    ),
    "living": Room(
        (0.83, 0.72, 0.56),
        ((0.5, 0.33, 0.2), (0.46, 0.3, 0.18)),
        (
            Box((0.2, 0.5, 0.35), (1.9, 0.8, 0.4), (0.3, 0.42, 0.4)),
            Box((0.2, 0.2, 0.65), (1.9, 0.25, 0.7), (0.28, 0.39, 0.37)),
            Box((0.55, 0.03, 1.75), (0.8, 0.04, 0.55), (0.24, 0.34, 0.52)),
            Box((0.55, 0.04, 1.65), (0.8, 0.04, 0.2), (0.75, 0.62, 0.35)),
            Box((-1.0, 0.03, 1.5), (0.9, 0.04, 1.3), _SKY),
            Box((-1.52, 0.06, 1.3), (0.25, 0.08, 2.2), (0.65, 0.25, 0.2)),
            Box((-0.48, 0.06, 1.3), (0.25, 0.08, 2.2), (0.65, 0.25, 0.2)),
        ),
    ),
    "library": Room(
        (0.45, 0.5, 0.42),
        ((0.4, 0.32, 0.26), (0.36, 0.29, 0.23)),
        (
            Box((-0.6, 0.17, 0.88), (1.2, 0.3, 0.04), _WOOD),
            Box((-0.6, 0.17, 1.28), (1.2, 0.3, 0.04), _WOOD),
            Box((-0.6, 0.17, 1.7), (1.2, 0.3, 0.04), _WOOD),
            Box((0.95, 0.03, 1.05), (0.95, 0.06, 2.1), (0.72, 0.68, 0.6)),
            Box((0.6, 0.08, 1.05), (0.06, 0.06, 0.06), (0.8, 0.7, 0.3)),
            *_SHELF,
        ),
    ),
}
"""By name."""


def cluttered(random: np.random.Generator, most: int = 14) -> Room:
    """A room of random colours, with up to `most` random things before its wall."""

    def colour() -> Colour:
        red, green, blue = random.random(3)
        return float(red), float(green), float(blue)

    def thing() -> Box:
        x, depth, z = random.uniform((-1.6, 0.02, 0.2), (1.6, 0.5, 2.6))
        width, thickness, height = random.uniform((0.05, 0.02, 0.05), (1.4, 0.4, 1.2))
        return Box((float(x), float(depth), float(z)), (float(width), float(thickness), float(height)), colour())

    count = int(random.integers(most + 1))
    return Room(colour(), (colour(), colour()), tuple(thing() for _ in range(count)))


def add(spec: "mujoco.MjSpec", room: Room) -> None:
    """Adds a room to a scene: the person is at the origin, z is up, the wall is behind, at positive y."""
    import mujoco

    def box(place: Any, half_size: Any, colour: Colour) -> None:
        kind = mujoco.mjtGeom.mjGEOM_BOX
        spec.worldbody.add_geom(type=kind, pos=place, size=half_size, rgba=[*colour, 1.0])

    walls = [((0.0, _BEHIND + 0.05, _HEIGHT / 2), (_WIDTH, 0.05, _HEIGHT / 2))]
    walls += [((side * (_WIDTH + 0.05), -3.0, _HEIGHT / 2), (0.05, 5.0, _HEIGHT / 2)) for side in (-1, 1)]
    for place, size in walls:
        box(place, size, room.wall)
    for thing in room.things:
        x, depth, z = thing.centre
        box((x, _BEHIND - depth, z), np.divide(thing.size, 2.0), thing.colour)
    spec.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=room.floor[0],
        rgb2=room.floor[1],
        width=128,
        height=128,
    )
    tiles = spec.add_material(name="floor", texrepeat=[2, 2], texuniform=True, specular=0.0, shininess=0.0)
    tiles.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[8, 8, 0.1], material="floor")
