"""The channels on which a client speaks with its server: a lane on the same machine, else a socket of ZeroMQ.

A server's socket file speaks ZeroMQ's protocol. A client in another language leaves that to its ZeroMQ; here the
client speaks it itself. So a message wakes the one thread that it is for, in place of two at each end.
"""

import contextlib
import errno
import math
import os
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn, Protocol

import zmq

from agentspace.errors import AgentspaceError, SpaceUnreachableError
from agentspace.wire import zmtp
from agentspace.wire.format import NOBLOCK, receive, send

LINGER: Final = 0.5  #: seconds in which what was sent last may still go out
VARIABLE: Final = "AGENTSPACE_LANE"  #: of the environment: "off" leaves all messages to ZeroMQ
LONGEST: Final = 3600.0  #: seconds of one wait of a poller, which takes no more than 2^31 ms
_PIECE: Final = 1 << 16  # bytes that are read at once
_LARGE_PIECE: Final = 1 << 20  # the same within a large frame
_MOST_PARTS: Final = 512  # of one system call
_ABSENT: Final = (errno.ECONNREFUSED, errno.ENOENT, errno.EAGAIN)  # nobody is there, or very many wait


def has_lane() -> bool:
    """Whether clients take the lane, where there is one.

    Raises:
        AgentspaceError: The environment says something that it cannot.
    """
    said = os.environ.get(VARIABLE, "on")
    if said not in ("on", "off"):
        raise AgentspaceError(f"{VARIABLE} is {said!r}; it can be on or off")
    return said == "on"


class Channel(Protocol):
    """A channel to a server, for one thread at a time.

    Attributes:
        ended: Whether the server has ended it, or its process has; for ever, then.
        tells_end: Whether it tells so itself, to whoever waits for a message.
    """

    ended: bool
    tells_end: bool

    @property
    def closed(self) -> bool:
        """Whether it was closed here."""

    @property
    def is_behind(self) -> bool:
        """Whether the end of a message has not gone yet."""

    def open(self) -> bool:
        """Whether messages can be sent; if not, it may be tried again.

        Raises:
            BrokenPipeError: The server has ended it meanwhile.
            SpaceUnreachableError: It cannot be tried.
        """

    def send(self, frames: Sequence[bytes]) -> bool:
        """Sends a message; whether there was room for it, or at least for its beginning. Never blocks.

        Raises:
            BrokenPipeError: It has ended; the message has no effect.
        """

    def make_room(self, seconds: float) -> bool:
        """Waits for room, and sends what has not gone yet; whether that made a difference within a time.

        Raises:
            BrokenPipeError: It has ended; what has not gone has no effect.
        """

    def give_up(self) -> None:
        """Ends it if the end of a message has not gone yet: so that has no effect."""

    def wait(self, seconds: float) -> bool:
        """Whether a message has come within a time; False, too, if the waker became readable, which is reset."""

    def receive(self) -> list[bytes]:
        """The frames of the message that has come."""

    def close(self, linger: float = LINGER) -> None:
        """Closes it, when what was sent has gone, or a time (s) has passed."""


class ZmqChannel:
    """A channel that is a socket of ZeroMQ.

    Args:
        made: The socket, which is connected, or about to be.
        waker: A file descriptor that ends a wait.
    """

    ended, tells_end = False, False  # ZeroMQ connects again
    is_behind = False  # what is left waits there

    def __init__(self, made: "zmq.Socket[bytes]", waker: int) -> None:
        self.socket = made
        self._waker = waker
        self._poller = zmq.Poller()
        self._poller.register(made, zmq.POLLIN)
        self._poller.register(waker, zmq.POLLIN)

    @property
    def closed(self) -> bool:
        """Whether it was closed here."""
        return bool(self.socket.closed)

    def open(self) -> bool:
        """True: what is sent waits until it is connected."""
        return True

    def send(self, frames: Sequence[bytes]) -> bool:
        """Sends a message, or says that too many wait; never blocks."""
        try:
            send(self.socket, frames[0], frames[1:], NOBLOCK)
        except zmq.Again:
            return False
        return True

    def make_room(self, seconds: float) -> bool:
        """Waits until there is room for a message."""
        return bool(self.socket.poll(_milliseconds(seconds), zmq.POLLOUT))

    def give_up(self) -> None:
        """Nothing: there, a message waits whole."""

    def wait(self, seconds: float) -> bool:
        """Whether a message has come within a time; False, too, if the waker became readable, which is reset."""
        events = dict(self._poller.poll(_milliseconds(seconds)))
        if self._waker in events:
            _reset(self._waker)
        return self.socket in events

    def receive(self) -> list[bytes]:
        """The frames of the message that has come."""
        return receive(self.socket)

    def close(self, linger: float = LINGER) -> None:
        """Closes it; what was sent may go out meanwhile."""
        self.socket.close(linger=int(1e3 * linger))


class Lane:
    """A channel to a server on this machine, by its socket file.

    What does not fit into the socket waits for the server to read; what comes meanwhile is taken in, for a server
    reads nothing more of who does not read.

    Args:
        path: Of the file.
        waker: A file descriptor that ends a wait for messages.
    """

    tells_end = True

    def __init__(self, path: Path, waker: int) -> None:
        self.ended = False
        self._path = str(path)
        self._waker = waker
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.setblocking(False)
        self._fd = self._socket.fileno()
        self._is_connected = False
        self._stream = zmtp.Stream(limited=False)
        self._came: deque[list[bytes]] = deque()
        self._rest: list[bytes | memoryview] = []  # of a message that is sent in part
        self._poll = select.poll()
        self._poll.register(waker, select.POLLIN)

    @property
    def closed(self) -> bool:
        """Whether it was closed here."""
        return self._fd < 0

    @property
    def is_behind(self) -> bool:
        """Whether the end of a message has not gone yet."""
        return bool(self._rest)

    def open(self) -> bool:
        """Connects, if it is not connected; True when the other side has said that it speaks the same protocol."""
        if self.ended:
            raise BrokenPipeError
        if not self._is_connected:
            try:
                return self._connect()
            except BaseException:
                self._end()
                raise
        return self._stream.greeted

    def _connect(self) -> bool:
        try:
            self._socket.connect(self._path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise SpaceUnreachableError(f"cannot reach the server at ipc://{self._path}: {error}") from None
            return False
        self._is_connected = True
        self._poll.register(self._fd, select.POLLIN)
        self._push([zmtp.DEALER_GREETING])
        return self._stream.greeted

    def send(self, frames: Sequence[bytes]) -> bool:
        """Sends a message; whether there was room for it, or at least for its beginning. Never blocks.

        Raises:
            BrokenPipeError: It has ended, or has not begun; the message has no effect.
        """
        if self._rest:
            return False
        if not self._is_connected:
            raise BrokenPipeError
        parts = zmtp.pack(frames)
        try:
            sent = self._push(parts)
            if len(parts) > 1 or sent < len(parts[0]):
                self._rest = _after(parts, sent) if sent else []
        except BaseException:  # a signal's, perhaps: how much has gone is not known
            self._end()
            raise
        return sent > 0

    def make_room(self, seconds: float) -> bool:
        """Waits for room, and sends what has not gone yet; whether that made a difference within a time.

        Raises:
            BrokenPipeError: It has ended; what has not gone has no effect.
        """
        room = select.poll()  # without the waker: who is woken up has a message to send all the same
        room.register(self._fd, select.POLLIN | select.POLLOUT)
        for _, event in room.poll(_milliseconds(seconds)):
            if event & (select.POLLHUP | select.POLLERR):
                self._break()
            if event & select.POLLIN:
                self._take_in()
            if event & select.POLLOUT:
                return self._go_on()
        return False

    def _go_on(self) -> bool:
        """Sends more of what has not gone yet; whether anything went, or nothing was left."""
        if not self._rest:
            return True
        try:
            sent = self._push(self._rest)
            self._rest = _after(self._rest, sent)
        except BaseException:
            self._end()
            raise
        return sent > 0

    def give_up(self) -> None:
        """Ends it if the end of a message has not gone yet: so that has no effect."""
        if self._rest:
            self._end()

    def wait(self, seconds: float) -> bool:
        """Whether a message has come within a time; False, too, if the waker became readable, which is reset."""
        if self._came:
            return True
        for fd, event in self._poll.poll(_milliseconds(seconds)):
            if fd == self._waker:
                _reset(fd)
            elif event & select.POLLIN:
                self._take_in()
            else:
                self._end()
        return bool(self._came)

    def receive(self) -> list[bytes]:
        """The frames of the message that has come."""
        return self._came.popleft()

    def has_ended(self) -> bool:
        """Whether the server has closed it; any thread may ask."""
        look = select.poll()
        look.register(max(self._fd, 0), select.POLLRDHUP)
        return self.ended or bool(look.poll(0))

    def close(self, linger: float = LINGER) -> None:
        """Closes it, when what was sent has gone into the socket, where it stays, or a time (s) has passed."""
        until = time.monotonic() + linger
        with contextlib.suppress(BrokenPipeError, AgentspaceError):
            while self._rest and not self.ended and (left := until - time.monotonic()) > 0:
                self.make_room(left)
        self._end()
        self._fd = -1
        self._socket.close()

    def _push(self, parts: Sequence[bytes | memoryview]) -> int:
        """Sends what there is room for; tells how many bytes that are.

        Raises:
            BrokenPipeError: There is nobody at the other end.
        """
        try:
            return self._socket.send(parts[0]) if len(parts) == 1 else self._socket.sendmsg(parts[:_MOST_PARTS])
        except BlockingIOError:
            return 0
        except OSError:
            return self._break()

    def _take_in(self) -> bool:
        """Takes what has come, as far as it is complete; whether more may come."""
        try:
            return self._read()
        except BaseException:  # a signal's, perhaps: what was read may be lost; or it does not speak the protocol
            self._end()
            raise

    def _read(self) -> bool:
        stream = self._stream
        try:
            data = self._socket.recv(_LARGE_PIECE if stream.wants > _PIECE else _PIECE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._end()
            return False
        stream.feed(data)
        while (frames := stream.take()) is not None:
            self._came.append(frames)
        stream.replies.clear()  # no server of ours asks for signs of life
        return True

    def _break(self) -> NoReturn:
        """Takes in what the server has said before it ended.

        Raises:
            BrokenPipeError: Always.
        """
        while self._take_in():
            pass
        self._end()
        raise BrokenPipeError

    def _end(self) -> None:
        """It is used no more: the server has ended it, or what went over it is not known."""
        if not self.ended:
            self.ended, self._rest = True, []
            with contextlib.suppress(KeyError, ValueError):  # it was not connected
                self._poll.unregister(self._fd)


def _after(parts: Sequence[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """What is left of parts when so many bytes have gone."""
    for number, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[number + 1 :]]
        sent -= len(part)
    return []


def _milliseconds(seconds: float) -> int:
    """For a poller, which is to wait rather too long than in vain."""
    return math.ceil(1e3 * min(max(seconds, 0.0), LONGEST))


def _reset(waker: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.eventfd_read(waker)
