"""Connections that come, go, flood and hang; other machines."""

from __future__ import annotations

import json
import mmap
import os
import random
import socket as sockets
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from agentspace.client.space import connect
from agentspace.errors import SpaceUnreachableError
from agentspace.server.registry import IDENT
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import MEBI, Raw


def test_repeated_hello_is_one_connection(raw, space, server):
    """A client that says Hello again and again is not kept several times; its watch is still one."""
    ident = os.urandom(IDENT)
    sender = raw().hello(ident)
    assert sender.ask(10, 2, "DATA", "well", "every", {})[0] == from_server.Done.CODE
    assert sender.hear()[0] == from_server.Changes.CODE
    for _ in range(100):
        sender.hello(ident)
    for _ in range(3):
        assert sender.ask(10, 2, "DATA", "well", "every", {})[0] == from_server.Done.CODE
        assert sender.hear()[0] == from_server.Changes.CODE
    sender.say(from_client.Seen(1).pack())
    space.write("well", "alone")
    assert sender.hear()[:2] == [from_server.Changes.CODE, 2]
    assert sender.ask(13, 9) == [from_server.Done.CODE, 9]  # and no second copy came in between


def test_identity_of_another_client_does_not_get_its_messages(raw, space):
    """A connection that changes its mind on who it is, is another client; what it had before ends."""
    sender = raw().hello()
    assert sender.ask(5, 2, "DATA", "turncoat", frames=(encode({}),))[0] == from_server.Joined.CODE
    sender.hello()
    eventually(lambda: space.read("_/roles/turncoat")["state"] == "gone")


def test_role_ends_with_its_connection(raw, space):
    """A connection that hangs up frees its role, while its client goes on."""
    ident = os.urandom(IDENT)
    one, other = raw().hello(ident), raw().hello(ident)
    assert one.ask(5, 2, "DATA", "short-lived", frames=(encode({}),))[0] == from_server.Joined.CODE
    assert one.refused(5, 2, "DATA", "second", frames=(encode({}),))[0] == "AgentspaceError"
    assert one.ask(from_client.HangUp.CODE, 3) == [from_server.Done.CODE, 3]
    assert space.read("_/roles/short-lived")["state"] == "gone"
    assert other.ask(13, 1)[0] == from_server.Done.CODE
    assert one.refused(13, 1)[0] == "FencedError"


def test_flood_without_reading_costs_others_little(raw, space):
    """One that asks for large values and never takes the answers does not keep the others waiting."""
    with_image = space.write("large", np.zeros(4 * MEBI, np.uint8))
    assert with_image
    deaf = raw().hello()
    for _ in range(50):
        deaf.say(from_client.Read(1, "DATA", "large", False).pack())
    begin = time.monotonic()
    for number in range(20):
        space.write("quick", number)
    assert time.monotonic() - begin < 5.0
    space.delete("large")


def test_memory_and_descriptors_do_not_grow(raw, space, server):
    """After much garbage and many connections the server is as small as before."""

    def torment(count: int) -> None:
        dice = random.Random(3)
        for number in range(count):
            sender = Raw(server.address).hello(shares=True)
            for _ in range(20):
                sender.say(dice.randbytes(10_000), dice.randbytes(10_000))
                sender.say(
                    from_client.Write(1, "DATA", "", 0, "x" * 2000, None, 0.0, 0.0, []).pack(), bytes(10_000)
                )
                sender.say(from_client.Read(1, "DATA", f"*{dice.random()}", True).pack())
            sender.say(from_client.Beat(2).pack())
            while sender.hear() != [from_server.Done.CODE, 2]:
                pass
            if number % 2:
                sender.say(from_client.Bye().pack())
                sender.say(from_client.Beat(3).pack())
                assert sender.hear()[2] == "FencedError"  # it has heard the Bye
            sender.close()

    torment(20)
    descriptors = server.descriptors
    memory_before = server.memory
    torment(60)
    eventually(lambda: server.descriptors <= descriptors)
    assert server.memory - memory_before < 8 * MEBI


@pytest.fixture
def keys(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the server's keys, which are now this process's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(server.run / "config"))
    monkeypatch.delenv("AGENTSPACE_KEY", raising=False)
    return server.run / "config" / "agentspace"


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_tcp_with_the_key(server, space, keys, monkeypatch, place):
    """With the key a client does what a local one does; from elsewhere, arrays travel inside the messages."""
    if place == "elsewhere":
        monkeypatch.setattr("agentspace.client.handshake.machine", lambda: "another one")
    image = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    space.write("image", {"left": image, "small": np.arange(3)})
    assert server.tcp is not None
    with connect(server.tcp, "far", timeout=30.0) as far:
        seen = far.read("image")
        assert isinstance(ultimate(seen["left"]), mmap.mmap) is (place == "here")
        assert np.array_equal(seen["left"], image)
        assert far.write("back", seen["left"][::2])
        assert np.array_equal(space.read("back"), image[::2])
        with far.watch("image") as watch:
            assert np.array_equal((watch.next(10.0) or [])[0].value["left"], image)
        session = far.join(f"from-{place}")
        session.attach_trigger("image")
        session.running()
        wake = session.receive(10.0)
        assert wake is not None
        assert np.array_equal(session.reveal(wake.values["image"][0])["left"], image)
        session.commit(wake, ())
        session.leave("stopped")


def ultimate(array: np.ndarray[Any, Any]) -> Any:
    """What an array's elements lie in."""
    base: Any = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base


def test_tcp_is_shown(server, space):
    """The endpoint, with the port that was chosen, is in `_/server`."""
    assert space.read("_/server")["endpoints"] == [server.address, server.tcp]
    assert not server.tcp.endswith(":0")


def test_tcp_without_a_key_is_refused_at_once(server, tmp_path, monkeypatch):
    """The error says where the key comes from."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AGENTSPACE_KEY", raising=False)
    with pytest.raises(SpaceUnreachableError, match=r"space\.key"):
        connect(server.tcp)


def test_tcp_with_a_wrong_key_is_refused_soon(server, keys, tmp_path, monkeypatch):
    """Another server's key, or a key pair that the server does not know, is told as an error within seconds."""
    right = json.loads((keys / "space.key").read_text())
    public, secret = (key.decode() for key in zmq.curve_keypair())
    for wrong in ({"server": public}, {"public": public, "secret": secret}):
        file = tmp_path / "wrong.key"
        file.write_text(json.dumps(right | wrong))
        file.chmod(0o600)
        monkeypatch.setenv("AGENTSPACE_KEY", str(file))
        begin = time.monotonic()
        with pytest.raises(SpaceUnreachableError, match="key"):
            connect(server.tcp, timeout=1.0)
        assert time.monotonic() - begin < 5.0


def test_tcp_without_encryption_is_not_served(server):
    """A plain connection to the port gets no answer at all."""
    plain = Raw(server.tcp)
    plain.say(from_client.Hello(1, os.urandom(IDENT), "plain", 1, "").pack())
    assert not plain.socket.poll(300)
    plain.close()


def test_garbage_on_the_port_harms_nobody(server, space, keys):
    """Bytes that are not even ZeroMQ, half a greeting, or a connection that says nothing."""
    host, _, port = server.tcp.removeprefix("tcp://").partition(":")
    open_ones = []
    for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(10_000), b"\xff\0\0\0\0\0\0\0\1\x7f\3", b"\xff" * 64, b""):
        connection = sockets.create_connection((host, int(port)), timeout=10)
        connection.sendall(data)
        open_ones.append(connection)
    with connect(server.tcp, "far", timeout=30.0) as far:
        assert far.read("well") == "alone"
    for connection in open_ones:
        connection.close()
