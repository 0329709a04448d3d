"""The server: one process that owns the truth of its spaces.

One thread, one loop: take messages, apply them to the boards, send what became ready. It never unpickles, never
trusts a length, and a malformed message costs its sender an error and nobody else anything. Subscribers are sent
one batch at a time and the next when they acknowledge, so a slow or stopped one costs nobody else anything.
"""

import math
import os
import time
from collections.abc import Callable
from typing import Any, Final

import zmq
from zmq.auth.thread import ThreadAuthenticator

from agentspace.core.space import DEFAULT_SPACE
from agentspace.errors import AgentspaceError
from agentspace.server.handlers import serve
from agentspace.server.outbox import Outbox
from agentspace.server.registry import LEASE, Registry
from agentspace.wire.address import Address, Lock, check_bind, server_keys
from agentspace.wire.format import MAX_MESSAGE, NOBLOCK, receive

BURST: Final = 64  #: messages taken from one socket before time and the others get their turn


class Server:
    """Serves spaces at an address, until `stop`.

    Args:
        address: A local address (``ipc://``).
        bind: A further endpoint, ``tcp://INTERFACE:PORT`` (port 0: any free one); spoken to with keys only.
        lease: Seconds of silence after which a client counts as gone.
        clock: Monotonic seconds; validity is counted on it.

    Attributes:
        tcp: The further endpoint, with its port.

    Raises:
        AddressError: The further endpoint is not one.
        AgentspaceError: Another server serves the address, or the port is taken.
    """

    def __init__(
        self,
        address: Address,
        bind: str | None = None,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if bind is not None:
            check_bind(bind)
        self.tcp: str | None = None
        self._clock = clock
        self._stopping = False
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._auth: ThreadAuthenticator | None = None
        self._lock = Lock(address)
        self._context: zmq.Context[Any] = zmq.Context()
        self._poller = zmq.Poller()
        self._poller.register(self._woken, zmq.POLLIN)
        self._sockets: list[zmq.Socket[bytes]] = []
        self._processes: set[int] = set()
        endpoints = [address.endpoint]
        self._registry = Registry(endpoints, lease, clock(), self._watch_process, self._forget_process)
        self._outbox = Outbox(self._registry)
        try:
            self._open(address.endpoint, None)
            if bind is not None:
                self.tcp = self._open(bind, server_keys()[0])
                endpoints.append(self.tcp)
        except BaseException:
            self.close()
            raise
        self._registry.board(DEFAULT_SPACE)

    def run(self) -> None:
        """Serves until `stop` is called or a client asks for it."""
        registry, outbox = self._registry, self._outbox
        while not (self._stopping or (registry.stop_at is not None and registry.over)):
            deadlines = [board.next_deadline() for board in registry.boards.values()]
            due = min([registry.due, *(deadline for deadline in deadlines if deadline is not None)])
            events = dict(self._poller.poll(math.ceil(1e3 * max(0.0, due - self._clock()))))
            registry.now = self._clock()
            for number, socket in enumerate(self._sockets):
                if socket in events:
                    self._take(number, socket)
            for pidfd in self._processes & events.keys():
                registry.process_ended(pidfd)
            if registry.now >= due:
                registry.tick()
            outbox.deliver()
            if registry.recycling:
                outbox.recycle_all()

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler or another thread."""
        self._stopping = True
        os.eventfd_write(self._woken, 1)

    def close(self) -> None:
        """Lets go of the sockets, the shared memory and the address."""
        self._registry.close()
        if self._auth is not None:
            self._auth.stop()
        for socket in self._sockets:
            socket.close(linger=200)
        self._context.term()
        self._lock.release()
        os.close(self._woken)

    def _take(self, number: int, socket: zmq.Socket[bytes]) -> None:
        for _ in range(BURST):
            try:
                identity, *frames = receive(socket, NOBLOCK)
            except zmq.Again:
                return
            self._registry.now = self._clock()
            serve(self._registry, self._outbox, (number, identity), socket, frames)

    def _open(self, endpoint: str, secret: str | None) -> str:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._sockets.append(socket)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        if secret is not None:
            key = server_keys()[1]
            self._auth = ThreadAuthenticator(self._context)
            self._auth.start()
            self._auth.configure_curve_callback(credentials_provider=_OneKey(key.public))
            socket.curve_server = True
            socket.curve_secretkey = secret.encode()
            socket.curve_publickey = key.server.encode()
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise AgentspaceError(f"cannot serve {endpoint}: {error}") from None
        self._poller.register(socket, zmq.POLLIN)
        bound = socket.getsockopt(zmq.LAST_ENDPOINT)
        return bound.decode().rstrip("\0") if isinstance(bound, bytes) else endpoint

    def _watch_process(self, pidfd: int) -> None:
        self._processes.add(pidfd)
        self._poller.register(pidfd, zmq.POLLIN)

    def _forget_process(self, pidfd: int) -> None:
        self._processes.discard(pidfd)
        self._poller.unregister(pidfd)


class _OneKey:
    """Lets in the clients that have the key."""

    def __init__(self, public: str) -> None:
        self._public = public.encode()

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a client with this public key may connect."""
        return key == self._public
