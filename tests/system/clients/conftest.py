"""A server for each module, which soon notices silence, and a user of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentspace.client.space import RemoteSpace
from tests.support.server_process import LEASE, ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server for this module, which soon notices silence."""
    with ServerProcess("--lease", str(LEASE)) as process:
        yield process


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A user of it."""
    with server.connect() as user:
        yield user
