"""Servers that end while agents run: the agents come back to the next one, as the processes that they are."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentspace.client.account import SpaceAccount
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import ConnectionLostError
from agentspace.supervise.supervisor import UNKNOWN
from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program, send
from tests.support.server_process import ServerProcess

ROLES = ("one", "two", "three")
ECHO = """
from agentspace import Agent

class Echo(Agent):
    def init(self):
        self.attach_timer(0.05)
        self.attach_trigger("said")
        self.ticks = 0

    def sense_select_act(self):
        self.ticks += 1
        self.write(f"echo/{self.role}", [self.read("said"), self.ticks])
"""
SLOW = ECHO.replace(
    "self.ticks += 1",
    """self.ticks += 1
        if self.read("said") == "slow":
            (self.project / f"{self.role}-is-at-it").touch()
            while not (self.project / "go").exists():
                time.sleep(0.01)""",
).replace("from agentspace", "import time\nfrom agentspace")
LAUNCH = "version: 1\nagents:\n" + "".join(f'  {role}: {{class: "agents.echo:Echo"}}\n' for role in ROLES)


@pytest.mark.parametrize("store", ["", "store: runs/${launch}.db\n"], ids=["", "store"])
def test_agents_of_a_launch_outlive_their_server(store):
    """Three times `kill -9`: the same processes fill their roles again, and hear and write as before."""
    with Constellation(LAUNCH + store, echo=ECHO) as crew:
        crew.await_running(*ROLES)
        before = pids(crew.space)
        for number in range(3):
            ticks = eventually(lambda: crew.space.read("echo/one"), PATIENCE)[1]
            server = server_of(crew.space)
            send(server, signal.SIGKILL)
            eventually(
                lambda server=server: crew.space.read("_/server", {}).get("pid", server) != server, PATIENCE
            )
            crew.await_running(*ROLES)
            crew.space.write("said", number)
            for role in ROLES:
                eventually(lambda role=role, number=number: heard(crew.space, role) == number, PATIENCE)
            assert crew.space.read("echo/one")[1] > ticks  # what it knew is in its memory
        assert pids(crew.space) == before


def test_a_launch_goes_on_over_quick_kills_of_its_server():
    """Six in a row, each as soon as all roles act again: the same processes go on, and the launch says how."""
    with Constellation(LAUNCH, echo=ECHO) as crew:
        crew.await_running(*ROLES)
        before = pids(crew.space)
        for number in range(6):
            for role in ROLES:
                eventually(lambda role=role: crew.space.read(f"echo/{role}"), PATIENCE)
            server = server_of(crew.space)
            send(server, signal.SIGKILL)
            eventually(lambda server=server: server_of(crew.space) not in (server, None), PATIENCE)
            eventually(lambda number=number: len(ends_of_servers(crew)) > number, PATIENCE)
        for role in ROLES:
            eventually(lambda role=role: crew.space.read(f"echo/{role}"), PATIENCE)
        assert pids(crew.space) == before
        assert not crew.supervisor.ended
        assert ["at once" in line for line in ends_of_servers(crew)] == [True] * 5 + [False]


def ends_of_servers(crew: Constellation) -> list[str]:
    return [line for line in crew.supervisor.errors if "server * ended: killed by SIGKILL; starts again" in line]


@pytest.mark.parametrize("store", ["", "store: runs/${launch}.db\n"], ids=["", "store"])
def test_an_agent_in_a_long_handler_is_waited_for(store):
    """It gives the new server signs of life, and fills its role again when the handler ends."""
    with Constellation(LAUNCH + store, echo=SLOW) as crew:
        crew.await_running(*ROLES)
        before, server = pids(crew.space), server_of(crew.space)
        crew.space.write("said", "slow")
        for role in ROLES:
            eventually(lambda role=role: (crew.folder / f"{role}-is-at-it").exists(), PATIENCE)
        send(server, signal.SIGKILL)
        eventually(lambda: server_of(crew.space) not in (server, None), PATIENCE)
        began = crew.space.read("_/clock")["now"]
        eventually(lambda: crew.space.read("_/clock")["now"] > began + UNKNOWN + 2.0, PATIENCE)
        (crew.folder / "go").touch()
        crew.await_running(*ROLES)
        assert pids(crew.space) == before


def server_of(space: RemoteSpace) -> int | None:
    return space.read("_/server", {}).get("pid")


def pids(space: RemoteSpace) -> dict[str, int | None]:
    return {role: SpaceAccount.of(space).roles[role].pid for role in ROLES}


def heard(space: RemoteSpace, role: str) -> object:
    return space.read(f"echo/{role}", [None])[0]


def test_an_agent_that_was_started_by_hand_waits_for_its_server(tmp_path):
    """It says so, as long as that takes, and ends at once if it is asked to meanwhile."""
    (tmp_path / "echo.py").write_text(ECHO)
    with ServerProcess() as server, server.connect() as space:
        command = [sys.executable, "-m", "agentspace", "agent", "echo:Echo"]
        with Program(command, folder=tmp_path, environment=server.environment) as agent:
            eventually(lambda: heard(space, "echo") is None and space.read("echo/echo"), PATIENCE)
            server.kill()
            agent.expect_error("waits for it")
            server.start()
            agent.expect_error("the server is back")
            space.write("said", "again")
            eventually(lambda: heard(space, "echo") == "again", PATIENCE)
            assert space.read("_/roles/echo")["pid"] == agent.pid
            server.kill()
            eventually(lambda: sum("waits for it" in line for line in agent.errors) > 1, PATIENCE)
            agent.signal(signal.SIGTERM)
            agent.wait()


def test_the_end_of_a_server_is_seen_at_once():
    """Not after the patience: an order says that nothing is known of it, a read goes on with the next server."""
    with (
        ServerProcess() as server,
        connect(server.address, "patient", timeout=PATIENCE, patience=60.0) as space,
        ThreadPoolExecutor(1) as writes,
        ThreadPoolExecutor(1) as reads,
    ):
        for each in (writes, reads):
            each.submit(space.read, "x").result(PATIENCE)
        server.process.signal(signal.SIGSTOP)
        written, read = writes.submit(space.write, "x", 1), reads.submit(space.read, "x", "nothing")
        server.kill()
        with pytest.raises(ConnectionLostError, match="has ended, or was cut off"):
            written.result(PATIENCE)
        assert not read.done()
        server.start()
        assert read.result(PATIENCE) == "nothing"
        assert space.write("x", 2)
