"""Agents that end in their own ways: what their launch tells of it is what happened."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, send

ENDS = """
import atexit, ctypes, os, signal, sys, threading, time
from agentspace import Agent, Parameter

class Ends(Agent):
    how = Parameter("exit")
    lasts = Parameter(0.0, "seconds that the end takes")
    code = Parameter("none", "given to sys.exit by one that does not end")

    def init(self):
        self.attach_timer(0.05)
        if self.how == "init":
            self.sense_select_act()

    def sense_select_act(self):
        match self.how:
            case "exit" | "init":
                atexit.register(time.sleep, self.lasts)
                sys.exit(7)
            case "thread":
                threading.Thread(target=time.sleep, args=(self.lasts,)).start()
                sys.exit(8)
            case "raise":
                threading.Thread(target=time.sleep, args=(self.lasts,)).start()
                raise ValueError("boom")
            case "stop":
                threading.Thread(target=time.sleep, args=(self.lasts,)).start()
                self.stop()
            case "text":
                sys.exit("so long")
            case "late":
                threading.Thread(target=time.sleep, args=(60.0,)).start()
                sys.exit({"none": None, "minus": -1, "text": "so long", "300": 300, "256": 256}[self.code])
            case "os":
                os._exit(9)
            case "zero":
                sys.exit()
            case "segv":
                ctypes.string_at(8)
            case "abort":
                os.abort()
            case "fpe":
                os.kill(os.getpid(), signal.SIGFPE)
            case "bus":
                os.kill(os.getpid(), signal.SIGBUS)

    def close(self):
        self.space.write("closed/" + self.role, True)
"""
ENDINGS = {  # role: parameters, exit code, state
    "exit": ({"lasts": 0.7}, 7, "failed"),
    "exit-slowly": ({"how": "exit", "lasts": 2.0}, 7, "failed"),
    "exit-too-slowly": ({"how": "exit", "lasts": 60.0}, 7, "failed"),
    "init": ({"lasts": 0.7}, 7, "failed"),
    "thread": ({"lasts": 1.2}, 8, "failed"),
    "raise": ({"lasts": 1.2}, 1, "failed"),
    "stop": ({"lasts": 1.2}, 0, "done"),
    "text": ({}, 1, "failed"),
    "os": ({}, 9, "failed"),
    "zero": ({}, 0, "done"),
    **{
        f"late-{given}": ({"how": "late", "code": given}, code, "failed" if code else "done")
        for given, code in {"none": 0, "minus": 255, "text": 1, "300": 44, "256": 0}.items()
    },
    "segv": ({}, -11, "failed"),
    "abort": ({}, -6, "failed"),
    "fpe": ({}, -8, "failed"),
    "bus": ({}, -7, "failed"),
}
SIGNALS = {"segv": "SIGSEGV", "abort": "SIGABRT", "fpe": "SIGFPE", "bus": "SIGBUS"}


def launch_file() -> str:
    agents: dict[str, Any] = {"counter": {"class": "agents.counter:Counter"}}
    for role, (params, _, _) in ENDINGS.items():
        given = {"how": role, **params}
        agents[role] = {"class": "agents.ends:Ends", "params": given, "restart": "never"}
    return json.dumps({"version": 1, "agents": agents})


@pytest.fixture(scope="module")
def ended() -> Iterator[Constellation]:
    """A launch whose agents have ended, but for one."""
    with Constellation(launch_file(), ends=ENDS) as constellation:
        eventually(lambda: all(life(constellation, role)["state"] in ("failed", "done") for role in ENDINGS), 60.0)
        yield constellation


def life(constellation: Constellation, role: str) -> dict[str, Any]:
    """What the launch tells of a role."""
    told: dict[str, Any] = constellation.space.read("launch/test", {}).get("roles", {}).get(role, {"state": ""})
    return told


def log(constellation: Constellation, role: str) -> str:
    return (constellation.folder / "runs" / "latest" / f"{role}.log").read_text()


@pytest.mark.parametrize("role", ENDINGS)
def test_the_code_of_an_agent_that_ends_is_the_one_it_gave(ended: Constellation, role: str) -> None:
    """However long the end takes, the exit code and the state are true; nobody is said to have been silent."""
    _, code, state = ENDINGS[role]
    told = life(ended, role)
    assert (told["exit_code"], told["state"]) == (code, state), told
    assert "sign of life" not in log(ended, role)
    if role != "exit-too-slowly" and not role.startswith("late-"):
        assert "killing" not in log(ended, role)


def test_who_does_not_end_in_time_is_killed_and_the_reason_says_both(ended: Constellation) -> None:
    """What it wanted, and that it was killed."""
    reason = life(ended, "exit-too-slowly")["reason"]
    assert reason == "has left its role (SystemExit: 7), but did not end within 3 s: killed by SIGKILL"


@pytest.mark.parametrize("role", SIGNALS)
def test_a_crash_inside_of_c_shows_where_python_was(ended: Constellation, role: str) -> None:
    """The log names the line of the agent, the reason names the signal."""
    said = log(ended, role)
    assert "Fatal Python error" in said
    assert f'{Path("agents") / "ends.py"}", line ' in said
    assert " in sense_select_act" in said
    assert life(ended, role)["reason"] == f"killed by {SIGNALS[role]}"


def test_the_text_of_an_exit_is_in_the_log(ended: Constellation) -> None:
    """`sys.exit("so long")` says so."""
    assert "so long" in log(ended, "text")


@pytest.mark.parametrize("role", ["exit", "thread", "text", "zero"])
def test_who_leaves_by_sys_exit_closes_first(ended: Constellation, role: str) -> None:
    """Devices are let go of, as after any other end."""
    assert ended.space.read(f"closed/{role}") is True


BROKEN = {
    "missing": ("\nimport os\nimport no_such_module\n", "agents/missing.py:3: No module named 'no_such_module'"),
    "deeper": ("from agents.missing import Counter\n", "agents/missing.py:3: No module named 'no_such_module'"),
    "nameless": ("from agents.counter import Nothing\n", "agents/nameless.py:1: cannot import name 'Nothing'"),
    "syntax": ("\n\ndef f(:\n", "agents/syntax.py:3: SyntaxError"),
    "raises": ("\nx = 1 / 0\n", "agents/raises.py:2: ZeroDivisionError"),
}


@pytest.mark.parametrize("module", BROKEN)
def test_what_cannot_be_imported_is_told_with_its_line(ended: Constellation, module: str) -> None:
    """By the command, and by the check of a launch file."""
    for name, (text, _) in BROKEN.items():
        ended.write_module(name, text)
    code, _, errors = ended.ask("agent", f"agents.{module}:Counter")
    assert code == 2
    assert BROKEN[module][1] in errors
    file = ended.folder / "launch" / f"{module}.yaml"
    file.write_text(f"version: 1\nagents:\n  a: {{class: 'agents.{module}:Counter'}}\n")
    code, _, errors = ended.ask("launch", str(file), "--check")
    assert code == 2
    assert BROKEN[module][1] in errors


def test_a_launch_tells_why_an_agent_cannot_begin() -> None:
    """A module that breaks between two starts: the reason names its line, not only the exit code."""
    with Constellation() as constellation:
        constellation.await_running("counter")
        constellation.write_module("counter", "import no_such_module\n")
        for pid in constellation.processes_of("counter"):
            send(pid, signal.SIGKILL)
        wanted = "exit code 2: cannot import 'agents.counter'"
        eventually(lambda: wanted in life(constellation, "counter")["reason"], PATIENCE)
        assert "agents/counter.py:1: No module named" in life(constellation, "counter")["reason"]
