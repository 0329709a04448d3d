"""A server, and clients, that have few file descriptors: they refuse in words, and live on."""

from __future__ import annotations

import resource
import socket as sockets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from agentspace.client.space import RemoteSpace, connect
from agentspace.core.slot import Put
from agentspace.errors import LimitError, SpaceUnreachableError
from tests.support.eventually import eventually
from tests.support.program import Program, client
from tests.support.server_process import ServerProcess

LIMIT = 64
IMAGE = 100_000


@pytest.fixture
def small() -> Iterator[ServerProcess]:
    """A server that may have 64 file descriptors."""
    with ServerProcess(limit=LIMIT) as process:
        yield process


def crowd(join: Callable[[], RemoteSpace], stack: ExitStack) -> list[RemoteSpace]:
    """So many clients that the next one is refused, in words."""
    clients = list[RemoteSpace]()
    refusal = ""
    while not refusal:
        try:
            clients.append(stack.enter_context(join()))
        except LimitError as error:
            refusal = str(error)
    assert refusal.startswith(f"the server has no file descriptors left (limit {LIMIT}); raise it")
    return clients


def flood(server: ServerProcess, stack: ExitStack) -> int:
    """Connects a thousand times without a word; gives how often that was possible."""
    path = server.address.removeprefix("ipc://")
    count = 0
    for _ in range(1000):
        mute = stack.enter_context(sockets.socket(sockets.AF_UNIX))
        mute.setblocking(False)
        try:
            mute.connect(path)
            count += 1
        except BlockingIOError:
            mute.close()
    return count


def test_more_clients_than_descriptors(small):
    """They are refused in words; those who are there go on; when one has left, the next comes in."""
    with ExitStack() as stack:
        clients = crowd(small.connect, stack)
        assert len(clients) >= 8
        for number, user in enumerate(clients):
            assert user.write(f"number/{number}", number)
        assert [clients[0].read(f"number/{number}") for number in range(len(clients))] == [*range(len(clients))]
        for user in clients[4:]:
            user.close()
        eventually(lambda: small.descriptors < LIMIT - 30)
        with small.connect() as late:
            assert late.read("number/3") == 3


def test_large_arrays_without_descriptors(small):
    """What cannot be kept as shared memory travels inside the messages; nothing is lost, and it ends well."""
    with ExitStack() as stack:
        clients = crowd(small.connect, stack)
        for turn in range(3):
            for number, user in enumerate(clients):
                for part in range(4):
                    assert user.write(f"image/{number}/{part}", np.full(IMAGE, number + part + turn, np.uint8))
        for number, user in enumerate(reversed(clients)):
            for part in range(4):
                found = user.read(f"image/{number}/{part}")
                assert np.array_equal(found, np.full(IMAGE, number + part + 2, np.uint8))
        assert small.descriptors <= LIMIT
    assert small.end() == 0


def test_a_flood_of_connections(small):
    """A thousand who connect and are mute do not end the server: who is there is served, the next is told why."""
    with ExitStack() as stack:
        user = stack.enter_context(small.connect())
        user.write("kept", 1)
        with ExitStack() as mute:
            assert flood(small, mute) < LIMIT
            eventually(lambda: flood(small, mute) == 0)
            assert user.write("kept", 2)
            assert not small.process.ended
            with pytest.raises(SpaceUnreachableError, match="it has no file descriptors left for further clients"):
                small.connect(timeout=0)
            assert small.descriptors <= LIMIT
        eventually(lambda: small.descriptors < 30)
        with small.connect() as late:
            assert late.read("kept") == 2


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
    """A server that may have 64 file descriptors, and that other machines reach."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0", limit=LIMIT) as process:
        monkeypatch.setenv("XDG_CONFIG_HOME", process.environment["XDG_CONFIG_HOME"])
        yield process


def knock(server: ServerProcess, stack: ExitStack, count: int) -> list[sockets.socket]:
    """So many connections to the port, without a word."""
    assert server.tcp is not None
    host, _, port = server.tcp.removeprefix("tcp://").rpartition(":")
    mutes = [stack.enter_context(sockets.socket()) for _ in range(count)]
    for mute in mutes:
        mute.setblocking(False)
        mute.connect_ex((host, int(port)))
    return mutes


def fill(space: RemoteSpace, turn: int) -> None:
    """Writes large arrays and reads them again."""
    for part in range(6):
        image = np.full(IMAGE, 10 * turn + part, np.uint8)
        assert space.write(f"image/{part}", image)
        assert np.array_equal(space.read(f"image/{part}"), image)


def test_a_flood_of_connections_to_the_port(reached):
    """Two hundred mute ones take no more than their part: who is there is served, also with large arrays, others
    of this machine come in; when the flood is over, other machines do again."""
    with ExitStack() as stack:
        near = stack.enter_context(reached.connect("near"))
        far = stack.enter_context(connect(reached.tcp, "far", timeout=10.0))
        with ExitStack() as mute:
            before = reached.descriptors
            knock(reached, mute, 200)
            eventually(lambda: reached.descriptors > before + 4)
            for turn in range(3):
                fill(near, turn)
                fill(far, turn)
                knock(reached, mute, 20)
            with reached.connect("late") as late:
                fill(late, 4)
            assert reached.descriptors < LIMIT - 4
        eventually(lambda: reached.descriptors < before + 8)
        with connect(reached.tcp, "again", timeout=10.0) as again:
            fill(again, 5)
    assert reached.end() == 0


def test_more_clients_from_other_machines_than_descriptors(reached):
    """They are refused in words, and leave room for clients on this machine."""
    with ExitStack() as stack:
        crowd(lambda: connect(reached.tcp, timeout=10.0), stack)
        with reached.connect() as near:
            fill(near, 1)


def test_floods_at_both_doors(reached):
    """A flood at the port leaves ZeroMQ what it needs to accept who is let in at the file."""
    with ExitStack() as stack:
        user = stack.enter_context(reached.connect())
        with ExitStack() as mute:
            for _ in range(5):
                knock(reached, mute, 40)
                flood(reached, mute)
                fill(user, 1)
        eventually(lambda: reached.descriptors < 40)
        fill(user, 2)
    assert reached.end() == 0


def test_server_with_a_single_descriptor_left(small):
    """It copies what it cannot keep open, of agents too, whose writes are answered only when refused."""
    with ExitStack() as stack:
        user = stack.enter_context(small.connect())
        session = stack.enter_context(small.connect("agent")).join("agent")
        session.running()
        pid = small.process.pid
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        used = max(int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, hard))
        fill(user, 1)
        image = session.prepare(np.full(IMAGE, 3, np.uint8))
        session.commit(None, [Put("image", image)])
        eventually(lambda: user.read("image") is not None)
        assert user.read("image").sum() == 3 * IMAGE
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        fill(user, 2)
        session.leave("stopped")
    assert small.end() == 0


def test_queue_where_nobody_waits_is_nowhere(small):
    """No socket of the server has an abstract name: those have no owner, and any user could connect there."""
    inodes = {str(entry.readlink())[8:-1] for entry in Path(f"/proc/{small.process.pid}/fd").iterdir()}
    rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()]
    assert not [row for row in rows if len(row) == 8 and row[6] in inodes and row[7].startswith("@")]


def test_too_few_to_start(tmp_path):
    """With a limit that is hopeless, the server says so and ends."""
    server = [sys.executable, "-m", "agentspace", "server"]
    command = ["bash", "-c", 'ulimit -n 20; exec "$@"', "bash", *server]
    with Program(command, environment={"AGENTSPACE_RUN": str(tmp_path)}) as program:
        program.expect_error("has no file descriptors left (limit 20)")
        assert program.wait() == 1


HUNGRY = """
import os, resource
import numpy as np
from agentspace.client.space import connect
from agentspace.errors import LimitError

used = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
taken = []
try:
    while True:
        taken.append(os.eventfd(0))
except OSError:
    pass
space.write("image/back", np.full(100_000, 7, np.uint8))
print("read", int(space.read("image")[5]), int(space.read("image/back")[5]), flush=True)
try:
    connect(address, "second")
except LimitError as error:
    print(error, flush=True)
for fd in taken:
    os.close(fd)
print("again", connect(address, "second").read("image").sum(), flush=True)
"""


def test_client_without_descriptors(server, space):
    """It reads and writes large arrays as before; a further space is refused in words, until there are some."""
    space.write("image", np.full(IMAGE, 3, np.uint8))
    with client(server.address, HUNGRY.replace("address", repr(server.address)), "hungry") as program:
        program.expect("read 3 7")
        program.expect("this process has no file descriptors left (limit ")
        program.expect(f"again {3 * IMAGE}")
    assert not list(Path("/dev/shm").glob("*agentspace*"))
