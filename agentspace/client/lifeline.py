"""The lifeline of a connection: tells at once that the server at its other end is gone, without asking it."""

import contextlib
import os
import select
import threading
from typing import Any, Protocol

import zmq

from agentspace.client.channel import Channel, Lane, ZmqChannel


class Lifeline(Protocol):
    """Becomes readable when the server is gone."""

    @property
    def pollable(self) -> Any:
        """What a poller of ZeroMQ takes; None if there is nothing to wait for."""

    def is_cut(self) -> bool:
        """Whether the server is gone; for ever, then."""

    def close(self) -> None:
        """Lets go of it."""


class ProcessLifeline:
    """The process of a server on this machine; shared by all connections of a client.

    Args:
        pid: The server's.
    """

    def __init__(self, pid: int) -> None:
        self._fd = -1
        with contextlib.suppress(OSError, AttributeError, OverflowError):
            self._fd = os.pidfd_open(pid)

    @property
    def pollable(self) -> int | None:
        """Its file descriptor."""
        return self._fd if self._fd >= 0 else None

    def is_cut(self) -> bool:
        """Whether the process has ended."""
        if self._fd < 0:
            return False
        poll = select.poll()  # each time: one is for one thread
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Nothing: other connections may use it; it ends with the last of them."""

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class LaneLifeline:
    """The lane to a server whose process cannot be seen from here.

    Args:
        lane: Of the connection.
    """

    pollable = None  # there are messages to read, too

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def is_cut(self) -> bool:
        """Whether nobody is at its other end."""
        return self._lane.has_ended()

    def close(self) -> None:
        """Nothing: it ends with the lane."""


class SocketLifeline:
    """The socket to a server on another machine: its end, or ZeroMQ's heartbeats, tell.

    Args:
        socket: Of the connection.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._monitor: zmq.Socket[bytes] = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._cut = False
        self._lock = threading.Lock()  # it may be closed while another thread looks

    @property
    def pollable(self) -> "zmq.Socket[bytes] | None":
        """What tells."""
        return None if self._cut else self._monitor

    def is_cut(self) -> bool:
        """Whether the socket has lost its other end."""
        with self._lock:
            self._cut = self._cut or bool(self._monitor.poll(0))
            return self._cut

    def close(self) -> None:
        """Ends watching; before the socket is closed."""
        with self._lock:
            self._cut = True
            self._socket.disable_monitor()
            self._monitor.close(linger=0)


def lifeline_of(channel: Channel) -> Lifeline | None:
    """The lifeline of a channel, if nothing else tells whether the server is gone."""
    if isinstance(channel, Lane):
        return LaneLifeline(channel)
    return SocketLifeline(channel.socket) if isinstance(channel, ZmqChannel) else None
