"""The server: one process that owns the truth of its spaces.

One thread, one loop: take messages, apply them to the boards, send what became ready. It never unpickles, never
trusts a length, and a malformed message costs its sender an error and nobody else anything. Subscribers are sent
one batch at a time and the next when they acknowledge, so a slow or stopped one costs nobody else anything.
"""

import functools
import logging
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import zmq
from zmq.backend import Socket as _Plain

from agentspace.core.space import DEFAULT_SPACE
from agentspace.errors import AgentspaceError, LimitError, StoreError
from agentspace.rights.authorized import AuthorizedKeys
from agentspace.server import simulation
from agentspace.server.audit import Audit
from agentspace.server.audited import note_key
from agentspace.server.clients import Unserved
from agentspace.server.durable import Keeper
from agentspace.server.file_door import BURST, HANDSHAKE, FileDoor
from agentspace.server.keyring import Keyring
from agentspace.server.lines import MOST_WAITING, UNREAD, ClientLine, PortLine
from agentspace.server.outbox import Outbox
from agentspace.server.port_door import PortDoor
from agentspace.server.registry import LEASE, PARTED, Registry
from agentspace.server.serving import serve
from agentspace.wire import descriptors
from agentspace.wire.address import Address, Lock, check_bind, server_keys
from agentspace.wire.format import MAX_MESSAGE, call_of, receive, skip
from agentspace.wire.keepalive import watch_over
from agentspace.wire.memory import NO_MEMORY, available, share_of

_LEAST: Final = 32  # file descriptors without which a server does not start
_OPEN: Final = 0.001  # seconds between two looks whether a queue of clients is accepted
_KEPT_BACK: Final = "too many answers wait, until they are read or what they tell of is kept: nothing was done"
_PORT: Final = 1  # the number of the door for other machines
_get: Any = _Plain.get  # of the option of a socket: at each turn
_log = logging.getLogger("agentspace.server")


class Store(NamedTuple):
    """The store of a server.

    Attributes:
        path: Its file.
        durable: Masks of the slots that are kept in it.
    """

    path: Path
    durable: tuple[str, ...] = ()


class Server:
    """Serves spaces at an address, until `stop`.

    Args:
        address: A local address (``ipc://``).
        bind: A further endpoint, ``tcp://INTERFACE:PORT`` (port 0: any free one); spoken to with keys only.
        lease: Seconds of silence after which a client counts as gone.
        clock: Monotonic seconds; validity is counted on it.
        simulated: Counts validity, timers and delays on a simulated clock instead; see `server.simulation`.
        store: Keeps durable slots, roles and queues in a file, so that they outlive it; see `server.durable`.
        memory: Bytes that all values may take; by default a share of what there is, see `wire.memory`.

    Attributes:
        tcp: The further endpoint, with its port.

    Raises:
        AddressError: The further endpoint is not one.
        AgentspaceError: Another server serves the address, or the port is taken.
        LimitError: There are too few file descriptors.
    """

    def __init__(
        self,
        address: Address,
        bind: str | None = None,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
        *,
        simulated: bool = False,
        store: Store | None = None,
        memory: int | None = None,
    ) -> None:
        if bind is not None:
            check_bind(bind)
        if simulated and store is not None:
            raise StoreError("a simulated clock begins anew with each server: what it times cannot be kept")
        self.tcp: str | None = None
        self._clock = clock
        self._stopping = False
        descriptors.need(_LEAST)
        descriptors.RESERVE.keep()
        self._keyring: Keyring | None = None
        self._lock = Lock(address)
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._context: zmq.Context[Any] = zmq.Context()
        self._epoll = select.epoll()
        self._epoll.register(self._woken, select.EPOLLIN)
        self._router: zmq.Socket[bytes] | None = None  # for other machines
        self._port: PortDoor | None = None
        self._cut_off: list[PortLine] = []
        self._processes: set[int] = set()
        endpoints = [address.endpoint]
        parts = endpoints, lease, clock(), self._watch_process, self._forget_process
        self._keeper: Keeper | None = None
        try:
            self._registry, self._outbox = self._make_parts(parts, simulated, store)
        except BaseException:
            self._let_go()
            raise
        limits = share_of(available(), memory)
        self._registry.grant(limits.values)
        self._registry.audit = Audit(address.path.with_suffix(".audit.jsonl"))
        try:
            self._file = FileDoor(address.path, self._epoll, limits.lines)
        except (OSError, LimitError) as error:
            self._registry.audit.close()
            self._let_go()
            if isinstance(error, LimitError):
                raise
            raise AgentspaceError(f"cannot serve {address.endpoint}: {error}") from None
        self._registry.is_crowded = self._is_crowded
        try:
            if bind is not None:
                self.tcp = self._open(bind, server_keys()[0], address.path.parent)
                endpoints.append(self.tcp)
        except BaseException:
            self.close()
            raise
        self._registry.board(DEFAULT_SPACE)

    def run(self, after_turn: Callable[[], None] = lambda: None) -> None:
        """Serves until `stop` is called or a client asks for it.

        Args:
            after_turn: Is called when all that had come was served; holds up whoever comes next.
        """
        registry, outbox = self._registry, self._outbox
        while not (self._stopping or (registry.stop_at is not None and registry.over)):
            try:
                self._turn(registry, outbox)
                after_turn()
            except MemoryError:  # where nobody is at fault
                _log.error(NO_MEMORY)

    def _turn(self, registry: Registry, outbox: Outbox) -> None:
        due = outbox.due(registry.due)
        events = self._epoll.poll(self._patience(due)) or self._epoll.poll(0.0)  # after SIGCONT it gives none
        registry.tell_time(self._clock())
        registry.heard = registry.real
        registry.jobs.new_turn()
        others = self._file.serve(events, registry.real, self._serve)
        if self._router is not None and self._keyring is not None and self._has_message(self._router):
            self._take(self._router, self._keyring)
        if registry.jobs:
            self._work()
        self._attend(others)
        if registry.real >= due:
            self._tick()
        self._send()

    def _serve(self, line: ClientLine, frames: list[bytes]) -> None:
        serve(self._registry, self._outbox, line, frames)
        self._registry.tell_time(self._clock())

    @property
    def is_used(self) -> bool:
        """Whether somebody fills a role in a space; any thread may ask."""
        return any(board.seats.acting for board in list(self._registry.boards.values()))

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler or another thread."""
        self._stopping = True
        os.eventfd_write(self._woken, 1)

    def close(self) -> None:
        """Lets go of the sockets, the shared memory and the address."""
        if self._keeper is not None:
            self._epoll.unregister(self._keeper.bell)
            self._keeper.close()
            self._keeper = None
        self._registry.close()
        self._registry.audit.close()
        if self._keyring is not None:
            self._keyring.close()
        self._file.close()
        if self._port is not None:
            self._port.close()
        if self._router is not None:
            self._router.close(linger=200)
        self._let_go()

    def _let_go(self) -> None:
        """Lets go of what it had before it had a door."""
        if self._keeper is not None:
            self._keeper.close()
        self._epoll.close()
        self._context.term()
        self._lock.release()
        os.close(self._woken)

    def _make_parts(self, parts: tuple[Any, ...], simulated: bool, store: Store | None) -> tuple[Registry, Outbox]:
        if simulated:
            return simulation.parts(*parts)
        if store is None:
            made = Registry(*parts)
            return made, Outbox(made)
        keeper = self._keeper = Keeper(store.path, store.durable, self._clock, parts)
        self._epoll.register(keeper.bell, select.EPOLLIN)
        return keeper.registry, keeper.outbox

    def _patience(self, due: float) -> float:
        """Seconds for which it can be waited for messages, if something is due at a time (s)."""
        registry = self._registry
        if self._file.is_busy or registry.jobs or registry.leaving or self._outbox.is_behind or self._cut_off:
            return 0.0
        if self._router is not None and self._has_message(self._router):  # its descriptor tells that only once
            return 0.0
        patience = max(0.0, due - self._clock())
        is_open = self._port is not None and self._port.is_open
        return min(patience, _OPEN) if is_open else patience

    def _has_message(self, router: "zmq.Socket[bytes]") -> bool:
        return bool(_get(router, zmq.EVENTS) & zmq.POLLIN)

    def _work(self) -> None:
        """Goes on with what takes longer; then come messages that had to wait for its end."""
        free = self._registry.jobs.go_on(self._registry.real)
        while free is not None and free.unserved and not free.queue:
            frames, visitor = free.unserved.popleft()
            serve(self._registry, self._outbox, free.line, frames, visitor)

    def _take(self, router: "zmq.Socket[bytes]", keyring: Keyring) -> None:
        if self._registry.jobs and self._registry.jobs.unserved > UNREAD:
            return
        for _ in range(BURST):
            try:
                identity, visitor, descriptor = keyring.receive(router)
            except zmq.Again:
                return
            line = PortLine(router, (_PORT, identity), visitor.address, descriptor, self._cut_off)
            self._registry.tell_time(self._clock())
            try:
                frames = receive(router)
            except MemoryError:
                skip(router)
                self._outbox.fail(line, 0, LimitError(NO_MEMORY))
                line.close()
                continue
            known = self._registry.connections.get((_PORT, identity))
            if known is not None and known.line.is_kept_back:
                known.process.silent_since = self._registry.real
                self._outbox.fail(known.line, call_of(frames[0]), LimitError(_KEPT_BACK))
                continue
            if known is not None and known.queue:
                known.unserved.append(Unserved(frames, visitor))
                continue
            serve(self._registry, self._outbox, line, frames, visitor)

    def _tick(self) -> None:
        self._registry.tick()
        if self._keyring is not None:
            self._keyring.look()

    def _send(self) -> None:
        self._outbox.deliver()
        if self._keeper is not None:
            self._keeper.begin()
        if self._registry.recycling:
            self._outbox.recycle_all()

    def _attend(self, events: set[int]) -> None:
        """Lets clients in, takes note of those who have gone, and of what is kept."""
        registry = self._registry
        if events:
            self._hear_bells(events)
        self._file.attend(registry.real)
        if registry.leaving:
            registry.part_further()
        if self._file.has_ended or self._cut_off:
            ended: list[ClientLine] = [*self._file.ended(PARTED), *self._cut_off]
            self._cut_off.clear()
            for line in ended:
                registry.line_ended(line)
        if self._port is not None:
            self._port.attend(events, time.monotonic())

    def _hear_bells(self, events: set[int]) -> None:
        if self._keeper is not None and self._keeper.bell in events:
            self._keeper.attend()
        if self._keyring is not None and self._keyring.bell in events:
            self._keyring.attend()
        for pidfd in self._processes & events:
            self._registry.process_ended(pidfd)

    def _is_crowded(self, door: int) -> bool:
        return self._port.is_crowded if door == _PORT and self._port is not None else self._file.is_crowded

    def _open(self, endpoint: str, secret: str, folder: Path) -> str:
        router = self._router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        router.setsockopt(zmq.SNDHWM, MOST_WAITING)
        router.setsockopt(zmq.ROUTER_MANDATORY, True)  # says what does not go
        router.setsockopt(zmq.HANDSHAKE_IVL, int(1e3 * HANDSHAKE))
        self._epoll.register(router.getsockopt(zmq.FD), select.EPOLLIN)
        watch_over(router)
        key = server_keys()[1]
        registry = self._registry
        told = functools.partial(note_key, registry.audit)
        self._keyring = Keyring(self._context, AuthorizedKeys(owner=key.public), registry.rights_changed, told)
        self._epoll.register(self._keyring.bell, select.EPOLLIN)
        router.curve_server = True
        router.curve_secretkey = secret.encode()
        router.curve_publickey = key.server.encode()
        try:
            self._port = PortDoor(endpoint, router, self._epoll, folder)
        except (OSError, zmq.ZMQError) as error:
            raise AgentspaceError(f"cannot serve {endpoint}: {error}") from None
        return self._port.endpoint

    def _watch_process(self, pidfd: int) -> None:
        self._processes.add(pidfd)
        self._epoll.register(pidfd, select.EPOLLIN)

    def _forget_process(self, pidfd: int) -> None:
        self._processes.discard(pidfd)
        self._epoll.unregister(pidfd)
