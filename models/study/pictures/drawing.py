"""Draws what is in front of the camera; in the process of a `DrawingProcess`.

Robots are drawn by one and the same simulator, however they are seen; a person by one of their own.
"""

import contextlib
import dataclasses
import sys
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from models import measures, offscreen
from models.arrays import Image
from models.files.fingerprint import digest
from models.icub import eyes, face, kinematics, leds, meshes, model, simulator, view
from models.icub.simulator import Icub
from models.people import appearance, body, figure, person, room, skinning
from models.people.person import Person
from models.study.pictures.scene import PersonScene, RobotScene, Scene, Shot

_HERE: Final = (sys.modules[__name__], offscreen, kinematics)
ROBOT_SOURCES: Final = (*_HERE, eyes, face, leds, meshes, model, simulator, view)
PERSON_SOURCES: Final = (*_HERE, appearance, body, figure, measures, person, room, skinning)
"""The modules that draw robots, and people."""
_SEED: Final = 7
_THINGS: Final = 60
Draw = Callable[[Shot], Image]
_open: dict[str, tuple[Draw, contextlib.ExitStack]] = {}  # at most one: what was drawn last


def sources(scene: Scene) -> str:
    """Digest of what draws a scene: if that changes, pictures that were kept are of no use."""
    if isinstance(scene, PersonScene):
        return digest(PERSON_SOURCES, ("mujoco", "opencv-python"), (body.FILE,))
    packages = ("mujoco", "icub-models", "fast-simplification", "opencv-python")
    return digest(ROBOT_SOURCES, (*packages, "matplotlib") if scene.backdrop else packages)


def draw(shot: Shot, size: int) -> Image:
    """The picture (size, size, 3) of a shot, without noise; always to be called from one thread.

    Raises:
        NoDisplayError: Nothing on this machine can draw; the message says what to install.
    """
    clean = shot.scene.clean
    name = f"{type(clean).__name__} {size} {'' if isinstance(clean, RobotScene) else clean}"
    if name not in _open:
        close()
        stack = contextlib.ExitStack()
        _open[name] = _drawer(clean, size, stack), stack
    return _open[name][0](shot)


def close() -> None:
    """Frees what was drawn with; may be called again."""
    for _, stack in _open.values():
        stack.close()
    _open.clear()


def _drawer(scene: Scene, size: int, stack: contextlib.ExitStack) -> Draw:
    if isinstance(scene, PersonScene):
        somebody = stack.enter_context(Person(scene.build, scene.clothes, scene.sight, size))
        return lambda shot: somebody.render(shot.posture)
    robot = stack.enter_context(Icub(size=size))
    return lambda shot: _robot(robot, shot)


def _robot(robot: Icub, shot: Shot) -> Image:
    scene = shot.scene.clean
    assert isinstance(scene, RobotScene)
    robot.reset(shot.posture)
    robot.view = scene.view
    return _before(robot, scene) if scene.backdrop else robot.render(scene.mirror)


def _before(robot: Icub, scene: RobotScene) -> Image:
    """The robot before a picture: the wall is seen where a white one differs from a black one."""
    walls = []
    for grey in (0.0, 1.0):
        robot.view = dataclasses.replace(scene.view, wall=(grey, grey, grey))
        walls.append(robot.render(scene.mirror).astype(np.float64))
    wall = walls[1] - walls[0]
    behind = backdrop(scene.backdrop, robot.size).astype(np.float64) * min(1.0, scene.view.light)
    picture = walls[0] + np.clip(wall / max(1.0, wall.max()), 0.0, 1.0) * behind
    return np.asarray(np.rint(picture).clip(0, 255), np.uint8)


@cache
def backdrop(name: str, size: int) -> Image:
    """A picture (size, size, 3).

    `photograph` is a portrait of Grace Hopper before a flag that comes with matplotlib (U.S. Navy, public domain):
    a face, a uniform, edges, colours. `clutter` is drawn: sixty boxes and discs of random colours over a gradient.

    Raises:
        ValueError: There is no such backdrop.
    """
    if name == "photograph":
        return _photograph(size)
    if name == "clutter":
        return _clutter(size)
    raise ValueError(f"{name!r} is no backdrop; valid are 'photograph' and 'clutter'")


def _photograph(size: int) -> Image:
    import cv2
    from matplotlib.cbook import get_sample_data

    path = str(get_sample_data("grace_hopper.jpg", asfileobj=False))
    image = np.asarray(cv2.imread(path, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    side = min(image.shape[:2])
    square = np.ascontiguousarray(image[:side, :side])
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _clutter(size: int) -> Image:
    import cv2

    random = np.random.default_rng(_SEED)
    ramp = np.linspace(90, 190, size)[:, None, None] * np.array([1.0, 0.95, 0.85])
    image = np.ascontiguousarray(np.broadcast_to(ramp, (size, size, 3)).astype(np.uint8))
    for number in range(_THINGS):
        colour = tuple(map(int, random.integers(0, 256, 3)))
        x, y, width, height = (int(v) for v in random.integers(0, size, 4) // (1, 1, 5, 5))
        if number % 2:
            cv2.rectangle(image, (x, y), (x + width, y + height), colour, -1)
        else:
            cv2.circle(image, (x, y), width // 2, colour, -1)
    return image
