"""Large memories: what a shortlist of keys changes, and what it must not."""

import numpy as np
import pytest

from models.attention.memory import Memory
from models.attention.pairs import Table
from models.attention.similarity import Comparison
from tests.unit.models.test_memory import smooth_pairs


def filled(keys, values, heads="one", capacity=0, **comparison):
    memory = Memory("test", Comparison(**comparison), heads, capacity=capacity)
    for key, value in zip(keys, values, strict=True):
        memory.add(key, value)
    return memory


def test_table_is_a_matrix():
    """Rows in blocks multiply and are taken as those of one matrix, written one by one or together."""
    random = np.random.default_rng(0)
    table = Table(300_000)  # 16 rows in a block
    matrix = random.normal(size=(40, 300_000)).astype(np.float32)
    table.put(0, matrix[0])
    table.put(1, matrix[1:])
    table.put(5, -matrix[5])
    matrix[5] *= -1
    rows = np.array([39, 5, 0, 17, 17])
    assert np.array_equal(table.take(rows), matrix[rows])
    columns = random.normal(size=(300_000, 2)).astype(np.float32)
    np.testing.assert_allclose(table.dot(columns), matrix @ columns, rtol=1e-3, atol=0.05)
    assert (len(table), table.nbytes) == (40, matrix.nbytes)


@pytest.mark.parametrize("comparison", [{}, {"kind": "raw"}, {"centring": True}])
def test_a_shortlist_answers_as_all_keys_do(comparison):
    """600 pairs, of which 20 may answer: the same answers, within a thousandth of the values' range."""
    keys, values = smooth_pairs(np.random.default_rng(1), 600)
    queries, _ = smooth_pairs(np.random.default_rng(2), 50)
    scale = 0.02 * (np.mean(np.sum(keys**2, axis=1)) if comparison.get("kind") == "raw" else 1.0)
    exact = filled(keys, values, scale=scale, top=20, **comparison)
    fast = filled(keys, values, scale=scale, top=20, exact=300, **comparison)
    # With centring the mean of the keys stays as it was at 301 pairs, which moves all similarities a little.
    tolerance = 0.1 if comparison.get("centring") else 1e-3
    for query in queries:
        one, other = exact.ask(query), fast.ask(query)
        np.testing.assert_allclose(other.value, one.value, atol=2 * tolerance)
        assert other.mixture.sum() == pytest.approx(1.0)
        if "kind" not in comparison:  # large raw keys hide the nearest one
            assert other.certainty.distance == pytest.approx(one.certainty.distance, abs=2e-3)


@pytest.mark.parametrize("kind", ["cosine", "raw"])
def test_the_scale_of_a_large_memory_is_chosen_while_pairs_come(kind):
    """It predicts new pairs about as well as that of leave-one-out over all of them."""
    keys, values = smooth_pairs(np.random.default_rng(3), 500)
    queries, true = smooth_pairs(np.random.default_rng(4), 100)
    exact, fast = filled(keys, values, kind=kind), filled(keys, values, kind=kind, exact=150)
    errors = [
        np.mean([np.linalg.norm(memory.answer(q)[0] - t) for q, t in zip(queries, true, strict=True)])
        for memory in (exact, fast)
    ]
    assert errors[1] < 1.25 * errors[0]


@pytest.mark.parametrize("exact", [1024, 50])
def test_pairs_can_be_taken_out(exact):
    """A memory without some of its pairs answers as one that never had them; indices move up."""
    keys, values = smooth_pairs(np.random.default_rng(5), 80)
    memory = filled(keys, values, scale=0.02, exact=exact)
    assert [memory.remove(index) for index in (0, 10, -1)] == [0, 10, 77]
    left = np.delete(np.arange(80), [0, 11, 79])
    assert np.array_equal(memory.values, values[left])
    assert np.array_equal(memory.keys, keys[left].astype(np.float32))
    fewer = filled(keys[left], values[left], scale=0.02)
    assert memory.answer(keys[0])[0] == pytest.approx(fewer.answer(keys[0])[0], abs=1e-4)
    memory.add(keys[0], values[0])
    assert memory.answer(keys[0])[1].argmax() == 77
    with pytest.raises(IndexError, match="there is no pair 78; valid: 0 to 77"):
        memory.remove(78)
    with pytest.raises(IndexError, match="valid: none"):
        Memory().remove()


def test_the_last_pair_can_be_taken_out():
    """A memory that lost its only pair is empty, and takes pairs of other lengths."""
    memory = filled(np.ones((1, 4)), np.ones((1, 2)))
    assert memory.remove() == 0
    assert len(memory) == 0
    memory.add([1.0, 2.0], [3.0])
    assert memory.answer([1.0, 2.0])[0] == pytest.approx([3.0])


def test_capacity_keeps_what_was_learned_elsewhere():
    """A full memory replaces the pair with the most similar value: a robot that stays at one place forgets nothing
    of the others."""
    values = np.stack([np.linspace(0, 1, 30), np.zeros(30)], axis=1)
    keys = np.stack([np.cos(values[:, 0] * k) for k in range(1, 20)], axis=1)
    memory = filled(keys, values, capacity=30)
    random = np.random.default_rng(6)
    for _ in range(200):
        gone = memory.add(keys[0] + 0.01 * random.normal(size=19), values[0])
        assert gone is not None
        assert len(memory) == 30
    assert sorted(memory.values[:, 0].round(6)) == sorted(values[:, 0].round(6))
    assert memory.answer(keys[-1])[0] == pytest.approx(values[-1], abs=0.1)
    with pytest.raises(ValueError, match="capacity is -1"):
        Memory(capacity=-1)


@pytest.mark.parametrize(("top", "expected"), [(1, 1), (3, 3), (0, 40), (99, 40)])
def test_top(top, expected):
    """So many pairs take part, those with the most similar keys; 0 and too many mean all."""
    keys, values = smooth_pairs(np.random.default_rng(7), 40)
    query, _ = smooth_pairs(np.random.default_rng(8), 1)
    mixture = filled(keys, values, scale=0.1, top=top).answer(query[0])[1]
    assert (mixture > 0).sum() == expected
    everyone = filled(keys, values, scale=0.1).answer(query[0])[1]
    best = np.argsort(everyone)[-expected:]
    assert mixture[best] == pytest.approx(everyone[best] / everyone[best].sum())
    with pytest.raises(ValueError, match="top is -1"):
        Comparison(top=-1)
