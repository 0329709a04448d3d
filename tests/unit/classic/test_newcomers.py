"""Who waits for agents that were just made, and how long."""

import threading
import time

import pytest

from agentspace.classic.newcomers import ATTACHES, PATIENCE, Newcomer, Newcomers


@pytest.fixture
def newcomers() -> Newcomers:
    return Newcomers()


def made(newcomers: Newcomers, age: float = 0.0) -> Newcomer:
    """A newcomer of the calling thread, made so many seconds ago."""
    one = Newcomer()
    one.made -= age
    newcomers.add(one)
    return one


def test_nobody_waits_for_whoever_has_settled(newcomers: Newcomers) -> None:
    """Nor for anybody, if nobody was made."""
    for one in [made(newcomers) for _ in range(20)]:
        one.settle()
    newcomers.await_mine()
    newcomers.await_mine()
    assert newcomers.left == PATIENCE


def test_each_is_waited_for_once_and_all_of_them_within_a_time(newcomers: Newcomers) -> None:
    """The waiting counts from when they were made; of many that never attach, all cost some time together."""
    for _ in range(20):
        made(newcomers, age=ATTACHES)
    newcomers.await_mine()
    assert newcomers.left == pytest.approx(PATIENCE - 20 * 0.01)
    newcomers.await_mine()
    assert newcomers.left == pytest.approx(PATIENCE - 20 * 0.01)
    newcomers.left = 0.03
    made(newcomers)
    newcomers.await_mine()
    assert newcomers.left == pytest.approx(0.0)


def test_one_that_attaches_meanwhile_is_waited_for(newcomers: Newcomers) -> None:
    """And the rest of its `init`, for a moment."""
    one = made(newcomers, age=-60.0)
    newcomers.left = 60.0
    order: list[str] = []

    def attach() -> None:
        time.sleep(0.01)
        order.append("attached")
        one.attached.set()

    thread = threading.Thread(target=attach)
    thread.start()
    newcomers.await_mine()
    order.append("written")
    thread.join()
    assert order == ["attached", "written"]
    assert newcomers.left == 60.0


def test_who_made_others_waits_for_its_own_only(newcomers: Newcomers) -> None:
    """Another thread writes at once; what is made next knows who comes before it."""
    first, second = made(newcomers), Newcomer()
    assert newcomers.add(second) == [first]
    others: list[float] = []

    def write() -> None:
        third = Newcomer()
        assert newcomers.add(third) == []
        third.settle()
        newcomers.await_mine()
        others.append(newcomers.left)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert others == [PATIENCE]
