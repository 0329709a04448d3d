"""What the space is told of the ends of roles: which of them their user wants, so that nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentspace.client.orders import Order, Want
from agentspace.launch.plan import OnExit, Policy, Ready, Restart
from tests.support.supervised_world import World, agent, run

ALWAYS = Restart(Policy.ALWAYS, backoff=0.1)
NEVER = Restart(Policy.NEVER)


def ended(world: World) -> list[str]:
    """The roles of which the space was told that their user has ended them."""
    return sorted(role for _, role in world.ended_by_user)


def fresh(world: World, name: str) -> list[bool]:
    """Of each process of a role, whether it begins anew."""
    return ["--fresh" in world.words[pid] for pid, role in world.names.items() if role == name]


@pytest.mark.parametrize("deaf", [False, True])
def test_end_of_a_launch_by_its_user_ends_its_roles(world: World, deaf: bool) -> None:
    """Each when its process has ended, also one that must be killed, that waits, or that has failed before."""
    world.deaf = {"a"} if deaf else set()
    world.always("failed", 0.5, 3)
    world.unready = {"slow"}
    world.at(5.0, world.interrupt)
    run(world, agent("a"), agent("failed", restart=NEVER), agent("slow"), agent("waits", "slow"))
    assert ended(world) == ["a", "failed", "slow", "waits"]


def test_stop_of_the_server_ends_the_roles(world: World) -> None:
    """`agentspace stop --all`."""
    world.at(5.0, lambda: world.requested.add("*"))
    run(world, agent("a"), agent("b"))
    assert ended(world) == ["a", "b"]


def test_stop_of_a_role_ends_it_alone(world: World) -> None:
    """As asked through the space, or by an order; one that begins in the meantime, too."""
    world.at(2.0, lambda: world.requested.add("a"))
    world.at(3.0, lambda: world.given.append(Order("b", Want.STOP, "3")))
    world.at(4.0, lambda: world.exit("c", 1))
    run(world, agent("a"), agent("b"), agent("c", restart=NEVER))
    assert set(ended(world)) == {"a", "b"}


def test_restart_begins_anew(world: World) -> None:
    """Also of one that runs no more; a start does not, nor does a new start after that."""
    world.at(2.0, lambda: world.given.append(Order("a", Want.RESTART, "2")))
    world.at(3.0, lambda: world.exit("a", 0))
    world.at(5.0, lambda: world.exit("b", 1))
    world.at(6.0, lambda: world.given.append(Order("b", Want.RESTART, "6")))
    world.at(7.0, lambda: world.exit("b", 1))
    world.at(8.0, lambda: world.given.append(Order("b", Want.START, "8")))
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=ALWAYS), agent("b", restart=NEVER))
    assert fresh(world, "a") == [False, True, False]
    assert fresh(world, "b") == [False, True, False]


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.exit("a", 0),  # of its own, or for a signal: the incarnation has said which
        lambda world: world.exit("a", 1),
        lambda world: world.exit("a", -15),
    ],
)
def test_end_of_a_process_that_nobody_asked_for_ends_no_role(world: World, end: Callable[[World], None]) -> None:
    """It is started again, and has what was kept; nothing is told when the launch ends by itself after that."""
    world.at(2.0, lambda: end(world))
    world.at(4.0, lambda: end(world))
    run(world, agent("a", restart=Restart(Policy.ALWAYS, limit=1, backoff=0.1)))
    assert ended(world) == []
    assert fresh(world, "a") == [False, False]


def test_one_that_is_not_ready_in_time_is_not_ended_by_its_user(world: World) -> None:
    """The supervisor ends its process, and the next one goes on."""
    world.unready = {"a"}
    world.at(2.5, world.unready.clear)
    world.at(4.0, lambda: world.exit("b", 1))
    run(
        world,
        agent("a", ready=Ready(timeout=2.0), restart=ALWAYS),
        agent("b", restart=NEVER, on_exit=OnExit.SHUTDOWN),
    )
    assert len(fresh(world, "a")) == 2
    assert not any(fresh(world, "a"))
    assert ended(world) == []


@pytest.mark.parametrize(("code", "roles"), [(0, ["a", "b"]), (3, [])])
def test_launch_that_its_file_ends_ends_its_roles_if_all_went_well(
    world: World, code: int, roles: list[str]
) -> None:
    """`on_exit: shutdown`: after a failure, what the others have kept waits for the next launch."""
    world.at(3.0, lambda: world.exit("a", code))
    run(world, agent("a", restart=NEVER, on_exit=OnExit.SHUTDOWN), agent("b"))
    assert ended(world) == roles


def test_launch_whose_server_is_lost_ends_no_role(world: World) -> None:
    """Nobody wanted that."""
    world.always("server", 0.2, 1)
    run(world, agent("a"))
    assert ended(world) == []
