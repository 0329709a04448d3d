"""Curves in characters."""

import math

import numpy as np
import pytest

from agentspace.inspect.curves import draw, held
from agentspace.inspect.views import numbers_of


def _text(*curves, width=10, height=3):
    picture = draw(curves, 0.0, 10.0, width, height)
    return ["".join(cell.sign for cell in row) for row in picture.rows], picture


def test_a_value_holds_until_the_next():
    """None before the first, in gaps, and where a number is not finite."""
    samples = [(1.0, 5.0), (3.0, None), (4.0, math.inf), (5.0, 7.0)]
    assert held(samples, [0.0, 1.0, 2.9, 3.0, 4.5, 5.0, 99.0]) == [None, 5.0, 5.0, None, None, 7.0, 7.0]


def test_gaps_stay_empty():
    """Nothing is drawn where a slot held nothing, also not a line over the gap."""
    rows, picture = _text([(0.0, 0.0), (3.0, None), (6.0, 1.0)])
    columns = ["".join(column).strip() for column in zip(*rows, strict=True)]
    assert [bool(column) for column in columns] == [True] * 3 + [False] * 2 + [True] * 5
    assert (picture.low, picture.high) == (0.0, 1.0)
    assert rows[0].strip()
    assert not rows[1].strip()


def test_jumps_are_drawn():
    """An upright line; each curve has its own cells, the first wins."""
    rows, picture = _text([(0.0, 0.0), (5.0, 1.0)], [(0.0, 0.5)])
    assert all(row.strip() for row in rows)
    assert {cell.curve for row in picture.rows for cell in row} == {-1, 0, 1}


def test_any_numbers_can_be_drawn():
    """None at all, one that never changes, the greatest that there are."""
    for curve in (
        [],
        [(0.0, None)],
        [(0.0, 3.0)],
        [(0.0, 0.0)],
        [(0.0, 1e308), (5.0, -1e308)],
        [(0.0, 0.0), (5.0, 5e-324)],
        [(0.0, math.nan)],
    ):
        rows, picture = _text(curve)
        assert [len(row) for row in rows] == [10] * 3
        assert picture.low < picture.high


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000, 0x7F800000])
def test_floats_that_are_no_numbers_are_told_as_they_are(bits):
    """NaNs, those that signal too, and infinities of both signs: a plot has gaps there; nothing is warned of."""
    array = np.array([bits, bits | 1 << 31] * 8, np.uint32).view(np.float32)
    assert not any(map(math.isfinite, numbers_of(array)))
    assert not any(map(math.isfinite, numbers_of(array[:2])))
