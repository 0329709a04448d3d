"""Inverse kinematics of the arms of the iCub, for thousands of goals at once.

It is the cyclic descent of the ancestor ("FABRIK modified for the D-H convention"): it
visits one joint after the other, from the wrist to the shoulder and back, turns it by one step where that
brings the wrist (or the elbow, or the palm) nearer, and halves the step when nothing helps any more. All goals
run in lockstep: which joint is visited depends on the number of the iteration only, so that the result for a
goal is the same alone or among thousands.

Sources: A. Lucny, learningImitation / pyicubsim. Idea of FABRIK: Aristidou and Lasenby, Graphical Models 73 (2011)
243-260.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from models.arrays import Floats
from models.icub.kinematics import (
    ARM_LIMITS,
    ELBOW,
    PALM,
    REST_ARM,
    ROOT_FRAME,
    WRIST,
    finite,
    link_frame,
    side_sign,
)

GRID_LOW: Final = (-300.0, -60.0, -110.0)
GRID_HIGH: Final = (200.0, 400.0, 470.0)
"""Corners (mm) of the box around the robot in which the ancestor looks for reachable wrist points."""
GRIDS: Final = {
    ELBOW: ((-180.0, -50.0, -100.0), (130.0, 300.0, 430.0)),
    WRIST: (GRID_LOW, GRID_HIGH),
    PALM: ((-370.0, -140.0, -180.0), (310.0, 470.0, 530.0)),
}
"""Boxes (mm) in which points of the right arm are looked for, by what shall be there; two are the ancestor's."""

# The descent ends within 1 mm of the goal, or when the step (degrees) is spent; then 3 mm still count as reached.
_NEAR_MM, _REACHED_MM, _PROGRESS_MM = 1.0, 3.0, 0.001
_FIRST_STEP, _LAST_STEP = 1.0, 1e-4
_FIRST_LINK, _PROSUP = 3, 4


@dataclass(frozen=True)
class Solution:
    """Solutions of the inverse kinematics for n goals.

    Attributes:
        arm: (n, 5) degrees; the best posture found, also where the goal was not reached.
        distance: (n,) mm between the wrist and the goal.
        reached: (n,) bool.
        iterations: (n,) visits of a joint.
    """

    arm: Floats
    distance: Floats
    reached: NDArray[np.bool_]
    iterations: NDArray[np.int64]


class _Descent:
    """The goals that are still being worked on; columns are goals, rows are coordinates or joints.

    Args:
        goals: (n, 3) mm.
        point: ELBOW, WRIST or PALM: what is brought there.

    Attributes:
        last: The last joint that carries the point.
    """

    def __init__(self, goals: Floats, point: int) -> None:
        n = len(goals)
        self.last = min(point - _FIRST_LINK - 1, _PROSUP)
        self._passive = point == WRIST  # it lies on the axis of the last joint, which cannot help
        self._beyond = np.eye(4)
        for link in range(_FIRST_LINK + self.last + 1, point):
            self._beyond = self._beyond @ link_frame(link, np.zeros(()))
        self.index = np.arange(n)
        self.open = np.ones(n, dtype=np.bool_)
        self.goal = goals.T.copy()
        self.theta = np.repeat(REST_ARM[:, None], n, axis=1)
        self.step = np.full(n, _FIRST_STEP)
        self.idle = np.zeros(n, dtype=np.int64)
        base = ROOT_FRAME
        for link in range(_FIRST_LINK):
            base = base @ link_frame(link, np.zeros(()))
        self.frame = np.empty(
            (self.last + 1, n, 4, 4)
        )  # before each joint; the joint turns about the z axis of its frame
        self.frame[0] = base
        self.point = self.distance = np.empty(0)
        for joint in range(self.last + 1):
            self.advance(joint)

    def advance(self, joint: int) -> None:
        """Compute what follows this joint: the frame of the next one, or the point (mm) and its distance."""
        after = self.frame[joint] @ link_frame(_FIRST_LINK + joint, np.deg2rad(self.theta[joint]))
        if joint < self.last:
            self.frame[joint + 1] = after
        else:
            self.point = (after @ self._beyond)[:, :3, 3].T.copy()
            self.distance = np.linalg.norm(self.point - self.goal, axis=0)

    def close(self) -> NDArray[np.bool_]:
        """Mark the goals that are done as not open any more; return which ones."""
        done = self.open & ((self.distance < _NEAR_MM) | (self.step < _LAST_STEP))
        self.open &= ~done
        return done

    def compact(self) -> None:
        """Drop the goals that are not open."""
        for name in ("goal", "theta", "point"):
            setattr(self, name, getattr(self, name)[:, self.open])
        for name in ("index", "step", "idle", "distance"):
            setattr(self, name, getattr(self, name)[self.open])
        self.frame = self.frame[:, self.open]
        self.open = self.open[self.open]

    def turn(self, joint: int) -> None:
        """Turn one joint by one step up or down where that brings the point nearer to the goal."""
        if self._passive and joint == self.last:
            self.idle += 1
            return
        axis = self.frame[joint][:, :3, 2].T
        arm = self.point - self.frame[joint][:, :3, 3].T
        along = axis * np.sum(axis * arm, axis=0)
        angle = np.deg2rad(self.step)
        middle = self.point - (1.0 - np.cos(angle)) * (arm - along)
        swing = np.sin(angle) * np.cross(axis, arm, axis=0)
        up, down = middle + swing, middle - swing
        d_up = np.linalg.norm(up - self.goal, axis=0)
        d_down = np.linalg.norm(down - self.goal, axis=0)
        low, high = ARM_LIMITS[joint]
        here = self.theta[joint]
        rises = self.open & (d_up < self.distance) & (d_up < d_down) & (here + self.step <= high)
        falls = self.open & (d_down < self.distance) & (d_down < d_up) & (here - self.step >= low)
        nearest = np.where(rises, d_up, np.where(falls, d_down, self.distance))
        self.idle[self.distance - nearest > _PROGRESS_MM] = 0
        self.idle[~(rises | falls)] += 1
        self.theta[joint] += self.step * (rises.astype(np.float64) - falls)
        self.point = np.where(rises, up, np.where(falls, down, self.point))
        self.distance = nearest

    def refine(self) -> None:
        """At a turning point of the passes: halve the step where a visit of each joint brought nothing."""
        stuck = self.idle > self.last
        self.idle[stuck] = 0
        self.step[stuck] *= 0.5


def inverse(goals: ArrayLike, side: str = "right", progress: bool = False, point: int = WRIST) -> Solution:
    """Arm postures that bring the wrist, or another point of the arm, to the goals, the torso upright.

    Args:
        goals: (n, 3) mm in the root frame.
        side: "right" or "left".
        progress: Show a progress bar (goals that are done).
        point: `models.icub.kinematics.ELBOW`, `WRIST` or `PALM`. Joints that do not carry it are at rest.

    Raises:
        ValueError: Wrong shape, NaN, unknown side, or another point.
    """
    _check_point(point)
    targets = finite("goals", goals, (3,)) * side_sign(side)
    if targets.ndim != 2:
        raise ValueError(f"goals has shape {targets.shape}; valid is (n, 3)")
    n = len(targets)
    solution = Solution(np.empty((n, 5)), np.empty(n), np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.int64))
    work = _Descent(targets, point)
    joint, way, iteration = work.last, 1, 0
    with tqdm(total=n, unit="goal", disable=not progress) as bar:
        while True:
            done = work.close()
            ended = work.index[done]
            solution.arm[ended] = work.theta[:, done].T
            solution.distance[ended] = work.distance[done]
            solution.reached[ended] = work.distance[done] < _REACHED_MM
            solution.iterations[ended] = iteration
            bar.update(len(ended))
            if not work.open.any():
                return solution
            if 4 * work.open.sum() < 3 * len(work.open):
                work.compact()
            work.turn(joint)
            if joint in (0, work.last):
                way = -way
                work.refine()
            if way > 0:
                work.advance(joint)
            joint += way
            iteration += 1


def reachable(step: float = 20.0, progress: bool = False) -> tuple[Floats, Floats]:
    """Wrist points of a grid around the robot that the right arm reaches.

    Args:
        step: Distance of the points of the grid, mm (the ancestor: 10).
        progress: Show a progress bar.

    Returns:
        The points (n, 3) in mm, and the postures of the arm (n, 5) in degrees that reach them.

    Raises:
        ValueError: The step is not positive.
    """
    points = grid(step)
    solution = inverse(points, progress=progress)
    return points[solution.reached], solution.arm[solution.reached]


def grid(step: float = 20.0, side: str = "right", point: int = WRIST) -> Floats:
    """The points (n, 3), mm, of the grid in one of `GRIDS`; that of the left arm is its mirror image.

    Args:
        step: Distance of the points, mm (the ancestor: 10).
        side: "right" or "left".
        point: ELBOW, WRIST or PALM.

    Raises:
        ValueError: The step is not positive, or there is no such side or point.
    """
    if not step > 0:
        raise ValueError(f"step is {step}; valid is a positive number of millimetres")
    _check_point(point)
    axes = [np.arange(low, high + step / 2, step) for low, high in zip(*GRIDS[point], strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) * side_sign(side)


def _check_point(point: int) -> None:
    if point not in GRIDS:
        raise ValueError(f"point is {point!r}; valid are ELBOW ({ELBOW}), WRIST ({WRIST}) and PALM ({PALM})")
