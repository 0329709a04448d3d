"""Lines: the ways on which a server answers its clients, and the budget of each.

A line to another machine is ZeroMQ's. On this machine the server reads and writes the sockets itself: so it knows
what each client makes it hold, stops reading from who does not read, and cuts off who will not keep to its budget.
"""

import contextlib
import errno
import itertools
import select
import socket
import struct
from collections import deque
from collections.abc import Generator, Sequence
from typing import Final, Protocol

import zmq

from agentspace.wire import zmtp
from agentspace.wire.format import NOBLOCK, send
from agentspace.wire.unread import Unread

KEPT_BACK: Final = 8 << 20  #: bytes of answers to one line that wait for the disk; then no more of it is served
UNREAD: Final = 8 << 20  #: bytes of answers that a client does not read; then no more of it is served
NOTABLE: Final = 1 << 16  #: bytes; the budget of all lines does not count those that hold less
_PIECE: Final = 1 << 16  # bytes that are read at once
LARGE_PIECE: Final = 1 << 20  #: the same within a large frame
MOST_WAITING: Final = 1 << 14  #: messages to one client elsewhere, refusals among them
_MOST_PARTS: Final = 512  # of one system call
_MOST_SENT: Final = 1 << 20  # bytes that are sent at once: who reads fast would hold up others, too
_CREDENTIALS: Final = struct.Struct("3i")  # SO_PEERCRED: pid, uid, gid

Key = tuple[int, bytes]  #: a connection: the number of its door, and what it is called there


class ClientLine(Protocol):
    """A way to one connection of a client.

    Attributes:
        key: Of the connection.
    """

    key: Key

    @property
    def peer(self) -> str:
        """Who is at its other end, as far as that can be told."""

    def send(self, frames: Sequence[bytes]) -> None:
        """Sends a message; never blocks."""

    def sending(self, frames: list[bytes]) -> Generator[None]:
        """The steps in which a message of many frames is sent; nothing else may be in between."""

    def admit(self) -> None:
        """The client has introduced itself."""

    def close(self) -> None:
        """Ends it, and with it the connection."""

    def pause(self, size: int) -> None:
        """Nothing more is read there for a while, as a message of that size (bytes) is worked on."""

    def resume(self) -> None:
        """It is read on."""

    def keep_back(self, size: int) -> None:
        """Answers of so many bytes more wait for something else than the client (or fewer, if it is negative)."""

    @property
    def is_kept_back(self) -> bool:
        """Whether so many wait that no more of its messages is taken."""

    def has_grown(self) -> bool:
        """Whether more of a message has come that is not complete, since the last call, or none can: it lives."""


class PortLine:
    """A line to another machine.

    Args:
        socket: The one for all of them.
        key: Of the connection.
        peer: The address of the other machine.
        descriptor: Of the TCP socket, which is ZeroMQ's.
        ended: Has it when it was closed.
    """

    __slots__ = ("_ended", "_kept_back", "_socket", "_unread", "key", "peer")

    def __init__(
        self, socket: "zmq.Socket[bytes]", key: Key, peer: str, descriptor: int, ended: "list[PortLine]"
    ) -> None:
        self._socket = socket
        self._unread = Unread(descriptor)
        self._ended = ended
        self._kept_back = 0  # bytes of answers that wait for something else than the client
        self.key = key
        self.peer = peer

    def send(self, frames: Sequence[bytes]) -> None:
        """Sends a message; never blocks. Who lets too many wait is cut off; who has gone gets nothing.

        Raises:
            MemoryError: There is none to copy it; its receiver has got the beginning.
        """
        frames = tuple(frames)
        try:
            send(self._socket, self.key[1], frames, NOBLOCK)
            self._unread.sent(frames)
        except zmq.ZMQError as error:
            if error.errno in (errno.EAGAIN, errno.EHOSTUNREACH):
                self.close()
                return
            if error.errno != errno.ENOMEM:
                raise
            self._socket.send(b"")  # the next message is one of its own
            raise MemoryError from None

    def sending(self, frames: list[bytes]) -> Generator[None]:
        """The one step in which a message is sent: ZeroMQ takes it whole."""
        self.send(frames)
        yield

    def close(self) -> None:
        """Ends the connection for the server; the client hears that it is unknown when it says something."""
        self._ended.append(self)

    def admit(self) -> None:
        """The client has introduced itself."""

    def pause(self, size: int) -> None:
        """Nothing: the socket is that of all other machines."""

    def resume(self) -> None:
        """Nothing, likewise."""

    def keep_back(self, size: int) -> None:
        """Answers of so many bytes more wait for something else than the client (or fewer, if it is negative)."""
        self._kept_back += size

    @property
    def is_kept_back(self) -> bool:
        """Whether so many wait that its messages are refused: the socket is that of all other machines."""
        return self._kept_back > KEPT_BACK or self._unread.exceeds(UNREAD)

    def has_grown(self) -> bool:
        """Not told by ZeroMQ."""
        return False


class FileLine:
    """A line to a process on this machine.

    Args:
        channel: The connected socket.
        key: Of the connection.
        epoll: Tells when there is something to read, or room to write; this one is registered there.
        notable: Has it from when it holds much on.
        busy: Has it from when it may have sent messages that nobody has read.
        ended: Has it when it was closed, by whomever.
        inbox: All lines of a door read into it, `LARGE_PIECE` bytes: what came is copied out of it. A buffer for
            each reading, most of it unused, would leave holes in the memory that nothing else fits into.

    Attributes:
        stream: What comes from there.
        unread: Bytes that wait to be read there.
        admitted: Whether the client has introduced itself.
        open: Whether it is.
        paused: Whether it is not to be read for a while.
        pid: The process that has connected.
    """

    __slots__ = (
        "_busy",
        "_channel",
        "_ended",
        "_epoll",
        "_inbox",
        "_kept_back",
        "_notable",
        "_out",
        "_seen",
        "_watched",
        "_worked_on",
        "admitted",
        "fd",
        "key",
        "open",
        "paused",
        "pid",
        "stream",
        "unread",
    )

    def __init__(
        self,
        channel: socket.socket,
        key: Key,
        epoll: select.epoll,
        notable: "dict[FileLine, None]",
        busy: "dict[FileLine, None]",
        ended: "list[FileLine]",
        inbox: memoryview,
    ) -> None:
        self.key = key
        self.stream = zmtp.Stream()
        self.unread = 0
        self.admitted = False
        self.open = True
        self.paused = False
        self.fd = channel.fileno()
        self.pid = _CREDENTIALS.unpack(
            channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )[0]
        self._channel = channel
        self._busy = busy
        self._worked_on = 0  # bytes of the message for which it is paused
        self._kept_back = 0  # bytes of answers that wait for something else than the client
        self._seen = 0  # bytes of a message that is not complete
        self._ended = ended
        self._inbox = inbox
        self._notable = notable
        self._epoll = epoll
        self._out: deque[memoryview] = deque()
        self._watched = select.EPOLLIN
        channel.setblocking(False)
        epoll.register(self.fd, self._watched)
        self._write([zmtp.GREETING])

    @property
    def peer(self) -> str:
        """The process that has connected."""
        return f"pid {self.pid}"

    @property
    def is_read(self) -> bool:
        """Whether messages of it are taken now: not from who does not read the answers, or waits for very many."""
        return self.open and not self.paused and self.unread <= UNREAD and self._kept_back <= KEPT_BACK

    @property
    def held(self) -> int:
        """Bytes that the server holds for it."""
        return self.stream.held + self.unread + self._worked_on + self._kept_back

    def admit(self) -> None:
        """The client has introduced itself."""
        self.admitted = True

    def has_grown(self) -> bool:
        """Whether more of a message that is not complete has come since the last call, or none can come."""
        before, self._seen = self._seen, self.stream.held
        return self._seen > before or self.is_kept_back

    def send(self, frames: Sequence[bytes]) -> None:
        """Sends a message; never blocks."""
        self._write(zmtp.pack(frames))

    def sending(self, frames: list[bytes]) -> Generator[None]:
        """The steps in which a message of many frames is sent; nothing else may be in between."""
        for at in range(0, len(frames), _MOST_PARTS):
            end = at + _MOST_PARTS
            self._write(zmtp.pack(frames[at:end], more=end < len(frames)))
            yield

    def pause(self, size: int) -> None:
        """Nothing more is read there for a while, as a message of that size (bytes) is worked on."""
        self.paused, self._worked_on = True, size
        if size > NOTABLE:
            self._notable[self] = None
        self._watch()

    def resume(self) -> None:
        """It is read on."""
        self.paused, self._worked_on = False, 0
        if self.open:
            self._busy[self] = None
            self._watch()

    def keep_back(self, size: int) -> None:
        """Answers of so many bytes more wait for something else than the client (or fewer, if it is negative)."""
        was_kept_back = self.is_kept_back
        self._kept_back += size
        if self._kept_back > NOTABLE:
            self._notable[self] = None
        if self.open and was_kept_back != self.is_kept_back:
            self._busy[self] = None
            self._watch()

    @property
    def is_kept_back(self) -> bool:
        """Whether so many wait that it is not read."""
        return self._kept_back > KEPT_BACK

    def receive(self) -> bool:
        """Takes what has come; says whether there was anything. Its end closes it."""
        try:
            most = LARGE_PIECE if self.stream.wants > _PIECE else _PIECE
            data = bytes(self._inbox[: self._channel.recv_into(self._inbox, most)])
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        self.stream.feed(data)
        if self.stream.held > NOTABLE:
            self._notable[self] = None
        return True

    def take(self) -> list[bytes] | None:
        """The next message that came, if it is complete.

        Raises:
            ProtocolError, LimitError: There can be none.
        """
        frames = self.stream.take()
        if self.stream.replies:
            self._write(self.stream.replies)
            self.stream.replies = []
        return frames

    def flush(self) -> None:
        """Sends what waits, as far as there is room."""
        out, most = self._out, _MOST_SENT
        while out and self.open and most > 0:
            try:
                sent = self._channel.sendmsg(_some(out, most))
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self.unread -= sent
            most -= sent
            while sent:
                first = out[0]
                if sent < len(first):
                    out[0] = first[sent:]
                    break
                sent -= len(first)
                out.popleft()
        self._watch()

    def close(self) -> None:
        """Closes it; whoever is at its other end sees that."""
        if not self.open:
            return
        self.open = False
        with contextlib.suppress(OSError):
            self._epoll.unregister(self.fd)
        self._out.clear()
        self.unread = 0
        self._channel.close()
        self._ended.append(self)

    def _write(self, parts: list[bytes]) -> None:
        if not self.open:
            return
        if not self._out and len(parts) == 1:
            whole = parts[0]
            try:
                sent = self._channel.send(whole)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent == len(whole):
                return
            parts = [whole[sent:]]
        waited = bool(self._out)
        self._out.extend(map(memoryview, parts))
        self.unread += sum(map(len, parts))
        if self.unread > NOTABLE:
            self._notable[self] = None
        if not waited:
            self.flush()
        else:
            self._watch()

    def _watch(self) -> None:
        """Waits for what can be done: nothing is read from who does not read."""
        watched = (select.EPOLLOUT if self._out else 0) | (select.EPOLLIN if self.is_read else 0)
        if watched != self._watched and self.open:
            self._watched = watched
            self._epoll.modify(self.fd, watched)


def _some(parts: deque[memoryview], most: int) -> list[memoryview]:
    """The first parts, of so many bytes at most."""
    some = []
    for part in itertools.islice(parts, _MOST_PARTS):
        some.append(part[:most])
        most -= len(part)
        if most <= 0:
            break
    return some
