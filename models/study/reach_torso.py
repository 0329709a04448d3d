"""How many points around the robot a palm gets to, with the torso straight and with one that bends."""

from typing import Any, Final

import numpy as np
from tqdm import tqdm

from models.arrays import Bools, Floats
from models.icub.collision import Collider
from models.icub.kinematics import JOINTS, SIDES
from models.icub.reaching import UPRIGHT, Reacher
from models.icub.simulator import REST

BOX: Final = ((-600.0, -500.0, -300.0), (200.0, 500.0, 600.0))
"""Corners of the box (mm) in which points are tried: what a person would point at, and more."""


def box(step: float) -> Floats:
    """Its points (n, 3), mm.

    Args:
        step: Distance of the points, mm.

    Raises:
        ValueError: It is not positive.
    """
    if not step > 0:
        raise ValueError(f"step is {step}; valid is a positive number of millimetres")
    axes = [np.arange(low, high + step / 2, step) for low, high in zip(*BOX, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def reached(points: Floats, bend: bool, collider: Collider) -> tuple[Bools, Bools]:
    """Whether one of the palms gets to each point (n, 3) from the rest pose, with a progress bar.

    Args:
        points: See above.
        bend: The torso bends.
        collider: Tells what touches.

    Returns:
        Whether it does at all (n,), and in a posture that touches nothing (n,).
    """
    reachers = {side: Reacher(side) for side in SIDES}
    found, free = np.zeros((2, len(points)), dtype=np.bool_)
    for index, point in enumerate(tqdm(points, desc="torso bends" if bend else "torso straight", unit="point")):
        for first, side in zip((0, 5), SIDES, strict=True):
            arm = slice(first, first + 5)
            ways = reachers[side].ways(point, REST[arm], UPRIGHT, bend)
            if not len(ways.arms):
                continue
            postures = np.hstack([np.repeat(REST[None], len(ways.arms), axis=0), ways.torsos])
            postures[:, arm] = ways.arms
            found[index] = True
            free[index] |= not collider.check(postures).any.all()
    return found, free


def rows(points: Floats, collider: Collider) -> list[dict[str, Any]]:
    """The shares of the points, as a table: a row without the torso, and one with it."""
    table = []
    before = np.zeros(len(points), dtype=np.bool_)
    for bend in (False, True):
        found, free = reached(points, bend, collider)
        table.append(
            {
                "torso": "bends" if bend else "straight",
                "joints": len(JOINTS) // 2 + 3 * bend,
                "points": len(points),
                "reached": int((found | before).sum()),
                "touching nothing": int((free | before).sum()),
            }
        )
        before = free  # who may bend need not
    return table
