"""One user in many threads, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from agentspace import Agent, Trigger, Writer
from agentspace.agent.runner import Runner
from agentspace.core.slot import Put
from agentspace.errors import AgentspaceError, SpaceUnreachableError
from tests.support.eventually import SOON, eventually
from tests.support.server_process import ServerProcess


def test_threads_share_one_space(space):
    """Many threads write and read through one user: every write counts once, every answer is its own."""

    def work(number: int) -> int:
        accepted = 0
        for step in range(60):
            own = f"threads/{number}"
            accepted += bool(space.write("threads/all", number))
            array = np.full(20_000, number * 100 + step, np.int32)
            space.write(own, {"step": step, "array": array})
            seen = space.read(own)
            assert (seen["step"], np.array_equal(seen["array"], array)) == (step, True)
        return accepted

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 480
    assert space.entry("threads/all").revision == 480


def test_threads_that_end_leave_no_connection(server, space):
    """A program that starts a thread for each request does not run out of sockets, nor does its server."""

    def ask() -> None:
        assert space.write("brief", 1)

    def run(count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()

    run(5)
    before = server.descriptors
    run(100)
    assert server.descriptors <= before + 3
    assert len(space._link._connections) < 10  # private: what must not grow has no other way to be seen


def test_watches_that_end_leave_no_connection(server, space):
    """A watch that was closed is forgotten by the server, while its client goes on."""

    def look(count: int) -> None:
        for _ in range(count):
            with space.watch("*", Trigger.EVERY) as watch:
                assert watch.next(SOON) is not None

    look(5)
    before = server.descriptors
    look(100)
    eventually(lambda: space.write("x", 1) and server.descriptors <= before + 3)


class Adder(Agent):
    """Adds one to what it sees, and passes it on."""

    def __init__(self, source: str, result: str) -> None:
        super().__init__()
        self.source, self.result = source, result

    def init(self) -> None:
        self.attach_trigger(self.source, Trigger.EVERY)

    def sense_select_act(self) -> None:
        for change in self.wake.changes:
            self.write(self.result, change.value + 1)


def test_sessions_run_in_threads(space):
    """Several agents of one process, each in a thread, through one user: a chain that loses nothing."""
    runners = [Runner(Adder(f"chain/{k}", f"chain/{k + 1}"), space.join(f"adder-{k}")) for k in range(4)]
    threads = [threading.Thread(target=runner.run) for runner in runners]
    for thread in threads:
        thread.start()
    eventually(lambda: all(space.read(f"_/roles/adder-{k}")["state"] == "running" for k in range(4)))
    with space.watch("chain/4", Trigger.EVERY) as watch:
        assert watch.next(SOON) == []
        for number in range(50):
            space.write("chain/0", number)
        seen: list[int] = []
        while len(seen) < 50:
            seen += [entry.value for entry in watch.next(SOON) or ()]
    assert seen == [number + 4 for number in range(50)]
    for runner in runners:
        runner.stop()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()


def test_session_is_used_by_other_threads(space):
    """What another thread writes through a session has its role and epoch too."""
    session = space.join("owner")
    session.running()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(session.write, "by-thread", 1).result(SOON)
        pool.submit(session.interrupt).result(SOON)
    assert session.receive(SOON) is None
    assert space.entry("by-thread").writer == Writer("owner", session.epoch)
    session.leave("stopped")


def test_closed_space_says_so(server):
    """After close every call is an error of its own; closing twice is nothing; so is closing what came from it."""
    space = server.connect()
    session = space.join("closed")
    session.running()
    watch = space.watch("*")
    space.close()
    space.close()
    calls: list[Callable[[], Any]] = [
        lambda: space.read("x"),
        lambda: space.write("x", 1),
        lambda: space.watch("x"),
        lambda: space.join("x"),
        lambda: session.receive(0.0),
        lambda: session.write("x", 1),
        lambda: session.commit(None, [Put("x", session.prepare(1))]),
        lambda: watch.next(0.0),
    ]
    for call in calls:
        with pytest.raises(SpaceUnreachableError, match="closed"):
            call()
    watch.close()
    session.interrupt()


def test_role_of_a_closed_space_is_free(server, space):
    """Closing signs off: the role can be filled at once."""
    with server.connect() as user:
        user.join("signed-off").running()
    eventually(lambda: space.read("_/roles/signed-off")["state"] == "gone")


@pytest.mark.alone
@pytest.mark.parametrize("wait", ["receive", "watch", "call"])
def test_closing_ends_what_waits(server, wait):
    """A thread that waits for a wake-up, a change or an answer stops waiting when the space is closed."""
    failures: list[AgentspaceError] = []
    space = server.connect()
    session = space.join(f"waits-{wait}")
    session.running()
    watch = space.watch("nothing/here")
    watch.next(SOON)

    def work() -> None:
        try:
            if wait == "receive":
                session.receive(60.0)
            elif wait == "watch":
                watch.next(60.0)
            else:
                while True:
                    space.read("x")
        except AgentspaceError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    eventually(thread.is_alive)
    begin = time.monotonic()
    space.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert time.monotonic() - begin < 2.0
    assert [type(error) for error in failures] == [SpaceUnreachableError]


@pytest.mark.alone
def test_closing_does_not_wait_for_a_dead_server():
    """With the server gone, closing takes no longer than what was sent last may take."""
    with ServerProcess() as server:
        space = server.connect()
        session = space.join("orphan")
        session.running()
        server.kill()
        begin = time.monotonic()
        space.close()
        assert time.monotonic() - begin < 2.0


def test_many_come_and_go_at_once(server, space):
    """Users that connect, fill a role, watch and close in many threads at once do not disturb each other."""

    def come_and_go(number: int) -> int:
        for _ in range(5):
            with server.connect(f"visitor-{number}") as user, user.watch("shared") as watch:
                session = user.join(f"visitor-{number}")
                session.running()
                user.write("shared", np.zeros(50_000))
                watch.next(SOON)
                session.leave("stopped")
        return number

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(come_and_go, range(6))) == list(range(6))
    assert space.read("shared").shape == (50_000,)
