"""What an associator keeps: in files, over swaps and crashes, apart for each extractor and decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.associator import Associator
from agents.memory.memories import Memories
from agentspace import AgentspaceError, LocalSpace
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.files.artifact import ArtifactError
from tests.robot.associator.teaching import KEYS, VALUES, Heard, answered, ask, confirm, start, teach, teach_all
from tests.support.eventually import eventually


def command(space: LocalSpace, value: Any) -> dict[str, Any]:
    entry = space.entry("memory/done")
    before = 0 if entry is None else entry.revision
    space.write("memory/command", value)
    eventually(lambda: (entry := space.entry("memory/done")) is not None and entry.revision > before)
    found: dict[str, Any] = space.read("memory/done")
    return found


def test_save_forget_load(space: LocalSpace, tmp_path: Path) -> None:
    """A memory that was saved, forgotten and loaded answers as before; the file names the feature space."""
    start(space)
    teach_all(space)
    path = tmp_path / "new" / "memory.npz"
    assert command(space, {"do": "save", "path": str(path)})["ok"]
    assert command(space, {"do": "forget"})["ok"]
    eventually(lambda: space.read("pairs") == 0)
    assert command(space, {"do": "load", "path": str(path)})["ok"]
    eventually(lambda: space.read("pairs") == 4)
    space.write("mode", "use")
    np.testing.assert_allclose(ask(space, KEYS[3]), VALUES[3], atol=1e-6)
    assert Memory.load(path).features == "test/16"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("explode", "valid: do = forget, save or load"),
        ({"do": ["save"]}, "valid: do = forget, save or load"),
        ({"do": "save"}, "save needs a path"),
        ({"do": "load", "path": 3}, "load needs a path, not 3"),
        ({"do": "load", "path": "~nobody-here/a.npz"}, "no home folder for '~nobody-here/a.npz'"),
        ({"do": "load", "path": "/does/not/exist.npz"}, "/does/not/exist.npz"),
        ({"do": "save", "path": "/proc/nowhere/memory.npz"}, "/proc/nowhere"),
    ],
)
def test_a_command_that_cannot_be_done_is_reported(value: Any, message: str, space: LocalSpace) -> None:
    """memory/done names what is wrong; pairs and agent are as before."""
    start(space)
    teach(space, KEYS[0], VALUES[0])
    done = command(space, value)
    assert not done["ok"]
    assert message in done["message"]
    assert done["command"] == value
    assert space.read("pairs") == 1
    assert not space.snapshot("_/errors/*")


def test_pairs_of_other_features_are_kept_apart(space: LocalSpace, tmp_path: Path) -> None:
    """Another space of features has a memory of its own, of any length; the first comes back with its features."""
    start(space)
    space.write("mode", "use")
    teach_all(space)
    assert space.read("memory/spaces") == {"test/16": 4}
    old = tmp_path / "old.npz"
    assert command(space, {"do": "save", "path": str(old)})["ok"]

    space.write("features/space", "other/5")
    eventually(lambda: space.read("pairs") == 0)
    answer = teach(space, np.ones(5, np.float32), VALUES[1])
    assert (answer["added"], answer["pairs"], answer["novelty"]) == (True, 1, None)
    assert space.read("memory/spaces") == {"other/5": 1, "test/16": 4}
    np.testing.assert_allclose(ask(space, np.ones(5, np.float32)), VALUES[1], atol=1e-6)
    done = command(space, {"do": "load", "path": str(old)})
    assert not done["ok"]
    assert "holds features of 'test/16'; the extractor makes 'other/5'" in done["message"]

    space.write("features/space", "test/16")
    eventually(lambda: space.read("pairs") == 4)
    np.testing.assert_allclose(ask(space, KEYS[2]), VALUES[2], atol=1e-6)
    assert command(space, {"do": "forget"})["message"] == "forgot 4 pairs"
    assert space.read("memory/spaces") == {"other/5": 1}


def test_features_from_before_a_change_of_extractors_are_not_used(space: LocalSpace) -> None:
    """A picture that the predecessor saw is neither learned nor answered in the space of its successor, although
    its features have the same length."""
    start(space)
    space.write("mode", "use")
    space.write("camera", KEYS[0])
    eventually(lambda: space.read("features") is not None)
    space.write("proprio", VALUES[1])
    before = confirm(space)
    agent = Heard.latest
    space.write("features/space", "other/16")
    stale = space.entry("features")
    assert stale is not None
    assert not agent._fits(stale)  # private: what must not happen to it cannot be awaited
    space.write("camera", KEYS[3])
    assert answered(space, before)["added"]
    assert space.read("memory/spaces") == {"other/16": 1}
    np.testing.assert_allclose(agent._memory._memory.keys, KEYS[3:])  # private: no slot has the keys


def test_pairs_from_before_anybody_named_the_features(tmp_path: Path) -> None:
    """They belong to the first space that is named; a space that has pairs already keeps its own."""
    memory = Memories(Comparison(), tmp_path)
    assert memory.learn(KEYS[0], VALUES[0], 0.0) == (None, "", None)
    assert memory.fit("a")
    assert not memory.fit("a")
    assert memory.spaces == {"a": 1}
    assert memory.fit("b")
    assert (len(memory), memory.spaces, memory.answer(KEYS[0])) == (0, {"a": 1}, None)
    nbytes = memory.nbytes
    memory.learn(KEYS[1], VALUES[1], 0.0)
    assert memory.nbytes == 2 * nbytes > 0


def test_a_state_has_the_pairs_of_all_features(tmp_path: Path) -> None:
    """State of version 2: all memories, and which is in use; that of version 1 has one."""
    memory = Memories(Comparison(), tmp_path)
    for identifier, key, value in (("a", KEYS[0], VALUES[0]), ("b", KEYS[1], VALUES[1])):
        memory.fit(identifier)
        memory.learn(key, value, 0.0)
    other = Memories(Comparison(), tmp_path)
    other.restore(memory.state())
    assert other.spaces == {"b": 1, "a": 1}
    successor = Memories(Comparison(), tmp_path)
    successor.fit("a")  # it has heard already which features are in use now
    successor.restore(memory.state())
    assert successor.spaces == {"a": 1, "b": 1}
    old = Memories(Comparison(), tmp_path)
    old.restore({"features": "a", "keys": KEYS, "values": VALUES})
    assert old.spaces == {"a": 4}
    stranger = Memories(Comparison(), tmp_path)
    stranger.fit("c")
    stranger.restore({"features": "a", "keys": KEYS, "values": VALUES})
    assert (len(stranger), stranger.spaces) == (0, {"a": 4})
    unnamed = Memories(Comparison(), tmp_path)
    unnamed.fit("c")
    unnamed.restore({"features": "unknown", "keys": KEYS, "values": VALUES})
    assert unnamed.spaces == {"c": 4}


def test_a_memory_from_the_start(space: LocalSpace, tmp_path: Path) -> None:
    """The parameter memory gives pairs to begin with, relative to the project; a bad file ends the start."""
    memory = Memory("test/16")
    memory.add(KEYS[0], VALUES[3])
    memory.save(tmp_path / "memory.npz")
    space.run(Associator(memory="memory.npz"), project=tmp_path)
    eventually(lambda: space.read("pairs") == 1)
    with LocalSpace() as other:
        other.run(Associator(memory="missing.npz"), project=tmp_path)
        eventually(lambda: other.read("_/roles/associator")["state"] == "failed")
        assert ArtifactError.__name__ in other.read("_/errors/associator")["traceback"]


def test_acquire_forgets_only_when_asked_to(space: LocalSpace) -> None:
    """With forget_on_acquire each entry into acquire begins anew; a repeated write of the mode does not."""
    start(space, forget_on_acquire=True)
    space.write("mode", "acquire")
    teach(space, KEYS[0], VALUES[0])
    space.write("mode", "acquire")
    assert teach(space, KEYS[1], VALUES[1])["pairs"] == 2
    space.write("mode", "use")
    ask(space, KEYS[0])
    space.write("mode", "acquire")
    eventually(lambda: space.read("pairs") == 0)


def test_a_successor_knows_what_its_predecessor_knew(space: LocalSpace) -> None:
    """State given and taken over: pairs, mode and waiting confirmations; nothing is forgotten by the swap."""
    first = start(space, forget_on_acquire=True)
    space.write("mode", "acquire")
    teach_all(space)
    space.write("proprio", VALUES[0] + 5)
    before = confirm(space, "waits")
    eventually(lambda: first._waiting)  # private: nobody is told of a confirmation that waits
    space.stop("associator")
    eventually(lambda: space.read("_/roles/associator")["state"] == "stopped")
    state = first.get_state()
    assert state is not None

    class Successor(Heard):
        def init(self) -> None:
            super().init()
            self.set_state(*state)

    space.run(Successor(forget_on_acquire=True), role="associator")
    eventually(lambda: space.read("_/roles/associator")["state"] == "running")
    assert space.read("pairs") == 4
    space.write("camera", KEYS[0])
    answer = answered(space, before)
    assert (answer["confirm"], answer["pairs"]) == ("waits", 5)


def test_a_restarted_associator_knows_the_mode(space: LocalSpace) -> None:
    """The mode that its predecessor has been told is read again by a new incarnation."""
    start(space)
    space.write("mode", "use")
    space.stop("associator")
    eventually(lambda: space.read("_/roles/associator")["state"] == "stopped")
    start(space)
    assert teach(space, KEYS[0], VALUES[2])["added"]
    np.testing.assert_allclose(ask(space, KEYS[0]), VALUES[2])


def test_a_crash_costs_no_pair(space: LocalSpace) -> None:
    """Who comes after a crash goes on with pairs and mode; who comes after a good end begins anew."""
    crashing = start(space)
    space.write("mode", "use")
    teach_all(space)
    # private: whatever it does next, it fails
    crashing._memory = None  # type: ignore[assignment]
    space.write("mode", "acquire")
    eventually(lambda: space.read("_/roles/associator")["state"] == "failed")
    space.write("mode", "use")
    start(space)
    assert eventually(lambda: space.read("pairs")) == 4
    np.testing.assert_allclose(ask(space, KEYS[1]), VALUES[1], atol=1e-6)
    space.stop("associator")
    eventually(lambda: space.read("_/roles/associator")["state"] == "stopped")
    start(space)
    assert space.read("pairs") == 0


def test_pairs_and_mode_survive_a_swap(space: LocalSpace) -> None:
    """Its successor answers as it did, also as another class, and a confirmation that waits is not lost."""
    start(space, novelty=0.0)
    space.write("mode", "use")
    teach_all(space)
    before = confirm(space, "waits")
    space.write("proprio", VALUES[0])

    class Other(Heard):
        """Another class that reads the same state."""

    space.run(Other(novelty=0.0), role="associator", replace=True)
    eventually(lambda: space.read("_/swaps/associator")["state"] in ("probation", "done"))
    space.write("camera", KEYS[0])
    answer = answered(space, before)
    assert (answer["confirm"], answer["pairs"]) == ("waits", 5)
    np.testing.assert_allclose(ask(space, KEYS[1]), VALUES[1], atol=1e-6)


def test_a_memory_too_large_for_a_message_survives_a_swap(
    space: LocalSpace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes through a file, written once while nothing changes, and gone when nobody can want it any more."""
    for module in ("agents.associator", "agents.memory.handover"):
        monkeypatch.setattr(f"{module}.AT_MOST", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    space.write("proprio/space", "wide-2")
    first = start(space, novelty=0.0)
    space.write("mode", "use")
    teach_all(space)
    _, state = first.get_state()
    assert len(list(tmp_path.iterdir())) == 1
    assert "keys" not in repr(state)
    space.run(Heard(novelty=0.0), role="associator", replace=True)
    eventually(lambda: space.read("_/swaps/associator")["state"] in ("probation", "done"))
    np.testing.assert_allclose(ask(space, KEYS[1]), VALUES[1], atol=1e-6)
    assert space.read("memory/spaces") == {"test/16 -> wide-2": 4}
    successor = Heard.latest
    before = successor.get_state()[1]["memory"]["file"]
    assert successor.get_state()[1]["memory"]["file"] == before
    teach(space, KEYS[0], VALUES[3])
    assert successor.get_state()[1]["memory"]["file"] != before
    space.stop("associator")
    eventually(lambda: space.read("_/roles/associator")["state"] == "stopped")
    eventually(lambda: not list(tmp_path.iterdir()))


def test_a_state_of_version_1_is_read(space: LocalSpace) -> None:
    """A successor of newer code goes on with the pairs of one of older code."""
    state = {"memory": {"features": "test/16", "keys": KEYS, "values": VALUES}, "mode": "use", "waiting": []}

    class Successor(Heard):
        def init(self) -> None:
            super().init()
            self.set_state(1, state)

    agent = Successor()
    space.run(agent, role="associator")
    eventually(lambda: space.read("memory/spaces") == {"test/16": 4})
    np.testing.assert_allclose(ask(space, KEYS[2]), VALUES[2], atol=1e-6)
    version, again = agent.get_state()
    assert version == 3
    assert [part["features"] for part in again["memory"]["memories"]] == ["test/16"]


def test_a_state_of_another_version_is_refused(space: LocalSpace) -> None:
    """The error names both versions."""
    with pytest.raises(AgentspaceError, match="version 9 cannot be read; valid are 1, 2 and 3"):
        start(space).set_state(9, {})


def test_one_pair_can_be_forgotten(space: LocalSpace) -> None:
    """`undo` takes the last pair back, `forget` with a number that one; a number that is none is told with the
    valid ones."""
    start(space)
    teach_all(space)
    done = command(space, {"do": "undo"})
    assert (done["ok"], done["removed"], done["message"]) == (True, 3, "forgot pair 3; 3 are left")
    assert command(space, {"do": "forget", "pair": 0})["removed"] == 0
    assert eventually(lambda: space.read("pairs") == 2)
    np.testing.assert_allclose(space.read("memory/values"), VALUES[1:3])
    assert "there is no pair 2; valid: 0 to 1" in command(space, {"do": "forget", "pair": 2})["message"]
    assert "valid is the number of a pair" in command(space, {"do": "forget", "pair": "last"})["message"]
    assert all(command(space, "undo")["ok"] for _ in range(2))
    assert "valid: none" in command(space, "undo")["message"]
    assert teach(space, KEYS[0], VALUES[0])["added"]


def test_a_full_memory_tells_which_pair_went(space: LocalSpace) -> None:
    """With a capacity the pair with the most similar value goes; the answer to the confirm has its number."""
    start(space, capacity=3, novelty=0.0)
    for key, value in zip(KEYS[:3], VALUES[:3], strict=True):
        assert "replaced" not in teach(space, key, value)
    answer = teach(space, KEYS[3], VALUES[1] + 0.1)
    assert (answer["added"], answer["pairs"], answer["replaced"]) == (True, 3, 1)
    np.testing.assert_allclose(space.read("memory/values"), [VALUES[0], VALUES[2], VALUES[1] + 0.1], atol=1e-6)


def test_values_of_another_decoder_are_kept_apart(space: LocalSpace, tmp_path: Path) -> None:
    """Latents of one decoder do not answer while the robot feels in those of another; their file is refused."""
    space.write("proprio/space", "wide-2/01234567")
    start(space)
    teach_all(space)
    path = tmp_path / "wide.npz"
    assert command(space, {"do": "save", "path": str(path)})["ok"]
    space.write("proprio/space", "ancestor-2/89abcdef")
    eventually(lambda: space.read("pairs") == 0)
    assert teach(space, KEYS[0], VALUES[1])["reason"] == ""
    assert space.read("memory/spaces") == {"test/16 -> ancestor-2/89abcdef": 1, "test/16 -> wide-2/01234567": 4}
    done = command(space, {"do": "load", "path": str(path)})
    assert "holds values of 'wide-2/01234567'; the robot feels 'ancestor-2/89abcdef'" in done["message"]
    space.write("proprio/space", "wide-2/01234567")
    eventually(lambda: space.read("pairs") == 4)
    assert command(space, {"do": "load", "path": str(path)})["ok"]


def test_a_posture_felt_before_a_change_of_decoders_is_not_learned(space: LocalSpace) -> None:
    """A latent of the predecessor would mean another posture."""
    space.write("proprio/space", "wide-2")
    start(space)
    space.write("proprio", VALUES[1])
    eventually(lambda: space.entry("proprio").age > 0.05)  # longer ago than two looks at a slot take
    space.write("proprio/space", "ancestor-2")
    before = confirm(space)
    space.write("camera", KEYS[0])
    assert answered(space, before)["reason"] == "proprio is empty"


def test_a_state_of_version_2_is_read(tmp_path: Path) -> None:
    """It has memories of several kinds of features, and nobody said what their values are of; they belong to the
    decoder in use."""
    part = {"keys": KEYS, "values": VALUES}
    state = {"space": "a", "memories": [{"features": "a", **part}, {"features": "b", **part}]}
    memory = Memories(Comparison(), tmp_path)
    memory.restore(state)
    assert memory.spaces == {"a": 4, "b": 4}
    assert memory.fit("b", "wide-2")
    assert memory.spaces == {"b -> wide-2": 4, "a": 4}
    again = Memories(Comparison(), tmp_path)
    again.restore(memory.state())
    assert again.spaces == memory.spaces


def test_what_was_no_news_is_told(space: LocalSpace) -> None:
    """Its latents, in their order, until the memory is another one; a successor knows them, too."""
    start(space)
    teach_all(space)
    for number, shift in ((0, 0.01), (2, 0.02)):
        assert teach(space, KEYS[number], VALUES[number] + shift)["reason"] == "known already"
    tried = eventually(lambda: (entry := space.entry("memory/tried")) and len(entry.value) == 2 and entry).value
    np.testing.assert_allclose(tried, VALUES[[0, 2]] + [[0.01], [0.02]], atol=1e-6)
    assert tried.dtype == np.float32
    state = Heard.latest.get_state()
    other = Memories(Comparison(), Path())
    other.restore(state[1]["memory"])
    np.testing.assert_array_equal(other.tried, tried)
    assert command(space, {"do": "forget"})["ok"]
    eventually(lambda: len(space.read("memory/tried")) == 0)
