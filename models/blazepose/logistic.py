"""The logistic function: log odds -> probabilities."""

from typing import Final

import numpy as np

from models.arrays import AnyFloats, Floats

_LARGEST: Final = 100.0  # beyond it nothing changes, and exponentials would overflow at last


def logistic(odds: AnyFloats) -> Floats:
    """1 / (1 + exp(-x)), of log odds of any shape."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds.astype(np.float64), -_LARGEST, _LARGEST))))
