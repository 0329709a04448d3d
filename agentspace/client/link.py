"""A client process's link to a server: its connections, and its sign of life."""

import contextlib
import threading
import time
from typing import Any, Final

import zmq

from agentspace.client.connection import LINGER, Connection, closed
from agentspace.client.handshake import Handshake
from agentspace.core.space import Entry
from agentspace.errors import AgentspaceError, FencedError, ProtocolError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.address import Address, client_key
from agentspace.wire.parcel import Incoming, Ref

PATIENCE: Final = 10.0  #: seconds in which a server that lives has answered
_LEAST: Final = 1.0  #: seconds in which a server that lives has welcomed a connection
_BEATS_PER_LEASE: Final = 4


class Link:
    """All that a client process shares between its spaces, sessions and threads.

    Args:
        address: Of the server.
        name: How writes are signed that no role makes.
        timeout: Seconds to wait for the server at first.
        patience: Seconds to wait for an answer.

    Raises:
        SpaceUnreachableError: No server answers.
    """

    def __init__(self, address: Address, name: str, timeout: float, patience: float = PATIENCE) -> None:
        if address.local and not timeout and not address.path.exists():
            raise SpaceUnreachableError(
                f"there is no server at {address}; start one with `agentspace server` or a launch"
            )
        self.handshake = Handshake(address, name, patience)
        self._timeout = max(timeout, _LEAST)  # for the first connection
        self._key = client_key() if not address.local else None
        self._context: zmq.Context[Any] = zmq.Context()
        self._local = threading.local()
        self._connections: dict[Connection, threading.Thread | None] = {}  # with the thread that it is for alone
        self._closing = threading.Event()
        self._lingers = False
        self._beats = threading.Semaphore()  # for the first that wants signs of life
        self._heart: threading.Thread | None = None
        self._pulse: Connection
        self._lock = threading.Lock()
        try:
            self.connection()
        except BaseException:
            self.close()
            raise

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
        raise closed()

    def drop_connection(self, connection: Connection) -> None:
        """Closes a further connection."""
        with self._lock:
            known = self._connections.pop(connection, self) is not self
        if known:
            connection.close(messages.HangUp(connection.number()))

    def keep_alive(self) -> None:
        """From now on gives signs of life on its own."""
        if not self._beats.acquire(blocking=False):
            return
        try:
            pulse = self._connect()
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

    def incoming(self, refs: list[Ref], frame: bytes) -> Incoming:
        """A value that came with payloads; the server will hear when its views are gone."""
        self.keep_alive()  # also when nothing else is to say
        return self.handshake.incoming(refs, frame)

    def entry(self, head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them; the server will hear when its views are gone."""
        if head[9]:
            self.keep_alive()
        return self.handshake.entry(head, frame)

    def close(self) -> None:
        """Signs off and closes all connections; the server keeps what is needed for views that are still there."""
        with self._lock:
            connections, self._connections = list(self._connections), {}
            heart, ended = self._heart, self._closing.is_set()
            self._lingers = heart is not None and bool(self.handshake.held)
            self._closing.set()
        if ended:
            return
        if heart is not None and not self._lingers:
            self._pulse.close()
            heart.join()
        for number, connection in enumerate(connections):
            connection.close(None if self._lingers or number else messages.Bye())
        if not self._lingers:
            self._end()

    def _live(self) -> None:
        """The life of the heart: it beats until the space is closed, and then until the last view is gone."""
        period = self.handshake.lease / _BEATS_PER_LEASE
        while not self._closing.wait(period):
            self._beat()
        if self._lingers:
            while self.handshake.held and self.handshake.lost is None:
                time.sleep(period)
                self._beat()
            self._pulse.close(messages.Bye())
            self._end()

    def _beat(self) -> None:
        pulse = self._pulse
        try:
            pulse.call(messages.Beat(pulse.number()))
            self.handshake.lost = None
        except FencedError:
            with contextlib.suppress(AgentspaceError):
                pulse.hello(self.handshake.patience)
        except (SpaceUnreachableError, ProtocolError) as error:
            self.handshake.lost = str(error)
        pulse.unasked.clear()  # replies that came too late

    def _end(self) -> None:
        self._context.term()
        self.handshake.close()

    def _connect(self) -> Connection:
        if self._closing.is_set():
            raise closed()
        met = bool(self.handshake.meeting.server)
        timeout = max(self.handshake.patience, _LEAST) if met else self._timeout
        try:
            return Connection(self.handshake, self._open_socket(), timeout)
        except zmq.ZMQError:
            if self._closing.is_set():  # meanwhile
                raise closed() from None
            raise

    def _open_socket(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, LINGER)
        if self._key is not None:
            socket.curve_serverkey = self._key.server.encode()
            socket.curve_publickey = self._key.public.encode()
            socket.curve_secretkey = self._key.secret.encode()
        socket.connect(self.handshake.address.endpoint)
        return socket
