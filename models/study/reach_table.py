"""The table of what an arm reaches: points of a grid, the joints that bring wrist, elbow or palm there, the elbow.

As the ancestor made it, a row for each point that is reached: `rightarm_wrist.txt`, `rightarm_elbow.txt`.
"""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Bools, Floats
from models.icub.collision import Collider
from models.icub.inverse_kinematics import grid, inverse
from models.icub.kinematics import ARM_JOINTS, ELBOW, PALM, WRIST, direct

POINTS: Final = {"wrist": WRIST, "elbow": ELBOW, "palm": PALM}
ENDINGS: Final = (".npz", ".csv")
_COLUMNS: Final = (
    *(f"goal_{axis}" for axis in "xyz"),
    *ARM_JOINTS,
    *(f"elbow_{axis}" for axis in "xyz"),
    "distance",
    "iterations",
    "touches",
)


@dataclass(frozen=True)
class ReachTable:
    """What one arm reaches; a row for each point.

    Attributes:
        goal: (n, 3) mm in the root frame, the point of the grid.
        arm: (n, 5) degrees, the posture that reaches it.
        elbow: (n, 3) mm, where the elbow is then.
        distance: (n,) mm that are left of the way.
        iterations: (n,) visits of a joint that it took to find it.
        touches: (n,) whether the arm touches the body then.
    """

    goal: Floats
    arm: Floats
    elbow: Floats
    distance: Floats
    iterations: NDArray[np.int64]
    touches: Bools

    def write(self, path: Path) -> None:
        """Writes it: .npz has an array for each attribute, .csv a line of names and one for each row.

        Raises:
            OSError: It cannot be written.
            ValueError: Another ending.
        """
        check_ending(path)
        if path.suffix == ".npz":
            np.savez_compressed(path, **vars(self))
            return
        columns = np.column_stack([np.asarray(part, np.float64) for part in astuple(self)])
        formats = ["%.10g"] * 8 + ["%.3f"] * 4 + ["%d"] * 2
        np.savetxt(path, columns, formats, delimiter=",", header=",".join(_COLUMNS), comments="")


def check_ending(path: Path) -> None:
    """Whether there is such a kind of file.

    Raises:
        ValueError: There is none; names the valid ones.
    """
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path} ends with {path.suffix!r}; valid are {' and '.join(ENDINGS)}")


def make_table(point: str, side: str, step: float, collider: Collider) -> ReachTable:
    """Looks for a posture for each point of the grid, with progress bars.

    Args:
        point: One of `POINTS`: what is brought to the points of the grid.
        side: "right" or "left".
        step: Distance of the points, mm.
        collider: Tells what touches.

    Raises:
        ValueError: The step is not positive, or no point is reached.
    """
    goals = grid(step, side, POINTS[point])
    found = inverse(goals, side, progress=True, point=POINTS[point])
    there = found.reached
    if not there.any():
        raise ValueError(f"step is {step:g}: none of the points of such a grid is reached; choose a smaller one")
    arm = found.arm[there]
    right, left = collider.body(arm)
    return ReachTable(
        goals[there],
        arm,
        direct(arm, side=side)[:, ELBOW],
        found.distance[there],
        found.iterations[there],
        right if side == "right" else left,
    )
