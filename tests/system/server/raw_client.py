"""A client that sends what it likes."""

from __future__ import annotations

import os
from typing import Any

import msgpack
import zmq

from agentspace.server.registry import IDENT
from agentspace.wire import from_server
from agentspace.wire.address import Key, machine
from agentspace.wire.format import VERSION

MEBI = 1 << 20


class Raw:
    """A connection that says whatever it wants, and takes so many messages before they are heard."""

    def __init__(self, endpoint: str, key: Key | None = None, ahead: int = 1000) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = ahead
        if key is not None:
            self.socket.curve_serverkey = key.server.encode()
            self.socket.curve_publickey = key.public.encode()
            self.socket.curve_secretkey = key.secret.encode()
        self.socket.connect(endpoint)

    def say(self, *frames: bytes) -> None:
        """Sends frames."""
        self.socket.send_multipart(frames)

    def hear(self) -> list[Any]:
        """The fields of the next message, after its version."""
        assert self.socket.poll(10_000), "no answer"
        return msgpack.unpackb(self.socket.recv_multipart()[0])[1:]

    def ask(self, code: int, *fields: Any, frames: tuple[bytes, ...] = ()) -> list[Any]:
        """The answer to a message."""
        self.say(msgpack.packb([VERSION, code, *fields]), *frames)
        return self.hear()

    def refused(self, code: int, *fields: Any, frames: tuple[bytes, ...] = ()) -> tuple[str, str]:
        """The error, and what it says, with which a message is answered."""
        answer = self.ask(code, *fields, frames=frames)
        while answer[0] == from_server.Recycle.CODE:
            answer = self.hear()
        assert answer[0] == from_server.Failed.CODE, answer
        assert answer[1] == fields[0]
        return answer[2], answer[3]

    def hello(self, client: bytes | None = None, shares: bool = False) -> Raw:
        """Introduces itself."""
        mark = machine() if shares else ""
        assert self.ask(1, 1, client or os.urandom(IDENT), "raw", os.getpid(), mark)[0] == from_server.Welcome.CODE
        return self

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()
        self._context.term()
