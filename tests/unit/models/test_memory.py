"""Association by attention: the formula, its scale, and the memory of pairs."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.attention.memory import EmptyMemoryError, Memory, attention
from models.attention.similarity import Comparison, at_edge, chosen, prediction_errors, sharpest, softmax, unit
from models.files.artifact import ArtifactError, write_arrays
from tests.support.examples import examples

SEEDS = st.integers(0, 2**32 - 1)


def smooth_pairs(rng, count, width=40, outputs=2):
    """Keys that are a smooth function of the values, as features are of postures."""
    values = rng.uniform(-1, 1, size=(count, outputs))
    mix = np.random.default_rng(7).normal(size=(outputs, width))
    return np.sin(values @ mix) + np.cos(values @ mix[:, ::-1]), values


def filled(keys, values, **comparison):
    memory = Memory("test", Comparison(**comparison))
    for key, value in zip(keys, values, strict=True):
        memory.add(key, value)
    return memory


def leave_one_out(keys, values, scales):
    """Mean distance between the value of each pair and the answer of all others to its key, for each scale."""
    similarity = keys @ keys.T
    np.fill_diagonal(similarity, -np.inf)
    return prediction_errors(similarity, values, values, scales)


def choose_scale(keys, values, candidates):
    return sharpest(candidates, leave_one_out(keys, values, candidates))


def test_formula_by_hand():
    """softmax([1/2, 0]) = (0.6225, 0.3775) mixes the values 10 and 20 to 13.775."""
    keys, values = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[10.0], [20.0]])
    answer, mixture = attention(np.array([1.0, 0.0]), keys, values, 2.0)
    weight = np.exp(0.5) / (np.exp(0.5) + 1)
    assert mixture == pytest.approx([weight, 1 - weight])
    assert answer == pytest.approx([10 * weight + 20 * (1 - weight)])


@given(SEEDS, st.integers(1, 30), st.floats(1e-6, 1e6))
@examples(60)
def test_mixture_is_a_mixture(seed, count, scale):
    """For any scale the coefficients are in 0..1 with sum 1, and the answer lies within the values."""
    rng = np.random.default_rng(seed)
    keys, values, query = rng.normal(size=(count, 5)) * 100, rng.normal(size=(count, 2)), rng.normal(size=5)
    answer, mixture = attention(query, keys, values, scale)
    assert mixture.sum() == pytest.approx(1.0)
    assert ((mixture >= 0) & (mixture <= 1)).all()
    assert (answer >= values.min(axis=0) - 1e-9).all()
    assert (answer <= values.max(axis=0) + 1e-9).all()


@given(SEEDS)
@examples(30)
def test_large_scale_answers_with_the_mean(seed):
    """With a large d every value counts the same."""
    rng = np.random.default_rng(seed)
    keys, values = rng.normal(size=(9, 5)), rng.normal(size=(9, 2))
    answer, _ = attention(rng.normal(size=5), keys, values, 1e9)
    assert answer == pytest.approx(values.mean(axis=0), abs=1e-6)


@given(SEEDS, st.integers(1, 40), st.booleans())
@examples(40)
def test_stored_key_returns_its_value(seed, count, centring):
    """With a small d the answer to a stored key is the value that was stored with it."""
    rng = np.random.default_rng(seed)
    keys, values = rng.normal(size=(count, 30)), rng.normal(size=(count, 2))
    # Centred, the only key of a memory is the origin, and says nothing; the value is right all the same.
    memory = filled(keys, values, scale=1e-4, centring=False)
    for key, value in zip(keys, values, strict=True):
        answer, mixture = memory.answer(key)
        assert answer == pytest.approx(value, abs=1e-5)
        assert mixture.max() == pytest.approx(1.0, abs=1e-5)
        assert filled(keys, values, scale=1e-4, centring=centring).novelty(key, value) < 1e-4


def test_cosine_ignores_the_size_of_features():
    """Cosine keys and automatic scale: features ten times larger give the same answer; raw with fixed d do not."""
    rng = np.random.default_rng(0)
    keys, values = smooth_pairs(rng, 30)
    query, _ = smooth_pairs(rng, 1)
    small, _ = filled(keys, values).answer(query[0])
    large, _ = filled(10 * keys, values).answer(10 * query[0])
    assert large == pytest.approx(small, abs=1e-4)
    raw_small, _ = filled(keys, values, kind="raw", scale=3.0).answer(query[0])
    raw_large, _ = filled(10 * keys, values, kind="raw", scale=3.0).answer(10 * query[0])
    assert np.abs(raw_large - raw_small).max() > 1e-3
    auto_small, _ = filled(keys, values, kind="raw").answer(query[0])
    auto_large, _ = filled(10 * keys, values, kind="raw").answer(10 * query[0])
    assert auto_large == pytest.approx(auto_small, abs=1e-4)


def test_leave_one_out_is_what_it_says():
    """The error equals that of memories from which the pair was really taken."""
    keys, values = smooth_pairs(np.random.default_rng(1), 12)
    keys = unit(keys)
    errors = []
    for out in range(len(keys)):
        rest = np.arange(len(keys)) != out
        answer, _ = attention(keys[out], keys[rest], values[rest], 0.05)
        errors.append(np.linalg.norm(answer - values[out]))
    assert leave_one_out(keys, values, [0.05]) == pytest.approx(np.mean(errors))


def test_chosen_scale_is_the_sharpest_good_one_and_helps():
    """No smaller candidate is within 3 % of the best error; on new queries the chosen one beats the extremes."""
    rng = np.random.default_rng(2)
    keys, values = smooth_pairs(rng, 80)
    queries, true = smooth_pairs(rng, 200)
    keys, queries = unit(keys), unit(queries)
    candidates = np.geomspace(1e-4, 10, 30)
    best = choose_scale(keys, values, candidates)
    errors = leave_one_out(keys, values, candidates)
    good = errors <= 1.03 * errors.min()
    assert best == candidates[good].min()
    fresh = [
        np.linalg.norm(attention(queries, keys, values, d)[0] - true, axis=1).mean() for d in (best, 1e-4, 10)
    ]
    assert fresh[0] < fresh[1]
    assert fresh[0] < 0.5 * fresh[2]


def test_a_finer_scale_is_chosen_only_where_it_is_the_best():
    """Few numbers that differ little need one; where errors are flat below 0.002, that is fine enough."""
    scales = Comparison().candidates(np.eye(3))
    finer = scales < 0.0019
    assert (finer.sum(), scales[0], scales[-1]) == (13, pytest.approx(1e-4, rel=0.01), pytest.approx(0.2))
    flat = np.where(scales > 0.01, 9.0, 1.0)
    assert chosen(scales, np.where(finer, 1.01, flat)) == pytest.approx(0.002)
    best = np.where(np.isclose(scales, scales[5]), 0.99, flat)
    assert chosen(scales, best) == scales[5] < 0.0005
    random = np.random.default_rng(4)
    values = random.uniform(0.0, 1.0, (200, 2))
    directions = np.hstack([np.ones((200, 3)), 0.2 * values])
    assert filled(directions, values).scale < 0.001


def test_a_scale_at_an_end_is_told():
    """Of those that are tried; not the one where the usual ones begin."""
    assert [at_edge(scale) for scale in (1e-4, 0.00013, 0.002, 0.15, 0.2, np.nan)] == [
        *(True, False, False, False, True, False)
    ]


def test_scale_is_chosen_from_20_pairs_on():
    """Below 20 pairs d is 0.01 (0.03 centred); from 20 on it is chosen, and again when the memory has grown."""
    keys, values = smooth_pairs(np.random.default_rng(3), 60)
    assert filled(keys[:19], values[:19]).scale == pytest.approx(0.01)
    assert filled(keys[:19], values[:19], centring=True).scale == pytest.approx(0.03)
    memory = filled(keys[:19], values[:19])
    assert memory.scale == pytest.approx(0.01)
    memory.add(keys[19], values[19])
    at_20 = memory.scale
    assert at_20 == choose_scale(unit(memory.keys), values[:20], np.geomspace(0.002, 0.2, 21))
    for key, value in zip(keys[20:], values[20:], strict=True):
        memory.add(key, value)
    assert memory.scale == choose_scale(unit(memory.keys), values, np.geomspace(0.002, 0.2, 21))
    assert filled(keys, values, scale=0.5).scale == 0.5


def test_centring_survives_a_changed_scene():
    """A constant added to all queries (another background) ruins plain keys and not centred ones."""
    rng = np.random.default_rng(4)
    keys, values = smooth_pairs(rng, 100)
    queries, true = smooth_pairs(rng, 100)
    scene = rng.normal(size=keys.shape[1]) * 3
    error = {}
    for centring in (False, True):
        memory = filled(keys, values, centring=centring)
        answers = np.array([memory.answer(query + scene)[0] for query in queries])
        error[centring] = np.linalg.norm(answers - true, axis=1)[20:].mean()
    assert error[True] < 0.5 * error[False]


def test_who_stands_still_moves_no_mean():
    """A hundred pictures of the same are answered as the first one, and what comes then as after one picture."""
    rng = np.random.default_rng(6)
    keys, values = smooth_pairs(rng, 60)
    (still, other), _ = smooth_pairs(rng, 2)
    patient, short = filled(keys, values, centring=True), filled(keys, values, centring=True)
    first = short.answer(still)[0]
    for _ in range(100):
        assert patient.answer(still + rng.normal(size=still.size) * 1e-3)[0] == pytest.approx(first, abs=0.05)
    assert patient.answer(other)[0] == pytest.approx(short.answer(other)[0], abs=0.05)


def test_centring_is_causal():
    """An answer depends on the queries before it, never on those to come; forgetting forgets them, too."""
    rng = np.random.default_rng(5)
    keys, values = smooth_pairs(rng, 30)
    queries, _ = smooth_pairs(rng, 6)
    whole = filled(keys, values, centring=True)
    answers = [whole.answer(query)[0] for query in queries]
    again = filled(keys, values, centring=True)
    assert [again.answer(query)[0].tolist() for query in queries[:3]] == [a.tolist() for a in answers[:3]]
    whole.forget()
    for key, value in zip(keys, values, strict=True):
        whole.add(key, value)
    assert np.array_equal(whole.answer(queries[0])[0], answers[0])


def test_novelty_gates():
    """Novelty is infinite for an empty memory, about 0 for what it knows, the distance for what it gets wrong."""
    memory = Memory("test", Comparison(scale=1e-3))
    key = np.array([1.0, 0.0, 0.0])
    assert memory.novelty(key, [0.3, 0.4]) == float("inf")
    memory.add(key, [0.3, 0.4])
    assert memory.novelty(key, [0.3, 0.4]) == pytest.approx(0.0, abs=1e-6)
    assert memory.novelty(key, [0.0, 0.0]) == pytest.approx(0.5)
    assert len(memory) == 1


def test_add_and_forget():
    """A memory counts its pairs, keeps their order while it grows, and forgets all of them, even their length."""
    rng = np.random.default_rng(6)
    keys, values = rng.normal(size=(100, 7)).astype(np.float32), rng.normal(size=(100, 3))
    memory = filled(keys, values)
    assert len(memory) == 100
    assert np.array_equal(memory.keys, keys)
    assert np.array_equal(memory.values, values)
    memory.forget()
    assert len(memory) == 0
    with pytest.raises(EmptyMemoryError, match="add a pair"):
        memory.answer(keys[0])
    memory.add([1.0, 2.0], [3.0])
    assert memory.answer([1.0, 2.0])[0] == pytest.approx([3.0])


def test_the_caller_may_change_its_arrays():
    """A memory keeps copies."""
    key, value = np.ones(4, dtype=np.float32), np.ones(2)
    memory = filled([key], [value])
    key[:], value[:] = 9, 9
    assert memory.keys.tolist() == [[1, 1, 1, 1]]
    assert memory.values.tolist() == [[1, 1]]


@pytest.mark.parametrize("comparison", [{}, {"kind": "raw"}, {"centring": True}, {"scale": 0.02}])
def test_round_trip(tmp_path, comparison):
    """A saved memory answers as before, compares as before, and keeps the name of its features."""
    rng = np.random.default_rng(8)
    keys, values = smooth_pairs(rng, 37)
    query, _ = smooth_pairs(rng, 1)
    memory = filled(keys, values, **comparison)
    memory.save(tmp_path / "memory.npz")
    loaded = Memory.load(tmp_path / "memory.npz", features="test")
    assert loaded.features == "test"
    assert loaded.comparison == memory.comparison
    assert len(loaded) == 37
    for before, after in zip(memory.answer(query[0]), loaded.answer(query[0]), strict=True):
        assert np.array_equal(before, after)


def test_empty_round_trip(tmp_path):
    """An empty memory can be saved, loaded and filled."""
    Memory("test").save(tmp_path / "memory.npz")
    loaded = Memory.load(tmp_path / "memory.npz")
    assert len(loaded) == 0
    loaded.add([1.0, 2.0], [3.0])


def test_saving_is_atomic(tmp_path, monkeypatch):
    """A save that fails leaves the old file whole, and nothing beside it."""
    path = tmp_path / "memory.npz"
    filled([[1.0, 0.0]], [[1.0]]).save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        filled([[0.0, 1.0]], [[2.0]]).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@given(st.data())
@examples(40)
def test_damaged_files_are_refused(tmp_path_factory, data):
    """A file that was cut off anywhere, or has a changed byte, is refused, or loads what was saved."""
    path = tmp_path_factory.mktemp("memory") / "memory.npz"
    memory = filled(*smooth_pairs(np.random.default_rng(9), 5))
    memory.save(path)
    whole = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[position:]
    else:
        whole[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        loaded = Memory.load(path)
    except ArtifactError as error:
        message = str(error)
    else:
        message = str(path)
        assert np.array_equal(loaded.keys, memory.keys)
        assert np.array_equal(loaded.values, memory.values)
    assert str(path) in message


def test_foreign_files(tmp_path):
    """Other files, other features and inconsistent pairs are refused with the reason."""
    path = tmp_path / "memory.npz"
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        Memory.load(path)
    path.write_text("hello")
    with pytest.raises(ArtifactError, match=r"not an \.npz file"):
        Memory.load(path)
    np.savez(path, keys=np.zeros((2, 3)))
    with pytest.raises(ArtifactError, match="holds 'unknown', not 'agentspace memory 1'"):
        Memory.load(path)
    np.savez(path, kind=np.array([{"code": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ArtifactError, match=r"not an \.npz file of arrays"):
        Memory.load(path)
    filled([[1.0, 0.0]], [[1.0]]).save(path)
    with pytest.raises(ArtifactError, match="features of 'test'; the extractor makes 'other'"):
        Memory.load(path, features="other")
    broken = {
        "features": np.array("test"),
        "kind_of_keys": np.array("cosine"),
        "centring": np.array(False),
        "scale": np.array(np.nan),
        "keys": np.zeros((2, 3)),
        "values": np.zeros((1, 2)),
    }
    write_arrays(path, "agentspace memory 1", broken)
    with pytest.raises(ArtifactError, match="does not hold a whole memory"):
        Memory.load(path)
    write_arrays(path, "agentspace memory 1", broken | {"kind_of_keys": np.array("fuzzy")})
    with pytest.raises(ArtifactError, match="valid kinds are 'cosine', 'raw'"):
        Memory.load(path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.add([1.0, 2.0], [1.0, 2.0]), r"key has shape \(2,\); valid is \(3,\)"),
        (lambda m: m.add([1.0, 2.0, 3.0], [1.0]), r"value has shape \(1,\); valid is \(2,\)"),
        (lambda m: m.add([1.0, np.nan, 3.0], [1.0, 2.0]), "key contains NaN"),
        (lambda m: m.add([[1.0, 2.0, 3.0]], [1.0, 2.0]), r"key has shape \(1, 3\)"),
        (lambda m: m.answer([1.0]), r"query has shape \(1,\); valid is \(3,\)"),
        (lambda m: m.novelty([1.0, 2.0, 3.0], [np.inf, 0]), "value contains NaN or infinity"),
        (lambda m: m.add([1.0, -1e30, 3.0], [1.0, 2.0]), "key contains numbers beyond 1e[+]15"),
        (lambda m: m.answer([1e16, 0.0, 0.0]), "query contains numbers beyond 1e[+]15"),
        (lambda _: Comparison(kind="fuzzy"), "kind is 'fuzzy'; valid kinds are 'cosine', 'raw'"),
        (lambda _: Comparison(scale=0.0), "scale is 0.0; valid is a positive number"),
        (lambda _: attention(np.zeros(2), np.zeros((0, 2)), np.zeros((0, 1)), 1.0), "l >= 1"),
        (lambda _: attention(np.zeros(2), np.zeros((1, 2)), np.zeros((1, 1)), -1.0), "scale is -1.0"),
    ],
)
def test_errors(call, message):
    """Errors name the bad value and the valid ones; a refused pair changes nothing."""
    memory = filled([[1.0, 0.0, 0.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match=message):
        call(memory)
    assert len(memory) == 1


def test_softmax_does_not_overflow():
    """Large arguments give probabilities, not NaN."""
    assert softmax(np.array([1e300, 0.0, -1e300])).tolist() == [1.0, 0.0, 0.0]


def test_speed():
    """An answer over 200 keys of 384 features takes well under a millisecond."""
    rng = np.random.default_rng(10)
    memory = filled(rng.normal(size=(200, 384)), rng.normal(size=(200, 2)), scale=0.01)
    query = rng.normal(size=384).astype(np.float32)
    memory.answer(query)
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        memory.answer(query)
        best = min(best, time.perf_counter() - start)
    assert best < 1e-3
