"""A secret of a launch: its agent has it, and nothing else that anybody can look at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentspace.errors import SwapError
from agentspace.recording.recorder import Recorder
from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import command_of

SECRETS = {"file": "sesame-of-the-file", "env": "sesame-of-the-variable", "plain": "sesame-in-plain-text"}
SPEAKER = f"""
import logging

from agentspace import Agent, Parameter

EXPECTED = {sorted(SECRETS.values())!r}


class Speaker(Agent):
    first = Parameter("", secret=True)
    second = Parameter("", secret=True)
    third = Parameter("", secret=True)

    def init(self):
        logging.getLogger("agentspace").info("begins")
        self.write("knows", sorted([self.first, self.second, self.third]) == EXPECTED)
"""
LAUNCH = f"""
version: 1
agents:
  speaker:
    class: agents.speaker:Speaker
    params:
      first: {{file: token}}
      second: {{env: SPEAKER_TOKEN}}
      third: {SECRETS["plain"]}
"""


def prepare(folder: Path) -> None:
    """A file with a secret, in the project."""
    (folder / "token").write_text(SECRETS["file"] + "\n")
    (folder / "token").chmod(0o600)


@pytest.fixture(scope="module")
def all_() -> Iterator[Constellation]:
    """A launch with a role that has three secrets."""
    before = os.environ.get("SPEAKER_TOKEN")
    os.environ["SPEAKER_TOKEN"] = SECRETS["env"]
    try:
        with Constellation(LAUNCH, prepare, speaker=SPEAKER) as made:
            made.await_running("speaker")
            yield made
    finally:
        del os.environ["SPEAKER_TOKEN"]
        if before is not None:
            os.environ["SPEAKER_TOKEN"] = before


def shows(text: str) -> list[str]:
    """The secrets that a text shows."""
    return [kind for kind, secret in SECRETS.items() if secret in text]


def test_its_agent_has_it(all_):
    """From each place."""
    assert eventually(lambda: all_.space.read("knows"))


def test_no_slot_shows_it(all_):
    """Nor does what is recorded of all of them."""
    assert all_.space.read("_/roles/speaker")["settings"] == {"first": "***", "second": "***", "third": "***"}
    entries = {**all_.space.snapshot("*"), **all_.space.snapshot("_/*")}
    assert shows(repr(entries)) == []


def test_no_process_shows_it(all_):
    """On its command line, as `ps` tells it."""
    processes = psutil.Process(all_.supervisor.pid).children(recursive=True)
    assert shows(repr([command_of(process) for process in processes])) == []


def test_no_file_of_the_run_shows_it(all_):
    """Logs and `run.json`, which nobody else may read. That one stands in plain text is told in the log."""
    files = [path for path in (all_.folder / "runs").rglob("*") if path.is_file() and not path.is_symlink()]
    assert {"run.json", "speaker.log"} <= {path.name for path in files}
    for path in files:
        assert shows(path.read_text(errors="replace")) == [], path
        assert path.stat().st_mode & 0o077 == 0, path
    log = next(path for path in files if path.name == "speaker.log").read_text()
    assert log.count("plain text") == 1
    assert "'third' is secret" in log


def test_no_command_shows_it(all_):
    """Neither the check of the launch file nor the commands about roles, slots, logs and what is wrong."""
    for words in (
        *(["slots", "*"], ["slots", "_/*"], ["read", "_/roles/speaker"], ["graph"], ["logs"], ["ps"]),
        ["launch", str(all_.file), "--check"],
        ["launch", str(all_.file), "--check", "--json"],
        ["ps", "--json"],
        ["get", "speaker"],
        ["describe", "agents.speaker:Speaker"],
    ):
        code, told, errors = all_.ask(*words)
        assert code == 0, (words, errors)
        assert shows(told + errors) == [], words
    _, told, errors = all_.ask("doctor")  # which may find fault with this machine
    assert shows(told + errors) == []


def test_a_swap_does_not_take_it_in_plain_text(all_):
    """It would be shown to all: where it is may be said, and is taken."""
    with pytest.raises(SwapError, match="'third' of role 'speaker' is secret"):
        all_.space.swap("speaker", settings={"third": "other"})
    assert "other" not in json.dumps(all_.space.read("_/swaps/speaker"), default=str)
    all_.space.delete("knows")
    (all_.folder / "third").write_text(SECRETS["plain"])
    (all_.folder / "third").chmod(0o600)
    all_.space.swap("speaker", settings={"third": {"file": "third"}})
    assert eventually(lambda: all_.space.read("knows"))


def test_a_recording_is_its_users_alone(all_, tmp_path):
    """Whatever the umask is."""
    umask = os.umask(0)
    try:
        with Recorder(all_.space, tmp_path / "all.mcap"):
            pass
    finally:
        os.umask(umask)
    assert (tmp_path / "all.mcap").stat().st_mode & 0o777 == 0o600
