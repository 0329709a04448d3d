"""Launches with a store: what a power cut leaves, what their user ends, and what is to be forgotten."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentspace.client.space import RemoteSpace
from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program, send

LAUNCH = """
version: 1
store: runs/${launch}.db
durable: [total, learned/*]
agents:
  counter: {class: "agents.counter:Counter"}
"""


@pytest.fixture
def crew() -> Iterator[Constellation]:
    with Constellation(LAUNCH) as made:
        made.await_running("counter")
        yield made


def count(space: RemoteSpace, numbers: int) -> int:
    """Lets the counter handle so many numbers; gives what it has counted at all."""
    before = space.read("total", 0)
    for number in range(numbers):
        space.write("number", number)
    return int(eventually(lambda: (total := space.read("total", 0)) >= before + numbers and total, PATIENCE))


def cut_power(supervisor: Program) -> None:
    """Everything is killed at once: supervisor, guardian, server, agents."""
    crew = [psutil.Process(supervisor.pid), *psutil.Process(supervisor.pid).children(recursive=True)]
    for process in crew:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    for process in crew:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    supervisor.wait()
    eventually(lambda: not any(process.is_running() for process in crew))


def again(crew: Constellation, *words: str) -> tuple[Program, RemoteSpace]:
    """The launch once more, when its role runs."""
    program = crew.run("launch", str(crew.file), *words)
    space = crew.connect()
    eventually(lambda: space.read("_/roles/counter", {}).get("state") == "running", PATIENCE)
    return program, space


def test_a_power_cut_takes_nothing_that_was_kept(crew: Constellation) -> None:
    """The next launch goes on: the agent with what it knew, durable slots with their values, others empty."""
    crew.space.write("learned/pose", [1, 2, 3])
    crew.space.write("other", 1)
    assert count(crew.space, 5) == 5
    cut_power(crew.supervisor)
    _, space = again(crew)
    assert space.read("learned/pose") == [1, 2, 3]
    assert space.read("other") is None
    assert space.read("_/roles/counter")["epoch"] > 1
    assert count(space, 3) == 8


def test_a_launch_that_its_user_ends_keeps_durable_slots_only(crew: Constellation) -> None:
    """The agent begins anew; with --fresh the slots do, too."""
    assert count(crew.space, 5) == 5
    crew.supervisor.signal(signal.SIGINT)
    crew.supervisor.wait()
    second, space = again(crew)
    assert space.read("total") == 5
    space.write("number", 0)
    eventually(lambda: space.read("total") == 1)
    second.signal(signal.SIGINT)
    second.wait()
    third, space = again(crew, "--fresh")
    assert space.read("total") is None
    assert space.read("_/roles/counter")["epoch"] == 1
    code, _, words = crew.ask(
        "launch", str(crew.file), "--fresh", "--space", f"ipc://{crew.folder}/run/b/server.sock"
    )
    assert code == 1
    assert "is in use: another server has it" in words
    third.signal(signal.SIGINT)
    third.wait()


def test_a_server_that_is_killed_comes_back_with_its_store(crew: Constellation) -> None:
    """Its launch starts it again; the agent is the same process, and goes on with what was kept."""
    assert count(crew.space, 5) == 5
    pid = crew.space.read("_/roles/counter")["pid"]
    server = crew.space.read("_/server")["pid"]
    psutil.Process(server).kill()
    eventually(lambda: crew.space.read("_/server", {}).get("pid", server) != server, PATIENCE)
    crew.await_running("counter")
    assert count(crew.space, 3) == 8
    assert crew.space.read("_/roles/counter")["pid"] == pid


def test_an_agent_that_comes_back_later_than_its_supervisor_is_waited_for(crew: Constellation) -> None:
    """The next server has the role from its store, and nobody fills it: its process has not left it for that."""

    def life() -> str:
        return str(crew.space.read("launch/test", {}).get("roles", {}).get("counter", {}).get("state"))

    eventually(lambda: life() == "running", PATIENCE)
    before = crew.space.read("_/roles/counter")["pid"]
    server = crew.space.read("_/server")["pid"]
    send(before, signal.SIGSTOP)
    send(server, signal.SIGKILL)
    eventually(lambda: crew.space.read("_/server", {}).get("pid", server) != server, PATIENCE)
    eventually(lambda: life() == "running", PATIENCE)  # the supervisor is there
    began = crew.space.read("_/clock")["now"]
    eventually(lambda: crew.space.read("_/clock")["now"] > began + 0.5, PATIENCE)
    send(before, signal.SIGCONT)
    crew.await_running("counter")
    assert life() == "running"
    assert crew.space.read("_/roles/counter")["pid"] == before


def test_a_launch_joins_only_who_keeps_what_it_wants(crew: Constellation) -> None:
    """A server without a store, or with other durable slots, is refused in words; one that keeps more is not."""
    wants = crew.folder / "launch" / "wants.yaml"
    wants.write_text(LAUNCH.replace("  counter:", "  second:").replace("learned/*", "more/*"))
    code, _, words = crew.ask("launch", str(wants), "--join")
    assert code == 1
    assert "the server keeps learned/*, total; the launch wants one of" in words
    assert "--durable 'total' --durable 'more/*'" in words
    wants.write_text(wants.read_text().replace(", more/*", ""))
    code, _, words = crew.ask("launch", str(wants), "--join", "--fresh")
    assert code == 1
    assert "--fresh: the store is of the server" in words
    joined = crew.run("launch", str(wants), "--join")
    crew.await_running("second")
    joined.signal(signal.SIGINT)
    joined.wait()
    assert Path(crew.folder / "runs" / "test.db").is_file()
