"""How sure an answer is, and whether what is seen is unknown."""

import numpy as np
import pytest

from models.attention.pairs import Pairs
from models.attention.uncertainty import entropy, judge
from tests.unit.models.test_memory import filled, smooth_pairs


def test_spread_is_the_mean_distance_of_two_keys():
    """Kept while pairs come and go, it is what comparing every two of them gives."""
    random = np.random.default_rng(0)
    pairs = Pairs(7, 1)
    keys = random.normal(size=(20, 7)).astype(np.float32) + 1
    for key in keys:
        pairs.add(key, np.zeros(1))
    for _ in range(5):
        pairs.remove(3)
    left = np.delete(keys, range(3, 8), axis=0)
    units = left / np.linalg.norm(left, axis=1, keepdims=True)
    distances = 1 - units @ units.T
    assert pairs.spread == pytest.approx(distances[np.triu_indices(15, 1)].mean(), rel=1e-4)


def test_numbers_of_certainty():
    """A stored key has distance 0 and is answered by one pair; equal coefficients have entropy 1."""
    keys, values = smooth_pairs(np.random.default_rng(1), 30)
    sure = filled(keys, values, scale=1e-3).ask(keys[3]).certainty
    assert (sure.known, sure.distance) == (True, pytest.approx(0.0, abs=1e-5))
    assert sure.effective == pytest.approx(1.0, abs=0.05)
    vague = filled(keys, values, scale=1e6).ask(keys[3]).certainty
    assert (vague.entropy, vague.effective) == (pytest.approx(1.0, abs=1e-3), pytest.approx(30.0, rel=1e-3))
    assert entropy(np.array([1.0, 0.0])) == 0.0


@pytest.mark.parametrize("comparison", [{}, {"kind": "raw"}, {"centring": True}, {"exact": 20}])
def test_unknown_however_keys_are_compared(comparison):
    """A query that is orthogonal to all keys is unknown; the keys' own neighbourhood is known."""
    keys, values = smooth_pairs(np.random.default_rng(2), 40)
    keys = np.hstack([keys + 3.0, np.zeros((40, 40))])
    memory = filled(keys, values, **comparison)
    assert memory.ask(keys[0] * 1.1).certainty.known
    assert not memory.ask(keys[0][::-1]).certainty.known


def test_few_pairs_know_everything():
    """Nothing is unknown to fewer than five pairs, nor to pairs of one and the same key."""
    assert judge(1.5, 0.01, 4, [0.0]).threshold is None
    assert judge(1.5, 0.01, 4, [0.0]).known
    assert judge(1.5, 0.0, 9, [0.0]).known
    assert not judge(1.5, 0.01, 5, [0.0]).known
