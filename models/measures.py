"""Measures of imitation: how far a posture is from the one that was meant, in per cent of the joints' ranges.

    NMAE = 100 * mean over postures and joints of |angle - true angle| / range of the joint

Chance is the same measure for a system that always answers with the median posture of what it has learned
from: a number below it says that the system sees something. Source: A. Lucny et al., "Robot at the Mirror",
arXiv 2311.13226; ranges: `models.icub.kinematics.JOINT_LIMITS`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS, JOINTS

RANGES: Final[Floats] = JOINT_LIMITS[:, 1] - JOINT_LIMITS[:, 0]
"""Widths of the ranges of the ten joints, degrees."""


@dataclass(frozen=True)
class Measure:
    """A mean over postures with its 95 % confidence interval (bootstrap over postures).

    Attributes:
        mean: The measure, e.g. NMAE in per cent.
        low: Lower end of the interval.
        high: Upper end of the interval.
        count: How many postures.
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} % ({self.low:.2f}..{self.high:.2f}, n={self.count})"


def postures(name: str, value: ArrayLike) -> Floats:
    """The value as finite postures (..., 10), degrees.

    Raises:
        ValueError: Another shape, or NaN.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != len(JOINTS):
        raise ValueError(f"{name} has shape {array.shape}; valid is (..., {len(JOINTS)}): {', '.join(JOINTS)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity")
    return array


def _errors(answer: ArrayLike, true: ArrayLike) -> Floats:
    """Errors (n, 10) in per cent of the ranges."""
    given, meant = postures("answer", answer), postures("true", true)
    if given.shape != meant.shape:
        raise ValueError(f"answer has shape {given.shape}, true has {meant.shape}; they must be the same")
    if given.size == 0:
        raise ValueError("there is no posture to measure")
    return (100.0 * np.abs(given - meant) / RANGES).reshape(-1, len(JOINTS))


def nmae(answer: ArrayLike, true: ArrayLike) -> float:
    """Normalised mean absolute error, per cent, over postures (..., 10) in degrees.

    Raises:
        ValueError: Different or wrong shapes, nothing to measure, NaN.
    """
    return float(_errors(answer, true).mean())


def nmae_per_joint(answer: ArrayLike, true: ArrayLike) -> Floats:
    """NMAE of each of the ten joints (10,), per cent."""
    return np.asarray(_errors(answer, true).mean(axis=0))


def nmae_per_posture(answer: ArrayLike, true: ArrayLike) -> Floats:
    """NMAE of each posture (n,), per cent."""
    return np.asarray(_errors(answer, true).mean(axis=1))


def measure(answer: ArrayLike, true: ArrayLike, resamples: int = 2000, seed: int = 0) -> Measure:
    """NMAE with its 95 % confidence interval: percentiles of the means of resampled postures.

    Args:
        answer: (n, 10) degrees.
        true: (n, 10) degrees.
        resamples: How often the postures are drawn anew, with replacement.
        seed: Of these draws.
    """
    each = nmae_per_posture(answer, true)
    draws = np.random.default_rng(seed).integers(len(each), size=(resamples, len(each)))
    low, high = np.percentile(each[draws].mean(axis=1), [2.5, 97.5])
    return Measure(float(each.mean()), float(low), float(high), len(each))


def chance(learned_from: ArrayLike, true: ArrayLike) -> float:
    """NMAE of the answer that is always the median posture of `learned_from` (n, 10), on `true` (m, 10)."""
    median = np.median(postures("learned_from", learned_from).reshape(-1, len(JOINTS)), axis=0)
    return nmae(np.broadcast_to(median, np.shape(true)), true)


def swap_arms(joints: ArrayLike) -> Floats:
    """The posture (..., 10) with its arms exchanged: what a mirror image of the robot must be compared with."""
    array = postures("joints", joints)
    return np.concatenate([array[..., 5:], array[..., :5]], axis=-1)
