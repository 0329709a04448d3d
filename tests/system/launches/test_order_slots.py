"""Orders as slots: each is taken once or withdrawn, never both, whoever is slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from agentspace import LocalSpace
from agentspace.client.orders import Order, OrderState, Want, give, requested, take, tell
from agentspace.core.life import ORDERS
from agentspace.errors import RoleNotFoundError, RoleOrderError
from tests.support.eventually import eventually

LAUNCH = {"pid": 77, "roles": {"a": {"state": "stopped"}, "server": {"state": "running"}}}
Give = Callable[..., "Future[Order]"]


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    """A space in which a launch tells of a role."""
    with LocalSpace() as space:
        space.write("launch/test", LAUNCH)
        yield space


@pytest.fixture
def ordered(space: LocalSpace) -> Iterator[Give]:
    """Gives orders, beside the test."""
    with ThreadPoolExecutor() as pool:
        yield lambda *given, **more: pool.submit(give, space, *given, **more)


def only(space: LocalSpace) -> Order:
    """The order that waits."""
    return eventually(lambda: requested(space))[0]


def test_an_order_is_taken_and_its_end_is_told(space: LocalSpace, ordered: Give) -> None:
    """Its giver gets what the supervisor says; twice one after the other, too."""
    for pid in (5, 6):
        given = ordered("a", Want.START)
        order = only(space)
        assert take(space, order)
        assert not requested(space)
        assert not take(space, order)
        tell(space, order._replace(state=OrderState.DONE, pid=pid))
        assert given.result(10).pid == pid


def test_an_order_that_fails_says_why(space: LocalSpace, ordered: Give) -> None:
    """In the words of the supervisor."""
    given = ordered("a", Want.RESTART)
    order = only(space)
    assert take(space, order)
    tell(space, order._replace(state=OrderState.FAILED, reason="no camera"))
    with pytest.raises(RoleOrderError, match="restart of 'a' failed: no camera"):
        given.result(10)


def test_an_order_that_nobody_takes_is_withdrawn(space: LocalSpace, ordered: Give) -> None:
    """Who looked at it before, and takes it later, gets nothing."""
    given = ordered("a", Want.START, timeout=2.0)
    order = only(space)
    with pytest.raises(RoleOrderError, match=r"nobody took the order to start 'a' within 2 s.*pid 77"):
        given.result(10)
    assert not requested(space)
    assert not take(space, order)
    assert space.read(ORDERS + "a") is None
    again = ordered("a", Want.START)
    assert take(space, only(space))
    again.cancel()
    tell(space, order._replace(state=OrderState.DONE))


def test_an_order_with_a_time_is_taken_before_it_or_not_at_all(space: LocalSpace, ordered: Give) -> None:
    """It runs out by itself, whatever became of its giver; the giver hears when it was taken, and waits on."""
    begun = threading.Event()
    given = ordered("a", Want.RESTART, until=time.monotonic() + 2.0, begun=begun.set)
    order = only(space)
    with pytest.raises(RoleOrderError, match=r"nobody took the order to restart 'a' within [12](\.\d+)? s"):
        given.result(10)
    assert not requested(space)
    assert not take(space, order)
    assert not begun.is_set()
    given = ordered("a", Want.RESTART, until=time.monotonic() + 60.0, begun=begun.set)
    order = only(space)
    assert take(space, order)
    assert begun.wait(10)
    tell(space, order._replace(state=OrderState.DONE, pid=8))
    assert given.result(10).pid == 8


def test_an_order_that_is_not_over_in_time_is_not_withdrawn(space: LocalSpace, ordered: Give) -> None:
    """It has begun, and its giver is told so."""
    given = ordered("a", Want.START, timeout=1.0)
    assert take(space, only(space))
    with pytest.raises(RoleOrderError, match="has begun, but is not over after 1 s"):
        given.result(10)


def test_there_is_one_order_at_a_time(space: LocalSpace, ordered: Give) -> None:
    """The second giver is told of the first."""
    given = ordered("a", Want.START)
    order = only(space)
    with pytest.raises(RoleOrderError, match="has an order already, which is not over: start"):
        give(space, "a", Want.STOP)
    assert take(space, order)
    with pytest.raises(RoleOrderError, match="has an order already"):
        give(space, "a", Want.STOP)
    tell(space, order._replace(state=OrderState.DONE))
    assert given.result(10)


def test_takers_at_once(space: LocalSpace, ordered: Give) -> None:
    """Of many that take an order in the same moment, one has it."""
    given = ordered("a", Want.START)
    order = only(space)
    barrier, taken = threading.Barrier(8), []

    def grab() -> None:
        barrier.wait()
        taken.append(take(space, order))

    threads = [threading.Thread(target=grab) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) <= 1
    space.delete(ORDERS + "a", priority=10)
    tell(space, order._replace(state=OrderState.DONE))
    assert given.result(10)


@pytest.mark.parametrize("value", [None, 7, {"id": 1}, {"do": "explode", "state": "requested"}, {"do": ["start"]}])
def test_what_is_no_order_is_left_alone(space: LocalSpace, value: object) -> None:
    """Anybody can write there."""
    space.write(ORDERS + "a", value)
    assert requested(space) == []


def test_mistakes_are_told_before_anything_is_written(space: LocalSpace) -> None:
    """Roles that there are not, the server, and roles of no launch: with the command that does it."""
    for name in ("b", "server"):
        with pytest.raises(RoleNotFoundError, match="there is no role"):
            give(space, name, Want.START)
    with space.join("lonely", {"class": "agents.x:X", "pid": 5}):
        with pytest.raises(RoleOrderError, match=r"agents\.x:X --role lonely --replace"):
            give(space, "lonely", Want.RESTART)
        with pytest.raises(RoleOrderError, match="it runs already"):
            give(space, "lonely", Want.START)
    assert not space.snapshot(f"{ORDERS}*")
