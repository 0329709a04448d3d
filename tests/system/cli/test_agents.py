"""agent, describe and stop: an agent as a process of a shell."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.commands import CREW
from tests.support.eventually import eventually
from tests.support.program import Program


def test_agent_help_shows_its_parameters_and_slots(start, cli):
    """``agent MODULE:CLASS --help`` shows what can be set, with defaults, types and limits."""
    told = start("agent", "crew:Counter", "--help")
    assert told.wait() == 0
    text = " ".join(" ".join(told.lines).split())
    for piece in (
        "Counts.",
        "step=1",
        "int; by how much (at least 1, at most 10)",
        "one of good, bad",
        "source=go",
    ):
        assert piece in text


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["crew:Counter", "stap=2"], ["'stap'", "did you mean 'step'", "mood", "source"]),
        (["crew:Counter", "step=two"], ["'step'", "'two'", "is not an int"]),
        (["crew:Counter", "step=11"], ["'step'", "11", "at most 10"]),
        (["crew:Counter", "mood=ugly"], ["'mood'", "'ugly'", "good, bad"]),
        (["crew:Counter", "source=a b"], ["'source'", "'a b'"]),
        (["crew:Counter", "step"], ["'step'", "name=value"]),
        (["crew:Counter", "step=1", "step=2"], ["'step'", "twice"]),
        (["crew:Countr"], ["'Countr'", "did you mean 'Counter'", "Sleeper"]),
        (["crew:NotAnAgent"], ["no subclass of Agent"]),
        (["crew"], ["'crew'", "MODULE:CLASS"]),
        (["nowhere:Counter"], ["'nowhere'"]),
        (["x" * 300 + ":Counter"], ["'xxxxxxx", "... is not an agent: MODULE:CLASS has 308 bytes; at most 255"]),
        (["crew:" + "C" * 300, "-r", "c"], ["'crew:CCC", "... is not an agent: MODULE:CLASS has 305 bytes"]),
        (["broken:Counter"], ["'broken'", "no_such_module_anywhere"]),
        (["crashing:Counter"], ["'crashing'", "ZeroDivisionError"]),
        (["crew:Counter", "--stop-timeout", "-1"], ["--stop-timeout"]),
        (["crew:Counter", "--role", "a b"], ["'a b'"]),
        (["crew:Counter", "--project", "/no/where"], ["/no/where"]),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_agent_that_cannot_be_made_is_code_2(cli, project, monkeypatch, words, what):
    """Each mistake is told with the bad name or value and the valid ones, before anything is joined."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    result = cli("agent", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(piece in result.stderr for piece in what), result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_agent_runs_until_a_signal(start, space, number):
    """It works, ends after its handler, closes, leaves its role, and is code 0; its log names the role."""
    role = f"counter-{number}"
    agent = start("agent", "crew:Counter", "step=2", f"count=n/{role}", "source=go/" + role, "--role", role)
    eventually(lambda: space.read(f"ready/{role}"), 30.0)
    space.write(f"go/{role}", 1)
    eventually(lambda: space.read(f"n/{role}") == 2)
    assert space.entry(f"n/{role}").writer.role == role
    agent.signal(number)
    assert agent.wait() == 0
    assert space.read(f"closed/{role}") is True
    assert space.read(f"_/roles/{role}")["state"] == "stopped"


def test_agent_in_another_space_and_project(start, server, project, tmp_path):
    """--name chooses the space, --project the folder from which the class comes."""
    agent = Program(
        [sys.executable, "-m", "agentspace", "agent", "crew:Counter", "--project", project, "--name", "LEFT"],
        tmp_path,
        server.environment,
    )
    with agent, server.connect(space="LEFT") as left:
        eventually(lambda: left.read("ready/counter") == project.name, 30.0)
        agent.signal(signal.SIGTERM)
        assert agent.wait() == 0


def test_folder_whose_name_is_no_text_is_code_1(server, tmp_path):
    """One line says that no agent can run from there: it could not say where its project is."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "crew.py").write_text(CREW)
    command = [sys.executable, "-m", "agentspace", "agent", "crew:Counter"]
    with Program(command, folder, server.environment) as agent:
        assert agent.wait() == 1
        assert len(agent.errors) == 1
        assert agent.errors[0].startswith("agentspace: no agent can run from this folder: its path '")


def test_stop_ends_an_agent(start, cli, space):
    """``agentspace stop ROLE`` waits until it has ended; its code is 0."""
    agent = start("agent", "crew:Counter", "--role", "stoppable")
    eventually(lambda: space.read("ready/stoppable"), 30.0)
    assert json.loads(cli("stop", "stoppable", "--json").stdout) == {"stopped": ["stoppable"], "left": []}
    assert agent.wait() == 0


def test_stop_of_a_busy_agent_tells_that_it_still_works(start, cli, space):
    """When the time is over, the code is 1 and the role is named."""
    agent = start("agent", "crew:Sleeper", "--role", "busy", "source=go/busy")
    eventually(lambda: space.read("ready/busy"), 30.0)
    space.write("go/busy", 1)
    eventually(lambda: space.read("asleep/busy"))
    result = cli("stop", "busy", "-t", "0.1")
    assert (result.exit_code, "busy" in result.stderr) == (1, True)
    agent.kill()


def test_agent_that_fails_is_code_1(start, space):
    """Its traceback is in the log and in a slot."""
    agent = start("agent", "crew:Crasher", "--role", "crasher", "source=go/crasher")
    eventually(lambda: space.read("ready/crasher"), 30.0)
    space.write("go/crasher", 1)
    assert agent.wait() == 1
    assert any("ValueError: boom" in line for line in agent.errors)
    assert "boom" in space.read("_/errors/crasher")["traceback"]
    assert space.read("_/roles/crasher")["state"] == "failed"
    assert space.read("closed/crasher") is True


def test_agent_that_cannot_begin_is_code_1(start, space):
    """An error in `init` is told like one in a handler."""
    agent = start("agent", "crew:Unloadable", "--role", "unloadable")
    assert agent.wait() == 1
    assert "no such camera" in space.read("_/errors/unloadable")["traceback"]


def test_second_agent_of_a_role_is_code_1(start, space):
    """It is told who fills the role."""
    session = space.join("taken")
    agent = start("agent", "crew:Counter", "--role", "taken")
    assert agent.wait() == 1
    assert any(f"pid {os.getpid()}" in line for line in agent.errors)
    session.leave("stopped")


@pytest.mark.parametrize("kind", ["Sleeper", "Stuck"])
def test_handler_that_hangs_is_ended_after_the_deadline(start, space, kind):
    """SIGTERM ends it with code 124 when its time is over, also if it hangs in C; its role is free at once."""
    role = kind.lower()
    agent = start("agent", f"crew:{kind}", f"source=go/{role}", "--stop-timeout", "0.3")
    eventually(lambda: space.read(f"ready/{role}"), 30.0)
    space.write(f"go/{role}", 1)
    eventually(lambda: space.read(f"asleep/{role}"))
    agent.signal(signal.SIGTERM)
    assert agent.wait() == 124
    assert any("0.3 s" in line for line in agent.errors)
    assert any(
        re.search(r'crew.py", line \d+, in sense_select_act', line) for line in agent.errors
    )  # where it was
    eventually(lambda: space.read(f"_/roles/{role}")["state"] == "gone")


def test_second_interrupt_ends_an_agent_at_once(start, space):
    """Ctrl-C twice does not wait for the handler."""
    agent = start("agent", "crew:Sleeper", "--role", "stubborn", "source=go/stubborn", "--stop-timeout", "100")
    eventually(lambda: space.read("ready/stubborn"), 30.0)
    space.write("go/stubborn", 1)
    eventually(lambda: space.read("asleep/stubborn"))
    agent.signal(signal.SIGINT)

    def ended() -> bool:
        agent.signal(signal.SIGINT)
        return agent.ended

    eventually(ended)
    assert agent.wait() == 130


def test_describe_tells_of_classes_and_of_errors(start):
    """What launch files are checked against: parameters and slots, or why there are none, for each spec."""
    told = start("describe", "crew:Counter", "crew:Missing", "broken:X")
    assert told.wait() == 0
    found = json.loads(told.lines[-1])
    assert found["crew:Counter"]["parameters"]["step"]["maximum"] == 10
    assert found["crew:Counter"]["slots"]["source"]["default"] == "go"
    assert "Missing" in found["crew:Missing"]["error"]
    assert "Counter" in found["crew:Missing"]["classes"]
    assert "no_such_module_anywhere" in found["broken:X"]["error"]
