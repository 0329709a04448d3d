"""Reaching: postures of an arm of the official iCub that bring its palm to a point; the wrist is straight.

Damped least squares from many postures at once: an arm of five joints reaches a point in many ways, and a descent
may end at a limit. Among what is found, who asks takes the nearest that touches nothing. The torso stays as it is,
or bends with the arm, which it carries: then it turns less readily.

Source of the method: C. W. Wampler, IEEE Transactions on Systems, Man, and Cybernetics 16 (1986) 93-101.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import ARM_LIMITS, PALM, REST_ARM, SHOULDER, TORSO_LIMITS, direct, finite
from models.icub.official_chain import OfficialChain

REACHED: Final = 5.0
"""Millimetres: a palm that is that near to its point has reached it."""

UPRIGHT: Final = (0.0, 0.0, 0.0)
"""Yaw, roll and pitch of a torso that is straight."""

_STARTS: Final = 24
_ROUNDS: Final = 60
_DAMPING: Final = 15.0  # mm per radian: keeps steps small where the arm is stretched
_LONGEST: Final = 12.0  # degrees that a joint turns in one round
_EASE: Final[Floats] = np.array([1.0] * 5 + [0.4] * 3)  # of the joints of arm and torso: how readily they turn
_DELTA: Final = 0.01  # degrees, of the differences in place of derivatives


class Ways(NamedTuple):
    """The postures of one arm that reach a point, the one nearest to where the arm is first.

    Attributes:
        arms: (n, 5) degrees; n may be 0.
        torsos: (n, 3) degrees: yaw, roll, pitch of the torso with each of them.
        nearest: Millimetres that were left of the way in the best posture, reached or not.
    """

    arms: Floats
    torsos: Floats
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
        """Ranges in which postures are looked for (5, 2), degrees; those of the torso are `TORSO_LIMITS`."""

    def palm(self, arm: ArrayLike, torso: ArrayLike = UPRIGHT) -> Floats:
        """Where the palm is (..., 3), mm in the root frame, in postures (..., 5) and (..., 3), degrees."""
        return np.asarray(direct(arm, torso, self._side, self._table)[..., PALM, :])

    def shoulder(self, torso: ArrayLike = UPRIGHT) -> Floats:
        """Where the shoulder is (3,), mm in the root frame."""
        return np.asarray(direct(REST_ARM, torso, self._side, self._table)[SHOULDER + 1])

    def ways(self, point: ArrayLike, here: ArrayLike, torso: ArrayLike = UPRIGHT, bend: bool = False) -> Ways:
        """The postures that bring the palm to a point.

        Args:
            point: (3,) mm in the root frame.
            here: (5,) degrees, where the arm is.
            torso: (3,) degrees, where the torso is.
            bend: The torso moves, too.

        Raises:
            ValueError: Another shape, or NaN.
        """
        goal = finite("point", point, (3,))
        start = np.hstack([finite("here", here, (5,)), finite("torso", torso, (3,))])
        still = np.column_stack([start[5:], start[5:]])
        low, high = np.vstack([self.limits, TORSO_LIMITS if bend else still]).T
        rng = np.random.default_rng(0)  # the same point has the same postures each time
        arms = rng.uniform(low[:5], high[:5], (_STARTS, 5))
        drawn = np.hstack([arms, np.repeat(start[None, 5:], _STARTS, axis=0)])
        postures = np.vstack([start, [*REST_ARM, *start[5:]], drawn]).clip(low, high)
        ease = _EASE if bend else _EASE[:5]
        for _ in range(_ROUNDS):
            postures[:, : len(ease)] += self._step(postures, goal, ease)
            postures = postures.clip(low, high)
        distances = np.linalg.norm(self.palm(postures[:, :5], postures[:, 5:]) - goal, axis=1)
        found = postures[distances < REACHED]
        order = np.argsort(np.abs((found - start) / _EASE).max(axis=1), kind="stable")
        return Ways(found[order, :5], found[order, 5:], float(distances.min()))

    def _step(self, postures: Floats, goal: Floats, ease: Floats) -> Floats:
        """Degrees (n, k) by which the first k joints of each posture are better turned, the easy ones by more."""
        count = len(ease)
        turned = np.concatenate([postures[:, None], postures[:, None] + _DELTA * np.eye(8)[:count]], axis=1)
        palms = self.palm(turned[..., :5], turned[..., 5:])
        slopes = (palms[:, 1:] - palms[:, :1]).swapaxes(1, 2) / np.deg2rad(_DELTA)  # (n, 3, k) mm per radian
        eased = slopes * ease
        square = eased @ slopes.swapaxes(1, 2) + _DAMPING**2 * np.eye(3)
        left = goal - palms[:, 0]
        turns = np.einsum("nji,nj->ni", eased, np.linalg.solve(square, left[..., None])[..., 0])
        step = np.rad2deg(turns)
        longest = np.abs(step).max(axis=1, keepdims=True)
        return np.asarray(step * np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-9)))
