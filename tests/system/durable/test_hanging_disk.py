"""A disk that hangs: who waits for it waits, whoever else there is goes on, and the server does not grow."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentspace.wire import from_client, from_server, zmtp
from agentspace.wire.address import Key, server_keys
from agentspace.wire.codec import encode
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.durable import hanging_disk
from tests.system.server.raw_client import MEBI, Raw
from tests.system.server.zmtp_client import Bare

WRITES = 20_000
OF_ONE = 6000


@pytest.fixture
def hangs(tmp_path: Path) -> Path:
    """While it is there, the disk hangs."""
    return tmp_path / "hangs"


@pytest.fixture
def server(hangs: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server whose lease is the parameter (s)."""
    inside, lease = (sys.executable, hanging_disk.__file__, str(hangs)), getattr(request, "param", "1")
    with ServerProcess("--lease", lease, "--bind", "tcp://127.0.0.1:0", inside=inside, durable=("d/*",)) as made:
        yield made
        hangs.unlink(missing_ok=True)


SENT = 12_000  # messages; the answers to fewer wait for the disk


def write(call: int) -> tuple[bytes, bytes]:
    return from_client.Write(call, "DATA", "", 0, f"d/{call % 100}", None, 0.0, 0.0, []).pack(), encode(call)


def flood(client: Bare, data: memoryview) -> memoryview:
    """Sends until the server takes no more; what is left."""
    while data and select.select([], [client.socket], [], 1.0)[1]:
        data = data[client.socket.send(data[: 1 << 16]) :]
    return data


def go_on(client: Bare, left: memoryview, done: threading.Event) -> None:
    """Sends what is left, then signs of life."""
    client.socket.sendall(left)
    while not done.wait(0.2):
        client.say(from_client.Beat(0).pack())


def test_nobody_makes_the_server_grow_while_the_disk_hangs(server: ServerProcess, hangs: Path) -> None:
    """Who writes and writes is not read any more, is not taken for silent, and gets each answer in the end."""
    data = b"".join(part for call in range(WRITES) for part in zmtp.pack(write(call)))
    with server.connect() as space:
        space.write("d/first", 1)
        hangs.touch()
        before = server.memory
        with Bare(server.address).hello() as client:
            left = flood(client, memoryview(data))
            assert left, "the server has taken everything"
            assert server.memory - before < 32 * MEBI
            since = space.read("_/clock")["now"]
            eventually(lambda: space.read("_/clock")["now"] > since + 3.0)  # three leases
            assert space.write("free", 1)
            hangs.unlink()
            done, answers = threading.Event(), list[object]()
            rest = threading.Thread(target=go_on, args=(client, left, done))
            rest.start()
            try:
                while len(answers) < WRITES:
                    code, call, *_ = client.hear()
                    answers += [] if code == from_server.Done.CODE else [(code, call)]
            finally:
                done.set()
                rest.join()
    assert answers == [(from_server.Decided.CODE, call) for call in range(WRITES)]


def test_who_goes_while_the_disk_hangs_leaves_nothing(server: ServerProcess, hangs: Path) -> None:
    """What waits for a connection that has ended is let go: one after the other makes nothing grow."""
    data = b"".join(part for call in range(OF_ONE) for part in zmtp.pack(write(call)))
    with server.connect() as space:
        space.write("d/first", 1)
        hangs.touch()
        before = server.memory
        for _ in range(24):
            with Bare(server.address).hello() as client:
                client.socket.sendall(data)
                client.say(write(1)[0])  # which is wrong, and told at once
                assert client.hear()[0] == from_server.Failed.CODE
        eventually(lambda: space.read("_/server")["clients"] < 3)
        assert server.memory - before < 32 * MEBI
        hangs.unlink()


@pytest.mark.parametrize("server", ["20"], indirect=True)
def test_another_machine_is_told_that_it_has_to_wait(
    server: ServerProcess, hangs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its messages come on the way of all others: those that are too many are refused, and not done."""
    monkeypatch.setenv("XDG_CONFIG_HOME", server.environment["XDG_CONFIG_HOME"])
    key: Key = server_keys()[1]
    with server.connect() as space:
        space.write("d/first", 1)
        hangs.touch()
        client = Raw(server.tcp or "", key).hello()
        for call in range(SENT):
            client.say(*write(call))
        code, first, error, why = client.hear()
        assert (code, error) == (from_server.Failed.CODE, "LimitError")
        assert "what they tell of is kept" in why
        hangs.unlink()
        answers = [client.hear() for _ in range(SENT - 1)]
    done = [answer[1] for answer in answers if answer[0] == from_server.Decided.CODE]
    assert done[:first] == list(range(first))
    assert len(done) + sum(answer[0] == from_server.Failed.CODE for answer in answers) == SENT - 1
    client.close()
