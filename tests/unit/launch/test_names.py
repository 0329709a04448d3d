"""Names of roles and launches, and the folder of the project: what passes can be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspace.core.values.names import MAX_ROLE, check_role
from agentspace.errors import LaunchError, SlotNameError
from agentspace.launch.description import Description
from agentspace.launch.launchfile import load, project_folder
from agentspace.supervise.logs import new_run

GOOD = ["x" * MAX_ROLE, "é" * (MAX_ROLE // 2), "a/b", ".hidden", "-x", "a.b", "名前"]
BAD = ["x" * (MAX_ROLE + 1), "é" * (MAX_ROLE // 2 + 1), "😀" * 60, "..", "a/../b", "./a", "a b", "a//b", "*"]


def problems(file: Path, role: str) -> list[str]:
    """What is wrong with a launch file that has this role."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"version: 1\nagents:\n  ? {role!r}\n  : {{class: 'a:A'}}\n", encoding="utf-8")
    try:
        load(file, describe=lambda specs, project: {spec: Description() for spec in specs})
    except LaunchError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_passes_names_slots_and_files(tmp_path: Path, name: str) -> None:
    """It fits into the slots of the space, a log and a folder of a run."""
    assert check_role(name) == name
    if name.isascii() and name[0].isalnum():  # launch files are stricter
        assert problems(tmp_path / "test.yaml", name) == []
    (tmp_path / f"{name}.log").parent.mkdir(exist_ok=True)
    (tmp_path / f"{name}.log").touch()
    if "/" not in name:
        assert new_run(tmp_path / "runs", name).is_dir()


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_cannot_be_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    """By the check of a launch file, in its line and column, and by whoever is asked."""
    with pytest.raises(SlotNameError):
        check_role(name)
    found = problems(tmp_path / "test.yaml", name)
    assert found
    assert all(":3:5: " in problem for problem in found)


@pytest.mark.parametrize("name", ["a.log/b", "launch.log/x", "x/a.log/y.log/z"])
def test_no_log_lies_where_another_one_is_a_folder(tmp_path: Path, name: str) -> None:
    """A role `a` would have the file `a.log`; the last part may end so, for its file has another name."""
    (problem,) = problems(tmp_path / "test.yaml", name)
    assert ":3:5: " in problem
    assert "can end in .log" in problem
    assert problems(tmp_path / "test.yaml", name.replace(".log/", ".logs/")) == []
    assert problems(tmp_path / "test.yaml", name.replace("/", "-") + ".log") == []


@pytest.mark.parametrize("name", ["my robot", "x" * (MAX_ROLE + 1)])
def test_a_launch_has_a_name_of_the_same_kind(tmp_path: Path, name: str) -> None:
    """That of its file, which is told."""
    (problem,) = problems(tmp_path / f"{name}.yaml", "a")
    assert "rename the file" in problem


@pytest.mark.parametrize("deep", ["", "robots", "robots/left/arm"])
def test_a_file_below_launch_finds_its_project(tmp_path: Path, deep: str) -> None:
    """At any depth; also where `agents` or `pyproject.toml` tell of it, but not where modules lie beside it."""
    folder = tmp_path / "launch" / deep
    folder.mkdir(parents=True)
    assert project_folder(folder / "a.yaml") == tmp_path
    other = tmp_path / "project" / "examples" / deep
    other.mkdir(parents=True)
    (tmp_path / "project" / "agents").mkdir()
    assert project_folder(other / "a.yaml") == tmp_path / "project"
    (other / "mine.py").touch()
    assert project_folder(other / "a.yaml") == other


def test_a_project_can_be_named(tmp_path: Path) -> None:
    """Then agents are asked for there."""
    file, asked = tmp_path / "a.yaml", []
    file.write_text("version: 1\nagents: {a: {class: 'a:A'}}\n")

    def describe(specs: object, project: Path) -> dict[str, Description]:
        asked.append(project)
        return {"a:A": Description()}

    assert load(file, describe=describe, project=tmp_path / "there").project == tmp_path / "there"
    assert asked == [tmp_path / "there"]
