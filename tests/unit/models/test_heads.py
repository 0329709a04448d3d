"""Attention heads: which features answer for which joints."""

import numpy as np
import pytest

from models.attention import heads
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.postures import decoders
from models.postures.decoders import FreePostures

BLOCK10 = "efficientnet-lite0/block10/7x7"


def seen(right, left, channels=4):
    """Features (channels * 49,) of a picture whose right columns show one arm, and whose left ones the other."""
    picture = np.zeros((channels, 7, 7), np.float32)
    picture[:, :, 4:] = np.sin(np.outer(right, np.arange(1, channels + 1))).sum(0)[:, None, None] + 2.0
    picture[:, :, :3] = np.sin(np.outer(left, np.arange(1, channels + 1))).sum(0)[:, None, None] + 2.0
    return picture.ravel()


@pytest.mark.parametrize(
    ("identifier", "shape", "first"),
    [
        (BLOCK10, (112, 7, 7), True),
        ("efficientnet-lite0/block15/7x7", (320, 7, 7), True),
        ("dino-vits8/grid/0123abcd", (7, 7, 384), False),
        ("hog/14x14/9", (13, 13, 36), False),
    ],
)
def test_columns_of_a_map(identifier, shape, first):
    """The features of some columns are those that a slice of the map has."""
    features = np.arange(np.prod(shape)).reshape(shape)
    found = heads.map_of(identifier, features.size)
    expected = features[:, :, 1:3] if first else features[:, 1:3]
    assert sorted(features.ravel()[found.columns(1, 3)]) == sorted(expected.ravel())


@pytest.mark.parametrize("identifier", ["dino-vits8/class/0123abcd", "onnx/mine", "unknown"])
def test_features_without_a_map_are_told(identifier):
    """Heads of arms need a map; the error names the features, and which have one. `auto` means one head then."""
    with pytest.raises(ValueError, match="are no map of the picture; valid: efficientnet-lite0"):
        heads.make("arms", identifier, 384, 10)
    assert [head.name for head in heads.make("auto", identifier, 384, 10)] == ["all"]


def test_what_heads_there_are():
    """Right columns belong to the right arm; latents have no arms; a wrong name is told with the valid ones."""
    right, left = heads.make("arms", BLOCK10, 49, 10)
    assert (right.values, left.values) == (slice(0, 5), slice(5, 10))
    assert sorted(right.features % 7) == sorted([4, 5, 6] * 7)
    assert sorted(left.features % 7) == sorted([0, 1, 2] * 7)
    assert len(heads.make("auto", BLOCK10, 49, 10)) == 2
    assert len(heads.make("auto", BLOCK10, 49, 2)) == 1
    with pytest.raises(ValueError, match="10 joints, right arm, left arm; the values have 2 numbers"):
        Memory(BLOCK10, heads="arms").add(np.ones(49), [1.0, 2.0])
    with pytest.raises(ValueError, match="heads is 'legs'; valid are 'one', 'arms', 'auto'"):
        Memory(heads="legs")


def test_features_that_say_where_arms_point():
    """What somebody shows with the left arm is meant for the right one; whether anybody is there, both see."""
    right, left = heads.make("auto", "blazepose/full/0123abcd", 25, 10)
    assert right.features.tolist() == [*range(6, 12), *range(18, 24), 24]
    assert left.features.tolist() == [*range(6), *range(12, 18), 24]
    assert [head.name for head in heads.make("auto", "blazepose/full/0123abcd", 25, 2)] == ["all"]
    with pytest.raises(ValueError, match="are no map of the picture"):
        heads.make("arms", "blazepose/full/0123abcd", 26, 10)


@pytest.mark.parametrize("exact", [1024, 20])
def test_each_arm_is_answered_on_its_own(exact):
    """A combination of two arms that was never seen is answered by the two pairs that have one of them each."""
    random = np.random.default_rng(0)
    arms = random.uniform(-1, 1, (30, 5))
    memory = Memory(BLOCK10, Comparison(scale=1e-5, exact=exact), "arms")
    for arm in arms:
        memory.add(seen(arm, arm[::-1]), np.concatenate([arm, arm[::-1]]))
    errors = []
    for right, left in random.integers(30, size=(20, 2)):
        answer = memory.ask(seen(arms[right], arms[left][::-1]))
        errors.append(np.abs(answer.value - np.concatenate([arms[right], arms[left][::-1]])).max())
        assert answer.mixture.sum() == pytest.approx(1.0)
    assert np.median(errors) < 1e-3
    assert len(memory.scales) == 2


def test_heads_travel_with_the_file(tmp_path):
    """A memory with two heads, top and a space of values is loaded as it was saved."""
    random = np.random.default_rng(1)
    memory = Memory(BLOCK10, Comparison(top=3), "arms", "free")
    for _ in range(25):
        memory.add(random.uniform(size=49), random.uniform(size=10))
    memory.save(tmp_path / "memory.npz")
    loaded = Memory.load(tmp_path / "memory.npz")
    assert (loaded.heads, loaded.space, loaded.comparison) == ("arms", "free", memory.comparison)
    query = random.uniform(size=49)
    assert np.array_equal(loaded.answer(query)[0], memory.answer(query)[0])


def test_free_postures():
    """Joints are their own latents; both arms are drawn apart, do not touch, and unseen ones are others."""
    free, unseen = decoders.load("free"), decoders.load("free", unseen=True)
    assert isinstance(free, FreePostures)
    drawn, other = free.sample(np.random.default_rng(0), 200), unseen.sample(np.random.default_rng(0), 200)
    assert np.array_equal(free.decode(free.encode(drawn)), drawn)
    assert not (drawn[:, :5] == drawn[:, 5:]).all(axis=1).any()
    assert not {tuple(arm) for arm in drawn[:, :5]} & {tuple(arm) for arm in other[:, :5]}
    with pytest.raises(ValueError, match="valid is"):
        free.encode([1.0, 2.0])


def test_spaces_of_latents():
    """Decoders with other weights have other spaces; a variant alone means latent 2."""
    spaces = {name: decoders.space(name) for name in ("wide", "wide-2", "ancestor", "free")}
    assert spaces["wide"] == spaces["wide-2"] != spaces["ancestor"]
    assert spaces["free"] == "free"
    with pytest.raises(ValueError, match="narrow"):
        decoders.space("narrow")
