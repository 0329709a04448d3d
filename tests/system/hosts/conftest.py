"""Two hosts for each module: a server on one, agents and commands on the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentspace.client.space import RemoteSpace
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program
from tests.support.server_process import ServerProcess
from tests.system.hosts.two_hosts import TwoHosts

LEASE = 2.0  # seconds


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    """Two hosts; each test leaves the cable whole."""
    with TwoHosts(tmp_path_factory.mktemp("hosts")) as made:
        yield made


@pytest.fixture(scope="module")
def server(hosts: TwoHosts) -> Iterator[ServerProcess]:
    """A server on host A; tests look into it from there, by its socket."""
    bind = f"tcp://{hosts.a.address}:0"
    with ServerProcess("--bind", bind, "--lease", str(LEASE), inside=hosts.a.inside) as process:
        yield process


@pytest.fixture
def bad_link(hosts: TwoHosts) -> Iterator[None]:
    """Packets take 20 ms, and one in a hundred is lost."""
    hosts.cable.delay, hosts.cable.loss = 0.02, 0.01
    yield
    hosts.cable.delay = hosts.cable.loss = 0.0


class HostB:
    """The other host: its commands know the server by its address, and have its key."""

    def __init__(self, hosts: TwoHosts, server: ServerProcess, space: RemoteSpace) -> None:
        assert server.tcp is not None
        self.address = server.tcp
        self._hosts = hosts
        self._space = space
        self._environment = {**server.environment, "AGENTSPACE_SPACE": server.tcp}
        self._programs: list[Program] = []

    def command(self, *words: str) -> Program:
        """A command of agentspace; it is ended with the test."""
        return self._run("-m", "agentspace", *words)

    def python(self, code: str) -> Program:
        """A program in Python; it is ended with the test."""
        return self._run("-c", code)

    def agent(self, name: str, role: str) -> Program:
        """An agent of `crew`, when it runs; it is ended with the test."""
        program = self.command("agent", f"crew:{name}", "--role", role)
        eventually(lambda: self._space.read(f"_/roles/{role}", {}).get("state") == "running", PATIENCE)
        return program

    def close(self) -> None:
        """Ends what runs there."""
        for program in self._programs:
            program.close()

    def _run(self, *words: str) -> Program:
        here = Path(__file__).parent
        self._programs.append(
            self._hosts.b.run(sys.executable, *words, environment=self._environment, folder=here)
        )
        return self._programs[-1]


@pytest.fixture
def b(hosts: TwoHosts, server: ServerProcess, space: RemoteSpace) -> Iterator[HostB]:
    """The other host."""
    host = HostB(hosts, server, space)
    yield host
    host.close()
