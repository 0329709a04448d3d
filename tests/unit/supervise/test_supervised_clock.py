"""A launch in simulated time: who is started when, and without whom time stands."""

import signal

from agentspace.launch.plan import SIMULATED, Ready, Restart
from tests.support.supervised_world import World, agent, run

ONCE = Restart(limit=0)


def test_all_are_started_at_once(world: World) -> None:
    """Whom they come after decides only who begins first; no slot is waited for: time cannot pass yet."""
    world.unready = {"a"}
    world.at(1.0, world.unready.clear)
    world.at(2.0, lambda: world.interrupt(signal.SIGTERM))
    run(world, agent("a", ready=Ready("x")), agent("b", "a"), agent("c", "b"), clock=SIMULATED)
    assert [world.when("started", name) for name in "abc"] == [[0.0]] * 3
    assert world.casts == [(0.0, ["a", "b", "c"])]
    assert ("a", "is ready") in world.said


def test_the_cast_is_told_before_anybody_starts(world: World) -> None:
    """So no role begins before all are there."""
    seen: list[int] = []
    world.on_start["a"] = lambda world, pid: seen.append(len(world.casts))
    world.at(1.0, world.interrupt)
    run(world, agent("a"), clock=SIMULATED)
    assert seen == [1]


def test_who_is_given_up_is_not_waited_for(world: World) -> None:
    """Time goes on without a role that ended for good; one that starts again is waited for."""
    world.at(1.0, lambda: world.exit("a", 1))
    world.at(3.0, lambda: world.exit("b", 1))
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=ONCE), agent("b"), agent("c"), clock=SIMULATED)
    assert world.casts == [(0.0, ["a", "b", "c"]), (1.0, ["b", "c"])]
    assert len(world.when("started", "b")) == 2


def test_all_have_the_time_of_the_slowest_to_be_ready(world: World) -> None:
    """Each waits for all others."""
    world.unready = {"a"}
    world.at(50.0, world.unready.clear)
    world.at(60.0, world.interrupt)
    slow = agent("b", ready=Ready(timeout=100.0))
    run(world, agent("a", ready=Ready(timeout=2.0)), slow, clock=SIMULATED)
    assert world.when("started", "a") == [0.0]


def test_in_real_time_there_is_no_cast(world: World) -> None:
    """Its server could not do anything with it."""
    world.at(1.0, world.interrupt)
    run(world, agent("a"))
    assert world.casts == []
