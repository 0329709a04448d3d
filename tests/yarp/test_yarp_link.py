"""Between an agent and its YARP helper, but without YARP: messages, name servers that lie or hang, processes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.yarp.client.helper import Helper
from agents.yarp.client.names import NameServer, Place, SilentError, trouble_at
from agents.yarp.client.pipe import Message, Pipe, PipeEndedError
from tests.support.eventually import eventually
from tests.support.program import command_of

FOUND = b"registration name /a/rpc:i ip 10.0.0.5 port 10021 type tcp\r\n*** end of message\r\n"
UNKNOWN = b"*** end of message\r\n"


@contextmanager
def pipes() -> Iterator[tuple[Pipe, Pipe]]:
    """Two ends."""
    one, other = socket.socketpair()
    here, there = Pipe(one), Pipe(other)
    try:
        yield here, there
    finally:
        here.close()
        there.close()


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.binary())))
def test_messages_arrive_as_they_were_sent(messages: list[tuple[dict[str, Any], bytes]]) -> None:
    """Any header and body, in their order."""
    with pipes() as (here, there):
        for header, body in messages[:20]:
            here.send(header, body)
        assert [there.receive(1.0) for _ in messages[:20]] == [
            Message(header, bytearray(body)) for header, body in messages[:20]
        ]
        assert there.receive(0.0) is None


def test_a_picture_is_more_than_a_socket_holds() -> None:
    """Sending goes on while the other end reads."""
    body = bytes(range(256)) * 20_000
    with pipes() as (here, there):
        sender = threading.Thread(target=here.send, args=({"is": "picture"}, body, 10.0))
        sender.start()
        assert there.receive(10.0) == Message({"is": "picture"}, bytearray(body))
        sender.join()


def test_nobody_waits_for_an_end_that_does_not_read() -> None:
    """Offers are refused when it is behind; a message that must go ends the conversation in time."""
    with pipes() as (here, _):
        assert here.offer({"do": "go"})
        while here.offer({"do": "go"}, bytes(80)):
            pass
        with pytest.raises(PipeEndedError):
            here.send({}, bytes(80), patience=0.05)


@pytest.mark.parametrize("junk", [struct.pack("<II", 4, 2**32 - 1), struct.pack("<II", 2**31, 0)])
def test_lengths_are_not_believed(junk: bytes) -> None:
    """A message that claims to be enormous ends the conversation; nothing is allocated for it."""
    one, end = socket.socketpair()
    with one:
        pipe = Pipe(end)
        one.sendall(junk)
        with pytest.raises(PipeEndedError, match="a message of"):
            pipe.receive(1.0)
        pipe.close()


def test_the_end_of_one_is_heard_by_the_other() -> None:
    """Closing and shutting are both the end, for sender and receiver."""
    with pipes() as (here, there):
        here.shut()
        with pytest.raises(PipeEndedError):
            there.receive(1.0)
        with pytest.raises(PipeEndedError):
            there.send({}, b"")
        assert not there.offer({})


# --- names


@contextmanager
def answering(*answers: bytes | None) -> Iterator[Place]:
    """A server that answers each connection with the next of these; None: never."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            for answer in answers:
                with suppress(OSError):
                    connection, _ = server.accept()
                    kept.append(connection)
                    if answer is not None:
                        connection.recv(1000)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Place("127.0.0.1", server.getsockname()[1])
        finally:
            for _ in answers:
                with suppress(OSError):
                    socket.create_connection(server.getsockname(), 0.1).close()
            thread.join()
            for connection in kept:
                connection.close()


def test_a_name_is_found_or_unknown() -> None:
    """The place of the port; None for a port that the server does not know."""
    with answering(FOUND, UNKNOWN) as place:
        assert NameServer(place).query("/a/rpc:i") == Place("10.0.0.5", 10021)
        assert NameServer(place).query("/b") is None


@pytest.mark.parametrize("answer", [b"*** end of message", b"registration name\r\n*** end of message\r\n"])
def test_nonsense_is_no_name(answer: bytes) -> None:
    """What is not a registration says nothing."""
    with answering(answer) as place:
        assert NameServer(place).query("/a") is None


def test_a_server_that_hangs_is_told_in_time() -> None:
    """It takes connections, but says nothing."""
    with answering(None, None) as place:
        with pytest.raises(SilentError):
            NameServer(place).query("/a", patience=0.05)
        assert "does not answer: its process is stopped, or hangs" in NameServer(place).trouble()


def test_no_server_is_told() -> None:
    """With the place, and what may be done."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = Place("127.0.0.1", server.getsockname()[1])
    assert (
        NameServer(place).trouble()
        == f"there is no name server at {place} (Connection refused): does yarpserver run?"
    )
    assert "; /a at 127.0.0.1:1 is gone" in NameServer(place).trouble_with("/a", Place("127.0.0.1", 1))


def test_a_server_that_has_forgotten_a_port_is_told() -> None:
    """Whether it should have known it makes a difference."""
    with answering(UNKNOWN, UNKNOWN, UNKNOWN) as place:
        server = NameServer(place)
        assert server.trouble("/a") == f"the name server at {place} knows no /a: was it restarted?"
        assert server.trouble_with("/a").endswith("knows no /a: does the robot run?")
        assert "knows no /a any more: it was closed" in server.trouble_with("/a", Place("127.0.0.1", 1))


def test_a_port_that_greets_is_well() -> None:
    """One that hangs, or is gone, is not."""
    with answering(b"Welcome agentspace-probe\r\n", None) as place:
        assert trouble_at("/a", place) == ""
        assert "does not answer" in trouble_at("/a", place)
    assert "is gone" in trouble_at("/a", place)


# --- helpers


PROGRAM = """
import os, signal, sys, time
from agents.yarp.client.child import run
def main(child):
    what = child.settings["what"]
    child.pipe.send({"is": "said", "pid": os.getpid()}, b"")
    if what == "fail":
        child.fail("no robot")
    if what == "raise":
        raise RuntimeError("a mistake")
    if what == "hang":
        with child.step("knocking", lambda: "nobody at home", 0.3):
            time.sleep(60)
    if what == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    while (message := child.pipe.receive(60.0)) is None or message.header["do"] != "end":
        pass
run(main)
"""


class Listener:
    """What a helper has said."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def __call__(self, message: Message) -> None:
        self.heard.append(message.header)

    def reason(self) -> str:
        eventually(lambda: any(header["is"] == "gone" for header in self.heard), 20.0)
        return next(header["why"] for header in self.heard if header["is"] == "gone")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes helpers that run PROGRAM."""
    (tmp_path / "program_of_test.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    made: list[Helper] = []

    def start(what: str, again: bool = False) -> tuple[Helper, Listener]:
        listener = Listener()
        helper = Helper("program_of_test", {"what": what}, listener, logging.getLogger("test"), again)
        helper.open()
        made.append(helper)
        return helper, listener

    yield start
    for helper in made:
        helper.close()
    assert not [p for p in psutil.Process().children() if "program_of_test" in " ".join(command_of(p))]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("fail", "no robot"),
        ("raise", "RuntimeError: a mistake"),
        ("hang", "knocking does not come back: nobody at home"),
        ("freeze", "was silent for 0.8 s while "),
    ],
)
def test_why_a_helper_has_ended(make: Any, what: str, reason: str) -> None:
    """Whatever happens to it, its agent is told why, once."""
    _, listener = make(what)
    assert reason in listener.reason()
    assert [header["is"] for header in listener.heard] == ["said", "gone"]


def test_a_helper_is_started_again(make: Any) -> None:
    """With a pause that grows, until it is closed."""
    helper, listener = make("fail", again=True)
    eventually(lambda: helper.starts >= 3, 20.0)
    helper.close()
    starts = helper.starts
    assert helper.killed == 0
    assert len([header for header in listener.heard if header["is"] == "gone"]) >= starts - 1


def test_a_helper_ends_when_it_is_told_to(make: Any) -> None:
    """Without being killed; Ctrl-C is not for it."""
    helper, listener = make("wait")
    eventually(lambda: listener.heard, 20.0)
    pid = listener.heard[0]["pid"]
    os.kill(pid, signal.SIGINT)
    assert helper.say({"do": "nothing"})
    helper.close()
    assert not psutil.pid_exists(pid)
    assert not helper.say({"do": "nothing"})
    helper.close()


def test_the_link_imports_no_yarp() -> None:
    """Only the programs of helpers load YARP, and only when they run."""
    modules = "agents.yarp.client.arms, agents.body.drivers.yarp_icub, agents.face"
    code = f"import sys, {modules}; print('yarp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
