"""Weights become bytes, and the sums that they make remain."""

import numpy as np

from models.quantisation.rounding import MOST, rounded, steps


def test_by_itself_each_weight_is_rounded_to_the_nearest_step() -> None:
    """Where inputs have nothing to do with each other; the largest weight has all steps, and zeros stay."""
    weights = np.array([[0.5, -1.0, 0.0013], [0.0, 0.0, 0.0], [127.0, 3.4, -2.6]])
    step = steps(weights)
    np.testing.assert_allclose(step, [1.0 / MOST, 1.0, 1.0])
    found = rounded(weights, np.eye(3), step)
    np.testing.assert_array_equal(found, [[64, -127, 0], [0, 0, 0], [127, 3, -3]])
    assert found.dtype == np.int8


def test_a_filter_that_cancels_itself_still_does() -> None:
    """On inputs that are nearly alike, as on even areas, the sum of the weights is what counts."""
    random = np.random.default_rng(0)
    inputs = 3.0 + 0.05 * random.normal(size=(2000, 9))
    weights = random.normal(size=(40, 9))
    weights -= weights.mean(axis=1, keepdims=True)
    step = steps(weights)
    expected = inputs @ weights.T
    errors = [
        np.square(inputs @ (whole * step[:, None]).T - expected).mean()
        for whole in (np.rint(weights / step[:, None]), rounded(weights, inputs.T @ inputs / len(inputs), step))
    ]
    assert errors[1] < 0.05 * errors[0]


def test_inputs_that_are_never_there_do_no_harm() -> None:
    """A channel that is always 0, or one that another repeats, makes no weight overflow."""
    random = np.random.default_rng(1)
    inputs = random.normal(size=(500, 6))
    inputs[:, 2] = 0.0
    inputs[:, 4] = inputs[:, 3]
    weights = random.normal(size=(5, 6))
    step = steps(weights)
    found = rounded(weights, inputs.T @ inputs / len(inputs), step)
    assert np.abs(found).max() <= MOST
    np.testing.assert_allclose(inputs @ (found * step[:, None]).T, inputs @ weights.T, atol=6 * step.max())
