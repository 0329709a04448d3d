"""An attack on a live server: at its socket file and its port, before the handshake and after it.

Meanwhile somebody uses the server, and its memory is looked at. What is sent are messages of the protocol with
fields that do not fit, mutants of these, and bytes that are not even ZeroMQ's.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
import zmq

from agentspace.errors import ProtocolError
from agentspace.wire import from_client
from agentspace.wire.address import machine
from agentspace.wire.codec import encode
from agentspace.wire.format import CODES, VERSION, parse
from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.support.server_process import ServerProcess

BURST = 100  # messages over one connection
SPACES, ROLES, SLOTS = ("DATA", "OTHER", ""), ("anne", "bert", "_", ""), ("a", "b/c", "d*", "_/server", "", " ")
GREETING = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01CURVE" + bytes(15) + bytes(32)  # of ZMTP 3.1
TO_SERVER = [cls for code, cls in sorted(CODES.items()) if code < 64 and cls is not from_client.Hello]


@dataclass
class Tally:
    """What was done so far.

    Attributes:
        messages: Sent over ZeroMQ.
        connections: That sent them.
        strangers: Connections that spoke something else.
        answers: Messages that came back.
        served: Requests of somebody else that were served.
    """

    messages: int = 0
    connections: int = 0
    strangers: int = 0
    answers: int = 0
    served: int = 0


class Attack:
    """An attack on a server.

    Args:
        server: Which; one with a port, if that is to be attacked too.
        seed: Of the dice.
    """

    def __init__(self, server: ServerProcess, seed: int = 0) -> None:
        self.tally = Tally()
        self._server = server
        self._dice = random.Random(seed)
        self._context: zmq.Context[Any] = zmq.Context()
        self._headers = iter(Mutator([*corpus.read("header"), *corpus.read("contents")], seed=seed))
        self._values = iter(Mutator(corpus.read("value"), corpus.words("value"), seed))
        self._greetings = iter(Mutator([GREETING, GREETING + bytes(200)], seed=seed))
        self._honest = server.connect("honest")

    def burst(self) -> None:
        """A connection, what it sends, and its end; then somebody else is served."""
        mine = self._context.socket(zmq.DEALER)
        mine.linger = 0
        mine.connect(self._server.address)
        if self._dice.random() < 0.8:
            near = machine() if self._dice.random() < 0.3 else ""
            mine.send(from_client.Hello(1, os.urandom(16), "fuzzer", os.getpid(), near).pack())
        for _ in range(BURST):
            with contextlib.suppress(zmq.Again):
                mine.send_multipart([self._header(), *self._frames()], zmq.NOBLOCK)
                self.tally.messages += 1
            self.tally.answers += self._hear(mine)
        mine.poll(20)
        self.tally.answers += self._hear(mine)
        mine.close()
        self.tally.connections += 1
        self._stranger()
        self._serve()

    def close(self) -> None:
        """Ends it."""
        self._honest.close()
        self._context.term()

    def _hear(self, mine: zmq.Socket[bytes]) -> int:
        count = 0
        with contextlib.suppress(zmq.Again):
            while mine.recv_multipart(zmq.NOBLOCK):
                count += 1
        return count

    def _header(self) -> bytes:
        header = next(self._headers) if self._dice.random() < 0.3 else self._message()
        with contextlib.suppress(ProtocolError):
            message = parse(header)
            if isinstance(message, from_client.Stop) and message.role == "*":
                return self._message()  # which ends the server, as it should
        return header

    def _message(self) -> bytes:
        """A message whose fields have the right types, mostly."""
        pick = self._dice.choice
        cls = pick(TO_SERVER)
        fields = [self._field(name, kinds[0]) for name, kinds in cls.FIELDS]
        if fields and self._dice.random() < 0.1:
            fields[self._dice.randrange(len(fields))] = pick((None, -1, 2**63, "x", [], {}, b"", 1e308, [[[]]]))
        return msgpack.packb([VERSION, cls.CODE, *fields])

    def _field(self, name: str, kind: type) -> Any:
        pick = self._dice.choice
        known = {
            "space": SPACES, "role": ROLES, "name": SLOTS, "mask": SLOTS, "epoch": (0, 1, 2, 3),
            "kind": ("normal", "every", "names", "quiet", "?", None), "state": ("stopped", "failed", "?"),
            "acts": ([], [["a", None, 0.0, 0.0, []]], [["a", 0.0, None]], [1]), "kept": (None, [1, []], [0]),
            "refs": ([], [[1, 3, 4096, 64]], [[1, -1, 0, 0]], [[1, 64]], [[-1, 0]], [1]),
            "step": ("quiesce", "snapshot", "release", "?"),
            "validity": (None, 0.1, -1.0, 1e308), "delay": (0.0, 0.1, -1.0),
            "limits": ({}, {"quiesce": 0.1}, {"?": 1}),
        }  # fmt: skip
        if name in known:
            return pick(known[name])
        usual: dict[type, tuple[Any, ...]] = {
            int: (0, 1, 2, 1 << 40, -1), float: (0.0, 1.0, -1.0, 1e308), str: ("", "a", "a:B"),
            bytes: (b"", bytes(16)), bool: (True, False), list: ([], [1]), dict: ({}, {"a": 1}),
        }  # fmt: skip
        return pick(usual[kind])

    def _frames(self) -> Iterator[bytes]:
        for _ in range(self._dice.choice((0, 1, 1, 1, 2))):
            yield next(self._values) if self._dice.random() < 0.7 else encode({"a": [1, "b"]})

    def _stranger(self) -> None:
        """Bytes at the socket file or at the port, before or within ZeroMQ's handshake."""
        port = int(self._server.tcp.rpartition(":")[2]) if self._server.tcp else 0
        with socket.socket(socket.AF_INET if port and self._dice.random() < 0.5 else socket.AF_UNIX) as raw:
            raw.settimeout(1.0)
            with contextlib.suppress(OSError):
                raw.connect(self._where(raw, port))
                raw.sendall(next(self._greetings)[: self._dice.randrange(1, 300)])
                if self._dice.random() < 0.2:
                    raw.recv(64)
        self.tally.strangers += 1

    def _where(self, raw: socket.socket, port: int) -> Any:
        return ("127.0.0.1", port) if raw.family == socket.AF_INET else self._server.address.removeprefix("ipc://")

    def _serve(self) -> None:
        """Somebody else writes and reads."""
        self._honest.write("honest", self.tally.served, priority=1e9)
        assert self._honest.read("honest") == self.tally.served
        self.tally.served += 1


def main(minutes: float) -> int:
    """Attacks a server of its own for so long; the exit code is 1 if it came to harm."""
    until, told, most = time.monotonic() + 60 * minutes, 0.0, 0
    with ServerProcess("--bind", "tcp://127.0.0.1:0") as server:
        attack = Attack(server, seed=time.time_ns())
        while time.monotonic() < until:
            attack.burst()
            most = max(most, server.memory)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                left = f"{until - told:.0f} s left"
                print(
                    f"{attack.tally}; {server.memory >> 20} MiB, {server.descriptors} descriptors; {left}",
                    flush=True,
                )
        attack.close()
        print(f"{attack.tally}; at most {most >> 20} MiB")
    return 0
