"""What an associator saves by itself: each pair, at once, also for another day."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from agents.associator import Associator
from agents.game import Game
from agents.memory.memories import Memories
from agents.memory.saved_pairs import SavedPairs, find
from agentspace import LocalSpace
from models.attention.memory import Memory
from models.attention.similarity import Comparison
from models.files.artifact import ArtifactError
from tests.robot.associator.teaching import KEYS, VALUES, Heard, answered, ask, confirm, teach, teach_all
from tests.support.constellation import Constellation, link_agents
from tests.support.eventually import eventually
from tests.support.program import PATIENCE


def start(space: LocalSpace, project: Path, **parameters: Any) -> Heard:
    agent = Heard(saved="pairs", **parameters)
    space.run(agent, role="associator", project=project)
    eventually(lambda: space.read("_/roles/associator", {}).get("state") == "running")
    return agent


def saved(project: Path, name: str = "pairs") -> int:
    """The number of pairs in a file of the newest run; 0 if there is none."""
    path = project / "runs" / "latest" / name / "memory.npz"
    return len(Memory.load(path)) if path.exists() else 0


def test_each_pair_is_on_the_disk_before_it_is_told_of(space: LocalSpace, tmp_path: Path) -> None:
    """With its number, when the answer comes; nothing is left to a save, or to an end in order."""
    start(space, tmp_path)
    for number, (key, value) in enumerate(zip(KEYS, VALUES, strict=True), 1):
        assert teach(space, key, value)["folder"] == "pairs"
        assert saved(tmp_path) == number
    assert space.read("memory/saved") == {"folder": "pairs", "pairs": 4, "problem": ""}
    found = Memory.load(tmp_path / "runs" / "latest" / "pairs")
    np.testing.assert_array_equal(found.keys, KEYS)
    assert found.features == "test/16"


def test_what_is_forgotten_stays_saved(space: LocalSpace, tmp_path: Path) -> None:
    """The next invitation has a folder of its own; a pair that is taken back is taken out of the file."""
    start(space, tmp_path, forget_on_acquire=True)
    space.write("mode", "acquire")
    teach_all(space)
    space.write("memory/command", {"do": "undo"})
    eventually(lambda: saved(tmp_path) == 3)
    space.write("mode", "use")
    ask(space, KEYS[0])  # it has heard of it
    space.write("mode", "acquire")
    eventually(lambda: space.read("pairs") == 0)
    assert teach(space, KEYS[1], VALUES[1])["folder"] == "pairs-2"
    assert (saved(tmp_path), saved(tmp_path, "pairs-2")) == (3, 1)


def test_a_memory_of_another_day_imitates_at_once(space: LocalSpace, tmp_path: Path) -> None:
    """`last` is what the run before has saved; it is not changed by what is learned now."""
    start(space, tmp_path)
    teach_all(space)
    with LocalSpace() as other:
        other.write("features/space", "test/16")
        other.write("mode", "use")
        start(other, tmp_path, memory="last", novelty=0.0)
        assert other.read("pairs") == 4
        other.write("features", KEYS[2])
        np.testing.assert_allclose(eventually(lambda: other.entry("act")).value, VALUES[2], atol=1e-6)
        other.write("proprio", VALUES[0])
        before = confirm(other)
        other.write("features", KEYS[0])
        assert answered(other, before)["pairs"] == 5
        assert saved(tmp_path) == 5
    files = sorted((tmp_path / "runs").glob("associator-*/pairs/memory.npz"))
    assert [len(Memory.load(file)) for file in files] == [4, 5]


def test_the_original_s_text_is_a_memory(space: LocalSpace, tmp_path: Path) -> None:
    """Its pairs belong to the features in use, and the robot imitates with them; that it is text is said."""
    np.savetxt(tmp_path / "keys.npy", KEYS)
    np.savetxt(tmp_path / "values.npy", VALUES)
    start(space, tmp_path, memory="keys.npy")
    assert "waits until it is known which features and values" in space.read("memory/waits")
    space.write("proprio", VALUES[0])
    space.write("features", KEYS[0])
    eventually(lambda: space.read("pairs") == 4)
    assert space.read("memory/waits") is None
    space.write("mode", "use")
    np.testing.assert_allclose(ask(space, KEYS[3]), VALUES[3], atol=1e-6)
    assert space.read("memory/spaces") == {"test/16": 4}
    space.write("memory/command", {"do": "load", "path": str(tmp_path)})
    done = eventually(lambda: (now := space.read("memory/done"))["command"]["path"] == str(tmp_path) and now)
    assert "loaded 4 pairs from" in done["message"]
    assert "(text, as numpy.savetxt writes it)" in done["message"]
    np.savetxt(tmp_path / "keys.npy", np.eye(4, 384))
    space.write("memory/command", {"do": "load", "path": "keys.npy"})
    done = eventually(lambda: (now := space.read("memory/done"))["ok"] is False and now)
    assert "has keys of 384 numbers; the features in use have 16" in done["message"]
    assert space.read("pairs") == 4


def test_a_disk_that_takes_nothing_is_told(space: LocalSpace, tmp_path: Path) -> None:
    """Learning goes on; when there is room again everything is saved."""
    agent = start(space, tmp_path)
    folder = agent.run_folder / "pairs"
    folder.write_text("in the way")
    assert teach(space, KEYS[0], VALUES[0])["added"]
    assert "pairs" in space.read("memory/saved")["problem"]
    folder.unlink()
    agent._save_at = 0.0  # private: the next try would come in some seconds
    teach(space, KEYS[1], VALUES[1])
    assert saved(tmp_path) == 2
    assert not space.read("memory/saved")["problem"]


FOREIGN = {
    "other features": ("test/9", "wide-2", 16, 2, "holds features of 'test/9'; the extractor makes 'test/16'"),
    "other values": ("test/16", "wide-3", 16, 3, "holds values of 'wide-3'; the robot feels 'wide-2'"),
    "long keys": (None, None, 384, 2, "has keys of 384 numbers; the features in use have 16"),
    "long values": (None, None, 16, 3, "has values of 3 numbers; the robot feels 2"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_pairs_that_do_not_fit_are_refused_and_nothing_begins(
    space: LocalSpace, tmp_path: Path, case: str
) -> None:
    """As soon as it is known what they must be of, as the command says it; nothing begins until others come."""
    features, values, n, m, sentence = FOREIGN[case]
    keys, latents = np.eye(4, n), np.ones((4, m))
    name = "pairs.npz"
    if features is None or values is None:
        name = "keys.txt"
        np.savetxt(tmp_path / name, keys)
        np.savetxt(tmp_path / "values.txt", latents)
    else:
        memory = Memory(features, space=values)
        for key, value in zip(keys, latents, strict=True):
            memory.add(key, value)
        memory.save(tmp_path / name)
    space.delete("features/space")
    start(space, tmp_path, memory=name)
    space.run(Game(), role="game")
    eventually(lambda: space.read("_/roles/game", {}).get("state") == "running")
    assert "waits until it is known which features and values" in space.read("memory/waits")
    space.write("features/space", "test/16")
    space.write("proprio/space", "wide-2")
    space.write("proprio", VALUES[0])
    space.write("features", KEYS[0])
    done = eventually(lambda: space.read("memory/done"))
    assert (done["ok"], done["command"]) == (False, {"do": "load", "path": name})
    assert sentence in done["message"]
    assert name in done["message"]
    assert space.read("memory/waits") == done["message"]
    space.write("memory/command", {"do": "load", "path": name})
    again = eventually(lambda: (now := space.entry("memory/done")) and now.revision > 1 and now.value)
    assert again["message"] == done["message"]
    assert (space.read("pairs"), space.read("mode")) == (0, None)
    assert not (Heard.latest.run_folder / "pairs").exists()
    space.write("memory/command", {"do": "forget"})
    eventually(lambda: space.read("mode") == "acquire")
    assert space.read("memory/waits") is None


def test_last_means_the_newest_pairs_that_fit(space: LocalSpace, tmp_path: Path) -> None:
    """A run with another extractor or decoder in between hides nothing; if none fits, that is said."""
    for number, features in enumerate(("test/16", "test/16", "test/9"), 1):
        memory = Memory(features, space="wide-2")
        for key in KEYS[:number]:
            memory.add(key, VALUES[0])
        folder = tmp_path / "runs" / str(number) / "pairs"
        folder.mkdir(parents=True)
        memory.save(folder / "memory.npz")
        os.utime(folder / "memory.npz", ns=(number * 10**9, number * 10**9))
    space.write("proprio/space", "wide-2")
    start(space, tmp_path, memory="last")
    eventually(lambda: space.read("pairs") == 2)
    assert f"{Path('runs') / '2'}" in space.read("memory/done")["message"]
    with LocalSpace() as other:
        other.write("features/space", "test/5")
        other.write("proprio/space", "wide-2")
        start(other, tmp_path, memory="last")
        told = eventually(lambda: other.read("memory/done"))["message"]
    assert "has saved pairs of test/5 -> wide-2; the newest ones" in told
    assert "are of test/" in told


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        ("missing.npz", "missing.npz cannot be read: No such file or directory"),
        ("note.npz", "note.npz is "),
        ("empty", "empty has neither memory.npz in it nor keys.npy and values.npy"),
        ("last", "no earlier run in "),
        ("~nobody-here/pairs", "there is no home folder for"),
    ],
)
def test_a_wrong_memory_is_told_before_the_start(tmp_path: Path, memory: str, told: str) -> None:
    """Whatever can be known of it without features; a good one lacks nothing."""
    (tmp_path / "note.npz").write_text("note")
    (tmp_path / "empty").mkdir()
    Memory().save(tmp_path / "fine.npz")
    agent, fine = Associator(memory=memory), Associator(memory="fine.npz")
    agent.project = fine.project = tmp_path
    (line,) = agent.lacks()
    assert line.startswith(f"memory={memory}: ")
    assert told in line
    assert not list(fine.lacks())
    assert not list(Associator().lacks())


# --- the folders


def memories(project: Path, pairs: int) -> Memories:
    made = Memories(Comparison(), project)
    for key, value in zip(KEYS[:pairs], VALUES[:pairs], strict=True):
        made.learn(key, value, 0.0)
    return made


def test_whoever_takes_over_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    """With the memory of its predecessor; one that knows nothing does not write over what is saved."""
    first = memories(tmp_path, 2)
    SavedPairs(tmp_path, "pairs").save(first)
    heir = SavedPairs(tmp_path, "pairs")
    heir.resume(first)
    first.learn(KEYS[2], VALUES[2], 0.0)
    assert heir.lacks(first)
    heir.save(first)
    stranger = SavedPairs(tmp_path, "pairs")
    stranger.save(memories(tmp_path, 1))
    assert [len(Memory.load(tmp_path / name)) for name in ("pairs", "pairs-2")] == [3, 1]


def test_one_that_ends_does_not_write_over_its_successor(tmp_path: Path) -> None:
    """What waited at its end is saved, if nobody else has saved since."""
    knows = memories(tmp_path, 1)
    old = SavedPairs(tmp_path, "pairs")
    old.save(knows)
    knows.learn(KEYS[1], VALUES[1], 0.0)
    old.finish(knows)
    assert len(Memory.load(tmp_path / "pairs")) == 2
    new = SavedPairs(tmp_path, "pairs")
    new.resume(knows)
    new.save(memories(tmp_path, 4))
    knows.learn(KEYS[2], VALUES[2], 0.0)
    old.finish(knows)
    assert len(Memory.load(tmp_path / "pairs")) == 4 or len(Memory.load(tmp_path / "pairs-2")) == 4


def test_nothing_was_saved_yet(tmp_path: Path) -> None:
    """`last` says so; the present run is no earlier one."""
    run = tmp_path / "runs" / "now"
    SavedPairs(run, "pairs").save(memories(tmp_path, 1))
    with pytest.raises(ArtifactError, match=r"no earlier run in .* has saved any pairs"):
        find(tmp_path, "last", run)
    assert find(tmp_path, "last") == run / "pairs" / "memory.npz"
    assert find(tmp_path, "some/file.npz") == tmp_path / "some" / "file.npz"


# --- everything is killed

LAUNCH = """
version: 1
args: {memory: ""}
agents:
  associator:
    class: agents.associator:Associator
    params: {novelty: 0.0, saved: pairs, memory: "${memory}", forget_on_acquire: true}
  game: {class: "agents.game:Game", after: [associator]}
"""


@pytest.mark.timeout(180)
def test_pairs_survive_a_kill_of_everything_and_another_day_begins_with_them() -> None:
    """Nobody ended in order; the next launch with memory=last imitates at once, and forgets nothing."""
    with Constellation(LAUNCH, prepare=link_agents) as first:
        first.await_running("associator", "game")
        eventually(lambda: first.space.read("mode") == "acquire", PATIENCE)
        for count, (key, value) in enumerate(zip(KEYS, VALUES, strict=True), 1):
            first.space.write("proprio", value)
            first.space.write("confirm", count)

            def learned(key: np.ndarray = key, count: int = count) -> bool:
                first.space.write("features", key)
                return bool(first.space.read("pairs") == count)

            eventually(learned, PATIENCE)
        leader = psutil.Process(first.supervisor.pid)
        for process in [leader, *leader.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        first.supervisor.wait()
        again = first.run("launch", str(first.file), "memory=last")
        space = first.connect()
        eventually(lambda: space.read("memory/waits"), PATIENCE)  # nobody has named its features and values
        assert space.read("mode") is None
        space.write("proprio", VALUES[0])
        space.write("features", KEYS[0])
        eventually(lambda: space.read("mode") == "use", PATIENCE)
        assert space.read("pairs") == len(KEYS)
        space.write("features", KEYS[1])
        np.testing.assert_allclose(eventually(lambda: space.entry("act"), PATIENCE).value, VALUES[1], atol=1e-6)
        again.signal(15)
        again.wait()
