"""An associator that feels pairs: they answer beside those that it is taught, and are nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.memory.memories import Memories
from agents.memory.saved_pairs import SavedPairs
from agentspace import LocalSpace
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.extractors.blazepose import IDENTIFIER
from models.extractors.felt import felt_keys
from models.icub.kinematics import JOINT_LIMITS
from models.measures import nmae
from models.postures import decoders
from tests.robot.associator.teaching import Heard, ask, start, teach
from tests.support.eventually import eventually

ARMS = f"{IDENTIFIER}/01234567"
DECODER = decoders.load("wide")
LATENTS = DECODER.sample(np.random.default_rng(99), 12)
QUERIES = felt_keys(ARMS, np.clip(DECODER.decode(LATENTS), *JOINT_LIMITS.T))
STRANGE = np.array([*[0.5, -0.5, 0.7] * 8, 1.0], np.float32)


def practising(space: LocalSpace, **parameters: Any) -> dict[str, Any]:
    """An associator that feels, in mode use; what it says of that."""
    space.write("features/space", ARMS)
    space.write("proprio/space", decoders.space("wide"))
    space.write("mode", "use")
    start(space, practice="felt", novelty=0.0, **parameters)
    found: dict[str, Any] = eventually(lambda: space.read("memory/felt"))
    return found


def certainty(space: LocalSpace, felt: float) -> None:
    """Waits until so much of the present answer came from felt pairs."""
    eventually(lambda: abs(space.read("certainty", {"felt": -1.0})["felt"] - felt) < 1e-3)


def succeed(space: LocalSpace, **parameters: Any) -> None:
    """Swaps the associator, to the end."""
    entry = space.entry("_/swaps/associator")
    before = 0 if entry is None else entry.value["number"]
    space.run(Heard(**parameters), role="associator", replace=True)
    done = {"number": before + 1, "state": "done"}
    eventually(lambda: done.items() <= space.read("_/swaps/associator").items())


def test_a_robot_that_feels_imitates_at_once(space: LocalSpace) -> None:
    """Nobody has taught it anything, which is told; postures that it has not practised come out well."""
    felt = practising(space)
    assert (felt["pairs"], felt["values"].shape, felt["problem"]) == (400, (400, 2), "")
    answers = DECODER.decode(np.array([ask(space, query) for query in QUERIES]))
    assert nmae(answers, DECODER.decode(LATENTS)) < 3.0
    certainty(space, 1.0)
    assert (space.read("pairs"), space.read("memory/spaces"), len(space.read("attention"))) == (0, {}, 0)


def test_taught_pairs_come_beside_felt_ones(space: LocalSpace) -> None:
    """Each answers what is near it, and which did is told; only taught ones are counted and forgotten."""
    practising(space)
    answer = teach(space, STRANGE, np.array([5.0, 5.0]))
    assert (answer["added"], answer["pairs"]) == (True, 1)
    assert answer["novelty"] > 1.0  # the felt ones had an answer
    np.testing.assert_allclose(ask(space, STRANGE), [5.0, 5.0], atol=0.1)
    certainty(space, 0.0)
    assert space.read("attention").shape == (1,)
    assert space.read("attention")[0] == pytest.approx(1.0, abs=1e-3)
    ask(space, QUERIES[0])
    certainty(space, 1.0)
    assert (space.read("pairs"), space.read("memory/values").tolist()) == (1, [[5.0, 5.0]])
    space.write("memory/command", {"do": "undo"})
    eventually(lambda: space.read("pairs") == 0)
    assert np.abs(ask(space, STRANGE)).max() < 2.0
    teach(space, STRANGE, np.array([5.0, 5.0]))
    space.write("memory/command", {"do": "forget"})
    eventually(lambda: space.read("pairs") == 0)
    assert np.abs(ask(space, STRANGE)).max() < 2.0


def test_what_is_known_by_feeling_is_no_news(space: LocalSpace) -> None:
    """The gate asks whether a pair would change an answer, whoever taught that one."""
    space.write("features/space", ARMS)
    space.write("proprio/space", decoders.space("wide"))
    start(space, practice="felt", novelty=0.2)
    eventually(lambda: space.read("memory/felt"))
    assert teach(space, QUERIES[0], LATENTS[0])["reason"] == "known already"
    assert teach(space, STRANGE, np.array([5.0, 5.0]))["added"]


def test_features_without_directions_are_not_felt_and_nothing_fails(space: LocalSpace) -> None:
    """Why is told; when such features come back it feels again, and each decoder has pairs of its own."""
    practising(space)
    space.write("features/space", "hog/13x13/9")
    problem = eventually(lambda: space.read("memory/felt", {}).get("problem"))
    assert "'hog/13x13/9' do not say where arms point; those that do are of: blazepose" in problem
    assert space.read("memory/felt")["pairs"] == 0
    assert teach(space, np.ones(7, np.float32), np.array([1.0, 0.0]))["pairs"] == 1
    space.write("features/space", ARMS)
    eventually(lambda: space.read("memory/felt")["pairs"] == 400)
    space.write("proprio/space", decoders.space("wide-4"))
    eventually(lambda: space.read("memory/felt")["values"].shape == (400, 4))
    assert ask(space, QUERIES[0]).shape == (4,)
    space.write("proprio/space", "wide-2/0123")
    eventually(lambda: "'wide-2/0123'" in space.read("memory/felt")["problem"])
    assert not space.snapshot("_/errors/*")


def test_a_successor_feels_or_not_as_it_is_told(space: LocalSpace) -> None:
    """Taught pairs are handed over; felt ones are its own, or none."""
    practising(space, felt=50)
    teach(space, STRANGE, np.array([5.0, 5.0]))
    succeed(space, practice="invited")
    eventually(lambda: space.read("memory/felt") is None)
    assert space.read("pairs") == 1
    np.testing.assert_allclose(ask(space, QUERIES[0]), [5.0, 5.0], atol=1e-6)
    certainty(space, 0.0)
    succeed(space, practice="felt")
    eventually(lambda: space.read("memory/felt", {}).get("pairs") == 400)
    assert space.read("pairs") == 1
    assert np.abs(ask(space, QUERIES[0]) - LATENTS[0]).max() < 0.5


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    """Memories that feel 30 pairs, for two that are taught at most."""
    found = Memories(Comparison(scale=1e-4), tmp_path, capacity=2, felt=30)
    found.fit(ARMS, decoders.space("wide"))
    return found


def test_felt_pairs_are_neither_saved_nor_handed_over(memories: Memories, tmp_path: Path) -> None:
    """They are computed anew: a file or a state has those that were taught."""
    memories.learn(STRANGE, [5.0, 5.0], 0.0)
    memories.save(tmp_path / "memory.npz")
    assert Memory.load(tmp_path / "memory.npz").values.tolist() == [[5.0, 5.0]]
    saved = SavedPairs(tmp_path, "pairs")
    saved.save(memories)
    assert len(Memory.load(tmp_path / "pairs")) == 1
    (part,) = memories.state()["memories"]
    assert part["values"].tolist() == [[5.0, 5.0]]
    other = Memories(Comparison(scale=1e-4), tmp_path, felt=30)
    other.restore(memories.state())
    assert (len(other), len(other.answer(STRANGE).mixture)) == (1, 31)
    memories.forget()
    assert (len(memories), len(memories.answer(STRANGE).mixture)) == (0, 30)
    memories.load(tmp_path / "memory.npz")
    assert (len(memories), len(memories.answer(STRANGE).mixture)) == (1, 31)


def test_a_full_memory_gives_up_taught_pairs_only(memories: Memories) -> None:
    """The one with the most similar value goes, also where a felt one is more similar; the answers know."""
    keys = np.eye(3, 25, dtype=np.float32)
    near = memories.felt.pairs.values[0]
    for key, value in zip(keys, ([5.0, 5.0], [-5.0, -5.0], near), strict=True):
        learned = memories.learn(key, value, 0.0)
    assert learned.replaced in (0, 1)
    left = [[-5.0, -5.0], [5.0, 5.0]][learned.replaced]
    np.testing.assert_allclose(memories.values, [left, near], rtol=1e-6)
    for key, value in ((keys[1 - learned.replaced], left), (keys[2], near)):
        answer = memories.answer(key)
        assert len(answer.mixture) == 32
        np.testing.assert_allclose(answer.value, value, atol=1e-3)
    assert np.abs(memories.answer(keys[learned.replaced]).value).max() < 5.0 - 1e-3
    assert memories.obey({"do": "forget", "pair": 0})["removed"] == 0
    np.testing.assert_allclose(memories.answer(keys[2]).value, near, atol=1e-3)
    assert len(memories.answer(keys[2]).mixture) == 31


def test_heads_that_cannot_divide_what_is_felt_say_so(tmp_path: Path) -> None:
    """An attention for each arm answers with joints, which latents are not."""
    memories = Memories(Comparison(), tmp_path, "arms", felt=30)
    memories.fit(ARMS, decoders.space("wide"))
    with pytest.raises(ValueError, match="the values have 2 numbers"):
        memories.answer(STRANGE)
    assert "the values have 2 numbers" in memories.learn(STRANGE, np.zeros(2), 0.0).reason


def test_an_attention_for_each_arm_feels_free_arms_better(tmp_path: Path) -> None:
    """Arms that are free of each other, of somebody who shows them as a mirror would: two attentions err less."""
    free = decoders.load("free", unseen=True).sample(np.random.default_rng(0), 20)
    errors = {}
    for heads in ("one", "arms"):
        memories = Memories(Comparison(), tmp_path / heads, heads, felt=100)
        memories.fit(ARMS, decoders.space("free"))
        errors[heads] = nmae([memories.answer(query).value for query in felt_keys(ARMS, free)], free)
    assert errors["arms"] < 0.8 * errors["one"]
    assert errors["arms"] < 7.0
