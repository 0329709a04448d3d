"""slots, ps and watch: what is in a space, and what changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.support.commands import lines_of
from tests.support.eventually import eventually


def test_slots_tells_everything(cli, space):
    """A row for each slot: type, value, holder, priority, time left, age, revision; as JSON too."""
    space.write("list/a", np.zeros((2, 3), np.float32), priority=1.5, validity=100.0)
    space.write("list/b", "text")
    header, *rows = lines_of(cli("slots", "list/*"))
    assert header.split() == ["slot", "type", "value", "holder", "prio", "left", "age", "rate", "rev", "refused"]
    assert [row.split()[0] for row in rows] == ["list/a", "list/b"]
    assert {"float32[2,3]", "test", "1.5"} <= set(rows[0].split())
    told = json.loads(cli("slots", "list/*", "--json").stdout)
    assert [slot["name"] for slot in told] == ["list/a", "list/b"]
    assert told[0]["type"] == "float32[2,3]"
    assert {"priority", "time_left", "age", "rate", "revision", "writer", "refused", "value"} <= told[0].keys()


def test_slots_of_the_space_itself_are_shown_on_request(cli):
    """`_/...` only with --all or by name."""
    assert not any(line.startswith("_/") for line in lines_of(cli("slots")))
    assert any(line.startswith("_/server") for line in lines_of(cli("slots", "--all")))
    assert any(line.startswith("_/server") for line in lines_of(cli("slots", "_/*")))


def test_ps_shows_the_roles(cli, space):
    """Who fills a role, as a table and as JSON."""
    session = space.join("anne", {"class": "crew:Anne"})
    session.running()
    row = next(line.split() for line in lines_of(cli("ps")) if line.startswith("anne"))
    assert row[:5] == ["anne", "running", "1", str(os.getpid()), "crew:Anne"]
    told = {role["role"]: role for role in json.loads(cli("ps", "--json").stdout)}
    assert (told["anne"]["state"], told["anne"]["pid"]) == ("running", os.getpid())
    session.leave("stopped")
    assert "stopped" in next(line for line in lines_of(cli("ps")) if line.startswith("anne"))


def test_watch_shows_what_is_there_and_ends_by_count_or_time(cli, space):
    """-n and -t end it with code 0."""
    space.write("seen/a", 1)
    space.write("seen/b", "x")
    shown = lines_of(cli("watch", "seen/*", "-n", "2"))
    assert [line.split()[1:4] for line in shown] == [["seen/a", "1", "r1"], ["seen/b", "'x'", "r1"]]
    told = [json.loads(line) for line in lines_of(cli("watch", "seen/*", "-n", "1", "--json"))]
    assert [(entry["name"], entry["value"]) for entry in told] == [("seen/a", 1)]
    assert lines_of(cli("watch", "unseen", "-t", "0.05")) == []


def test_watch_follows_every_change(start, space):
    """--every prints each change of a busy slot, in order."""
    watch = start("watch", "busy", "--every", "--json", "-n", "101")
    space.write("busy", -1)
    watch.expect('{"name": "busy"')
    for number in range(100):
        space.write("busy", number)
    assert watch.wait() == 0
    assert [json.loads(line)["value"] for line in watch.lines] == [-1, *range(100)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_watch_ends_quietly(start, space, number):
    """Ctrl-C is how a watch ends: code 130, no traceback; SIGTERM ends it like any program."""
    space.write("tick", 1)
    watch = start("watch", "tick")
    watch.expect("")
    watch.signal(number)
    assert watch.wait() == (130 if number == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in "\n".join(watch.errors)


def test_watch_into_a_closed_pipe_ends_quietly(server, space):
    """``agentspace watch | head -1`` leaves no traceback and no process."""
    space.write("pipe", 1)
    command = f"{sys.executable} -m agentspace watch pipe --every | head -1"
    with subprocess.Popen(
        ["bash", "-c", command], env={**os.environ, **server.environment}, stdout=-1, stderr=-1, text=True
    ) as shell:
        assert shell.stdout is not None
        assert "pipe" in shell.stdout.readline()

        def ended() -> bool:
            space.write("pipe", 2)
            return shell.poll() is not None

        eventually(ended, 30.0)
        assert shell.stderr is not None
        assert shell.stderr.read() == ""
