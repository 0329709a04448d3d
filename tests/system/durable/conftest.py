"""A server with a store, for each test one of its own: it is killed and started again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server_process import ServerProcess


class Durable(ServerProcess):
    """A server that keeps the slots ``d/*``."""

    def __init__(self, *options: str) -> None:
        super().__init__("--lease", "2", *options, durable=("d/*",))

    def reborn(self) -> None:
        """Ends it by `kill -9`, and starts it again on the same store."""
        self.kill()
        self.process.wait()
        self.start()


@pytest.fixture
def server() -> Iterator[Durable]:
    with Durable() as made:
        yield made
