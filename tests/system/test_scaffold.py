"""Claims about `agentspace new`: it makes a project that works, or says why it made none."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentspace.cli.tools.scaffold import ScaffoldError, scaffold

FILES = [
    "README.md",
    "agents/__init__.py",
    "agents/guard.py",
    "launch/arm-2.yaml",
    "pyproject.toml",
    "tests/test_guard.py",
]


def run(project: Path, *command: str) -> str:
    """What a command prints, started in the project as its owner would: by Python's own means of import only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def agentspace(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the library, in a folder."""
    command = [sys.executable, "-m", "agentspace", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project."""
    scaffold(tmp_path / "arm-2")
    return tmp_path / "arm-2"


def test_files(tmp_path: Path) -> None:
    """It makes exactly the files that it says, named after the project, and no placeholder is left in them."""
    folder = tmp_path / "deep" / "arm-2"
    made = scaffold(folder)
    assert [str(file.relative_to(folder)) for file in made] == FILES
    assert sorted(file for file in folder.rglob("*") if file.is_file()) == sorted(made)
    assert not any("my_robot" in file.read_text() for file in made)


def test_its_test_passes(project: Path) -> None:
    """The project's own tests pass, and there is more than one of them."""
    assert "2 passed" in run(project, "pytest", "-p", "no:cacheprovider")


def test_its_test_can_fail(project: Path) -> None:
    """The project's test notices an agent that does not do its work."""
    agent = project / "agents" / "guard.py"
    agent.write_text(agent.read_text().replace("priority=10.0", "priority=-1.0"))
    with pytest.raises(AssertionError, match="test_stops_the_robot_before_an_obstacle"):
        run(project, "pytest", "-p", "no:cacheprovider", "-k", "stops")


def test_its_launch_file_is_valid(project: Path) -> None:
    """`agentspace launch --check` finds no problem, also with the argument that the file declares."""
    assert "no problem found" in run(project, "agentspace", "launch", "launch/arm-2.yaml", "near=0.5", "--check")


def test_needs_nothing_else(project: Path) -> None:
    """The project imports the library and what it has itself, so that nothing else has to be installed."""
    imported = set()
    for file in project.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
    assert imported == {"agentspace", "agents"}


def test_is_clean(project: Path) -> None:
    """What a user starts from passes the linter and the formatter."""
    run(project, "ruff", "check", "--isolated", ".")
    run(project, "ruff", "format", "--isolated", "--check", ".")


def test_in_an_empty_folder(tmp_path: Path) -> None:
    """A folder that exists and is empty becomes the project, also when it is named as the present one."""
    (tmp_path / "robot").mkdir()
    done = agentspace(tmp_path / "robot", "new", ".")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "robot" / "launch" / "robot.yaml").exists()


def test_refuses_what_is_not_empty(tmp_path: Path) -> None:
    """A folder with anything in it is left as it is; the message names what is in the way, the exit code is 2."""
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "notes.txt").write_text("mine")
    done = agentspace(tmp_path, "new", "robot")
    assert done.returncode == 2
    assert "robot is not empty (it has 'notes.txt')" in done.stderr
    assert [file.name for file in (tmp_path / "robot").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["1st", "my robot", "räuber", "a.b", "-x", "..", "_"])
def test_refuses_bad_names(tmp_path: Path, name: str) -> None:
    """A name that could not be a launch file's or a slot's is refused by its name, and nothing is made."""
    with pytest.raises(ScaffoldError, match="is not a name for a project") as caught:
        scaffold(tmp_path / name)
    assert repr(name) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_file(tmp_path: Path) -> None:
    """Where a file is in the way, the message says so."""
    (tmp_path / "robot").write_text("")
    with pytest.raises(ScaffoldError, match=r"cannot make the folder .*robot"):
        scaffold(tmp_path / "robot")
