"""Reaching: postures of an arm of the official iCub that bring its palm to a point; torso and wrist are straight.

Damped least squares from many postures at once: an arm of five joints reaches a point in many ways, and a descent
may end at a limit. Among what is found, who asks takes the nearest that touches nothing.

Source of the method: C. W. Wampler, IEEE Transactions on Systems, Man, and Cybernetics 16 (1986) 93-101.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import ARM_LIMITS, PALM, REST_ARM, SHOULDER, direct, finite
from models.icub.official_chain import OfficialChain

REACHED: Final = 5.0
"""Millimetres: a palm that is that near to its point has reached it."""

_STARTS: Final = 24
_ROUNDS: Final = 60
_DAMPING: Final = 15.0  # mm per radian: keeps steps small where the arm is stretched
_LONGEST: Final = 12.0  # degrees that a joint turns in one round
_DELTA: Final = 0.01  # degrees, of the differences in place of derivatives


class Ways(NamedTuple):
    """The postures of one arm that reach a point, the one nearest to where the arm is first.

    Attributes:
        arms: (n, 5) degrees; n may be 0.
        nearest: Millimetres that were left of the way in the best posture, reached or not.
    """

    arms: Floats
    nearest: float


class Reacher:
    """One arm that reaches for points.

    Args:
        side: "right" or "left".

    Raises:
        ValueError: Unknown side.
    """

    def __init__(self, side: str) -> None:
        chain = OfficialChain(side)
        self._side, self._table = side, chain.table
        self.limits: Floats = np.column_stack(
            [
                np.maximum(ARM_LIMITS[:, 0], chain.limits[:5, 0]),
                np.minimum(ARM_LIMITS[:, 1], chain.limits[:5, 1]),
            ]
        )
        """Ranges in which postures are looked for (5, 2), degrees."""

    def palm(self, arm: ArrayLike) -> Floats:
        """Where the palm is (..., 3), mm in the root frame, in postures (..., 5), degrees."""
        return np.asarray(direct(arm, side=self._side, table=self._table)[..., PALM, :])

    def shoulder(self) -> Floats:
        """Where the shoulder is (3,), mm in the root frame."""
        return np.asarray(direct(REST_ARM, side=self._side, table=self._table)[SHOULDER + 1])

    def ways(self, point: ArrayLike, here: ArrayLike) -> Ways:
        """The postures that bring the palm to a point.

        Args:
            point: (3,) mm in the root frame.
            here: (5,) degrees, where the arm is.

        Raises:
            ValueError: Another shape, or NaN.
        """
        goal, start = finite("point", point, (3,)), finite("here", here, (5,))
        low, high = self.limits.T
        rng = np.random.default_rng(0)  # the same point has the same postures each time
        arms = np.vstack([start, REST_ARM, rng.uniform(low, high, (_STARTS, 5))]).clip(low, high)
        for _ in range(_ROUNDS):
            arms = (arms + self._step(arms, goal)).clip(low, high)
        distances = np.linalg.norm(self.palm(arms) - goal, axis=1)
        found = arms[distances < REACHED]
        order = np.argsort(np.abs(found - start).max(axis=1), kind="stable")
        return Ways(found[order], float(distances.min()))

    def _step(self, arms: Floats, goal: Floats) -> Floats:
        """Degrees (n, 5) by which each posture is better turned."""
        turned = np.concatenate([arms[:, None], arms[:, None] + _DELTA * np.eye(5)], axis=1)
        palms = self.palm(turned)
        slopes = (palms[:, 1:] - palms[:, :1]).swapaxes(1, 2) / np.deg2rad(_DELTA)  # (n, 3, 5) mm per radian
        square = slopes @ slopes.swapaxes(1, 2) + _DAMPING**2 * np.eye(3)
        left = goal - palms[:, 0]
        turns = np.einsum("nji,nj->ni", slopes, np.linalg.solve(square, left[..., None])[..., 0])
        step = np.rad2deg(turns)
        longest = np.abs(step).max(axis=1, keepdims=True)
        return np.asarray(step * np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-9)))
