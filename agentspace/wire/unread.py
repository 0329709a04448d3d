"""What the other end of a TCP connection has not taken: ZeroMQ keeps it, and does not tell how much that is."""

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Final

_ADDED: Final = 35  # bytes of each frame: ZMTP's and CURVE's (RFC 26); 42 of a long one
_BYTES_ACKED: Final = struct.Struct("120xQ")  # tcpi_bytes_acked in struct tcp_info of linux/tcp.h, since Linux 4.1


class Unread:
    """Counts what was sent on a connection and has not arrived.

    Args:
        descriptor: Of the TCP socket, whosever it is.
    """

    __slots__ = ("_before", "_descriptor", "_largest", "_sent", "_taken")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = self._sent = self._taken = 0  # bytes: unread at the last look, sent since, taken until then
        self._largest = 0  # bytes of a message, of those that are on their way

    def sent(self, frames: Sequence[bytes]) -> None:
        """A message is on its way."""
        size = sum(map(len, frames)) + _ADDED * len(frames)
        self._sent += size
        self._largest = max(self._largest, size)

    def exceeds(self, most: int) -> bool:
        """Whether more bytes than that are on their way besides one message: who reads gets one of any size.

        The kernel is asked only if it may be so.
        """
        if self._before + self._sent > most:
            with contextlib.suppress(OSError, ValueError):  # the connection has ended
                taken = acknowledged(self._descriptor)
                self._before = max(0, self._before + self._sent - (taken - self._taken))
                self._taken, self._sent = taken, 0
            if self._before <= most:
                self._largest = 0
        return self._before + self._sent > most + self._largest


def acknowledged(descriptor: int) -> int:
    """The bytes that the other end has taken since the connection began.

    Args:
        descriptor: Of a TCP socket.

    Raises:
        OSError: It is none, or is closed.
    """
    borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=descriptor)
    try:
        told = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
    finally:
        borrowed.detach()
    return int(_BYTES_ACKED.unpack(told)[0])
