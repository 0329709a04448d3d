"""A space with features and an extractor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentspace import LocalSpace
from tests.robot.associator.teaching import Eye


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        space.run(Eye())
        space.write("features/space", "test/16")
        yield space
