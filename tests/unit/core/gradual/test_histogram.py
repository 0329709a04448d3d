"""Percentiles by counts in buckets: as near to the true ones as they say, in bounded memory."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.histogram import ERROR, LEAST, MOST, WINDOW, Histogram, Recent
from tests.support.examples import examples

NUMBERS = st.floats(LEAST, MOST)


def of(numbers: list[float]) -> Histogram:
    made = Histogram()
    for number in numbers:
        made.add(number)
    return made


@examples(200)
@given(numbers=st.lists(NUMBERS, min_size=1), share=st.floats(0.0, 1.0))
def test_quantiles_are_near_the_true_ones(numbers, share):
    """The number of that rank, with the relative error that is told."""
    true = sorted(numbers)[max(1, math.ceil(share * len(numbers))) - 1]
    assert of(numbers).quantile(share) == pytest.approx(true, rel=ERROR * 1.0001 + 1e-9)


@examples(100)
@given(numbers=st.lists(NUMBERS, min_size=1), shares=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2))
def test_a_larger_share_has_no_smaller_quantile(numbers, shares):
    """The 99th percentile of two is the longer one, never less than the median."""
    low, high = (of(numbers).quantile(share) for share in sorted(shares))
    assert low <= high


@examples(100)
@given(some=st.lists(NUMBERS), others=st.lists(NUMBERS), share=st.floats(0.0, 1.0))
def test_two_put_together_are_as_one_of_all(some, others, share):
    """Whatever is in them."""
    made = of(some)
    made.merge(of(others))
    whole = of(some + others)
    assert (made.count, made.quantile(share)) == (whole.count, whole.quantile(share))


def test_what_is_no_time_harms_nothing():
    """Zero, negative, endless: at the ends. What is no number does not count."""
    made = of([0.0, -5.0, math.inf, -math.inf, math.nan])
    assert made.count == 4
    assert made.quantile(0.5) == pytest.approx(LEAST, rel=0.03)
    assert made.quantile(1.0) == pytest.approx(MOST, rel=0.03)
    assert Histogram().quantile(0.5) is None
    assert Recent().quantiles(0.5, 0.99) == []


def test_memory_is_bounded():
    """By the number of buckets, not of numbers."""
    made = of([LEAST * 1.001**number for number in range(40_000)])
    assert len(made._counts) <= 1629  # private: what must not grow is seen nowhere else


def test_only_the_last_numbers_count():
    """What was long ago is forgotten; at least the last `WINDOW` are there."""
    recent = Recent()
    for _ in range(10_000):
        recent.add(100.0)
    for _ in range(WINDOW):
        recent.add(1.0)
    assert recent.quantiles(1.0) == [pytest.approx(100.0, rel=0.01)]
    for _ in range(WINDOW + 1):
        recent.add(1.0)
    assert recent.quantiles(0.5, 1.0) == [pytest.approx(1.0, rel=0.01)] * 2
