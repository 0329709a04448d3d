"""The space of agents that run in threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentspace import LocalSpace


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space
