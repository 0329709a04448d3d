"""Messages between an agent and its helper: a small dict each, and bytes, over a pair of connected sockets."""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from typing import Any, Final, NamedTuple

_HEAD: Final = struct.Struct("<II")
"""Bytes of the dict, bytes of the body."""
_LARGEST: Final = 1 << 28
"""Bytes of a body that is believed."""


class PipeEndedError(Exception):
    """The other process is gone, or talks nonsense."""


class Message(NamedTuple):
    """A message of one process to the other.

    Attributes:
        header: JSON.
        body: Bytes that are not, such as those of a picture.
    """

    header: dict[str, Any]
    body: bytearray


class Pipe:
    """One end. Any thread may send; one thread receives.

    Args:
        end: Of a pair of connected stream sockets.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._sending = threading.Lock()
        self._buffer = bytearray()

    def fileno(self) -> int:
        """Of the socket, for polling."""
        return self._end.fileno()

    def offer(self, header: dict[str, Any], body: bytes = b"") -> bool:
        """Sends a small message, or does not if the other end is behind; returns at once."""
        try:
            with self._sending:
                data = _encode(header, body)
                return self._end.send(data) == len(data) or self._break()
        except OSError:
            return False

    def send(self, header: dict[str, Any], body: bytes | memoryview = b"", patience: float = 1.0) -> None:
        """Sends a message; waits for the other end to take it, for some seconds.

        Raises:
            PipeEndedError: It is gone, or does not take it.
        """
        until = time.monotonic() + patience
        with self._sending:
            for part in (memoryview(_encode(header, b"", len(body))), memoryview(body).cast("B")):
                self._push(part, until)

    def _push(self, part: memoryview, until: float) -> None:
        while part:
            try:
                part = part[self._end.send(part) :]
            except BlockingIOError:
                if not select.select([], [self._end], [], max(0.0, until - time.monotonic()))[1]:
                    raise PipeEndedError("nobody reads") from None
            except OSError as error:
                raise PipeEndedError(str(error)) from None

    def receive(self, timeout: float) -> Message | None:
        """The next message; None if it is not complete within the time (s).

        Raises:
            PipeEndedError: There will be none.
        """
        until = time.monotonic() + timeout
        while True:
            message = self._take()
            if message is not None:
                return message
            if not select.select([self._end], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            self._fill()

    def _fill(self) -> None:
        try:
            data = self._end.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            raise PipeEndedError(str(error)) from None
        if not data:
            raise PipeEndedError("the other end is closed")
        self._buffer += data

    def _take(self) -> Message | None:
        if len(self._buffer) < _HEAD.size:
            return None
        head, body = _HEAD.unpack_from(self._buffer)
        if head + body > _LARGEST:
            raise PipeEndedError(f"a message of {head + body} bytes")
        end = _HEAD.size + head + body
        if len(self._buffer) < end:
            return None
        start = _HEAD.size + head
        message = Message(json.loads(self._buffer[_HEAD.size : start]), self._buffer[start:end])
        del self._buffer[:end]
        return message

    def _break(self) -> bool:
        """Half of a message is out: nothing sensible can follow."""
        self.shut()
        return False

    def shut(self) -> None:
        """Ends the conversation, which both ends hear; any thread may call it."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes this end, which the other end sees."""
        self._end.close()


def _encode(header: dict[str, Any], body: bytes, size: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return _HEAD.pack(len(text), len(body) if size is None else size) + text + body
