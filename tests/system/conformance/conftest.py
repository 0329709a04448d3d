"""The spaces that the conformance suite runs on."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agentspace import Agent, AgentspaceError, LocalSpace, Session, Space
from agentspace.agent.runner import Runner
from agentspace.client import channel
from agentspace.client.space import RemoteSpace
from agentspace.core.spaces import MAX_SPACES
from tests.support.server_process import ServerProcess

Factory = Callable[[], Space]


@contextmanager
def local_clients() -> Iterator[Factory]:
    """Users of one `LocalSpace`."""
    with LocalSpace() as space:
        yield lambda: space.named(space.name)


class Servers:
    """A server that has room for one more space: one after the other, each in a process of its own.

    Args:
        durable: Masks of the slots that are kept in a store.
    """

    def __init__(self, *durable: str) -> None:
        self._durable = durable
        self._spaces = itertools.count(1)
        self._server: ServerProcess | None = None

    @contextmanager
    def clients(self) -> Iterator[Factory]:
        """Users of a fresh space of the server, each with a connection of its own."""
        number = next(self._spaces) % (MAX_SPACES - 2)  # beside DATA, and one that a test may name
        if self._server is None or number == 0:
            self.close()
            self._server = ServerProcess(durable=self._durable)
        server, users = self._server, list[RemoteSpace]()

        def connect() -> Space:
            users.append(server.connect(space=f"SPACE-{number}"))
            return users[-1]

        try:
            yield connect
        finally:
            for user in users:
                user.close()

    def close(self) -> None:
        """Ends the server."""
        if self._server is not None:
            self._server.close()
            self._server = None


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real servers for the conformance suite."""
    made = Servers()
    yield made
    made.close()


@pytest.fixture(scope="session")
def zeromq_servers() -> Iterator[Servers]:
    """Real servers whose clients leave all messages to ZeroMQ."""
    made = Servers()
    yield made
    made.close()


@pytest.fixture(scope="session")
def durable_servers() -> Iterator[Servers]:
    """Real servers that keep everything in a store."""
    made = Servers("*")
    yield made
    made.close()


@pytest.fixture(params=["local", "server", "zeromq", "durable"])
def another(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    """Gives one more user of a fresh space with each call; all of them are closed at the end."""
    kind: str = request.param
    if kind == "zeromq":
        monkeypatch.setenv(channel.VARIABLE, "off")
    fixture = {"server": "servers", "zeromq": "zeromq_servers", "durable": "durable_servers"}.get(kind)
    with local_clients() if fixture is None else request.getfixturevalue(fixture).clients() as factory:
        yield factory


@pytest.fixture
def space(another: Factory) -> Space:
    """A user of a fresh space."""
    return another()


Join = Callable[..., Session]


@pytest.fixture
def join(another: Factory) -> Iterator[Join]:
    """Fills a role with a user of its own: ``join(role, info=None)``; all roles are left at the end."""
    sessions: list[Session] = []

    def fill(role: str, info: dict[str, object] | None = None) -> Session:
        sessions.append(another().join(role, info))
        return sessions[-1]

    yield fill
    for session in sessions:
        with contextlib.suppress(AgentspaceError):  # most tests have left themselves
            session.leave("stopped")


Run = Callable[..., Runner]


@pytest.fixture
def run(another: Factory) -> Iterator[Run]:
    """Runs an agent in a thread, with a user of its own; all are stopped at the end.

    ``run(agent, role)`` fills the role, with what it is given beside it: see ``join`` of a space.
    """
    running: list[tuple[Runner, threading.Thread]] = []

    def start(agent: Agent, role: str, *more: Any) -> Runner:
        runner = Runner(agent, another().join(role, *more), Path("/project"))
        thread = threading.Thread(target=runner.run, name=role, daemon=True)
        running.append((runner, thread))
        thread.start()
        return runner

    yield start
    for runner, _ in running:
        runner.stop()
    for _, thread in running:
        thread.join()
