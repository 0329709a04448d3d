"""A client finds its server, or says why not."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from agentspace import Writer
from agentspace.client.connection import Connection, to_error
from agentspace.client.space import connect
from agentspace.core.slot import Put
from agentspace.errors import (
    AgentspaceError,
    ConnectionLostError,
    FencedError,
    LimitError,
    ProtocolError,
    SlotNameError,
    SpaceUnreachableError,
)
from agentspace.wire.format import VERSION
from agentspace.wire.from_server import Done, Failed, Welcome
from tests.support.eventually import SOON
from tests.support.server_process import ServerProcess


@pytest.mark.alone
def test_no_server_is_told_at_once(tmp_path):
    """Without a socket there is nothing to wait for; the error says how to start a server."""
    begin = time.monotonic()
    with pytest.raises(SpaceUnreachableError, match="agentspace server"):
        connect(f"ipc://{tmp_path}/none.sock")
    assert time.monotonic() - begin < 1.0


@pytest.mark.alone
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


def test_an_answer_that_comes_after_the_news_of_the_end_counts(monkeypatch):
    """The end of a process is known at once, what it said last a moment later: that is no failure."""

    def wait(connection, seconds):
        raise ConnectionLostError("the server has ended")

    with ServerProcess() as server, server.connect() as space:
        with monkeypatch.context() as late:
            late.setattr(Connection, "_wait", wait)  # private: the order of two events is not to be had otherwise
            assert space.write("x", 1).revision == 1
            space.stop("*")
        server.process.wait()
