"""ZeroMQ's protocol on a stream of bytes, as a ROUTER speaks it with a DEALER: ZMTP 3.1 without encryption.

Pure: bytes go in, messages come out (https://rfc.zeromq.org/spec/37). ZeroMQ's own sockets keep the parts of a
message that is never finished, however many come, and do not tell what they hold, and for whom. Here it is known.
"""

import io
import struct
import sys
from collections.abc import Sequence
from typing import Final

from agentspace.errors import LimitError, ProtocolError
from agentspace.wire.format import MAX_MESSAGE

MAX_FRAMES: Final = 1 << 17  #: of one message: a header, and a value for each slot of a space
_FRAME: Final = 64  # bytes that a frame takes besides its own
_LONGEST: Final = MAX_MESSAGE + (16 << 20)  # bytes of a message, with its header and what its frames take
GREETING: Final = (
    b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL".ljust(64, b"\0") + b"\4\x1c\5READY\x0bSocket-Type\0\0\0\6ROUTER"
)
DEALER_GREETING: Final = (
    b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL".ljust(64, b"\0")
    + b"\4\x29\5READY\x0bSocket-Type\0\0\0\6DEALER\x08Identity\0\0\0\0"
)
_GREETING: Final = 64  # bytes, before the first command
_MAJOR: Final = 10  # where the version stands
_MECHANISM: Final = slice(12, 32)
_MORE, _LONG, _COMMAND = 1, 2, 4
_FEW: Final = 8  # frames
_LENGTH: Final = struct.Struct(">BQ")
_LONGEST_COMMAND: Final = 1 << 10
_TOGETHER: Final = 1 << 12  # bytes; a larger frame is sent from where it lies
_SHORT_HEADS: Final = [[bytes((flags, size)) for size in range(256)] for flags in (0, _MORE)]


class Stream:
    """The bytes that come from one side, cut into messages.

    Args:
        limited: Whether messages have the size that clients' may have; a server's answers have any.

    Attributes:
        greeted: Whether its handshake is complete.
        replies: What is to be sent back for the protocol's sake.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_frames",
        "_large",
        "_longest",
        "_missing",
        "_more",
        "_most_frames",
        "_ready",
        "_size",
        "greeted",
        "replies",
    )

    def __init__(self, *, limited: bool = True) -> None:
        self.greeted = False
        self.replies: list[bytes] = []
        self._longest = _LONGEST if limited else sys.maxsize
        self._most_frames = MAX_FRAMES if limited else sys.maxsize
        self._buffer = b""
        self._at = 0  # so much of it is used
        self._frames: list[bytes] = []  # of a message that is not complete
        self._size = 0  # bytes of these
        self._large: io.BytesIO | None = None  # the beginning of a frame that is longer than the buffer
        self._missing = 0  # bytes of its rest
        self._more = False  # whether a frame of the same message follows it
        self._ready: list[bytes] | None = None  # a message that is complete

    @property
    def held(self) -> int:
        """Bytes that are here and no message yet."""
        return self._size + len(self._buffer) - self._at + (0 if self._large is None else self._large.tell())

    @property
    def wants(self) -> int:
        """Bytes without which nothing is complete."""
        return self._missing if self._large is not None else 0

    def drop(self) -> None:
        """Lets go of all that is here; nothing can be fed any more."""
        self._buffer, self._frames, self._large, self._ready = b"", [], None, None

    def feed(self, data: bytes) -> None:
        """Takes bytes in, when `take` has given all that was complete."""
        if self._large is not None:
            self._large.write(memoryview(data)[: self._missing])
            data, self._missing = data[self._missing :], max(0, self._missing - len(data))
            if not self._missing:
                frame, self._large = self._large.getvalue(), None  # not copied
                self._ready = self._add(frame, self._more)
        self._buffer = self._buffer[self._at :] + data if self._at < len(self._buffer) else data
        self._at = 0

    def take(self) -> list[bytes] | None:
        """The frames of the next message; None if none is complete.

        Raises:
            ProtocolError: That is not the protocol.
            LimitError: A message is larger than any may be.
        """
        if self._at == len(self._buffer) and self._ready is None:
            return None
        if self.greeted and not self._frames and self._ready is None and (short := self._short()) is not None:
            return short
        message, self._ready = self._ready, None
        if not self.greeted:
            self._greet()
        while message is None and self.greeted and (head := self._head()) is not None:
            flags, start, end = head
            if end > len(self._buffer):
                self._begin(flags, start, end)
                break
            body, self._at = self._buffer[start:end], end
            if flags & _COMMAND:
                self._answer(body)
            else:
                message = self._add(body, bool(flags & _MORE))
        return message

    def _short(self) -> list[bytes] | None:
        """The next message, if it has few frames and all of it is here, as nearly always."""
        at, buffer, frames = self._at, self._buffer, list[bytes]()
        size = len(buffer)
        while at + 2 <= size and len(frames) < _FEW:
            flags = buffer[at]
            if flags <= _MORE:
                start = at + 2
                end = start + buffer[at + 1]
            elif flags <= _MORE + _LONG and at + _LENGTH.size <= size:
                start = at + _LENGTH.size
                end = start + _LENGTH.unpack_from(buffer, at)[1]
            else:
                return None
            if end > size:
                return None
            frames.append(buffer[start:end])
            at = end
            if not flags & _MORE:
                self._at = at
                return frames
        return None

    def _greet(self) -> None:
        """Reads the greeting, and the command that follows it."""
        buffer = self._buffer
        if buffer and buffer[0] != GREETING[0]:
            raise ProtocolError("that is not ZeroMQ")
        if len(buffer) < _GREETING + 2:
            return
        if buffer[_MAJOR] < 3 or buffer[_MECHANISM] != GREETING[_MECHANISM]:
            raise ProtocolError("it speaks an older ZeroMQ, or with a key, which is for other machines")
        end = _GREETING + 2 + buffer[_GREETING + 1]
        if len(buffer) < end:
            return
        if buffer[_GREETING] != _COMMAND or buffer[_GREETING + 2 : _GREETING + 8] != b"\5READY":
            raise ProtocolError("its handshake does not say READY")
        self._at, self.greeted = end, True

    def _head(self) -> tuple[int, int, int] | None:
        """The flags of the next frame, and where its body begins and ends; None if its head is not here yet."""
        at, buffer = self._at, self._buffer
        if at + 2 > len(buffer):
            return None
        flags = buffer[at]
        if flags > _MORE + _LONG and flags & ~_LONG != _COMMAND:
            raise ProtocolError(f"no frame of ZeroMQ has the flags {flags:#x}")
        if not flags & _LONG:
            start, size = at + 2, buffer[at + 1]
        elif at + _LENGTH.size > len(buffer):
            return None
        else:
            start, size = at + _LENGTH.size, _LENGTH.unpack_from(buffer, at)[1]
        if self._size + size > self._longest or (flags & _COMMAND and size > _LONGEST_COMMAND):
            raise LimitError(f"a message has at most {MAX_MESSAGE} bytes, not {self._size + size} or more")
        return flags, start, start + size

    def _begin(self, flags: int, start: int, end: int) -> None:
        """Begins a frame whose end is not here yet; a short one waits in the buffer."""
        if end - start > _TOGETHER:
            self._large, self._missing = io.BytesIO(), end - len(self._buffer)
            self._large.write(memoryview(self._buffer)[start:])
            self._more = bool(flags & _MORE)
            self._buffer, self._at = b"", 0

    def _add(self, frame: bytes, more: bool) -> list[bytes] | None:
        self._frames.append(frame)
        if not more:
            frames, self._frames, self._size = self._frames, [], 0
            return frames
        self._size += len(frame) + _FRAME
        if len(self._frames) >= self._most_frames:
            raise LimitError(f"a message has at most {MAX_FRAMES} frames")
        return None

    def _answer(self, command: bytes) -> None:
        """Answers a sign of life that ZeroMQ asks for; other commands say nothing to a ROUTER."""
        if command[:5] == b"\4PING":
            pong = b"\4PONG" + command[7:23]
            self.replies.append(bytes((_COMMAND, len(pong))) + pong)


def pack(frames: Sequence[bytes], *, more: bool = False) -> list[bytes]:
    """A message as bytes to be sent one after the other; large frames are not copied.

    Args:
        frames: Of the message.
        more: Whether others of it follow.
    """
    packed, small, last = list[bytes](), list[bytes](), len(frames) - 1
    for number, frame in enumerate(frames):
        size, flags = len(frame), _MORE if more or number < last else 0
        small.append(_SHORT_HEADS[flags][size] if size < 256 else _LENGTH.pack(flags | _LONG, size))
        if size <= _TOGETHER:
            small.append(frame)
        else:
            packed += (b"".join(small), frame)
            small.clear()
    if small:
        packed.append(b"".join(small))
    return packed
