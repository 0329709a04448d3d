"""Orders to a supervisor: start, restart and stop of roles, whatever their state is; blocked roles come back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentspace.client.orders import Order, OrderState, Want
from agentspace.client.reports import SwapReport
from agentspace.launch.plan import OnExit, Policy, Ready, Restart
from tests.support.supervised_world import World, agent, run

NEVER = Restart(Policy.NEVER)


def order(world: World, time: float, role: str, want: Want) -> None:
    """Somebody gives an order at that time."""
    world.at(time, lambda: world.given.append(Order(role, want, f"{time:g}")))


def told(world: World, ident: str) -> list[tuple[OrderState, str]]:
    """What was told of an order in the end."""
    return [(each.state, each.reason) for each in world.told_orders if each.ident == ident]


@pytest.mark.parametrize(
    ("end", "restart"),
    [
        (lambda world: world.requested.add("a"), Restart()),  # stopped
        (lambda world: world.exit("a", 0), Restart()),  # done
        (lambda world: world.exit("a", 3), NEVER),  # failed
        (lambda world: world.exit("a", 3), Restart(limit=0)),  # gave up
        (lambda world: world.exit("a", 3), Restart(backoff=50.0)),  # backoff
    ],
)
def test_whoever_does_not_run_can_be_started(world: World, end: Callable[[World], None], restart: Restart) -> None:
    """A role that was stopped, has ended, failed, gave up, or waits for its new start, starts at once."""
    world.at(1.0, lambda: end(world))
    world.at(3.0, world.requested.clear)
    order(world, 5.0, "a", Want.START)
    world.at(9.0, world.interrupt)
    assert run(world, agent("a", restart=restart), agent("b")) == 130
    first, again = world.when("started", "a")
    assert first == 0.0
    assert 5.0 <= again < 5.3
    assert told(world, "5") == [(OrderState.DONE, "")]
    assert world.reports[-1]["roles"]["a"]["restarts"] == 0


def test_start_counts_new_starts_anew(world: World) -> None:
    """A role that gave up has all its new starts again."""
    world.always("a", 0.1, 1)
    order(world, 5.0, "a", Want.START)
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(limit=2, backoff=0.1)), agent("b"))
    assert len(world.when("started", "a")) == 6


def test_start_that_fails_says_why(world: World) -> None:
    """The order has failed when the process ends; the launch goes on as its policy says."""
    world.unready = {"a"}
    world.always("a", 0.5, 3)
    order(world, 5.0, "a", Want.START)
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(limit=0)), agent("b"))
    assert told(world, "5") == [(OrderState.FAILED, "gave up: exit code 3, after 0 new starts within 60 s")]


@pytest.mark.parametrize("want", [Want.START, Want.RESTART])
def test_who_waits_starts_though_others_are_not_ready(world: World, want: Want) -> None:
    """Whoever orders it knows better."""
    world.unready = {"a"}
    order(world, 2.0, "b", want)
    world.at(9.0, world.interrupt)
    run(world, agent("a"), agent("b", "a"))
    (start,) = world.when("started", "b")
    assert 2.0 <= start < 2.3


def test_start_of_one_that_runs_changes_nothing(world: World) -> None:
    """It is done already."""
    order(world, 2.0, "a", Want.START)
    world.at(9.0, world.interrupt)
    run(world, agent("a"))
    assert world.when("started", "a") == [0.0]
    assert told(world, "2") == [(OrderState.DONE, "")]


@pytest.mark.parametrize("deaf", [False, True])
def test_restart_ends_the_process_and_starts_another(world: World, deaf: bool) -> None:
    """Once, also of the only role, and of one whose end would end the launch; the others go on."""
    world.deaf = {"a"} if deaf else set()
    order(world, 2.0, "a", Want.RESTART)
    world.at(9.0, world.interrupt)
    assert run(world, agent("a", on_exit=OnExit.SHUTDOWN, stop_timeout=2.0)) == 130
    assert len(world.when("started", "a")) == 2
    assert told(world, "2") == [(OrderState.DONE, "")]
    assert world.told_orders[-1].pid == 102


def test_restart_of_one_that_starts(world: World) -> None:
    """A hanging `init` is ended, and what is ready is the new process."""
    world.unready = {"a"}
    order(world, 2.0, "a", Want.RESTART)
    world.at(4.0, world.unready.clear)
    world.at(9.0, world.interrupt)
    run(world, agent("a"))
    assert len(world.when("started", "a")) == 2
    assert told(world, "2") == [(OrderState.DONE, "")]


def test_a_stop_after_a_restart_counts(world: World) -> None:
    """The last order is what is done, and the one before is told so."""
    world.deaf = {"a"}
    order(world, 2.0, "a", Want.RESTART)
    order(world, 2.5, "a", Want.STOP)
    world.at(9.0, world.interrupt)
    run(world, agent("a"), agent("b"))
    assert world.when("started", "a") == [0.0]
    assert told(world, "2") == [(OrderState.FAILED, "another order, stop, followed")]
    assert told(world, "2.5") == [(OrderState.DONE, "")]


def test_a_start_while_it_stops_is_not_lost(world: World) -> None:
    """Its process ends first."""
    world.deaf = {"a"}
    order(world, 2.0, "a", Want.STOP)
    order(world, 2.5, "a", Want.START)
    world.at(9.0, world.interrupt)
    run(world, agent("a"), agent("b"))
    assert world.when("started", "a") == [0.0, 5.0]


@pytest.mark.parametrize("state", ["waiting", "blocked"])
def test_a_stop_of_one_that_waits_or_is_blocked_keeps_it_from_starting(world: World, state: str) -> None:
    """Also when those that it comes after are ready."""
    world.unready = {"a"}
    order(world, 2.0, "b", Want.STOP)
    world.at(3.0, world.unready.clear)
    order(world, 4.0, "a", Want.START)
    world.at(9.0, world.interrupt)
    timeout = 1.0 if state == "blocked" else 60.0
    run(world, agent("a", restart=Restart(limit=0), ready=Ready(timeout=timeout)), agent("b", "a"), agent("c"))
    assert world.when("started", "b") == []
    assert ("a", "is ready") in world.said


def test_an_order_that_was_withdrawn_is_not_carried_out(world: World) -> None:
    """Its giver was told that it would not be."""
    world.withdrawn = {"2"}
    order(world, 2.0, "a", Want.RESTART)
    world.at(9.0, world.interrupt)
    run(world, agent("a"))
    assert world.when("started", "a") == [0.0]
    assert told(world, "2") == []


def test_no_order_starts_anything_while_the_launch_stops(world: World) -> None:
    """It says so."""
    world.deaf = {"a"}
    order(world, 2.0, "b", Want.START)
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), agent("b")) == 130
    assert len(world.when("started", "b")) == 1
    assert told(world, "2") == [(OrderState.FAILED, "the launch stops")]


def test_a_long_order_is_told_of_again(world: World) -> None:
    """Else it would look as if its supervisor had died."""
    world.unready = {"a"}
    order(world, 2.0, "a", Want.RESTART)
    world.at(14.0, world.unready.clear)
    world.at(20.0, world.interrupt)
    run(world, agent("a"))
    assert [state for state, _ in told(world, "2")] == [OrderState.TAKEN, OrderState.TAKEN, OrderState.DONE]


def test_blocked_roles_start_when_what_they_wait_for_is_repaired(world: World) -> None:
    """A chain of them, in its order; also when the first attempt to repair it fails."""
    world.unready = {"a"}
    order(world, 5.0, "a", Want.START)
    order(world, 10.0, "a", Want.START)
    world.at(9.0, world.unready.clear)
    world.at(15.0, world.interrupt)
    first = agent("a", restart=Restart(limit=0), ready=Ready(timeout=1.0))
    run(world, first, agent("b", "a"), agent("c", "b", "a"), agent("other"))
    assert world.order("started") == ["server", "a", "other", "a", "a", "b", "c"]
    assert ("c", "blocked: never started: b, a never became ready") in world.said


def test_a_blocked_role_starts_when_what_it_waits_for_was_swapped(world: World) -> None:
    """A swap repairs as well as a start: the successor works."""
    world.always("a", 0.1, 1)
    world.unready = {"a"}

    def repair() -> None:
        world.on_start.clear()
        world.unready.clear()
        world.swapping["a"] = SwapReport(1, "a", "requested")

    world.at(5.0, repair)
    world.at(6.0, lambda: world.swapping.update(a=SwapReport(1, "a", "done")))
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(limit=0)), agent("b", "a"), agent("other"))
    (start,) = world.when("started", "b")
    assert 6.0 <= start < 6.3
