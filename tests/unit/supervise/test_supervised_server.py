"""The server of a launch: its own one or that of another, and what becomes of a launch without."""

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
    assert world.when("started", "server") == [0.0, 1.1]
    assert world.when("started", "a") == [0.0]
    assert world.reports[-1]["roles"]["server"]["restarts"] == 1


def test_server_that_was_stopped(world: World) -> None:
    """A server that somebody stops, so that it ends well, ends the launch well."""
    world.at(1.0, lambda: world.exit("server", 0))
    assert run(world, agent("a")) == 0
    assert world.order("asked") == ["a"]


def test_server_crash_loop(world: World) -> None:
    """A server that crashes again and again ends the launch."""
    world.always("server", 1.0, 1)
    assert run(world, agent("a")) == EXIT_NO_SERVER
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
