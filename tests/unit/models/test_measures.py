"""NMAE, its confidence, and chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.icub.kinematics import JOINT_LIMITS
from models.measures import (
    RANGES,
    chance,
    measure,
    nmae,
    nmae_per_joint,
    nmae_per_posture,
    swap_arms,
)
from tests.support.examples import examples

POSTURES = arrays(np.float64, (6, 10), elements=st.floats(-100, 160))


def test_by_hand():
    """One joint wrong by its whole range in one of two postures is 100 / 20 = 5 per cent."""
    true = np.zeros((2, 10))
    answer = true.copy()
    answer[0, 1] = 160.8
    assert nmae(answer, true) == pytest.approx(5.0)
    assert nmae_per_joint(answer, true) == pytest.approx([0, 50, 0, 0, 0, 0, 0, 0, 0, 0])
    assert nmae_per_posture(answer, true) == pytest.approx([10, 0])


def test_ranges():
    """The ranges are those of the joints of the paper, for both arms."""
    assert pytest.approx([103.95, 160.8, 115.83, 90.415, 180.0] * 2) == RANGES


@given(POSTURES, POSTURES)
@examples(50)
def test_is_a_distance(a, b):
    """NMAE is symmetric, zero for the same postures only, and the mean of its parts."""
    assert nmae(a, a) == 0
    assert nmae(a, b) == pytest.approx(nmae(b, a))
    assert nmae(a, b) == pytest.approx(nmae_per_joint(a, b).mean())
    assert nmae(a, b) == pytest.approx(nmae_per_posture(a, b).mean())
    assert nmae(swap_arms(a), swap_arms(b)) == pytest.approx(nmae(a, b))


def test_swap_arms():
    """Swapping exchanges right and left, and undoes itself."""
    posture = np.arange(10.0)
    assert swap_arms(posture).tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]
    assert np.array_equal(swap_arms(swap_arms(posture)), posture)


def test_confidence_interval_covers():
    """In repeated experiments with known error, about 95 % of the intervals contain it."""
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        true = rng.uniform(*JOINT_LIMITS.T, size=(40, 10))
        answer = true + rng.uniform(0, 0.2, size=(40, 1)) * RANGES
        result = measure(answer, true, resamples=400, seed=trial)
        hits += result.low <= 10.0 <= result.high
        assert result.low <= result.mean <= result.high
        assert result.count == 40
    assert 0.88 <= hits / 200 <= 0.99


def test_chance_is_the_best_constant():
    """No constant answer is better than the median posture, on the postures it was made of."""
    rng = np.random.default_rng(0)
    true = rng.uniform(*JOINT_LIMITS.T, size=(200, 10)) ** 3 / 1e4
    at_chance = chance(true, true)
    for constant in [*true[:50], true.mean(axis=0)]:
        assert nmae(np.broadcast_to(constant, true.shape), true) >= at_chance - 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nmae(np.zeros((2, 9)), np.zeros((2, 9))), r"answer has shape \(2, 9\); valid is \(\.\.\., 10\)"),
        (lambda: nmae(np.zeros((2, 10)), np.zeros((3, 10))), r"shape \(2, 10\), true has \(3, 10\)"),
        (lambda: nmae(np.full(10, np.nan), np.zeros(10)), "answer contains NaN"),
        (lambda: nmae(np.zeros((0, 10)), np.zeros((0, 10))), "no posture to measure"),
    ],
)
def test_errors(call, message):
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match=message):
        call()
