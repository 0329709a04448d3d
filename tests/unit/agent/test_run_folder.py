"""The folder of a run, and its record."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from agentspace.agent.run_folder import RECORD, RUN_FOLDER, facts, new_run, run_folder, write_record
from agentspace.version import __version__


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_a_launch_tells_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the environment counts, and its folder is made if it is missing; nothing else is."""
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path / "given"))
    assert run_folder(tmp_path, "examiner") == tmp_path / "given"
    assert [path.name for path in tmp_path.iterdir()] == ["given"]


@pytest.mark.parametrize("told", [None, ""])
def test_without_a_launch_there_is_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    """In runs/ of the project, with a record; `latest` points there, and those before are kept."""
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    if told is not None:
        monkeypatch.setenv(RUN_FOLDER, told)
    first, second = run_folder(tmp_path, "left/examiner"), run_folder(tmp_path, "left/examiner")
    assert first != second
    assert first.is_dir()
    assert second.parent == first.parent == tmp_path / "runs"
    assert second.name.startswith("left-examiner-2")
    assert (tmp_path / "runs" / "latest").resolve() == second.resolve()
    record = json.loads((second / RECORD).read_text())
    assert (record["name"], record["project"]) == ("left/examiner", str(tmp_path))


def test_the_facts_say_which_code_ran(tmp_path: Path) -> None:
    """Outside of git none; in a work tree its commit, and whether anything but runs/ differs from it."""
    assert facts(tmp_path)["git"] is None
    git(tmp_path, "init", "-q")
    assert facts(tmp_path)["git"] is None  # there is no commit yet
    (tmp_path / "agent.py").write_text("1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    new_run(tmp_path / "runs", "a")
    found = facts(tmp_path)["git"]
    assert len(found["commit"]) == 40
    assert not found["dirty"]
    (tmp_path / "agent.py").write_text("2\n")
    assert facts(tmp_path)["git"] == {"commit": found["commit"], "dirty": True}
    git(tmp_path, "checkout", "-q", "agent.py")
    (tmp_path / "new.py").touch()
    assert facts(tmp_path)["git"]["dirty"]


def test_the_facts_need_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without it: the rest is told; versions are those that are installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = facts(tmp_path)
    assert found["git"] is None
    assert found["versions"]["agentspace"] == __version__
    assert found["versions"]["numpy"]
    json.dumps(found)


def test_a_record_is_written_in_one_piece(tmp_path: Path) -> None:
    """It replaces the one before, and leaves nothing else."""
    for number in (1, 2):
        write_record(tmp_path, {"number": number, "path": Path("a")})
    assert json.loads((tmp_path / RECORD).read_text()) == {"number": 2, "path": "a"}
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]
