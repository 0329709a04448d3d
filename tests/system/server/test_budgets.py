"""What one client can make a server hold, and how long it may hold it up: others notice nothing."""

from __future__ import annotations

import os
import re
import socket as sockets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgpack
import pytest

from agentspace.client.space import connect
from agentspace.core.slot import Put
from agentspace.server.file_door import HALF_OPEN
from agentspace.server.lines import MOST_WAITING
from agentspace.server.registry import IDENT, MAX_CLIENTS, Registry
from agentspace.wire import from_client, from_server, zmtp
from agentspace.wire.address import server_keys
from agentspace.wire.codec import encode
from agentspace.wire.memory import MOST_LINES as HELD
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import MEBI, Raw
from tests.system.server.zmtp_client import GREETING, Bare


@pytest.fixture
def bare(server: ServerProcess) -> Iterator[Bare]:
    """A connection that has shaken hands."""
    with Bare(server.address) as connection:
        yield connection


def test_plain_protocol_is_understood(server, space, bare):
    """The measure of the tests below: a client without ZeroMQ is served like others, also byte by byte."""
    bare.hello()
    write = from_client.Write(1, "DATA", "", 0, "bare", None, 0.0, 0.0, [])
    for byte in b"".join(zmtp.pack([write.pack(), msgpack.packb(7)])):
        bare.socket.sendall(bytes([byte]))
    assert bare.hear()[0] == from_server.Decided.CODE
    assert space.read("bare") == 7
    bare.socket.sendall(b"\4\7\4PING\0\0")
    assert bare.take(7) == b"\4\5\4PONG"


@pytest.mark.parametrize("size", [0, 100, 1000, MEBI])
def test_message_that_is_never_finished(server, space, bare, size):
    """Its parts are not kept without bound, before any Hello: whoever sends them is told, and cut off."""
    before = server.memory
    sent = 0
    while bare.begin(bytes(size)):
        sent += 64 + size
        assert sent < 2 * HELD, "it is not cut off"
    assert bare.is_cut_off
    eventually(lambda: server.memory - before < HELD)
    space.write("well", "alone")


def test_frame_of_a_size_that_none_may_have(server, space, bare):
    """It is not waited for: the sender is told at once."""
    bare.socket.sendall(b"\2" + (1 << 40).to_bytes(8, "big"))
    code, call, error, text = bare.hear()
    assert (code, call, error) == (from_server.Failed.CODE, 0, "LimitError")
    assert "at most" in str(text)
    assert bare.is_cut_off


def test_many_messages_that_are_never_finished(server, space):
    """All together they get no more than one budget; the greediest is cut off first."""
    part, before = bytes(64 * MEBI), server.memory
    with ExitStack() as stack:
        crowd = [stack.enter_context(Bare(server.address)) for _ in range(2 * HELD // len(part))]
        taken = [each.begin(part) for each in crowd]
        assert any(taken)
        assert server.memory - before < 2 * HELD
        space.write("well", "alone")
    eventually(lambda: server.memory - before < HELD // 4)


def test_answers_that_nobody_reads(server, space, bare):
    """The server reads no more of who does not read: then nothing grows there."""
    space.write("large", bytes(2 * MEBI))
    before = server.memory
    bare.hello()
    bare.socket.settimeout(1.0)
    requests = b"".join(zmtp.pack([from_client.Read(1, "DATA", "large", False).pack()])) * 100_000
    with pytest.raises(TimeoutError):
        bare.socket.sendall(requests)
    assert server.memory - before < 64 * MEBI
    assert space.read("well") == "alone"
    bare.socket.settimeout(20.0)
    answers = {bare.hear()[0] for _ in range(20)}  # it goes on when that is read; its lease may be over by then
    assert answers >= {from_server.Entries.CODE}
    space.delete("large")


def test_answers_that_nobody_reads_on_another_machine(server, space, monkeypatch):
    """More than a little is not sent after what it has not taken: it is told so, and served when it reads."""
    monkeypatch.setenv("XDG_CONFIG_HOME", server.environment["XDG_CONFIG_HOME"])
    space.write("large", bytes(2 * MEBI))
    far, asked = Raw(server.tcp or "", server_keys()[1], ahead=1).hello(), 900
    peak(server)
    before = peak(server)
    for call in range(1, asked + 1):
        far.say(from_client.Read(call, "DATA", "large", False).pack())
    answers = [far.hear() for _ in range(asked)]
    assert peak(server) - before < 64 * MEBI
    refused = [answer for answer in answers if answer[0] == from_server.Failed.CODE]
    assert {answer[2] for answer in refused} == {"LimitError"}
    assert "until they are read" in refused[0][3]
    assert len(refused) > asked - 64
    assert far.ask(from_client.Read.CODE, 0, "DATA", "large", False)[0] == from_server.Entries.CODE
    far.close()
    space.delete("large")


def test_who_lets_too_many_answers_wait_is_cut_off(server, space, monkeypatch):
    """None is lost in silence: who reads again hears that it is unknown, and comes in anew."""
    monkeypatch.setenv("XDG_CONFIG_HOME", server.environment["XDG_CONFIG_HOME"])
    space.write("small", bytes(300))
    far = Raw(server.tcp or "", server_keys()[1], ahead=1).hello()
    far.say(from_client.Join(1, "DATA", "flood").pack(), encode({}))
    assert far.hear()[0] == from_server.Joined.CODE
    for _ in range(4 * MOST_WAITING):
        far.say(from_client.Read(2, "DATA", "small", False).pack())
    eventually(lambda: space.read("_/roles/flood")["state"] == "gone")
    heard = 0
    while far.socket.poll(1_000):
        heard += far.hear()[0] == from_server.Entries.CODE
    assert MOST_WAITING // 2 < heard < 4 * MOST_WAITING
    assert far.refused(from_client.Beat.CODE, 3)[0] == "FencedError"
    far.hello()
    assert far.ask(from_client.Read.CODE, 3, "DATA", "small", False)[0] == from_server.Entries.CODE
    far.close()
    space.delete("small")


def test_a_large_wake_up_that_is_on_its_way_is_no_fault_of_its_agent(server, space, monkeypatch):
    """On another machine: it may act all the while, however large it is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", server.environment["XDG_CONFIG_HOME"])
    with connect(server.tcp or "", "far", timeout=60.0, patience=60.0) as far:
        session = far.join("far")
        session.attach_trigger("large")
        session.running()
        for number in range(5):
            space.write("large", bytes(24 * MEBI))
            woken = False
            while not woken:
                session.commit(None, [Put("tick", session.prepare(number))])
                wake = session.receive(0.01)
                if wake is not None:
                    woken = wake.values["large"] is not None
                    session.commit(wake, ())
            space.delete("large")
        session.leave("stopped")


def peak(server: ServerProcess) -> int:
    """The most memory (bytes) that the server had since this was asked last."""
    process = Path(f"/proc/{server.process.pid}")
    found = re.search(r"VmHWM:\s*(\d+) kB", (process / "status").read_text())
    (process / "clear_refs").write_text("5")
    return int(found[1]) << 10 if found else 0


def test_many_clients_in_one_connection(server, space):
    """A connection is one client's: thousands of names from one process lock nobody out."""
    with Bare(server.address) as bare:
        for _ in range(MAX_CLIENTS + 100):
            bare.say(from_client.Hello(1, os.urandom(IDENT), "many", os.getpid(), "").pack())
            assert bare.hear()[0] == from_server.Welcome.CODE
        with server.connect() as late:
            assert late.read("well") == "alone"
        eventually(lambda: space.read("_/server")["clients"] < 10)


def test_many_who_are_mute(server, space):
    """Of those who have connected and do not introduce themselves the oldest are cut off; it is told once."""
    before = server.descriptors
    with ExitStack() as stack:
        mutes = [stack.enter_context(Bare(server.address, greets=False)) for _ in range(2 * HALF_OPEN)]
        eventually(lambda: server.descriptors < before + HALF_OPEN + 10)
        assert mutes[0].is_cut_off
        with server.connect() as late:
            assert late.read("well") == "alone"
        eventually(lambda: times_told(server) > 0)
        assert times_told(server) == 1


def times_told(server) -> int:
    """How often the server has said in its log that somebody is mute."""
    return sum("has not introduced itself" in line for line in server.process.errors)


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        GREETING[:10] + b"\1" + GREETING[11:],
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + GREETING[32:],
        GREETING[:64] + b"\4\5\4PING",
        GREETING + b"\x7f\0",
        GREETING + b"\5\0",
    ],
)
def test_what_is_not_the_protocol(server, space, greeting):
    """Whoever speaks another one is cut off at once."""
    with Bare(server.address, greets=False) as bare:
        bare.socket.sendall(greeting)
        assert bare.is_cut_off
    assert space.read("well") == "alone"


def test_who_connects_and_leaves(server, space):
    """Connections that end in the middle of anything leave nothing behind."""
    before = server.descriptors
    whole = GREETING + b"".join(zmtp.pack([from_client.Hello(1, b"x" * IDENT, "x", 1, "").pack()]))
    for end in range(0, len(whole), 3):
        with sockets.socket(sockets.AF_UNIX) as short:
            short.connect(server.address.removeprefix("ipc://"))
            short.sendall(whole[:end])
    eventually(lambda: server.descriptors <= before)
    assert space.read("well") == "alone"


class Far:
    """A line that leads nowhere."""

    key = (0, b"far")
    peer = "far"
    grown = False

    def send(self, frames: Iterable[bytes]) -> None:
        """Sends nothing."""

    def admit(self) -> None:
        """Is told nothing."""

    def has_grown(self) -> bool:
        """What the test says."""
        return self.grown


def test_who_could_not_be_heard_is_not_silent():
    """A lease counts until the server last looked for messages, and while a long one is under way it goes on."""
    registry, line = Registry([], 1.0, 0.0, lambda _: None, lambda _: None), Far()
    registry.meet(line, from_client.Hello(1, bytes(IDENT), "far", 1, ""))
    registry.real, registry.heard = 10.0, 0.5  # one request took so long
    registry.tick()
    assert registry.connections
    registry.real, registry.heard, line.grown = 20.0, 20.0, True
    registry.tick()
    assert registry.connections
    registry.real, registry.heard, line.grown = 30.0, 30.0, False
    registry.tick()
    assert not registry.connections
