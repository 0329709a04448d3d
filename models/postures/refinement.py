"""Refinement of what an encoder says: the latent near its answer whose posture is the nearest one.

An encoder is a quick guess. The decoder is the truth about the map, so the guess is improved by a few damped
Gauss-Newton steps on the decoder (Levenberg and Marquardt). What is lowered is the sum of absolute errors, by
reweighted least squares (weights 1 / |error|, but never more than 1 / SOFT). Each step is short, and there are
few of them: the latent stays near the guess, on its side of a fold, so that postures that change little have
latents that change little. The answer is never worse than the guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from models.arrays import Floats

Linearised = Callable[[Floats], tuple[Floats, Floats]]
"""Latents (b, m) -> postures (b, n) and their derivatives (b, m, n)."""

STEPS: Final = 5
SOFT: Final = 0.02
"""Errors below this one (joints scaled to -1..1) count as squares: a hundredth of a joint's range."""
_REACH: Final = 0.25  # longest step, where the map is the square -1..1
_DAMPING: Final = 0.3  # at the beginning
_SMALLEST: Final = 1e-4  # damping


def refine(linearised: Linearised, guess: Floats, target: Floats, steps: int = STEPS) -> Floats:
    """Latents (b, m) near the guesses whose postures have a smaller absolute error.

    Args:
        linearised: the decoder and its derivative, joints scaled so that their ranges have width 2.
        guess: (b, m), what the encoder says.
        target: (b, n) scaled postures.
        steps: how many steps are tried.
    """
    best = guess
    posture, slope = linearised(best)
    cost = np.abs(posture - target).sum(axis=1)
    damping = np.full(len(best), _DAMPING)
    for _ in range(steps):
        trial = best + _step(slope, target - posture, damping)
        new_posture, new_slope = linearised(trial)
        new_cost = np.abs(new_posture - target).sum(axis=1)
        better = new_cost < cost
        column, cube = better[:, None], better[:, None, None]
        best, posture = np.where(column, trial, best), np.where(column, new_posture, posture)
        slope, cost = np.where(cube, new_slope, slope), np.where(better, new_cost, cost)
        damping = np.maximum(damping * np.where(better, 0.2, 5.0), _SMALLEST)
    return best


def _step(slope: Floats, error: Floats, damping: Floats) -> Floats:
    """Damped steps (b, m) towards smaller errors (b, n)."""
    weight = 1.0 / np.maximum(np.abs(error), SOFT)
    weighted = slope * weight[:, None, :]
    normal = weighted @ slope.transpose(0, 2, 1)
    size = np.einsum("bmm->b", normal) + 1e-9
    normal += (damping * size)[:, None, None] * np.eye(slope.shape[1])
    step = np.linalg.solve(normal, weighted @ error[:, :, None])[:, :, 0]
    length = np.sqrt(np.square(step).sum(axis=1, keepdims=True))
    return np.asarray(step * np.minimum(1.0, _REACH / np.maximum(length, 1e-12)))
