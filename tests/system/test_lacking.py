"""What an agent lacks is told in one line: before a launch starts anything, and by the doctor when it failed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import PATIENCE
from tests.support.server_process import ServerProcess

AGENT = """
from agentspace import Agent, Parameter

class Reader(Agent):
    file = Parameter("", "relative to the project")

    def lacks(self):
        if not (self.project / self.file).is_file():
            yield f"{self.project / self.file} is missing: make it with `touch {self.file}`"

    def prepare(self):
        (self.project / self.file).read_text()

    def init(self):
        self.attach_timer(1.0)

    def sense_select_act(self):
        self.write("alive", True)
"""
LAUNCH = """
version: 1
args: {file: {default: there.txt, type: str}}
groups: {lead: {restart: never, on_exit: shutdown}}
agents:
  reader: {class: "reader:Reader", group: lead, params: {file: "${file}"}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "launch").mkdir()
    (tmp_path / "reader.py").write_text(AGENT)
    (tmp_path / "launch" / "read.yaml").write_text(LAUNCH)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agentspace", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_launch_tells_it_before_it_starts_anything(project: Path, tmp_path: Path) -> None:
    """With --check and without, from wherever; --dry-run shows the plan all the same."""
    file, told = str(project / "launch" / "read.yaml"), f"reader: {project / 'there.txt'} is missing"
    for words in (("--check",), (), ("--check", "--json")):
        done = run(tmp_path.parent, "launch", file, *words)
        assert done.returncode != 0
        assert done.stderr.count(told) == 1, done.stderr
        assert "read.yaml:6: " in done.stderr
        assert "starts" not in done.stderr
    assert json.loads(done.stdout)["problems"][0]["message"].startswith(told)
    assert run(project, "launch", file, "--dry-run").returncode == 0
    (project / "there.txt").touch()
    assert "no problem found" in run(project, "launch", file, "--check").stdout


def test_the_doctor_tells_it_of_an_agent_that_has_failed(project: Path) -> None:
    """In place of its traceback, as an error; nothing of one that fails for another reason."""
    with ServerProcess() as server, server.connect() as space:
        address = ("--space", str(server.address))
        failed = run(project, "agent", "reader:Reader", "file=none.txt", *address)
        assert failed.returncode == 1
        eventually(lambda: space.read("_/roles/reader")["state"] == "failed")
        doctor = run(ROOT, "doctor", "--time", "0", "--json", *address)
        assert doctor.returncode == 1
        (found,) = (each for each in json.loads(doctor.stdout) if each["subject"] == "reader")
        assert (found["rule"], found["severity"]) == ("lacking", "error")
        assert found["what"] == (f"is failed: {project / 'none.txt'} is missing: make it with `touch none.txt`")
        (project / "none.txt").touch()
        doctor = run(ROOT, "doctor", "--time", "0", "--json", *address)
        assert "fallen" in {each["rule"] for each in json.loads(doctor.stdout)}
