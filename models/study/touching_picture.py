"""A picture of reachable postures: an arm in the body, arms in each other, and free arms."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.collision import Collider
from models.icub.simulator import REST, Icub

ROWS: Final = ("an arm in the body", "arms in each other", "kept")
_SIZE: Final = 200
_DRAWS: Final = 2000


def choose(collider: Collider, arm: Floats, count: int, seed: int) -> list[Floats]:
    """Postures (count, 10) for each of `ROWS`; in the first the left arm rests, in the others both do the same.

    Args:
        collider: what tells what touches.
        arm: (p, 5) degrees, postures of an arm.
        count: of each row, at most.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    chosen = arm[rng.permutation(len(arm))[:_DRAWS]]
    in_body, _ = collider.body(chosen)
    both = np.hstack([chosen, chosen])[~in_body]
    arms = collider.check(both).arms
    alone = np.hstack([chosen[in_body], np.tile(REST[5:], (int(in_body.sum()), 1))])
    return [alone[:count], both[arms][:count], both[~arms][:count]]


def draw(postures: list[Floats], path: Path) -> None:
    """Draw each list of postures as a row of pictures of the simulated robot.

    Raises:
        OSError: the picture cannot be written.
        ValueError: its ending names no format of pictures.
    """
    from PIL import Image

    with Icub(size=_SIZE) as robot:
        sheet = np.full((_SIZE * len(postures), _SIZE * max(map(len, postures)), 3), 255, np.uint8)
        for row, several in enumerate(postures):
            for column, posture in enumerate(several):
                robot.reset(posture)
                place = np.s_[row * _SIZE : (row + 1) * _SIZE, column * _SIZE : (column + 1) * _SIZE]
                sheet[place] = robot.render()
    Image.fromarray(sheet).save(path)
