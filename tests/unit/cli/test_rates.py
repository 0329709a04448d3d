"""Rates and jitter."""

import pytest

from agentspace.cli.slots.rates import Intervals, Rhythm


def test_steady_arrivals_have_no_jitter():
    """Ten arrivals, 0.1 s apart: 10 Hz, no deviation; bytes are counted per second."""
    rhythm = Rhythm(100)
    for number in range(10):
        rhythm.note(0.1 * number, 50)
    found = rhythm.intervals(1.0)
    assert found.window == 10
    assert found.rate == pytest.approx(10.0)
    assert (found.min, found.max) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.std == pytest.approx(0.0, abs=1e-9)
    assert found.bandwidth == pytest.approx(500.0)


def test_jitter_is_that_of_the_window():
    """Minimum, maximum and deviation are those of the last intervals; older ones are forgotten."""
    rhythm = Rhythm(3)
    for at in (0.0, 99.0, 100.0, 103.0):
        rhythm.note(at)
    assert rhythm.intervals(103.0) == Intervals(0.5, 1.0, 3.0, 1.0, 3, 0.0)


def test_one_arrival_has_no_rate():
    """With fewer than two arrivals, or all at one moment, there is nothing to tell."""
    rhythm = Rhythm(10)
    assert rhythm.intervals(5.0) == Intervals(window=0)
    rhythm.note(1.0)
    rhythm.note(1.0)
    assert rhythm.intervals(5.0) == Intervals(window=2, silent=4.0)


@pytest.mark.parametrize(("period", "patience"), [(0.01, 1.0), (0.4, 1.0), (3.0, 6.0)])
def test_silence_has_no_rate(period, patience):
    """After a second, or twice the longest interval if that is longer, the old rate is told no more; then anew."""
    rhythm = Rhythm(100)
    for number in range(10):
        rhythm.note(period * number)
    last = 9 * period
    assert rhythm.intervals(last + 0.9 * patience).rate == pytest.approx(1 / period)
    silent = rhythm.intervals(last + 1.1 * patience)
    assert (silent.rate, silent.bandwidth, silent.silent) == (0.0, 0.0, pytest.approx(1.1 * patience))
    rhythm.note(last + 2 * patience)
    assert rhythm.intervals(last + 2 * patience).rate > 0
