"""Pictures of what the arms reach: the points of the wrist, and postures that touch and that do not."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from models.arrays import Bools, Floats
from models.icub.collision import Collider
from models.icub.kinematics import ARM_JOINTS, ELBOW, REST_ARM, SIDES, WRIST, direct
from models.icub.simulator import REST, Icub

# Title; coordinate to the right and its label; coordinate upwards and its label; sign of the one to the right.
_VIEWS: Final = (
    ("from behind", 1, "y: to the right", 2, "z: up", 1.0),
    ("from the right", 0, "-x: forwards", 2, "z: up", -1.0),
    ("from above", 1, "y: to the right", 0, "-x: forwards", 1.0),
)

ROWS: Final = ("an arm in the body", "arms in each other", "kept")
_SIZE: Final = 200
_DRAWS: Final = 2000


def draw_points(
    points: Floats, arm: Floats, touching: Bools, path: Path, point: int = WRIST, side: str = "right"
) -> None:
    """Draw the points from three sides: coloured by the elbow's angle, grey where the arm would touch the body.

    Args:
        points: (n, 3) mm.
        arm: (n, 5) degrees, the postures that reach them.
        touching: (n,) whether these touch the body.
        path: The picture.
        point: What reaches them. Elbows are coloured by the shoulder's roll, which moves them.
        side: Whose arm it is.

    Raises:
        OSError: It cannot be written.
        ValueError: Its ending names no format of pictures.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    colour = "shoulder_roll" if point == ELBOW else "elbow"
    chains = [direct(REST_ARM, side=each) for each in sorted(SIDES, key=lambda each: each != side)]
    shown: Any = None
    for axes, (title, across, label, upwards, up_label, sign) in zip(
        figure.subplots(1, 3, width_ratios=(1.5, 1.0, 1.5)), _VIEWS, strict=True
    ):
        up_sign = -1.0 if upwards == 0 else 1.0
        depth = np.argsort(points[:, ({0, 1, 2} - {across, upwards}).pop()])
        for part, style in ((touching, {"c": "0.82", "s": 4}), (~touching, {"s": 7, "cmap": "viridis"})):
            order = depth[part[depth]]
            colors = {} if "c" in style else {"c": arm[order, ARM_JOINTS.index(colour)]}
            shown = axes.scatter(
                sign * points[order, across], up_sign * points[order, upwards], linewidths=0, **style, **colors
            )
        for chain, color in ((chains[1], "0.45"), (chains[0], "crimson")):
            axes.plot(sign * chain[:, across], up_sign * chain[:, upwards], "-o", color=color, lw=2.5, ms=4)
        for index, name, away in ((ELBOW, "elbow", (6, -16)), (WRIST, "wrist", (6, 8))):
            place = (sign * chains[0][index, across], up_sign * chains[0][index, upwards])
            box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
            axes.annotate(name, place, xytext=away, textcoords="offset points", color="crimson", bbox=box)
        axes.set(title=title, xlabel=f"{label} (mm)", ylabel=f"{up_label} (mm)", aspect="equal")
        axes.grid(alpha=0.3)
    figure.colorbar(shown, ax=figure.axes, label=f"{colour.replace('_', ' ')} (degrees)", pad=0.01)
    figure.suptitle(f"{len(points)} points; grey: {int(touching.sum())} where the arm would touch the body")
    figure.savefig(path, dpi=90, metadata={"Software": None} if path.suffix == ".png" else None)


def choose_postures(collider: Collider, arm: Floats, count: int, seed: int) -> list[Floats]:
    """Postures (count, 10) for each of `ROWS`; in the first the left arm rests, in the others both do the same.

    Args:
        collider: What tells what touches.
        arm: (p, 5) degrees, postures of an arm.
        count: Of each row, at most.
        seed: Of the choice.
    """
    rng = np.random.default_rng(seed)
    chosen = arm[rng.permutation(len(arm))[:_DRAWS]]
    in_body, _ = collider.body(chosen)
    both = np.hstack([chosen, chosen])[~in_body]
    arms = collider.check(both).arms
    alone = np.hstack([chosen[in_body], np.tile(REST[5:], (int(in_body.sum()), 1))])
    return [alone[:count], both[arms][:count], both[~arms][:count]]


def draw_postures(postures: list[Floats], path: Path) -> None:
    """Draw each list of postures as a row of pictures of the simulated robot.

    Raises:
        OSError: The picture cannot be written.
        ValueError: Its ending names no format of pictures.
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
