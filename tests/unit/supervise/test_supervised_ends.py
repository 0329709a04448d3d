"""How a launch ends: on the end of an agent, on a signal, on a request."""

import signal

import pytest

from agentspace.launch.plan import OnExit, Policy, Restart
from agentspace.supervise.lifecycle import KILL_PATIENCE
from agentspace.supervise.supervisor import (
    EXIT_AGENTS_FAILED,
    SERVER_HURRY,
    UNKNOWN,
)
from tests.support.supervised_world import World, agent, run


@pytest.mark.parametrize(("code", "status"), [(0, 0), (7, 7), (-9, 137)])
def test_on_exit_shutdown(world: World, code: int, status: int) -> None:
    """The end of an agent with `on_exit: shutdown` ends the launch with its exit code."""
    world.always("b", 1.0, code)
    never = Restart(Policy.NEVER)
    assert run(world, agent("a"), agent("b", on_exit=OnExit.SHUTDOWN, restart=never)) == status
    assert world.order("asked") == ["a", "server"]


def test_on_exit_after_restarts(world: World) -> None:
    """It is the last end that counts: as long as it is started again, the launch goes on."""
    world.always("a", 1.0, 5)
    assert run(world, agent("a", on_exit=OnExit.SHUTDOWN, restart=Restart(limit=1))) == 5
    assert len(world.when("started", "a")) == 2


def test_blocked_shutdown_agent_fails(world: World) -> None:
    """If the agent that should end the launch can never start, the launch ends, and not with 0."""
    world.always("a", 1.0, 5)
    world.unready = {"a"}
    shutdown = agent("b", "a", on_exit=OnExit.SHUTDOWN)
    assert run(world, agent("a", restart=Restart(Policy.NEVER)), shutdown) == EXIT_AGENTS_FAILED


def test_second_interrupt_kills(world: World) -> None:
    """A second Ctrl-C kills all agents at once; the server gets a second to clean up."""
    world.deaf = {"a", "b", "server"}
    world.at(1.0, world.interrupt)
    world.at(1.5, world.interrupt)
    assert run(world, agent("a"), agent("b", "a")) == 130
    assert world.when("killed", "a") == world.when("killed", "b") == [1.5]
    assert world.when("asked", "server") == [1.5]
    assert world.when("killed", "server") == [1.5 + SERVER_HURRY]


def test_third_interrupt_kills_the_server(world: World) -> None:
    """When only the server is left, Ctrl-C kills it."""
    world.deaf = {"server"}
    world.at(1.0, world.interrupt)
    world.at(1.2, world.interrupt)
    run(world, agent("a"))
    assert world.when("killed", "server") == [1.2]


def test_second_sigterm_is_patient(world: World) -> None:
    """Only Ctrl-C hurries: a second SIGTERM changes nothing."""
    world.deaf = {"a"}
    world.at(1.0, lambda: world.interrupt(signal.SIGTERM))
    world.at(1.5, lambda: world.interrupt(signal.SIGHUP))
    assert run(world, agent("a")) == 128 + signal.SIGTERM
    assert world.when("killed", "a") == [4.0]


def test_unkillable(world: World) -> None:
    """A process that hangs in the kernel is named, and does not keep the launch from ending."""
    world.deaf = world.undying = {"a"}
    world.at(1.0, world.interrupt)
    assert run(world, agent("a", stop_timeout=1.0)) == 130
    assert ("a", "failed: process 101 cannot be killed") in world.said
    assert world.time == 2.0 + KILL_PATIENCE


def test_a_process_that_ends_long_after_it_was_killed_is_followed_by_another(world: World) -> None:
    """On a machine that stands still for a while an end comes late: the role is not given up for that."""
    world.deaf = world.undying = {"a"}
    world.at(1.0, lambda: world.gone.add("a"))
    world.at(60.0, lambda: (world.gone.clear(), world.deaf.clear(), world.undying.clear())[0])
    world.at(60.0, lambda: world.exit("a", -9))
    world.at(70.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.1)), agent("b")) == 130
    assert ("a", "failed: process 101 cannot be killed") in world.said
    assert [time for time in world.when("started", "a") if time > 60.0]


def test_stopped_role_is_not_restarted(world: World) -> None:
    """A role that somebody stops stays stopped, whatever its policy."""
    world.at(1.0, lambda: world.requested.add("a"))
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(Policy.ALWAYS)), agent("b"))
    assert len(world.when("started", "a")) == 1
    assert len(world.when("asked", "a")) == 1


def test_role_that_stops_itself_on_request(world: World) -> None:
    """It does not matter whether the request or the end is seen first."""

    def stop() -> None:
        world.requested.add("a")
        world.exit("a", 0)

    world.at(1.0, stop)
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(Policy.ALWAYS)), agent("b"))
    assert len(world.when("started", "a")) == 1
    assert ("a", "has stopped") in world.said


def test_stop_during_backoff(world: World) -> None:
    """A role that waits for its new start can be stopped too."""
    world.always("a", 1.0, 1)
    world.at(1.2, lambda: world.requested.add("a"))
    assert run(world, agent("a", restart=Restart(backoff=5.0))) == 0
    assert len(world.when("started", "a")) == 1


def test_stop_everything(world: World) -> None:
    """Somebody may ask the whole launch to stop; that is no failure."""
    world.at(1.0, lambda: world.requested.add("*"))
    assert run(world, agent("a"), agent("b")) == 0


def test_interrupt_while_starting(world: World) -> None:
    """Ctrl-C before everything has started: what waits never starts, what starts is stopped."""
    world.unready = {"a"}
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), agent("b", "a")) == 130
    assert world.order("started") == ["server", "a"]
    assert not [text for name, text in world.said if name == "b"]


@pytest.mark.parametrize(("left", "seconds"), [("failed", 0.7), ("stopped", 2.9), ("left", 0.7)])
def test_process_that_takes_its_time_to_end(world: World, left: str, seconds: float) -> None:
    """Who has left its role has the time of a stop to end, and its exit code is what is told."""

    def leave() -> None:
        world.left["a"] = left
        world.at(world.time + seconds, lambda: world.exit("a", 7))

    world.at(1.0, leave)
    never = Restart(Policy.NEVER)
    assert run(world, agent("a", restart=never, on_exit=OnExit.SHUTDOWN)) == 7
    assert world.when("killed", "a") == []
    assert ("a", "failed: exit code 7") in world.said


@pytest.mark.parametrize("ready", [True, False])
def test_process_that_leaves_and_does_not_end(world: World, ready: bool) -> None:
    """It is killed when the time of a stop is over; the code with which it wanted to end is told."""
    if not ready:
        world.unready = {"a"}
    world.at(1.0, lambda: world.left.update(a="failed"))
    world.words_left["a"], world.codes_left["a"] = "SystemExit: 7", 7
    assert run(world, agent("a", restart=Restart(Policy.NEVER), on_exit=OnExit.SHUTDOWN, stop_timeout=2.0)) == 7
    (killed,) = world.when("killed", "a")
    assert 3.0 <= killed < 3.3
    (why,) = [text for name, text in world.said if name == "a" and text.startswith("failed")]
    assert why == ("failed: has left its role (SystemExit: 7), but did not end within 2 s: killed by SIGKILL")


def test_process_that_comes_back_to_its_role_goes_on(world: World) -> None:
    """It had lost its connection, and no more: nobody kills it when the time of a stop is over."""
    world.at(1.0, lambda: world.left.update(a="left"))
    world.at(2.0, lambda: world.left.update(a="starting"))
    world.at(3.0, world.left.clear)
    world.at(20.0, world.interrupt)
    assert run(world, agent("a", stop_timeout=4.0)) == 130
    assert world.when("killed", "a") == []
    assert len(world.when("started", "a")) == 1
    assert world.reports[-1]["roles"]["a"]["restarts"] == 0


def test_process_that_a_new_server_does_not_know(world: World) -> None:
    """A process that goes on, though the server was started anew and knows nothing of it, makes room."""
    world.at(1.0, lambda: world.left.update(a="unknown"))
    world.on_start["a"] = lambda world, pid: world.left.clear()
    world.at(20.0, world.interrupt)
    assert run(world, agent("a")) == 130
    (killed,) = world.when("killed", "a")
    assert 1.0 + UNKNOWN <= killed < 1.5 + UNKNOWN
    assert len(world.when("started", "a")) == 2


def test_process_in_a_long_handler_that_a_new_server_hears(world: World) -> None:
    """It is waited for as long as it gives signs of life, and not longer."""
    world.heard = {"a"}
    world.at(1.0, lambda: world.left.update(a="unknown"))
    world.at(100.0, world.left.clear)  # it has come back
    world.at(200.0, lambda: world.left.update(a="unknown"))
    world.at(300.0, world.heard.clear)
    world.on_start["a"] = lambda world, pid: world.left.clear()
    world.at(400.0, world.interrupt)
    assert run(world, agent("a")) == 130
    (killed,) = world.when("killed", "a")
    assert 300.0 + UNKNOWN <= killed < 300.5 + UNKNOWN
