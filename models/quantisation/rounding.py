"""Weights rounded to bytes so that the answers change little, and not each weight by itself.

What a layer answers is a sum of products. Weights that are each rounded to the nearest step make errors that do
not cancel: in EfficientNet-Lite0, some of whose filters nearly cancel themselves on even areas, a fifth of the
features. Here one weight is rounded after the other, and those that are not rounded yet make up for the error, as
far as the inputs that the layer gets go together: a twentieth.

Source: E. Frantar, S. Ashkboos, T. Hoefler, D. Alistarh, GPTQ: Accurate Post-Training Quantization for Generative
Pre-trained Transformers, arXiv 2210.17323, section 3.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats

MOST: Final = 127
"""The largest number of steps, up or down."""
_DAMPING: Final = 1e-3  # of the mean power of the inputs, so that inputs that are never there do no harm


def steps(weights: Floats) -> Floats:
    """The size of a step for each row (n,) of weights (n, m): the largest has `MOST` steps; 1 where all are 0."""
    largest = np.abs(weights).max(axis=1)
    return np.where(largest > 0.0, largest / MOST, 1.0)


def rounded(weights: Floats, moments: Floats, step: Floats) -> NDArray[np.int8]:
    """Weights as numbers of steps.

    Args:
        weights: (n, m), a row for each output.
        moments: (m, m), the mean of x x^T over the inputs x (m,).
        step: (n,), the size of a step for each row.
    """
    m = weights.shape[1]
    order = np.argsort(-np.diag(moments), kind="stable")  # what counts most comes first: all can make up
    left = weights[:, order].astype(np.float64)
    power = moments[np.ix_(order, order)] + np.eye(m) * (_DAMPING * np.trace(moments) / m + 1e-12)
    ways = np.linalg.cholesky(np.linalg.inv(power)).T
    found = np.empty(weights.shape, np.int8)
    for place, at in enumerate(order):
        found[:, at] = np.clip(np.rint(left[:, place] / step), -MOST, MOST)
        error = (left[:, place] - found[:, at] * step) / ways[place, place]
        left[:, place:] -= np.outer(error, ways[place, place:])
    return found
