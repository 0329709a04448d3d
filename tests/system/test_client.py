"""The client: connecting, many threads, closing at any moment, and servers that go and come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq

from agentspace import Agent, Trigger, Writer
from agentspace.agent.runner import Runner
from agentspace.client.connection import to_error
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.slot import Put
from agentspace.errors import (
    AgentspaceError,
    FencedError,
    LimitError,
    ProtocolError,
    SlotNameError,
    SpaceUnreachableError,
)
from agentspace.wire.format import VERSION
from agentspace.wire.messages import Done, Failed, Welcome
from tests.support.eventually import eventually
from tests.support.program import client
from tests.support.server_process import ServerProcess

SOON = 10.0  # seconds in which what must come has come
LEASE = 0.6  # seconds


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server for this module, which soon notices silence."""
    with ServerProcess("--lease", str(LEASE)) as process:
        yield process


@pytest.fixture
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    """A user of it."""
    with server.connect() as user:
        yield user


# --- connecting


@pytest.mark.alone
def test_no_server_is_told_at_once(tmp_path):
    """Without a socket there is nothing to wait for; the error says how to start a server."""
    begin = time.monotonic()
    with pytest.raises(SpaceUnreachableError, match="agentspace server"):
        connect(f"ipc://{tmp_path}/none.sock")
    assert time.monotonic() - begin < 1.0


def test_socket_of_a_dead_server_is_told_soon():
    """A server that was killed leaves a socket: nobody answers there, and nothing hangs."""
    with ServerProcess() as server:
        server.kill()
        begin = time.monotonic()
        with pytest.raises(SpaceUnreachableError, match="no answer"):
            connect(server.address)
        assert time.monotonic() - begin < 3.0


def test_client_waits_for_a_server_that_is_late():
    """With a timeout the client may come first."""
    with ServerProcess() as server, ThreadPoolExecutor(1) as pool:
        server.end()
        waiting = pool.submit(connect, server.address, "early", 30.0)
        server.start()
        with waiting.result(30.0) as space:
            assert space.write("x", 1)


@pytest.mark.parametrize("name", ["a b", "a*", "/", "x" * 300])
def test_unfit_signature_is_refused(server, name):
    """What a user writes is signed with a name like a slot's."""
    with pytest.raises(SlotNameError):
        connect(server.address, name)


def test_writes_are_signed(server, space):
    """By the name that was given, by the program's otherwise; by role and epoch within a session."""
    with connect(server.address, timeout=SOON) as unnamed:
        unnamed.write("signed", 1)
        assert space.entry("signed").writer.role.endswith(f"-{os.getpid()}")
    space.write("signed", 1)
    assert space.entry("signed").writer == Writer("test")
    session = space.join("signer")
    session.write("signed", 1)
    assert space.entry("signed").writer == Writer("signer", session.epoch)
    session.leave("stopped")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FencedError", FencedError),
        ("LimitError", LimitError),
        ("LaunchError", AgentspaceError),  # it is made of problems, not of a text
        ("Problem", AgentspaceError),
        ("Iterable", AgentspaceError),
        ("__doc__", AgentspaceError),
        ("x", AgentspaceError),
    ],
)
def test_errors_of_the_server_have_their_own_type(name, expected):
    """Whatever a server calls its error, the client raises one of the library's."""
    error = to_error(Failed(1, name, "what happened"))
    assert (type(error), str(error)) == (expected, "what happened")


def test_message_that_is_too_large_is_refused_here(space, monkeypatch):
    """Before anything is sent; the connection goes on."""
    monkeypatch.setattr("agentspace.client.connection.MAX_MESSAGE", 1000)
    with pytest.raises(LimitError, match="1000"):
        space.write("big", bytes(1001))
    assert space.write("big", bytes(100))


@contextmanager
def liar(folder: Path, *answer: bytes) -> Iterator[str]:
    """A server that answers the first message with these frames, at the address that is given."""
    context: zmq.Context[Any] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.bind(f"ipc://{folder}/liar.sock")

    def serve() -> None:
        if router.poll(10_000):
            router.send_multipart([router.recv_multipart()[0], *answer])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"ipc://{folder}/liar.sock"
    finally:
        thread.join()
        router.close()
        context.term()


@pytest.mark.parametrize(
    ("answer", "error", "what"),
    [
        ((b"garbage",), ProtocolError, "header"),
        ((b"",), ProtocolError, "header"),
        ((msgpack.packb([VERSION + 1, Welcome.CODE, 1]),), ProtocolError, f"speaks {VERSION}"),
        ((msgpack.packb([VERSION, Welcome.CODE, 1, "short"]),), ProtocolError, "fields"),
        ((Done(1).pack(),), ProtocolError, "welcome"),
        ((Failed(1, "LimitError", "full").pack(),), LimitError, "full"),
    ],
    ids=["garbage", "empty", "newer", "fields", "other", "error"],
)
def test_server_that_is_none_is_told(tmp_path, answer, error, what):
    """What answers but is no server of this version ends in an error that says so, and leaves nothing open."""
    with liar(tmp_path, *answer) as address, pytest.raises(error, match=what):
        connect(address, timeout=SOON)


def test_connection_that_is_full_says_so():
    """A server that takes nothing for long: sending without waiting ends in an error, not in endless memory."""
    with ServerProcess() as server, server.connect() as space:
        session = space.join("pushy")
        session.running()
        server.process.signal(signal.SIGSTOP)

        def push() -> None:
            for number in range(10_000):
                session.commit(None, [Put("x", session.prepare(number))])

        with pytest.raises(SpaceUnreachableError, match="does not take"):
            push()
        server.process.signal(signal.SIGCONT)


# --- threads


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


# --- closing


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


# --- servers and clients that fall silent


def test_late_answer_is_not_taken_for_another():
    """After a request ran out of time, the next one gets its own answer, not the late one."""
    with ServerProcess() as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space:
            space.write("x", "x")
            space.write("y", "y")
            server.process.signal(signal.SIGSTOP)
            with pytest.raises(SpaceUnreachableError, match=r"0\.3 s"):
                space.read("x")
            server.process.signal(signal.SIGCONT)
            eventually(lambda: reads(space, "y", "y"))
            assert [space.read(name) for name in "xyxy"] == ["x", "y", "x", "y"]


def reads(space: RemoteSpace, name: str, value: object) -> bool:
    """Whether a slot can be read and has this value."""
    try:
        return bool(space.read(name) == value)
    except SpaceUnreachableError:
        return False


def test_stopped_server_ends_sessions_with_an_error():
    """A session whose server does not answer learns of it, and does not wait for ever."""
    with ServerProcess("--lease", "0.4") as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space:
            session = space.join("anne")
            session.running()
            server.process.signal(signal.SIGSTOP)
            with pytest.raises(SpaceUnreachableError):
                session.receive(60.0)
            server.process.signal(signal.SIGCONT)


def test_killed_server_comes_back():
    """Plain users go on, watches begin anew with what is there, sessions get an error; nobody has to reconnect."""
    with ServerProcess("--lease", str(LEASE)) as server, server.connect() as space:
        space.write("x", 1)
        with space.watch("x") as newest, space.watch("x", Trigger.EVERY) as every:
            assert [entry.value for entry in newest.next(SOON) or ()] == [1]
            assert [entry.value for entry in every.next(SOON) or ()] == [1]
            session = space.join("anne")
            session.attach_trigger("x")
            session.running()
            server.kill()
            server.start()
            assert space.read("x") is None
            with pytest.raises(FencedError):
                session.receive(60.0)
            with pytest.raises(FencedError):
                session.write("x", 9)
            with pytest.raises(FencedError):
                session.leave("stopped")
            for watch in (newest, every):
                assert watch.next(SOON) == []  # the present content of the new server
            for number in (2, 3):
                assert space.write("x", number).revision == number - 1
                for watch in (newest, every):
                    assert [entry.value for entry in watch.next(SOON) or ()] == [number]
        assert space.join("anne").epoch == 1


def test_watch_waits_for_a_server_that_stays_away():
    """However long it takes: then it follows the new one."""
    with ServerProcess("--lease", "0.4") as server:
        with connect(server.address, "test", timeout=30.0, patience=0.3) as space, space.watch("x") as watch:
            assert watch.next(SOON) == []
            server.kill()
            assert watch.next(1.0) is None
            server.start()
            assert watch.next(SOON) == []
            space.write("x", 1)
            assert [entry.value for entry in watch.next(SOON) or ()] == [1]


def test_plain_user_may_be_silent(server, space):
    """The server forgets one that says nothing for longer than the lease; the next request meets it again."""
    silent = server.connect("silent")
    silent.write("x", 1)
    other = server.client("s = space.join('other'); s.running(); say('joined'); wait()")
    other.expect("joined")
    other.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/other")["state"] == "gone")
    assert silent.read("x") == 1
    assert silent.write("x", np.zeros(50_000))
    silent.close()
    other.close()


WATCHER = """
with space.watch("tick", Trigger.EVERY) as watch:
    watch.next(20)
    say("watching")
    for entry in watch:
        say("saw", entry.value)
"""


def test_watch_goes_on_after_a_pause(server, space):
    """A watch in a process that was stopped for longer than the lease follows again when it goes on."""
    watcher = server.client(WATCHER)
    watcher.expect("watching")
    space.write("tick", 0)
    watcher.expect("saw 0")
    watcher.signal(signal.SIGSTOP)
    pause = server.client("s = space.join('pause'); s.running(); say('joined'); wait()")
    pause.expect("joined")
    pause.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/pause")["state"] == "gone")
    pause.close()
    for number in range(1, 10):
        space.write("tick", number)
    watcher.signal(signal.SIGCONT)
    watcher.expect("saw 9")  # what was missed is the present content now
    space.write("tick", 10)
    watcher.expect("saw 10")
    watcher.close()


def test_session_hears_that_it_was_forgotten_even_if_its_heart_heard_first(server, space):
    """A handler that does nothing for the space, in a process that was stopped meanwhile: the role is lost."""
    code = """
session = space.join("dreamer")
session.attach_trigger("dream")
session.running()
say("joined")
wait()          # the handler of a timer, say; the heart beats on and is the first to hear
try:
    session.receive(20)
    say("woken")
except AgentspaceError as error:
    say(type(error).__name__)
"""
    dreamer = server.client(code)
    dreamer.expect("joined")
    dreamer.signal(signal.SIGSTOP)
    eventually(lambda: space.read("_/roles/dreamer")["state"] == "gone")
    dreamer.signal(signal.SIGCONT)
    clients = eventually(lambda: space.read("_/server")["clients"])
    eventually(lambda: space.read("_/server")["clients"] >= clients)
    with space.watch("_/server") as watch:  # a second passes, in which the heart has met the server again
        for _ in range(2):
            watch.next(2 * LEASE)
    dreamer.say()
    dreamer.expect("FencedError")
    dreamer.close()


def test_client_in_another_folder(server, tmp_path: Path, space):
    """Nothing depends on the folder in which a client runs."""
    with client(server.address, "say(space.write('from-afar', os.getcwd()))", folder=tmp_path) as program:
        program.expect("Written")
    assert space.read("from-afar") == str(tmp_path)
