"""Felt pairs: what an extractor would say of people who show a robot its postures, by kinematics."""

from __future__ import annotations

import numpy as np
import pytest

from models.attention.memory import Memory
from models.extractors.blazepose import ABSENT, IDENTIFIER, PRESENT
from models.extractors.felt import COUNT, felt_keys, practise, says_where_arms_point
from models.icub.kinematics import JOINT_LIMITS, STANDARD, arm_directions
from models.measures import nmae, swap_arms
from models.postures import decoders
from models.postures.autoencoder import load

ARMS = f"{IDENTIFIER}/01234567"


def test_a_key_is_what_a_person_shows_as_a_mirror_would() -> None:
    """The robot stretches its right arm out and lets the left one hang: the person stretches the left arm out."""
    hanging = np.array([-10.0, 5.0, 0.0, 20.0, 0.0])
    (key,) = felt_keys(ARMS, np.concatenate([STANDARD[:5], hanging])[None])
    assert key.dtype == np.float32
    right, _, left, _ = key[:12].reshape(4, 3)  # x backwards, y to the right, z up
    assert right[2] < -0.7
    assert abs(left[1]) > 0.7 > abs(right[1])
    np.testing.assert_allclose(np.linalg.norm(key[:12].reshape(4, 3), axis=1), 1.0, atol=1e-6)
    assert key[24] == PRESENT


def test_the_same_pairs_are_felt_each_time() -> None:
    """Another seed feels others; the keys are of the postures of the values."""
    decoder = load("wide")
    pairs, again, other = (practise(ARMS, decoder, 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(pairs.keys, again.keys)
    np.testing.assert_array_equal(pairs.values, again.values)
    assert not np.isclose(pairs.values, other.values).any()
    postures = np.clip(decoder.decode(pairs.values), *JOINT_LIMITS.T)
    np.testing.assert_allclose(pairs.keys[:, :12], arm_directions(swap_arms(postures)), atol=1e-6)


@pytest.mark.parametrize("name", ["wide-2", "ancestor-2", "wide-8", "free"])
def test_who_stands_otherwise_is_imitated(name: str) -> None:
    """With every decoder, by eyes that do not err; nobody is unknown, but who is not there."""
    decoder = decoders.load(name)
    memory = Memory(ARMS)
    for key, value in zip(*practise(ARMS, decoder), strict=True):
        memory.add(key, value)
    assert len(memory) == COUNT
    true = np.clip(decoder.decode(decoder.sample(np.random.default_rng(99), 40)), *JOINT_LIMITS.T)
    answers = [memory.ask(key) for key in felt_keys(ARMS, true)]
    error = nmae(decoder.decode(np.array([answer.value for answer in answers])), true)
    assert error < {"wide-2": 2.5, "ancestor-2": 2.5}.get(name, 9.0)
    assert all(answer.certainty.known for answer in answers)
    assert not memory.ask(np.array([0.0] * 24 + [ABSENT])).certainty.known


@pytest.mark.parametrize("features", ["hog/13x13/9", IDENTIFIER, "my/blazepose/full/1", "unknown"])
def test_features_that_do_not_say_where_arms_point_are_named(features: str) -> None:
    """Together with the extractors that do."""
    assert not says_where_arms_point(features)
    with pytest.raises(ValueError, match=rf"'{features}' do not say where arms point; .*: blazepose"):
        practise(features, load("wide"))


def test_a_decoder_is_found_by_the_space_of_its_latents() -> None:
    """Of other weights, or of none, there is no decoder: the message has both."""
    for name in ("wide-2", "ancestor-3", "free"):
        assert decoders.of_space(decoders.space(name)).name == name
    with pytest.raises(
        ValueError, match="values are of 'wide-2/0123'; the decoder of that name that is here is 'wide-2/"
    ):
        decoders.of_space("wide-2/0123")
    with pytest.raises(ValueError, match="joints"):
        decoders.of_space("joints/1")
