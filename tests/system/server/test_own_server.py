"""A server in this process, for what a command line cannot ask."""

from __future__ import annotations

import socket as sockets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AddressError, AgentspaceError, LimitError
from agentspace.server.server import Server
from agentspace.wire import from_server
from agentspace.wire.address import Address, Lock, parse
from tests.system.server.raw_client import Raw


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Address]:
    """Of a server that a test makes itself."""
    with sockets.socket(sockets.AF_UNIX):
        yield parse(f"ipc://{tmp_path}/s.sock")


@pytest.fixture
def private_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    "bind", ["", "x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:65536", "ipc:///tmp/x"]
)
def test_endpoint_that_is_none_is_refused_before_anything_is_made(address, private_keys, bind):
    """A wrong endpoint leaves no socket and no lock behind."""
    with pytest.raises(AddressError, match="tcp://INTERFACE:PORT"):
        Server(address, bind)
    assert not address.path.exists()


def test_interface_or_port_that_cannot_be_bound_is_told(address, private_keys):
    """The error names the endpoint; the address is free again."""
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        for bind in (f"tcp://127.0.0.1:{taken.getsockname()[1]}", "tcp://203.0.113.7:7447", "tcp://nowhere:1"):
            with pytest.raises(AgentspaceError, match=bind):
                Server(address, bind)
    Lock(address).release()


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server in a thread."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
        server.close()


@pytest.mark.alone
def test_server_stops_from_another_thread(address):
    """`stop` ends `run` at once, not at its next event: of five times, a busy machine delays some."""

    def stopped_within() -> float:
        with running(Server(address)) as server:
            with connect(address, timeout=30.0) as space:
                space.write("x", 1)
            begin = time.monotonic()
            server.stop()
        return time.monotonic() - begin

    assert min(stopped_within() for _ in range(5)) < 0.5
    assert not address.path.exists()


def test_slots_are_limited(address, monkeypatch):
    """The error says so, the space goes on, and its own slots are still written."""
    monkeypatch.setattr("agentspace.core.slot.MAX_SLOTS", 100)
    with running(Server(address)), connect(address, timeout=30.0) as space:

        def fill() -> None:
            for number in range(101):
                space.write(f"s{number}", number)

        with pytest.raises(LimitError, match="100"):
            fill()
        assert space.write("s1", "still")
        assert space.join("late").epoch == 1
        assert "_/roles/late" in space.snapshot("_/*")


def test_clients_are_limited(address, monkeypatch):
    """One client too many is told so; those that are there go on, and one that ends makes room."""
    monkeypatch.setattr("agentspace.server.registry.MAX_CLIENTS", 2)
    with running(Server(address)), connect(address, timeout=30.0) as space:
        with connect(address), pytest.raises(LimitError, match="2"):
            connect(address)
        connect(address).close()
        assert space.write("x", 1)


def test_commit_with_a_slot_of_the_space_is_refused_whole(space: RemoteSpace, raw: Callable[[], Raw]) -> None:
    """A client that does not check its acts is refused by the server, and nothing of its commit is carried out."""
    liar = raw().hello()
    joined = liar.ask(5, 1, "DATA", "liar", frames=(msgpack.packb({}),))
    assert joined[0] == from_server.Joined.CODE
    epoch = joined[2]
    acts = [["whole/x", None, 0.0, 0.0, []], ["_/roles/liar", None, 0.0, 0.0, []], ["whole/y", None, 0.0, 0.0, []]]
    values = (msgpack.packb(1), msgpack.packb(2), msgpack.packb(3))
    error, text = liar.refused(8, 2, "DATA", "liar", epoch, None, 0, acts, None, frames=values)
    assert (error, "the space's own" in text) == ("SlotNameError", True)
    assert space.snapshot("whole/*") == {}
    assert space.entry("_/roles/liar").value["state"] == "starting"
