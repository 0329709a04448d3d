"""The posture probe: how well a straight line reads joint angles from features, on frames never trained on.

Ridge regression, W = (X^T X + r I)^-1 X^T Y, from standardised features to joints, with r chosen by leave-one-out
inside the frames that it is fitted on. Its error is NMAE (`models.measures`), beside two lines that say
what it is worth: *chance*, the answer that is always the median posture, and the same probe on the same network
with random weights. Sources: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970); Golub, Heath and Wahba,
Technometrics 21 (1979), for leave-one-out without refitting.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS
from models.measures import chance, nmae

_RIDGES: Final = np.geomspace(1e-3, 1e4, 15)


def predict(known: ArrayLike, postures: ArrayLike, asked: ArrayLike) -> Floats:
    """Postures (m, 10), degrees, within the limits, of features (m, d).

    Args:
        known: (n, d), features.
        postures: (n, 10) degrees, of these.
        asked: (m, d), features.
    """
    x, y, q = (np.asarray(each, dtype=np.float64) for each in (known, postures, asked))
    middle, size = x.mean(axis=0), x.std(axis=0)
    size[size < 1e-9] = np.inf  # what never changes says nothing
    offset = y.mean(axis=0)
    u, s, vt = np.linalg.svd((x - middle) / size, full_matrices=False)
    target = u.T @ (y - offset)
    errors = []
    for ridge in _RIDGES:
        shrink = s**2 / (s**2 + ridge)
        leverage = 1.0 / len(x) + (u**2) @ shrink
        rest = (y - offset - u @ (shrink[:, None] * target)) / np.maximum(1.0 - leverage, 1e-6)[:, None]
        errors.append(np.square(rest).mean())
    best = _RIDGES[int(np.argmin(errors))]
    weights = vt.T @ ((s / (s**2 + best))[:, None] * target)
    answer = ((q - middle) / size) @ weights + offset
    return np.asarray(np.clip(answer, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]))


def score(known: ArrayLike, postures: ArrayLike, asked: ArrayLike, true: ArrayLike) -> tuple[float, float]:
    """NMAE of the probe and of chance, per cent; see `predict`, `true` (m, 10) is what `asked` shows."""
    return nmae(predict(known, postures, asked), true), chance(postures, true)
