"""Centring that is left to the features: those that only say where arms point are compared as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.associator import Associator
from agents.memory.centring import AUTO, CENTRING, is_centred
from agents.memory.memories import Memories
from agentspace import LocalSpace
from agentspace.errors import ParameterError
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.extractors import blazepose, efficientnet
from models.postures import decoders
from tests.robot.associator.teaching import ask, start, teach

ARMS, PICTURE = f"{blazepose.IDENTIFIER}/01234567", efficientnet.IDENTIFIER
SCALE = 0.05
KEYS = np.random.default_rng(0).normal(2.0, 1.0, (6, 25)).astype(np.float32)
VALUES = np.random.default_rng(1).normal(size=(6, 2))


def expected(centring: bool) -> np.ndarray:
    """The answer of a memory that compares so."""
    memory = Memory(comparison=Comparison(scale=SCALE, centring=centring))
    for key, value in zip(KEYS, VALUES, strict=True):
        memory.add(key, value)
    return np.asarray(memory.ask(KEYS[:3].mean(axis=0)).value)


def taught(memories: Memories) -> Memories:
    for key, value in zip(KEYS, VALUES, strict=True):
        memories.learn(key, value, 0.0)
    return memories


def answer(memories: Memories) -> np.ndarray:
    found = memories.answer(KEYS[:3].mean(axis=0))
    assert found is not None
    return np.asarray(found.value)


def left_open(folder: Path, features: str | None = None) -> Memories:
    memories = Memories(Comparison(scale=SCALE), folder, centring=AUTO)
    memories.fit(features)
    return memories


def test_features_decide_only_if_it_is_left_to_them() -> None:
    """True and false are true and false for all."""
    for features in (ARMS, PICTURE, "unknown"):
        assert [is_centred(wanted, features) for wanted in CENTRING] == [features != ARMS, True, False]


def test_each_kind_of_features_is_compared_in_its_way(tmp_path: Path) -> None:
    """In one associator, whose extractor is swapped; also pairs from before anybody named them, and of a file."""
    assert np.abs(expected(True) - expected(False)).max() > 1e-3
    for features, centring in ((ARMS, False), (PICTURE, True)):
        named = taught(left_open(tmp_path, features))
        np.testing.assert_allclose(answer(named), expected(centring), atol=1e-6)
        unnamed = taught(left_open(tmp_path))
        unnamed.fit(features)
        np.testing.assert_allclose(answer(unnamed), expected(centring), atol=1e-6)
        named.save(tmp_path / "pairs.npz")
        for loaded in (left_open(tmp_path, features), left_open(tmp_path)):
            loaded.load(tmp_path / "pairs.npz")
            np.testing.assert_allclose(answer(loaded), expected(centring), atol=1e-6)
        restored = left_open(tmp_path, features)
        restored.restore(named.state())
        np.testing.assert_allclose(answer(restored), expected(centring), atol=1e-6)


def test_what_is_felt_is_not_centred(tmp_path: Path) -> None:
    """Felt pairs answer as they do where it was said that nothing is centred."""
    answers = []
    for centring in (AUTO, "false"):
        memories = Memories(Comparison(scale=SCALE), tmp_path, felt=30, centring=centring)
        memories.fit(ARMS, decoders.space("wide"))
        answers.append(answer(memories))
    np.testing.assert_array_equal(*answers)


def test_the_agent_takes_words_and_bools() -> None:
    """As launch files have them; other words are refused, with the valid ones."""
    assert [Associator(centring=each).centring for each in (True, False, "auto", "true")] == [
        "true",
        "false",
        "auto",
        "true",
    ]
    assert Associator().centring == "false"
    with pytest.raises(ParameterError, match="'maybe' is not a choice; Valid: auto, true, false"):
        Associator(centring="maybe")


@pytest.mark.parametrize(("features", "centring"), [(ARMS, False), (PICTURE, True)])
def test_the_agent_leaves_it_to_the_features(features: str, centring: bool, space: LocalSpace) -> None:
    """What it answers is what a memory answers that compares them so."""
    space.write("features/space", features)
    start(space, centring="auto", scale=SCALE, novelty=0.0, doubt=False)
    for key, value in zip(KEYS, VALUES, strict=True):
        teach(space, key, value)
    space.write("mode", "use")
    np.testing.assert_allclose(ask(space, KEYS[:3].mean(axis=0)), expected(centring), atol=1e-6)
