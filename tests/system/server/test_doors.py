"""The doors of a server, where clients come in: also while it is stopped, and on a machine without descriptors."""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
import zmq

from agentspace.client.space import connect
from agentspace.errors import SpaceUnreachableError
from agentspace.server.gate import Gate
from tests.support.images import descriptors
from tests.support.program import Program
from tests.support.server_process import ServerProcess

ROUNDS = 40  # without a socket as bell, ten were enough to end the process
BUSY = 3  # processes that never rest: ZeroMQ's thread is late
ACCEPT4 = {"x86_64": 288, "aarch64": 242}  # the number of that system call

GATES = """
import pathlib, socket, sys, zmq
from agentspace.server.gate import Gate
folder, context = pathlib.Path(sys.argv[1]), zmq.Context()
for number in range(int(sys.argv[2])):
    with context.socket(zmq.ROUTER) as server, socket.socket(socket.AF_UNIX) as queue:
        gate = Gate(server, sys.argv[3].format(folder / "t"), folder)
        path = str(folder / f"queue{number}")
        queue.setblocking(False)
        queue.bind(path)
        queue.listen(8)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            gate.open(queue)
            gate.close()
print("done", flush=True)
"""

STOPS = """
import random, socket, sys, threading, time
from agentspace.server.server import Server
from agentspace.wire.address import parse
address, over = parse(sys.argv[1]), threading.Event()
def come():
    made = []
    while not over.is_set():
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(str(address.path))
            made.append(client)
        except OSError:
            client.close()
            time.sleep(1e-4)
        if len(made) > 20:
            made.pop(0).close()
crowd = [threading.Thread(target=come) for _ in range(2)]
for one in crowd:
    one.start()
for _ in range(int(sys.argv[2])):
    server = Server(address)
    serving = threading.Thread(target=server.run)
    serving.start()
    time.sleep(random.uniform(0, 0.02))
    server.stop()
    serving.join()
    server.close()
over.set()
print("done", flush=True)
"""

SEALED = """
import ctypes, os, struct, sys
def refuse(number, errno):  # seccomp(2): accept4 fails in this process
    allow, fail = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x50000 | errno)
    rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), fail, allow]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, ctypes.c_char_p(struct.pack("HL", len(rules), ctypes.addressof(code))), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp")
refuse(int(sys.argv[1]), 23)  # ENFILE
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def busy() -> Iterator[None]:
    """A machine that is busy."""
    with ExitStack() as stack:
        for _ in range(BUSY):
            stack.enter_context(closing(Program([sys.executable, "-c", "while True: pass"])))
        yield


@pytest.mark.parametrize("endpoint", ["ipc://{}", "tcp://127.0.0.1:1"])
def test_gate_that_is_closed_at_once_ends_nobody(tmp_path, busy, endpoint):
    """ZeroMQ, which heard the bell and accepts only now, finds a listening socket."""
    code = [sys.executable, "-c", GATES, str(tmp_path), str(ROUNDS), endpoint]
    with closing(Program(code)) as program:
        program.expect("done")
        assert program.wait() == 0


def test_server_that_is_stopped_while_clients_connect_ends_well(busy, tmp_path):
    """However late ZeroMQ's thread is, on a machine that is busy."""
    code = [sys.executable, "-c", STOPS, f"ipc://{tmp_path}/s.sock", str(ROUNDS)]
    with closing(Program(code)) as program:
        program.expect("done", 60.0)
        assert program.wait() == 0


def test_gate_that_cannot_be_leaves_no_descriptor(tmp_path):
    """Neither its bell nor the handle stays, nor a file in the folder."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
        gc.collect()  # what tests before this one left may go meanwhile
        before = descriptors()
        with pytest.raises(zmq.ZMQError):
            Gate(server, "nonsense", tmp_path)
        assert descriptors() <= before
    assert not list(tmp_path.iterdir())


def test_bell_cannot_be_knocked_at_from_elsewhere(tmp_path):
    """Its file has no name."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
        gate = Gate(server, f"ipc://{tmp_path}/s", tmp_path)
        assert not list(tmp_path.iterdir())
        gate.close()


def test_clients_that_come_to_the_port_at_once_all_come_in(monkeypatch):
    """Whom the kernel drops while others are let in, because room is scarce, comes in when it tries again."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0", limit=128) as process, ExitStack() as stack:
        monkeypatch.setenv("XDG_CONFIG_HOME", process.environment["XDG_CONFIG_HOME"])

        def come(number: int) -> int:
            space = stack.enter_context(connect(process.tcp, f"client{number}", timeout=20.0))
            space.write(f"came/{number}", number)
            return number

        with ThreadPoolExecutor(12) as pool:
            assert list(pool.map(come, range(12))) == [*range(12)]


@pytest.fixture
def sealed_server() -> Iterator[Callable[..., Program]]:
    """Makes a server to which the kernel says, at each client, that the machine's table of files is full."""
    with ExitStack() as stack:

        def make(*options: str) -> Program:
            number = str(ACCEPT4[platform.machine()])
            server = [sys.executable, "-m", "agentspace", "server", *options]
            program = stack.enter_context(closing(Program([sys.executable, "-c", SEALED, number, *server])))
            program.expect_error("serving ")
            return program

        yield make


@pytest.mark.skipif(platform.machine() not in ACCEPT4, reason="the number of the system call is not known")
def test_machine_without_descriptors_ends_no_server(tmp_path, sealed_server):
    """Nobody can come in, and clients are told; the server lives on, and ends when it is asked to."""
    address = f"ipc://{tmp_path}/s.sock"
    program = sealed_server("--space", address)
    for _ in range(2):
        with pytest.raises(SpaceUnreachableError, match="no answer"):
            connect(address, timeout=1.0)
    assert not program.ended
    program.signal(15)
    assert program.wait() == 0
    assert not [line for line in program.errors if "Traceback" in line]
