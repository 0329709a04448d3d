"""A server for each module, which soon notices silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server_process import LEASE, ServerProcess


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server for this module, which soon notices silence."""
    with ServerProcess("--lease", str(LEASE)) as process:
        yield process
