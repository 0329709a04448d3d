"""A server for each module: what one test does to it, all others find."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from agentspace.client.space import RemoteSpace
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import Raw


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for this module: what one test does to it, all others find."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0", "--lease", "3") as process:
        yield process


@pytest.fixture
def raw(server: ServerProcess) -> Iterator[Callable[[], Raw]]:
    """Makes raw connections."""
    made: list[Raw] = []

    def make() -> Raw:
        made.append(Raw(server.address))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A well-behaved user, who must not notice anything."""
    with server.connect() as user:
        user.write("well", "alone")
        yield user
        assert user.read("well") == "alone"
