"""A server, and a user of it, for the tests that need no other ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentspace.client.space import RemoteSpace
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all tests of a module; each uses slots, or a space, of its own."""
    with ServerProcess() as process:
        yield process


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A user of the server."""
    with server.connect() as user:
        yield user
