"""Launch files in a folder of their own, and reading them."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from agentspace.launch.launchfile import load
from agentspace.launch.plan import Plan
from tests.support.launch_files import Load, Write, describe


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a launch file into the folder of the test."""

    def write_file(text: str, name: str = "robot.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def read(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the text of a launch file, with the folder of the test as the working directory."""
    monkeypatch.chdir(tmp_path)

    def read_text(text: str, arguments: Mapping[str, str] | None = None) -> Plan:
        return load(write(text), arguments or {}, describe=describe, environment={"PORT": "/dev/x"})

    return read_text
