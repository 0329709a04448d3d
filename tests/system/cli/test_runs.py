"""logs, clean, launch -d and ps --all: what launches say, and leave behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from agentspace.supervise.logs import Log
from tests.support.commands import Start, commands, lines_of
from tests.support.eventually import eventually

TALKER = '''
from agentspace import Agent, Parameter
class Talker(Agent):
    """Talks."""
    fail_at = Parameter(0, "word at which it fails; 0 for never")
    def init(self):
        self.attach_timer(0.02)
        self.words = 0
    def sense_select_act(self):
        self.words += 1
        print("word", self.words, flush=True)
        if self.words == self.fail_at:
            raise ValueError("lost for words")
'''
LAUNCH = """
version: 1
args:
  fail_at: {default: 0, help: when bob fails, minimum: 0}
  mood: {default: good, choices: [good, bad]}
agents:
  anne: {class: "talk:Talker"}
  bob: {class: "talk:Talker", params: {fail_at: "${fail_at}"}, restart: never}
"""


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    """A project with a launch file."""
    (tmp_path / "talk.py").write_text(TALKER)
    (tmp_path / "two.yaml").write_text(LAUNCH)
    return tmp_path


@pytest.fixture
def here(robot: Path) -> Iterator[Start]:
    """Starts a command in the project, with servers of its own; ends everything."""
    with commands(robot, {**os.environ, "AGENTSPACE_RUN": str(robot / "run")}) as command:
        yield command
        command("stop", "--all").wait()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs, of which the first is the latest."""
    for day, words in ((1, "first"), (2, "second"), (3, "third")):
        folder = tmp_path / "runs" / f"two-2026010{day}-100000"
        folder.mkdir(parents=True)
        times = [datetime(2026, 1, day, 10, 0, second).astimezone().isoformat() for second in range(3)]
        text = f"{times[0]} launch * {words}\n{times[1]} anne   | hello\n{times[2]} bob    * is ready\n"
        (folder / "launch.log").write_text(text)
    (tmp_path / "runs" / "latest").symlink_to("two-20260101-100000")
    return tmp_path / "runs"


def test_a_detached_launch_is_ready_when_the_command_returns(here):
    """Exit code 0; how to see and end it; it is in no session of the terminal; logs and ps --all show it."""
    launch = here("launch", "two.yaml", "-d")
    assert launch.wait() == 0, launch.errors
    [line] = launch.lines
    pid = int(
        re.search(r"two runs as process (\d+); logs: agentspace logs -f; end: agentspace stop --all", line)[1]
    )
    assert os.getsid(pid) == pid
    logs = here("logs", "anne", "-f")
    logs.expect("anne | word")
    logs.signal(signal.SIGINT)
    assert logs.wait() == 130
    assert not any("bob" in line for line in logs.lines)
    everything = here("ps", "--all")
    assert everything.wait() == 0
    told = "\n".join(everything.lines)
    assert re.search(rf"default +up +\d+ +2/2 +two \(pid {pid}\)", told)
    assert re.search(r"default +bob +running", told)
    found = here("ps", "--all", "--json")
    assert found.wait() == 0
    [server] = json.loads(found.lines[0])
    assert (server["server"], server["state"], server["spaces"][0]["launches"][0]["pid"]) == ("default", "up", pid)
    assert here("stop", "--all").wait() == 0
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_a_detached_launch_that_fails_has_an_exit_code(here, robot):
    """What it said is shown; the line of the failure names the log file, which has the traceback."""
    launch = here("launch", "two.yaml", "-d", "fail_at=1")
    launch.wait()
    eventually(lambda: "lost for words" in (robot / "runs" / "latest" / "bob.log").read_text())
    eventually(lambda: "bob.log" in (robot / "runs" / "latest" / "launch.log").read_text())
    shown = here("logs", "bob", "--json")
    assert shown.wait() == 0
    told = [json.loads(line) for line in shown.lines]
    assert any(line["text"] == "ValueError: lost for words" and line["by"] == "role" for line in told)
    ends = [line["text"] for line in told if line["by"] == "launch" and "failed" in line["text"]]
    assert ends[-1].endswith(f"(log: {(robot / 'runs' / 'latest').resolve()}/bob.log)")
    assert here("launch", "two.yaml", "-d").wait() == 1  # one runs there already


def test_help_and_completion_of_a_launch_file(cli, robot):
    """Its arguments with defaults, meaning, limits and choices."""
    file = robot / "two.yaml"
    shown = subprocess.run(
        [sys.executable, "-m", "agentspace", "launch", file, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"fail_at=0 +int; when bob fails \(at least 0\)", shown)
    assert re.search(r"mood=good +str \(one of good, bad\)", shown)

    def completed(*words: str) -> list[str]:
        environment = {
            "_AGENTSPACE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["agentspace", "launch", str(file), *words]),
            "COMP_CWORD": str(2 + len(words)),
        }
        return [line.partition(",")[2] for line in cli(**environment).stdout.splitlines()]

    assert completed("") == ["fail_at=", "mood="]
    assert completed("fail_at=1", "") == ["mood="]
    assert completed("mood=") == ["mood=good", "mood=bad"]


def test_logs_of_runs_that_are_over(cli, runs):
    """Of the latest, or one by its name; roles, the last lines, times."""
    assert lines_of(cli("logs", "--runs", runs)) == ["launch * first", "anne   | hello", "bob    * is ready"]
    assert lines_of(cli("logs", "--runs", runs, "--run", "two", "launch")) == ["launch * third"]
    assert lines_of(cli("logs", "--runs", runs, "--run", "two-20260102-100000", "-n", "2")) == [
        "anne | hello",
        "bob  * is ready",
    ]
    assert lines_of(cli("logs", "--runs", runs, "-t", "--since", "2026-01-01T10:00:02")) == [
        "2026-01-01 10:00:02 bob * is ready"
    ]
    told = [json.loads(line) for line in lines_of(cli("logs", "--runs", runs, "--json", "-n", "1"))]
    assert [(line["role"], line["by"], line["text"]) for line in told] == [("bob", "launch", "is ready")]


def test_logs_of_the_last_run_of_a_launch(cli, runs):
    """Also of one that began in the same second as another; a role in a folder that said nothing has no lines."""
    again = runs / "two-20260103-100000-2"
    (again / "arm").mkdir(parents=True)
    (again / "arm" / "left.log").touch()
    (again / "launch.log").write_text("2026-01-03T10:00:00.000+00:00 launch * once more\n")
    assert lines_of(cli("logs", "--runs", runs, "--run", "two")) == ["launch * once more"]
    quiet = cli("logs", "--runs", runs, "--run", "two", "arm/left")
    assert (quiet.exit_code, quiet.stdout) == (0, ""), quiet.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nobody",), "there is no role 'nobody'"),
        (("ann",), "did you mean 'anne'?"),
        (("--since", "soon"), "'soon' is no time"),
        (("--run", "three"), "there is no run 'three'"),
    ],
)
def test_logs_of_what_there_is_not(cli, runs, words, why):
    """Exit code 2; what there is."""
    result = cli("logs", "--runs", runs, *words)
    assert result.exit_code == 2
    assert why in result.stderr


def test_following_goes_over_to_a_new_run(here, robot, runs):
    """When runs/latest points elsewhere; a file that is rotated is read on."""
    logs = here("logs", "-f", "-n", "1")
    logs.expect("bob * is ready")
    (runs / "new").symlink_to("two-20260103-100000")
    (runs / "new").replace(runs / "latest")
    logs.expect("launch * third")
    newest = runs / "two-20260103-100000" / "launch.log"
    newest.rename(newest.with_suffix(".1"))
    newest.write_text("2026-01-03T10:00:03+00:00 anne | after rotation\n")
    logs.expect("anne   | after rotation")
    logs.signal(signal.SIGINT)
    assert logs.wait() == 130


def test_clean_keeps_what_is_new_used_or_pointed_to(cli, runs):
    """The newest, the one that runs/latest points to, one that goes on; it asks, or needs --yes."""
    (runs / "notes").mkdir()
    assert cli("clean", "--runs", runs).exit_code == 0  # the last ten stay
    looked = json.loads(cli("clean", "--runs", runs, "--keep", "1", "--dry-run", "--json").stdout)
    assert [Path(path).name for path in looked["old"]] == ["two-20260102-100000"]
    unasked = cli("clean", "--runs", runs, "--keep", "1")
    assert (unasked.exit_code, len(list(runs.iterdir()))) == (2, 5)
    assert "--yes" in unasked.stderr
    log = Log(["a"], None, runs / "two-20260102-100000")
    assert json.loads(cli("clean", "--runs", runs, "--keep", "0", "--yes", "--json").stdout)["removed"] == [
        str(runs / "two-20260103-100000")
    ]
    log.close()
    assert cli("clean", "--runs", runs, "--older-than", "30d", "--yes").exit_code in (0, 1)
    left = {path.name for path in runs.iterdir()}
    assert left == {"latest", "notes", "two-20260101-100000"}
    assert cli("clean", "--runs", runs, "--older-than", "long").exit_code == 2


def test_clean_keeps_the_run_of_an_agent_that_goes_on(here, robot):
    """Also of one that was started alone, when another run is the latest; when it is over, it can go."""
    (robot / "noter.py").write_text(
        "from agentspace import Agent\n\n\nclass Noter(Agent):\n    def init(self):\n"
        "        self.attach_timer(1.0)\n        self.write('folder', str(self.run_folder))\n\n"
        "    def sense_select_act(self):\n        pass\n"
    )
    here("server")
    agent = here("agent", "noter:Noter")
    assert eventually(lambda: here("read", "folder").wait() == 0)
    latest = robot / "runs" / "latest"
    latest.unlink()
    looked = here("clean", "--keep", "0", "--dry-run", "--json")
    assert looked.wait() == 0
    assert json.loads("\n".join(looked.lines))["old"] == []
    agent.signal(signal.SIGTERM)
    assert agent.wait() == 0
    looked = here("clean", "--keep", "0", "--dry-run", "--json")
    assert looked.wait() == 0
    assert len(json.loads("\n".join(looked.lines))["old"]) == 1


def test_servers_that_were_killed_are_told_and_swept(here, robot):
    """ps --all says that they are dead; clean removes their sockets."""
    server = here("server", "--space", "lab")
    eventually(lambda: here("slots", "--space", "lab").wait() == 0)
    server.signal(signal.SIGKILL)
    server.wait()
    shown = here("ps", "--all")
    assert shown.wait() == 0
    assert any(line.split()[:2] == ["lab", "dead"] for line in shown.lines)
    assert here("clean", "--yes").wait() == 0
    assert not (robot / "run" / "lab" / "server.sock").exists()
    nobody = here("ps", "--all")
    assert (nobody.wait(), nobody.lines) == (0, [])
    assert "no server of yours runs" in nobody.errors[0]
    again = here("ps", "--all", "--json")
    assert again.wait() == 0
    assert json.loads(again.lines[0]) == []
