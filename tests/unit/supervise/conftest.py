"""A world without processes, which a supervisor must leave in order."""

from collections.abc import Iterator

import pytest

from tests.support.supervised_world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A world, which the supervisor must leave in order."""
    world = World()
    yield world
    assert world.closed
    assert not {world.names[pid] for pid in world.alive} - world.undying
