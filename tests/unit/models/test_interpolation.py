"""Interpolation between pairs whose values are joints."""

import numpy as np
import pytest

from models.attention.interpolation import onwards
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from tests.unit.models.test_memory import smooth_pairs

EVERY = 10_000
"""So many pairs may take part: all, but then an answer is a mixture and no more."""


def filled(keys, values, **comparison):
    memory = Memory("test", Comparison(**comparison))
    for key, value in zip(keys, values, strict=True):
        memory.add(key, value)
    return memory


def joints(values):
    """Ten joints that are linear in two numbers (n, 2)."""
    return values @ np.random.default_rng(9).normal(size=(2, 10))


def answers(memory, queries):
    return np.array([memory.answer(query)[0] for query in queries])


def test_along_a_line():
    """Keys on a line, values linear along it: what is between two keys, and a little beyond, is answered so."""
    places = np.linspace(0.0, 1.0, 32)
    keys, values = np.outer(places, [3.0, 4.0]), np.outer(places, [10.0, -20.0])
    nearest = np.eye(32)[31]
    for place in (0.984, 1.05):
        found = values[31] + onwards(place * np.array([3.0, 4.0]), keys, values, nearest)
        assert found == pytest.approx(place * np.array([10.0, -20.0]), abs=0.02)


def test_what_no_posture_explains_moves_nothing():
    """A query that differs from a key across the line is answered as the mixture answers; so is one like a key."""
    places = np.linspace(0.0, 1.0, 32)
    keys, values = np.outer(places, [3.0, 4.0]), places[:, None]
    for left in (np.array([-4.0, 3.0]), np.zeros(2)):
        assert onwards(keys[31] + left, keys, values, np.eye(32)[31]) == pytest.approx([0.0])
    assert onwards(np.ones(2), np.ones((5, 2)), np.arange(5.0)[:, None], np.full(5, 0.2)) == pytest.approx([0.0])


def test_keys_that_are_nearly_the_same():
    """Nothing is added beyond what values differ, however steep the plane through such keys is."""
    random = np.random.default_rng(0)
    keys, values = 1.0 + 1e-7 * random.normal(size=(32, 5)), 50.0 * random.normal(size=(32, 8))
    added = onwards(np.arange(5.0), keys, values, np.full(32, 1 / 32))
    assert np.any(added)
    assert np.all(np.abs(added) <= np.ptp(values, axis=0))


@pytest.mark.parametrize("exact", [1024, 100])
def test_joints_are_interpolated(exact):
    """Fresh queries are answered much better than by a mixture, with a shortlist, too; and so are the keys."""
    keys, values = smooth_pairs(np.random.default_rng(1), 150)
    queries, true = smooth_pairs(np.random.default_rng(2), 50)
    error = {
        top: np.abs(answers(filled(keys, joints(values), top=top, exact=exact), queries) - joints(true)).mean()
        for top in (0, EVERY)
    }
    assert error[0] < 0.6 * error[EVERY]
    again = answers(filled(keys, joints(values), exact=exact), keys)
    assert np.abs(again - joints(values)).mean() < 0.6 * error[EVERY]


@pytest.mark.parametrize(("size", "comparison"), [(2, {}), (10, {"kind": "raw"}), (10, {"centring": True})])
def test_who_only_mixes(size, comparison):
    """Latents, raw keys as in the original, and centred keys: answers are the mixture that is told."""
    keys, values = smooth_pairs(np.random.default_rng(3), 60)
    memory = filled(keys, joints(values)[:, :size], **comparison)
    queries, _ = smooth_pairs(np.random.default_rng(4), 5)
    for query in queries:
        value, mixture = memory.answer(query)
        assert value == pytest.approx(mixture @ memory.values)


def test_few_pairs_only_mix():
    """19 pairs are too few for a plane, as they are for a scale."""
    keys, values = smooth_pairs(np.random.default_rng(5), 20)
    query = smooth_pairs(np.random.default_rng(6), 1)[0][0]
    value, mixture = filled(keys[:19], joints(values[:19])).answer(query)
    assert value == pytest.approx(mixture @ joints(values[:19]))
    value, mixture = filled(keys, joints(values)).answer(query)
    assert np.abs(value - mixture @ joints(values)).max() > 1e-3
