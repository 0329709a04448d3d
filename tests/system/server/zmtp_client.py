"""A client that speaks ZeroMQ's protocol itself: it can stop in the middle of a message, or read nothing."""

from __future__ import annotations

import contextlib
import os
import socket

import msgpack

from agentspace.server.registry import IDENT
from agentspace.wire import from_client, from_server, zmtp
from agentspace.wire.format import VERSION

GREETING = zmtp.GREETING.replace(b"ROUTER", b"DEALER")


class Bare:
    """A connected socket without ZeroMQ.

    Args:
        endpoint: Of the server.
        greets: Whether it shakes hands.
    """

    def __init__(self, endpoint: str, greets: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20.0)
        while True:
            with contextlib.suppress(BlockingIOError):
                self.socket.connect(endpoint.removeprefix("ipc://"))
                break
        if greets:
            self.socket.sendall(GREETING)
            self.take(len(zmtp.GREETING))

    def say(self, *frames: bytes) -> None:
        """Sends a message."""
        self.socket.sendall(b"".join(zmtp.pack(frames)))

    def begin(self, frame: bytes) -> bool:
        """Sends a frame after which others follow; whether the server took it."""
        head = bytes((1, len(frame))) if len(frame) < 256 else b"\3" + len(frame).to_bytes(8, "big")
        try:
            self.socket.sendall(head + frame)
        except OSError:
            return False
        return True

    def hello(self) -> Bare:
        """Introduces itself."""
        self.say(from_client.Hello(1, os.urandom(IDENT), "bare", os.getpid(), "").pack())
        assert self.hear()[0] == from_server.Welcome.CODE
        return self

    def hear(self) -> list[object]:
        """The fields of the next message, after its version; its frames are thrown away."""
        header, more = self._frame()
        while more:
            _, more = self._frame()
        version, *fields = msgpack.unpackb(header)
        assert version == VERSION
        return fields

    @property
    def is_cut_off(self) -> bool:
        """Whether the server has closed the connection, after all that is to be read here."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def take(self, size: int) -> bytes:
        """So many bytes."""
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, "the server has closed the connection"
            data += piece
        return data

    def close(self) -> None:
        """Closes it."""
        self.socket.close()

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self) -> tuple[bytes, bool]:
        flags, size = self.take(2)
        if flags & 2:
            size = int.from_bytes(bytes([size]) + self.take(7), "big")
        return self.take(size), bool(flags & 1)
