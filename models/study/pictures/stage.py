"""Draws what is in front of the camera; in the process of a `Studio`.

Robots are drawn by one and the same simulator, however they are seen; a person by one of their own.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import Image
from models.study.pictures.scene import PersonScene, RobotScene, Scene, Shot

if TYPE_CHECKING:
    from models.icub.simulator import Icub

Draw = Callable[[Shot], Image]
_open: dict[str, tuple[Draw, contextlib.ExitStack]] = {}  # at most one: what was drawn last


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
        _open[name] = _stage(clean, size, stack), stack
    return _open[name][0](shot)


def close() -> None:
    """Frees what was drawn with; may be called again."""
    for _, stack in _open.values():
        stack.close()
    _open.clear()


def _stage(scene: Scene, size: int, stack: contextlib.ExitStack) -> Draw:
    if isinstance(scene, PersonScene):
        from models.people.person import Person

        person = stack.enter_context(Person(scene.build, scene.clothes, scene.sight, size))
        return lambda shot: person.render(shot.posture)
    from models.icub.simulator import Icub

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
    from models.study.pictures.backdrop import backdrop

    walls = []
    for grey in (0.0, 1.0):
        robot.view = dataclasses.replace(scene.view, wall=(grey, grey, grey))
        walls.append(robot.render(scene.mirror).astype(np.float64))
    wall = walls[1] - walls[0]
    behind = backdrop(scene.backdrop, robot.size).astype(np.float64) * min(1.0, scene.view.light)
    picture = walls[0] + np.clip(wall / max(1.0, wall.max()), 0.0, 1.0) * behind
    return np.asarray(np.rint(picture).clip(0, 255), np.uint8)
