"""Orders with a time until which they count: a server that hung drops them when it wakes up."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from agentspace.client.space import RemoteSpace
from agentspace.errors import LateError, LimitError, SpaceUnreachableError
from agentspace.wire import from_client
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess

ORDERS: dict[str, Callable[[RemoteSpace], object]] = {
    "write": lambda space: space.write("x", 2),
    "delete": lambda space: space.delete("x"),
    "stop": lambda space: space.stop("anne"),
    "swap": lambda space: space.request_swap("anne"),
}


def test_the_server_drops_an_order_that_comes_after_its_time(raw):
    """The next order, and it alone; a read in between is none."""
    connection = raw().hello()
    write = ("DATA", "", 0, "late", None, 0.0, 0.0, [])
    connection.say(from_client.Before(time.monotonic() - 1.0).pack())
    assert connection.ask(from_client.Read.CODE, 2, "DATA", "late", False)[2] == []
    error, text = connection.refused(from_client.Write.CODE, 3, *write, frames=(b"\x01",))
    assert (error, "after its time" in text) == ("LateError", True)
    assert connection.ask(from_client.Read.CODE, 4, "DATA", "late", False)[2] == []
    connection.say(from_client.Before(time.monotonic() + 60.0).pack())
    assert connection.ask(from_client.Write.CODE, 5, *write, frames=(b"\x01",))[2] == [["late", 1]]


@pytest.mark.alone
@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_without_an_answer_in_time_is_not_carried_out(kind):
    """Who asks hears so within the time; when the server wakes up, nothing has changed."""
    with ServerProcess() as server, server.connect("test") as space:
        session = space.join("anne")
        session.running()
        space.write("x", 1)
        server.process.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(SpaceUnreachableError):
            ORDERS[kind](space.until(began + 0.3))
        assert time.monotonic() - began < 2.0
        server.process.signal(signal.SIGCONT)
        assert eventually(lambda: space.read("x")) == 1
        assert not space.read("_/roles/anne")["stop_requested"]
        assert space.entry("_/swaps/anne") is None


@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_whose_time_is_over_is_not_even_sent(kind, server):
    """It fails at once."""
    with server.connect("test") as space, pytest.raises(LateError, match="after its time: nothing was done"):
        ORDERS[kind](space.until(time.monotonic() - 0.1))


def test_an_order_in_time_is_carried_out(server):
    """As one without a time."""
    with server.connect("test") as space:
        assert space.until(time.monotonic() + 30.0).write("intime", 1)
        assert space.read("intime") == 1


def test_an_order_that_cannot_be_sent_leaves_no_deadline_behind(server):
    """The next one, without a time, is carried out."""
    with server.connect("test") as space:
        over = time.monotonic() + 1.0
        with pytest.raises(ValueError, match="surrogates not allowed"):
            space.until(over).stop("\ud800")
        time.sleep(max(0.0, over - time.monotonic()))
        assert space.write("late", 1)


@pytest.mark.parametrize("deadline", [1e9, 1e12, 1e300, float("inf")])
def test_a_time_may_be_as_far_away_as_one_likes(deadline, server):
    """An order that always counts; and whoever waits for ever, waits."""
    with server.connect("test") as space, space.watch("x") as watch:
        assert space.until(deadline).write("x", 1)
        assert eventually(lambda: watch.next(deadline))
        with pytest.raises(LimitError, match="NaN is no time"):
            space.until(float("nan"))
