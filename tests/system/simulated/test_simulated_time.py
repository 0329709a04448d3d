"""A server whose clock is simulated: what follows it, and what does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agentspace import Agent, Kind, Trigger
from agentspace.agent.runner import Runner
from agentspace.client.space import RemoteSpace
from agentspace.core.simulated.conductor import START
from agentspace.errors import AgentspaceError, LimitError
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess

Cast = Callable[..., None]


class Ticker(Agent):
    """Counts its ticks, and tells each for a short time."""

    def init(self) -> None:
        self.count = 0
        self.attach_timer(0.1)

    def sense_select_act(self) -> None:
        self.count += 1
        self.write("count", self.count, validity=0.05)


class Echo(Agent):
    """Notes what it sees of a slot, and when."""

    def init(self) -> None:
        self.seen: list[tuple[float, object]] = []
        self.attach_trigger("count")

    def sense_select_act(self) -> None:
        self.seen.append((round(self.now() - START, 6), self.read("count")))
        self.write("echo", self.read("count"))


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """One whose clock nobody has driven yet."""
    with ServerProcess("--clock", "simulated") as process:
        yield process


@pytest.fixture
def run(server: ServerProcess) -> Iterator[Cast]:
    """Runs agents in threads, each as a client of its own."""
    spaces: list[RemoteSpace] = []
    threads: list[tuple[Runner, threading.Thread]] = []

    def start(agent: Agent, role: str, swap: int | None = None) -> None:
        spaces.append(server.connect(role))
        runner = Runner(agent, spaces[-1].join(role, swap=swap))
        threads.append((runner, threading.Thread(target=runner.run_as_thread)))
        threads[-1][1].start()

    yield start
    for runner, thread in threads:
        runner.stop()
        thread.join()
    for space in spaces:
        space.close()


def test_validity_and_delay_follow_the_simulated_clock(space: RemoteSpace) -> None:
    """A value expires when the clock has been driven there, and not before, however long that takes."""
    began = space.simulated_time()
    assert began == START
    space.write("a", 1, validity=60.0)
    space.write("b", 2, delay=30.0)
    real = time.monotonic()
    assert space.advance(29.0) == began + 29.0
    assert (space.read("a"), space.read("b")) == (1, None)
    space.advance(1.0)
    assert (space.read("a"), space.read("b")) == (1, 2)
    space.advance(30.0)
    assert (space.read("a"), space.read("b")) == (None, 2)
    assert time.monotonic() - real < 20.0


def test_the_clock_stands_while_nobody_drives_it(space: RemoteSpace) -> None:
    """Real time passes; what is valid stays valid."""
    space.write("a", 1, validity=1e-3)
    before = space.read("_/clock")
    eventually(lambda: space.read("_/clock")["now"] > before["now"] + 0.3)
    assert space.read("_/clock")["time"] == before["time"]
    assert space.read("a") == 1


def test_timers_and_triggers_follow_it(space: RemoteSpace, run: Cast) -> None:
    """Each tick at its time, each change and each expiry seen when it is, in 1 s as in a thousandth of one."""
    ticker, echo = Ticker(), Echo()
    run(ticker, "ticker")
    run(echo, "echo")
    space.advance(0.35)
    assert ticker.count == 3
    assert echo.seen == [(0.1, 1), (0.15, None), (0.2, 2), (0.25, None), (0.3, 3), (0.35, None)]
    space.advance(9.65)
    assert ticker.count in (99, 100)  # 100 * 0.1 may be a little more than 10
    assert len(echo.seen) in (2 * ticker.count, 2 * ticker.count - 1)


def test_a_watcher_does_not_hold_the_clock(space: RemoteSpace, run: Cast) -> None:
    """One that looks at nothing costs nobody anything; it hears later what it missed."""
    run(Ticker(), "ticker")
    with space.watch("count", Trigger.EVERY) as watch:
        watch.next()
        space.advance(5.0)
        heard = []
        while (entries := watch.next(0.0)) is not None:
            heard += [entry.value for entry in entries if entry.kind is Kind.WRITTEN]
    assert heard[:40] == list(range(1, 41))


class Slow(Agent):
    """Is busy until it is let go."""

    def init(self) -> None:
        self.go = threading.Event()
        self.attach_trigger("start")

    def sense_select_act(self) -> None:
        self.go.wait(30.0)
        self.write("done", self.now())


def test_a_busy_handler_holds_the_clock_and_this_is_told(
    server: ServerProcess, space: RemoteSpace, run: Cast
) -> None:
    """`_/clock` says whom it waits for; what takes long takes no simulated time."""
    slow = Slow()
    run(slow, "slow")
    space.write("start", 1)
    driver = server.connect("driver")
    driving = threading.Thread(target=lambda: driver.advance(10.0))
    driving.start()
    try:
        eventually(lambda: space.read("_/clock")["held_by"] == ["slow"])
        assert space.simulated_time() == START
    finally:
        slow.go.set()
        driving.join()
        driver.close()
    assert space.read("done") == START
    assert space.simulated_time() == START + 10.0
    assert eventually(lambda: not space.read("_/clock")["held_by"])


def test_two_drivers_go_as_far_as_the_slower(server: ServerProcess, space: RemoteSpace) -> None:
    """Who wants to go further waits for the other, or for its end."""
    with server.connect("other") as other:
        other.advance_to(START + 1.0)
        going = threading.Thread(target=lambda: space.advance_to(START + 3.0))
        going.start()
        other.advance_to(START + 2.0)
        assert other.simulated_time() == START + 2.0
    going.join(20.0)
    assert not going.is_alive()
    assert space.simulated_time() == START + 3.0


def test_who_dies_does_not_hold_the_clock(server: ServerProcess, space: RemoteSpace) -> None:
    """A handler that is killed is no work that is waited for."""
    program = server.client(
        """
session = space.join("victim")
session.attach_trigger("start")
session.running()
session.receive(None)
say("busy")
wait()
"""
    )
    eventually(lambda: (space.read("_/roles/victim") or {}).get("state") == "running")
    space.write("start", 1)
    with server.connect("driver") as driver:
        driving = threading.Thread(target=lambda: driver.advance(5.0))
        driving.start()
        program.expect("busy")
        program.kill()
        driving.join(20.0)
        assert not driving.is_alive()
    assert space.simulated_time() == START + 5.0


class Collector(Agent):
    """A timer wakes it; what has changed meanwhile comes along."""

    def init(self) -> None:
        self.heard: list[tuple[float, tuple[str, ...]]] = []
        self.attach_trigger("quiet", Trigger.QUIET)
        self.attach_timer(0.5)

    def sense_select_act(self) -> None:
        self.heard.append((round(self.now() - START, 6), self.wake.names))


def test_quiet_triggers_come_with_the_timer(space: RemoteSpace, run: Cast) -> None:
    """In the same turn."""
    collector = Collector()
    run(collector, "collector")
    space.write("quiet", 1)
    space.advance(0.6)
    space.advance(0.5)
    space.write("quiet", 2)
    space.advance(0.5)
    assert collector.heard == [(0.5, ("quiet",)), (1.0, ()), (1.5, ("quiet",))]


def test_a_swap_takes_no_simulated_time(server: ServerProcess, space: RemoteSpace, run: Cast) -> None:
    """The successor begins in the moment in which its predecessor ended; no tick is lost on the way."""
    before, after = Ticker(), Ticker()
    run(before, "ticker")
    space.advance(1.05)
    run(after, "ticker", swap=0)
    eventually(lambda: (space.read("_/swaps/ticker") or {}).get("state") == "probation", 20.0)
    assert space.simulated_time() == START + 1.05
    space.advance(2.0)
    eventually(lambda: space.read("_/swaps/ticker")["state"] == "done", 20.0)
    assert before.count == 10
    assert after.count in (19, 20)
    assert space.simulated_time() == START + 3.05


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e12])
def test_the_clock_does_not_go_where_there_is_no_time(space: RemoteSpace, time: float) -> None:
    """It is refused in words, and harms nobody."""
    with pytest.raises(LimitError, match="at most 1e"):
        space.advance_to(time)
    assert space.advance(1.0) == START + 1.0


def test_a_server_with_a_real_clock_says_so() -> None:
    """It cannot be driven; nothing else happens."""
    with ServerProcess() as server, server.connect() as space:
        with pytest.raises(AgentspaceError, match="--clock simulated"):
            space.advance(1.0)
        assert space.write("a", 1)
