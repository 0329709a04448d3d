"""A picture of the points that the wrist of the right arm reaches: from the front, from the side, from above."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from models.arrays import Bools, Floats
from models.icub.kinematics import ELBOW, REST_ARM, WRIST, direct

# Title; coordinate to the right and its label; coordinate upwards and its label; sign of the one to the right.
_VIEWS: Final = (
    ("from behind", 1, "y: to the right", 2, "z: up", 1.0),
    ("from the right", 0, "-x: forwards", 2, "z: up", -1.0),
    ("from above", 1, "y: to the right", 0, "-x: forwards", 1.0),
)
_ELBOW_ANGLE: Final = 3


def draw(points: Floats, arm: Floats, touching: Bools, path: Path) -> None:
    """Draw the points, coloured by the angle of the elbow, grey where the arm would touch the body.

    Args:
        points: (n, 3) mm.
        arm: (n, 5) degrees, the postures that reach them.
        touching: (n,) whether these touch the body.
        path: the picture.

    Raises:
        OSError: it cannot be written.
        ValueError: its ending names no format of pictures.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    chains = [direct(REST_ARM, side=side) for side in ("right", "left")]
    shown: Any = None
    for axes, (title, across, label, upwards, up_label, sign) in zip(
        figure.subplots(1, 3, width_ratios=(1.5, 1.0, 1.5)), _VIEWS, strict=True
    ):
        up_sign = -1.0 if upwards == 0 else 1.0
        depth = np.argsort(points[:, ({0, 1, 2} - {across, upwards}).pop()])
        for part, style in ((touching, {"c": "0.82", "s": 4}), (~touching, {"s": 7, "cmap": "viridis"})):
            order = depth[part[depth]]
            colors = {} if "c" in style else {"c": arm[order, _ELBOW_ANGLE]}
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
    figure.colorbar(shown, ax=figure.axes, label="elbow (degrees)", pad=0.01)
    figure.suptitle(f"{len(points)} points; grey: {int(touching.sum())} where the arm would touch the body")
    figure.savefig(path, dpi=90, metadata={"Software": None} if path.suffix == ".png" else None)
