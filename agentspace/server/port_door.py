"""The door of a server for other machines: no more come in than there is room for.

ZeroMQ accepts whoever connects until no file descriptor is left; then it turns round and round, and what else
needs a descriptor has none. So clients queue at a listening socket of ours, and ZeroMQ is let in to accept it
while there is room, a queue at a time, however late this thread is. The queue grows no more while the kernel drops
what comes there: who connects in that moment tries again, by the rules of TCP, after a second. So that is done
only when it matters.
"""

import contextlib
import ctypes
import fcntl
import select
import socket
import struct
from pathlib import Path
from typing import Final

import zmq

from agentspace.errors import LimitError
from agentspace.server.gate import Gate
from agentspace.wire import descriptors

_LOOK: Final = 0.1  # seconds between two looks whether there is room again
_PATIENCE: Final = 0.1  # seconds in which ZeroMQ has accepted a queue, if nothing is wrong
_LATE: Final = 4  # clients at most whom the kernel was about to put into a queue when that was cut off
_TURN: Final = 0.02  # seconds after which clients who never cease to come at a port give others their turn
_PLENTY: Final = 16  # queues for which there is room, so that it does not matter who comes in besides
_SIOCGIFADDR: Final = 0x8915  # netdevice(7)
_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER and SO_DETACH_FILTER, socket(7)
_DETACH_FILTER: Final = 27
_DROP: Final = struct.pack("HBBI", 6, 0, 0, 0)  # a filter's one instruction: return 0, the bytes to be kept


class PortDoor:
    """A port; of several doors, it leaves room for those who come in at the file.

    Args:
        endpoint: ``tcp://INTERFACE:PORT``.
        server: The ROUTER that clients shall speak to.
        epoll: Is told what to wait for.
        folder: A private one.

    Attributes:
        endpoint: With the interface's address and the port.

    Raises:
        OSError: The queue cannot be made.
        LimitError: There are too few file descriptors to begin with.
    """

    def __init__(self, endpoint: str, server: "zmq.Socket[bytes]", epoll: select.epoll, folder: Path) -> None:
        self._epoll = epoll
        self._kept = descriptors.SPARE + 2 * descriptors.queue_size() + _LATE
        self._looked = 0.0
        self._opened = 0.0  # when the gate was; after a failure, when it may be
        self._watched = False  # whether it is waited for clients
        self._deaf = False  # whether the kernel drops what comes
        self.is_open = False  #: whether the queue is being accepted: then it is to be attended again soon
        if not self.has_room:
            raise LimitError(descriptors.exhausted("the server"))
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self._front = _listen(_address(host), int(port))
        self.endpoint = "tcp://{}:{}".format(*self._front.getsockname())
        try:
            self._gate = Gate(server, endpoint, folder)
        except BaseException:
            self._front.close()
            raise
        self._watch(True)

    @property
    def has_room(self) -> bool:
        """Whether all who can queue may come in."""
        return descriptors.left() > self._kept + descriptors.queue_size()

    @property
    def is_crowded(self) -> bool:
        """Whether new clients have to be told that there is no room soon."""
        return descriptors.left() <= self._kept + descriptors.queue_size() + 4

    def attend(self, events: set[int], now: float) -> None:
        """Lets in who waits, if there is room, or goes on with it; is to be called in each turn."""
        if self.is_open:
            self._go_on(now)
        elif not self._watched:
            if now - self._looked >= _LOOK:
                self._looked = now
                self._watch(self.has_room)
        elif self._front.fileno() in events:
            self._looked = now
            self._watch(False)
            if self.has_room:
                self.is_open = True
                self._go_on(now)

    def close(self) -> None:
        """Lets nobody in any more. The server's socket may be closed after that."""
        self._watch(False)
        self._gate.close()
        self._front.close()

    def _go_on(self, now: float) -> None:
        """Opens the gate, or shuts it when the queue is accepted; what cannot be done now, a later turn does."""
        self._close_queue(now)
        try:
            if not self._gate.is_open:
                if now >= self._opened:
                    self._gate.open(self._front)
                    self._opened = now
            elif not _waits(self._front):
                self._gate.shut()
                if self._deaf:
                    _take_what_comes(self._front)
                    self._deaf = False
                self.is_open = False
                self._watch(True)
            elif now - self._opened > _PATIENCE:  # this machine has no descriptor, and ZeroMQ never stops asking
                self._gate.shut()
                self._opened = now + _LOOK
        except OSError:
            self._opened = now + _LOOK

    def _close_queue(self, now: float) -> None:
        """Lets the queue grow no more, when it matters."""
        late = self._gate.is_open and now - self._opened > _TURN
        scarce = descriptors.left() < self._kept + _PLENTY * descriptors.queue_size()
        if not self._deaf and (late or scarce):
            with contextlib.suppress(OSError):  # there is no memory for it: at the next turn
                _drop_what_comes(self._front)
                self._deaf = True

    def _watch(self, watched: bool) -> None:
        if watched and not self._watched:
            self._epoll.register(self._front, select.EPOLLIN)
        elif self._watched and not watched:
            self._epoll.unregister(self._front)
        self._watched = watched


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=descriptors.queue_size() - 1)
    try:
        listener.setblocking(False)
        _drop_what_comes(listener)  # a kernel that cannot do that says so now
        _take_what_comes(listener)
    except BaseException:
        listener.close()
        raise
    return listener


def _drop_what_comes(listener: socket.socket) -> None:
    """Lets the kernel drop what comes to a TCP socket: nobody else connects there; who has is not disturbed."""
    code = ctypes.create_string_buffer(_DROP)
    program = struct.pack("HL", 1, ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _take_what_comes(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def _waits(queue: socket.socket) -> bool:
    """Whether somebody is in a queue."""
    waiting = select.poll()
    waiting.register(queue, select.POLLIN)
    return bool(waiting.poll(0))


def _address(host: str) -> str:
    """An interface's address: `*`, an address, or a name such as eth0."""
    if host == "*":
        return "0.0.0.0"  # noqa: S104  (asked for by the user; strangers have no key)
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            told = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", host.encode()[:15]))
        return socket.inet_ntoa(told[20:24])
