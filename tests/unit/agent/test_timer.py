"""Timers, with time passed in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.agent.timer import Timer, earliest
from agentspace.errors import ParameterError


def test_timer_ticks_at_multiples_of_its_period():
    """The first tick is one period after the start; looking before is too early, at the moment itself is not."""
    timer = Timer(0.5, 10.0)
    assert timer.due == 10.5
    assert timer.take(10.499) is None
    assert timer.take(10.5) == 0
    assert timer.take(10.5) is None
    assert timer.due == 11.0


def test_late_handling_does_not_shift_later_ticks():
    """A tick that is taken late leaves the next one where it was: no drift."""
    timer = Timer(1.0, 0.0)
    assert timer.take(1.9) == 0
    assert timer.due == 2.0
    assert timer.take(2.0) == 0


def test_missed_ticks_are_counted_not_replayed():
    """After a long pause there is one tick, which tells how many were missed, and then the next regular one."""
    timer = Timer(1.0, 0.0)
    assert timer.take(5.5) == 4
    assert timer.take(5.9) is None
    assert timer.due == 6.0
    assert timer.take(6.0) == 0


@given(st.floats(1e-3, 10.0), st.floats(0.0, 1e6), st.lists(st.floats(0.0, 50.0), min_size=1, max_size=50))
def test_ticks_and_misses_add_up_without_drift(period, start, steps):
    """However irregularly it is looked at, ticks and missed ticks together are the periods that have passed."""
    timer, now, ticks, missed = Timer(period, start), start, 0, 0
    for step in steps:
        now += step
        skipped = timer.take(now)
        if skipped is not None:
            ticks += 1
            missed += skipped
        assert skipped is None or skipped >= 0
        assert timer.due > now or math.isclose(timer.due, now, rel_tol=1e-12)
    assert abs((ticks + missed) - (now - start) / period) < 1 + 1e-6
    assert timer.due == start + (ticks + missed + 1) * period


def test_regular_ticks_over_a_day_neither_drift_nor_miss():
    """At 30 Hz for a day, looked at when due, no tick is missed and the last one is where it belongs."""
    period = 1 / 30
    timer = Timer(period, 12345.678)
    for _ in range(24 * 3600 * 3):  # a tenth of them, to be quick
        assert timer.take(timer.due) == 0
    assert timer.due == pytest.approx(12345.678 + (24 * 3600 * 3 + 1) * period, abs=1e-9)


@pytest.mark.parametrize("period", [0, -1, 0.0, math.nan, math.inf, -math.inf])
def test_period_is_positive_and_finite(period):
    """Any other period is a ParameterError that names it."""
    with pytest.raises(ParameterError, match=repr(period)):
        Timer(period, 0.0)


def test_earliest_of_several():
    """The next of several timers is the one that is due first; of none there is none."""
    assert earliest([Timer(3.0, 0.0), Timer(1.0, 0.5), Timer(2.0, 0.0)]) == 1.5
    assert earliest([]) is None
