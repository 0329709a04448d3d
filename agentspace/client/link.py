"""A client process's link to a server: its connections, and its sign of life."""

import contextlib
import math
import os
import socket as sockets
import threading
import time
import weakref
from typing import Any, Final

import zmq

from agentspace.client.channel import LINGER, Channel, Lane, ZmqChannel, has_lane
from agentspace.client.connection import CLOSED, Connection
from agentspace.client.handshake import Handshake
from agentspace.core.space import Entry
from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError, SpaceUnreachableError
from agentspace.wire import descriptors, from_client
from agentspace.wire.address import Address, client_key
from agentspace.wire.holding import Holding
from agentspace.wire.keepalive import watch_over
from agentspace.wire.parcel import Incoming

PATIENCE: Final = 10.0  #: seconds in which a server that lives has answered
_LEAST: Final = 1.0  #: seconds in which a server that lives has welcomed a connection
_FIRST: Final = 12  # descriptors that ZeroMQ and a first connection need
_FURTHER: Final = 4  # those of a further one
_BEATS_PER_LEASE: Final = 4


_FORKED: Final = "this space was opened in process {}, which has forked: connect anew in this one"
_UNENDED: list[zmq.Context[Any]] = []
_LINKS: "weakref.WeakSet[Link]" = weakref.WeakSet()


class Link:
    """All that a client process shares between its spaces, sessions and threads.

    Args:
        address: Of the server.
        name: How writes are signed that no role makes.
        timeout: Seconds to wait for the server at first.
        patience: Seconds to wait for an answer; without end, an incarnation of a role waits.
        renews: When the server has ended, what is asked is asked of the next one, which is waited for.

    Attributes:
        renews: The same.
        waits: Whether an incarnation waits for a server that does not answer, as long as that takes.

    Raises:
        SpaceUnreachableError: No server answers.
        LimitError: There are no file descriptors left, here or at the server.
    """

    def __init__(
        self, address: Address, name: str, timeout: float, patience: float = PATIENCE, *, renews: bool = True
    ) -> None:
        if address.local and not timeout and not address.path.exists():
            raise SpaceUnreachableError(
                f"there is no server at {address}; start one with `agentspace server` or a launch"
            )
        descriptors.need(_FIRST)
        descriptors.RESERVE.keep()
        self.renews = renews
        self.waits = patience == math.inf
        self.handshake = Handshake(address, name, min(patience, PATIENCE) if self.waits else patience, patience)
        self._timeout = max(timeout, _LEAST)  # for the first connection
        self._key = client_key() if not address.local else None
        self._has_lane = has_lane()
        self._context: zmq.Context[Any] = zmq.Context()
        self._local = threading.local()
        self._connections: dict[Connection, threading.Thread | None] = {}  # with the thread that it is for alone
        self._closing = threading.Event()
        self._closed = CLOSED  # what is said then
        self._lingers = False
        self._beats = threading.Semaphore()  # for the first that wants signs of life
        self._heart: threading.Thread | None = None
        self._again = 0.0  # when a sign of life that could not be is tried again
        self._pulse: Connection
        self._lock = threading.Lock()
        _LINKS.add(self)
        self._forgotten = weakref.finalize(self, _give_up, self._context, self._connections)
        self._forgotten.atexit = False
        try:
            self.connection()
        except BaseException:
            self.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Nothing can be asked any more."""
        return self._closing.is_set()

    def connection(self) -> Connection:
        """The calling thread's own connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.new_connection(threading.current_thread())
        return connection

    def new_connection(self, thread: threading.Thread | None = None) -> Connection:
        """A further connection, to be closed by `drop_connection`; if it is for a thread alone, with its end."""
        with self._lock:
            ended = [
                connection for connection, owner in self._connections.items() if owner and not owner.is_alive()
            ]
        for connection in ended:
            self.drop_connection(connection)
        connection = self._connect()
        with self._lock:
            if not self._closing.is_set():
                self._connections[connection] = thread
                return connection
        connection.close()
        raise SpaceUnreachableError(self._closed)

    def drop_connection(self, connection: Connection) -> None:
        """Closes a further connection."""
        with self._lock:
            known = self._connections.pop(connection, self) is not self
        if known:
            connection.close(from_client.HangUp(connection.number()))

    def keep_alive(self, timeout: float | None = None) -> None:
        """From now on gives signs of life on its own; waits for a time (s) of its own if one is given."""
        if not self._beats.acquire(blocking=False):
            return
        try:
            pulse = self._connect(timeout)
        except BaseException:
            self._beats.release()
            raise
        with self._lock:
            if not self._closing.is_set():
                self._pulse = pulse
                self._heart = threading.Thread(target=self._live, name="agentspace-heart", daemon=True)
                self._heart.start()
                return
        pulse.close()

    def incoming(self, holding: Holding | None, frame: bytes) -> Incoming:
        """A value that came with payloads; the server will hear when its views are gone."""
        self.keep_memory()  # also when nothing else is to say
        return Incoming(frame, holding)

    def entry(self, head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them; the server will hear when its views are gone."""
        if head[9]:
            self.keep_memory()
        return self.handshake.entry(head, frame)

    def keep_memory(self) -> None:
        """It shares memory: gives signs of life, if that can be, and lets go with them of what is not used.

        Without them too, what a process holds that lives is kept.
        """
        if self._heart is not None or time.monotonic() < self._again:
            return
        try:
            self.keep_alive(_LEAST)
        except (LimitError, SpaceUnreachableError):
            self._again = time.monotonic() + PATIENCE

    def close(self) -> None:
        """Signs off and closes all connections; the server keeps what is needed for views that are still there."""
        with self._lock:
            connections = list(self._connections)
            self._connections.clear()
            heart, ended = self._heart, self._closing.is_set()
            self._lingers = heart is not None and bool(self.handshake.held)
            self._closing.set()
            if heart is not None:
                self._pulse.wake()
        if ended:
            return
        if heart is not None and not self._lingers:
            self._pulse.close()
            heart.join()
        for number, connection in enumerate(connections):
            connection.close(None if self._lingers or number else from_client.Bye())
        if not self._lingers:
            self._end()

    def forked(self, parent: int) -> None:
        """This is the child of a fork: what ZeroMQ holds is its parent's, and would block for ever."""
        self._closed = _FORKED.format(parent)
        self._closing.set()
        self._heart, self._lock = None, threading.Lock()  # which another thread of the parent may have held
        for connection in self._connections:
            connection.abandon(self._closed)

    def _live(self) -> None:
        """The life of the heart: it beats until the space is closed, and then until the last view is gone."""
        period = self.handshake.lease / _BEATS_PER_LEASE
        while not self._closing.is_set():
            if self._pulse.idle(period):
                self._rouse()
            self._beat()
        if self._lingers:
            while self.handshake.held and self.handshake.lost is None:
                time.sleep(period)
                self._beat()
            self._pulse.close(from_client.Bye())
            self._end()

    def _rouse(self) -> None:
        """Whoever waits for the server is to see at once that it is gone."""
        for connection in self._others():
            connection.wake()

    def _renew(self) -> None:
        """Connections that nobody uses now are to be known to a new server, too: it lets no stranger stay."""
        for connection in self._others():
            with contextlib.suppress(AgentspaceError):
                connection.renew(_LEAST)

    def _others(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _beat(self) -> None:
        pulse = self._pulse
        try:
            if pulse.is_cut:
                pulse.hello(_LEAST)
                self._renew()
            pulse.call(from_client.Beat(pulse.number()))
            self.handshake.lost = None
        except FencedError:
            with contextlib.suppress(AgentspaceError):
                pulse.hello(self.handshake.patience)
        except (SpaceUnreachableError, ProtocolError) as error:
            self.handshake.lost = str(error)
        pulse.unasked.clear()  # replies that came too late
        self.handshake.tidy(time.monotonic())

    def _end(self) -> None:
        self._forgotten.detach()
        self._context.term()
        self.handshake.close()

    def _connect(self, timeout: float | None = None) -> Connection:
        if self._closing.is_set():
            raise SpaceUnreachableError(self._closed)
        descriptors.need(_FURTHER)
        met = bool(self.handshake.meeting.server)
        if timeout is None:
            timeout = max(self.handshake.patience, _LEAST) if met else self._timeout
        try:
            return Connection(self.handshake, self._open_channel, timeout)
        except SpaceUnreachableError as error:
            if not _is_crowded(self.handshake.address):
                raise
            reason = "it has no file descriptors left for further clients; raise `ulimit -n` before it is started"
            raise SpaceUnreachableError(f"{error}: {reason}") from None
        except (zmq.ZMQError, OSError) as error:
            if self._closing.is_set():  # meanwhile
                raise SpaceUnreachableError(self._closed) from None
            if descriptors.are_short(error):
                raise LimitError(descriptors.exhausted("this process", error)) from None
            raise

    def _open_channel(self, waker: int) -> Channel:
        address = self.handshake.address
        if address.local and self._has_lane:
            return Lane(address.path, waker)
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, int(1e3 * LINGER))
        if self._key is not None:
            watch_over(socket)
            socket.curve_serverkey = self._key.server.encode()
            socket.curve_publickey = self._key.public.encode()
            socket.curve_secretkey = self._key.secret.encode()
        socket.connect(address.endpoint)
        return ZmqChannel(socket, waker)


def _give_up(context: zmq.Context[Any], connections: dict[Connection, Any]) -> None:
    """Nobody has closed a link, and nobody has it any more: its end must not block, whichever thread finds it."""
    for connection in connections:
        connection.abandon(CLOSED)
    if all(connection.closed for connection in connections):
        context.term()
    else:
        _UNENDED.append(context)  # it would wait for a socket that somebody uses


def _forked() -> None:
    for link in list(_LINKS):
        link.forked(os.getppid())


os.register_at_fork(after_in_child=_forked)


def _is_crowded(address: Address) -> bool:
    """Whether a server lets nobody in: then the queue before it is full."""
    with contextlib.suppress(OSError), sockets.socket(sockets.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            if address.local:
                probe.connect(str(address.path))
        except BlockingIOError:
            return True
    return False
