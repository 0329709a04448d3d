"""The server of a launch: its own one or that of another, and what becomes of a launch without."""

from itertools import pairwise

import pytest

from agentspace.supervise.supervisor import (
    EXIT_NO_SERVER,
    SERVER_READY_TIMEOUT,
)
from tests.support.supervised_world import World, agent, run


def test_server_does_not_start(world: World) -> None:
    """A server that ends before it ever answered is not started again; no agent starts."""
    world.connectable = False
    world.always("server", 0.5, 1)
    assert run(world, agent("a")) == EXIT_NO_SERVER
    assert world.order("started") == ["server"]
    assert ("launch", "there is no server: exit code 1") in world.said


def test_server_does_not_answer(world: World) -> None:
    """A server that nobody can reach ends the launch."""
    world.connectable = False
    assert run(world, agent("a")) == EXIT_NO_SERVER
    assert world.when("asked", "server") == [SERVER_READY_TIMEOUT]


def test_server_crash(world: World) -> None:
    """A server that worked is started again at once; the agents go on; it is told the state again."""
    world.at(1.0, lambda: world.exit("server", -9))
    world.at(5.0, world.interrupt)
    assert run(world, agent("a")) == 130
    assert world.when("started", "server") == [0.0, 1.0]
    assert world.when("started", "a") == [0.0]
    assert world.reports[-1]["roles"]["server"]["restarts"] == 1
    told = [text for name, text in world.said if name == "server"]
    assert told[:3] == ["is ready", "ended: killed by SIGKILL; starts again at once", "is ready"]


@pytest.mark.parametrize("seconds", [6.0, 30.0])
def test_server_that_serves_for_a_while_is_always_started_again_at_once(world: World, seconds: float) -> None:
    """However often it ends; `limit` counts those within 30 s of serving, of which five wait for nothing."""
    world.always("server", seconds, -9)
    world.at(901.0, world.interrupt)
    assert run(world, agent("a")) == 130
    starts = world.when("started", "server")
    assert {round(later - sooner, 3) for sooner, later in pairwise(starts)} == {seconds}
    assert world.when("started", "a") == [0.0]


def test_server_that_ends_soon_again_and_again_waits_longer_and_longer(world: World) -> None:
    """Five new starts at once, five with a pause that doubles; then the launch ends."""
    world.always("server", 1.0, 1)
    assert run(world, agent("a")) == EXIT_NO_SERVER
    pauses = [round(later - sooner - 1.0, 3) for sooner, later in pairwise(world.when("started", "server"))]
    assert pauses == [0.0] * 5 + [0.1, 0.2, 0.4, 0.8, 1.6]
    assert world.order("asked") == ["a"]
    assert ("server", "gave up: exit code 1, after 10 new starts within 30 s") in world.said


def test_server_that_cannot_serve_any_more_is_given_up(world: World) -> None:
    """It served well once; that it was ready long ago does not let failures before it is ready be forgotten."""

    def fail_from_now_on() -> None:
        world.connectable = False
        world.exit("server", -9)
        world.always("server", 0.25, 1)

    world.at(500.0, fail_from_now_on)
    assert run(world, agent("a")) == EXIT_NO_SERVER
    starts = world.when("started", "server")[1:]
    assert len(starts) == 10
    assert starts[0] == 500.0
    assert starts[-1] < 510.0


def test_server_that_was_stopped(world: World) -> None:
    """A server that somebody stops, so that it ends well, ends the launch well."""
    world.at(1.0, lambda: world.exit("server", 0))
    assert run(world, agent("a")) == 0
    assert world.order("asked") == ["a"]


def test_server_of_somebody_else(world: World) -> None:
    """A launch can use a server that runs already, and leaves it alone."""
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), own_server=False) == 130
    assert world.order("started") == world.order("asked") == ["a"]
    assert "server" not in {name for name, _ in world.said}


def test_server_of_somebody_else_is_missing(world: World) -> None:
    """A server that should run already but does not answer ends the launch."""
    world.connectable = False
    assert run(world, agent("a"), own_server=False) == EXIT_NO_SERVER
