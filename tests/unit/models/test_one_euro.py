"""The one-euro filter: what rests is smoothed, what moves is followed."""

import math

import numpy as np
import pytest

from models.extractors.one_euro import PATIENCE, OneEuro

STEP = 0.1
"""Seconds between two values."""


def followed(values: np.ndarray, cutoff: float = 1.0, beta: float = 0.0) -> np.ndarray:
    """What a filter makes of values (t, n), one each step."""
    one = OneEuro(cutoff, beta)
    return np.array([one.follow(value, index * STEP) for index, value in enumerate(values)])


def test_without_beta_it_is_a_low_pass_filter() -> None:
    """A step is followed by an exponential, whose time constant the cutoff frequency gives."""
    cutoff = 0.5
    values = np.vstack([np.zeros((1, 2)), np.ones((60, 2))])
    answers = followed(values, cutoff)
    share = STEP / (STEP + 1.0 / (2.0 * math.pi * cutoff))
    expected = 1.0 - (1.0 - share) ** np.arange(61)
    np.testing.assert_allclose(answers, np.repeat(expected[:, None], 2, axis=1), atol=1e-12)


def test_trembling_is_smoothed_and_movement_is_followed() -> None:
    """At rest the spread is little more than a half; in a movement the lag is less with beta than without."""
    random = np.random.default_rng(1)
    rest = 0.02 * random.standard_normal((400, 3))
    assert followed(rest, 1.0, 0.5)[50:].std() < 0.6 * rest.std()
    ramp = np.arange(50)[:, None] * STEP * np.ones((1, 3))
    lag = {beta: float((ramp - followed(ramp, 1.0, beta))[-1].max()) for beta in (0.0, 1.0, 10.0)}
    assert lag[0.0] > 1.5 * lag[1.0] > 3.0 * lag[10.0] > 0.0


def test_each_number_is_followed_by_itself() -> None:
    """One that moves does not make the others tremble."""
    random = np.random.default_rng(2)
    noise = 0.02 * random.standard_normal((100, 1))
    moving = np.hstack([noise, np.sin(np.arange(100)[:, None])])
    np.testing.assert_array_equal(followed(moving, 1.0, 5.0)[:, 0], followed(noise, 1.0, 5.0)[:, 0])


def test_a_first_value_is_taken_as_it_is() -> None:
    """The first one, one after a pause, one of another length, and one after `forget`."""
    one = OneEuro(0.1, 0.0)
    assert one.follow([1.0], 0.0).tolist() == [1.0]
    assert one.follow([2.0], STEP)[0] < 1.2
    assert one.follow([2.0], STEP + PATIENCE + 0.01).tolist() == [2.0]
    assert one.follow([5.0, 6.0], 1.0).tolist() == [5.0, 6.0]
    one.forget()
    assert one.follow([7.0, 8.0], 1.05).tolist() == [7.0, 8.0]


def test_a_value_of_the_same_moment_changes_nothing() -> None:
    """Two values at one time, or a clock that was set back: it neither divides by zero nor goes backwards."""
    one = OneEuro(1.0)
    one.follow([0.0], 1.0)
    answer = one.follow([1.0], 1.1).copy()
    assert one.follow([100.0], 1.1).tolist() == answer.tolist()
    assert one.follow([100.0], 0.9).tolist() == answer.tolist()


@pytest.mark.parametrize(
    ("cutoff", "beta", "wrong"),
    [(0.0, 1.0, "cutoff"), (math.inf, 1.0, "cutoff"), (1.0, -1.0, "beta"), (math.nan, 1.0, "cutoff")],
)
def test_wrong_numbers_are_refused(cutoff: float, beta: float, wrong: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(ValueError, match=f"^{wrong} is "):
        OneEuro(cutoff, beta)
