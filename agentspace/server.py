"""The server: one process that owns the truth of its spaces.

One thread, one loop: take messages, apply them to the boards, send what became ready. It never unpickles, never
trusts a length, and a malformed message costs its sender an error and nobody else anything. Subscribers are sent
one batch at a time and the next when they acknowledge, so a slow or stopped one costs nobody else anything.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections.abc import Callable
from typing import Any

import zmq
from zmq.auth.thread import ThreadAuthenticator

from agentspace import wire
from agentspace.address import Address, Lock, machine, server_keys
from agentspace.board import Board, Erase, Put
from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError
from agentspace.mailbox import Trigger
from agentspace.payload import AVAILABLE
from agentspace.peers import Client, Peer, Stored, open_process
from agentspace.slot import Kind, Refused, Writer, check_name
from agentspace.space import DEFAULT_SPACE
from agentspace.value import Value, encode
from agentspace.version import __version__

LEASE = 5.0  #: seconds of silence after which a client counts as gone
STARTING = 60.0  #: the same while one of its roles runs `init`: an import may hold the interpreter for long
PUBLISH_PERIOD = 1.0
BURST = 64  #: messages taken from one socket before time and the others get their turn
MAX_SPACES = 64
MAX_CLIENTS = 4096

_log = logging.getLogger("agentspace.server")
_Key = tuple[int, bytes]


class Server:
    """Serves spaces at an address, until `stop`.

    Args:
        address: A local address (``ipc://``).
        bind: A further endpoint, ``tcp://INTERFACE:PORT`` (port 0: any free one); spoken to with keys only.
        lease: Seconds of silence after which a client counts as gone.
        clock: Monotonic seconds; validity is counted on it.

    Raises:
        AgentspaceError: Another server serves the address, or the port is taken.
    """

    def __init__(
        self,
        address: Address,
        bind: str | None = None,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.lease = lease
        self.tcp: str | None = None
        self._clock = clock
        self._now = clock()
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self._boards: dict[str, Board[Stored]] = {}
        self._peers: dict[_Key, Peer] = {}
        self._clients: dict[bytes, Client] = {}
        self._seats: dict[tuple[str, str], Peer] = {}
        self._watchers: dict[tuple[str, int], Peer] = {}
        self._pidfds: dict[int, Client] = {}
        self._segments = itertools.count(1)
        self._published = self._now
        self._started = time.time()
        self._stopping = False
        self._stop_at: float | None = None
        self._lock = Lock(address)
        self._context: zmq.Context[Any] = zmq.Context()
        self._poller = zmq.Poller()
        self._sockets: list[zmq.Socket[bytes]] = []
        self._auth: ThreadAuthenticator | None = None
        try:
            self._open(address.endpoint, None)
            if bind is not None:
                self.tcp = self._open(bind, server_keys()[0])
        except BaseException:
            self.close()
            raise
        self._board(DEFAULT_SPACE)

    # --- life

    def run(self) -> None:
        """Serves until `stop` is called or a client asks for it."""
        while not self._stopping:
            events = dict(self._poller.poll(self._timeout()))
            self._now = self._clock()
            for number, socket in enumerate(self._sockets):
                if socket in events:
                    self._take(number, socket)
            for fd in [fd for fd in events if fd in self._pidfds]:
                self._drop(self._pidfds[fd], "its process ended")
            self._tick()

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """Lets go of the sockets, the shared memory and the address."""
        for client in list(self._clients.values()):
            client.drop()
        if self._auth is not None:
            self._auth.stop()
        for socket in self._sockets:
            socket.close(linger=200)
        self._context.term()
        self._lock.release()

    def _open(self, endpoint: str, secret: str | None) -> str:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._sockets.append(socket)
        socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE)
        socket.setsockopt(zmq.LINGER, 200)
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
        return socket.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0")  # type: ignore[union-attr]  # is bytes

    def _timeout(self) -> int:
        """Milliseconds, rounded up, until something happens by itself."""
        deadlines = [d for d in (board.next_deadline() for board in self._boards.values()) if d is not None]
        left = min([self._published + PUBLISH_PERIOD, *deadlines]) - self._clock()
        return max(0, math.ceil(1e3 * left))

    def _tick(self) -> None:
        for board in self._boards.values():
            board.advance(self._now)
        for client in [c for c in self._clients.values() if self._now > c.silent_since + self._patience(c)]:
            self._drop(client, f"silent for {self._patience(client):g} s")
        if self._now - self._published >= PUBLISH_PERIOD:
            self._publish()
        self._deliver()
        for client in self._clients.values():
            if client.recycled and client.peers:
                self._recycle(client.peers[0])
        if self._stop_at is not None:
            filled = any(role.filled for board in self._boards.values() for role in board.roles.values())
            self._stopping = self._stopping or not filled or self._now >= self._stop_at

    def _patience(self, client: Client) -> float:
        starting = any(self._boards[space].roles[role].state == "starting" for space, role in client.seats)
        return max(self.lease, STARTING) if starting else self.lease

    def _publish(self) -> None:
        self._published = self._now
        account = {
            "version": __version__,
            "pid": os.getpid(),
            "endpoints": [self.address.endpoint, *([self.tcp] if self.tcp else [])],
            "started": self._started,
            "clients": len(self._clients),
            "spaces": sorted(self._boards),
            "shared_bytes": sum(client.ledger.size for client in self._clients.values()),
            "stop_requested": self._stop_at is not None,
        }
        for board in self._boards.values():
            board.account("server", account, self._now)
            board.publish(self._now)

    # --- messages in

    def _take(self, number: int, socket: zmq.Socket[bytes]) -> None:
        for _ in range(BURST):
            try:
                identity, *frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._now = self._clock()
            self._serve((number, identity), socket, frames)

    def _serve(self, key: _Key, socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
        call = 0
        try:
            message = wire.parse(frames[0] if frames else b"")
            call = getattr(message, "call", 0)
            if isinstance(message, wire.Hello):
                self._hello(key, socket, message)
                return
            peer = self._peers.get(key)
            if peer is None:
                raise FencedError(
                    "this connection is unknown here: the server was restarted or the client fell silent"
                )
            peer.client.silent_since = self._now
            self._handle(peer, message, frames[1:])
        except AgentspaceError as error:
            self._fail(socket, key[1], call, error)
        except Exception as error:
            _log.exception("internal error")
            self._fail(socket, key[1], call, AgentspaceError(f"internal error of the server: {error!r}"))

    def _handle(self, peer: Peer, message: wire.Message, frames: list[bytes]) -> None:  # noqa: C901  (one flat table)
        match message:
            case wire.Write():
                act = Put(
                    message.name,
                    self._stored(peer.client, message.refs, frames),
                    message.validity,
                    message.priority,
                    message.delay,
                )
                self._act(peer, message, act)
            case wire.Delete():
                self._act(peer, message, Erase(message.name, message.priority, message.validity))
            case wire.Commit():
                self._commit(peer, message, frames)
            case wire.Read():
                self._read(peer, message)
            case wire.Join():
                self._join(peer, message)
            case wire.Attach():
                self._attach(message)
                self._done(peer, message.call)
            case wire.Running():
                self._board(message.space).running(message.role, message.epoch, self._now)
                self._done(peer, message.call)
            case wire.Leave():
                self._leave(message)
                self._done(peer, message.call)
            case wire.Watch():
                self._watch(peer, message)
            case wire.Seen():
                if peer.watch is not None:
                    peer.watch[0].seen(peer.watch[1], message.batch)
            case wire.Release():
                peer.client.release(ident for ident in message.segments if type(ident) is int)
            case wire.Beat():
                self._done(peer, message.call)
            case wire.Stop():
                self._stop_role(message)
                self._done(peer, message.call)
            case wire.Bye():
                self._drop(peer.client, None)
            case _:
                raise ProtocolError(f"{type(message).__name__} goes from server to client only")

    def _hello(self, key: _Key, socket: zmq.Socket[bytes], hello: wire.Hello) -> None:
        client = self._clients.get(hello.client)
        if client is None:
            if len(self._clients) >= MAX_CLIENTS:
                raise LimitError(f"the server has its {MAX_CLIENTS} clients already")
            check_name(hello.name)
            near = bool(self._machine) and hello.machine == self._machine
            client = Client(hello.client, hello.name, hello.pid, near, lambda: next(self._segments), self._now)
            self._clients[hello.client] = client
            client.pidfd = open_process(hello.pid) if near else -1
            if client.pidfd >= 0:
                self._pidfds[client.pidfd] = client
                self._poller.register(client.pidfd, zmq.POLLIN)
        peer = self._peers[key] = Peer(socket, key[1], client)
        client.peers.append(peer)
        self._send(
            peer, wire.Welcome(hello.call, self._ident, __version__, os.getpid(), client.shares, self.lease)
        )

    def _act(self, peer: Peer, message: wire.Write | wire.Delete, act: Put[Stored] | Erase) -> None:
        board = self._board(message.space)
        if message.epoch:
            board.check(message.role, message.epoch)
        writer = Writer(message.role, message.epoch) if message.epoch else Writer(peer.client.name)
        decision = board.apply(act, writer, self._now)
        self._deliver()
        self._send(peer, wire.Decided(message.call, [wire.pack_decision(decision)]))

    def _commit(self, peer: Peer, message: wire.Commit, frames: list[bytes]) -> None:
        board = self._board(message.space)
        board.check(message.role, message.epoch).missed += max(0, message.missed)
        rest = list(frames)
        acts = [self._unpack_act(peer.client, act, rest) for act in message.acts]
        decisions = board.commit(message.role, message.epoch, message.ack, acts, self._now)
        self._deliver()
        if any(isinstance(decision, Refused) for decision in decisions):
            self._send(peer, wire.Decided(message.call, [wire.pack_decision(decision) for decision in decisions]))

    def _unpack_act(self, client: Client, act: Value, frames: list[bytes]) -> Put[Stored] | Erase:
        match act:
            case [
                str(name),
                float() | int() | None as validity,
                float() | int() as priority,
                float() | int() as delay,
                list(refs),
            ]:
                return Put(
                    name, self._stored(client, refs, [frames.pop(0)] if frames else []), validity, priority, delay
                )
            case [str(name), float() | int() as priority, float() | int() | None as validity]:
                return Erase(name, priority, validity)
        raise ProtocolError(f"not an act: {act!r:.80}")

    def _stored(self, client: Client, refs: list[Any], frames: list[bytes]) -> Stored:
        """A value that came in, checked to the last byte, so that no reader can be harmed by it."""
        if len(frames) != 1:
            raise ProtocolError(f"a value is one frame, not {len(frames)}")
        if refs and not client.shares:
            raise ProtocolError("this client cannot share memory with the server")
        loans = []
        for ref in refs:
            match ref:
                case [int(number), int(fd), int(size), int(nbytes)]:
                    loans.append(client.ledger.borrow(number, fd, size, nbytes))
                case _:
                    raise ProtocolError(f"not a payload descriptor: {ref!r:.80}")
        stored = Stored(frames[0], tuple(loans))
        stored.value()
        return stored

    def _read(self, peer: Peer, message: wire.Read) -> None:
        board = self._board(message.space)
        if message.held:
            slots = board.snapshot(message.mask, self._now)
            changes = [slot.change for slot in slots if slot.change is not None]
        else:
            change = board.read(message.mask, self._now)
            changes = [] if change is None else [change]
        heads, frames = self._pack(peer.client, changes)
        self._send(peer, wire.Entries(message.call, heads), frames)

    def _join(self, peer: Peer, message: wire.Join) -> None:
        if peer.seat is not None:
            raise AgentspaceError(f"this connection already fills role {peer.seat[1]!r}")
        encode(message.info)
        info = {**message.info, "pid": peer.client.pid}
        role = self._board(message.space).claim(message.role, info, self._now)
        peer.seat = (message.space, message.role)
        peer.client.seats[peer.seat] = role.epoch
        self._seats[peer.seat] = peer
        self._send(peer, wire.Joined(message.call, role.epoch))

    def _attach(self, message: wire.Attach) -> None:
        board = self._board(message.space)
        if message.kind is None:
            board.check(message.role, message.epoch).mailbox.detach(message.mask)
        else:
            board.attach(message.role, message.epoch, message.mask, _trigger(message.kind), self._now)

    def _leave(self, message: wire.Leave) -> None:
        state = message.state if message.state in ("stopped", "failed") else "gone"
        self._board(message.space).vacate(message.role, message.epoch, state, self._now, message.error)
        self._unseat((message.space, message.role))

    def _watch(self, peer: Peer, message: wire.Watch) -> None:
        if peer.watch is not None:
            raise AgentspaceError("this connection already watches")
        board = self._board(message.space)
        number = board.watch(message.mask, _trigger(message.kind), message.known, self._now)
        peer.watch = (board, number)
        self._watchers[board.name, number] = peer
        self._done(peer, message.call)

    def _stop_role(self, message: wire.Stop) -> None:
        if message.role != "*":
            self._request_stop(message.space, message.role)
            return
        self._stop_at = self._now + self.lease
        for board in self._boards.values():
            for role in board.roles.values():
                if role.filled:
                    self._request_stop(board.name, role.name)
        self._publish()

    def _request_stop(self, space: str, role: str) -> None:
        self._board(space).request_stop(role, self._now)
        peer = self._seats.get((space, role))
        if peer is not None:
            self._send(peer, wire.Stopping())

    # --- messages out

    def _deliver(self) -> None:
        for board in self._boards.values():
            for delivery in board.deliveries(self._now):
                if isinstance(delivery.to, int):
                    self._show(board, delivery.to, delivery.batch)
                else:
                    self._dispatch(board, delivery.to, delivery.batch)

    def _dispatch(self, board: Board[Stored], role: str, batch: Any) -> None:
        peer = self._seats[board.name, role]
        newest, frames = self._pack(
            peer.client, [batch.changed[name] for name in batch.changed if name in batch.values]
        )
        every, more = self._pack(peer.client, batch.every)
        names = list(dict.fromkeys((*batch.changed, *(change.name for change in batch.every))))
        self._send(peer, wire.Dispatch(batch.number, names, newest, every), frames + more)

    def _show(self, board: Board[Stored], number: int, batch: Any) -> None:
        peer = self._watchers[board.name, number]
        heads, frames = self._pack(peer.client, [*batch.changed.values(), *batch.every])
        self._send(peer, wire.Changes(batch.number, board.overflow(number), heads), frames)

    def _pack(self, client: Client, changes: Any) -> tuple[list[Any], list[bytes]]:
        heads, frames = [], []
        for change in changes:
            refs, frame = client.lend(change.value) if change.kind is Kind.WRITTEN else ([], b"")
            heads.append(wire.pack_head(change, self._now, refs))
            frames.append(frame)
        return heads, frames

    def _done(self, peer: Peer, call: int) -> None:
        self._send(peer, wire.Done(call))

    def _fail(self, socket: zmq.Socket[bytes], identity: bytes, call: int, error: AgentspaceError) -> None:
        socket.send_multipart([identity, wire.Failed(call, type(error).__name__, str(error)).pack()])

    def _recycle(self, peer: Peer) -> None:
        segments = peer.client.recycled[:]
        peer.client.recycled.clear()
        peer.socket.send_multipart([peer.identity, wire.Recycle(segments).pack()])

    def _send(self, peer: Peer, message: wire.Message, frames: list[bytes] | None = None) -> None:
        if peer.client.recycled:
            self._recycle(peer)
        peer.socket.send_multipart([peer.identity, message.pack(), *(frames or ())])

    # --- who is here

    def _board(self, name: str) -> Board[Stored]:
        board = self._boards.get(name)
        if board is None:
            check_name(name)
            if len(self._boards) >= MAX_SPACES:
                raise LimitError(f"no space {name!r}: the server has its {MAX_SPACES} spaces already")
            board = self._boards[name] = Board(name, lambda value: Stored(encode(value)))
        return board

    def _drop(self, client: Client, why: str | None) -> None:
        """A client is gone: its roles are free, its watchers end, what it held is freed."""
        if why is not None and client.seats:
            _log.warning("%s (pid %d) is gone: %s", client.name, client.pid, why)
        self._clients.pop(client.ident, None)
        for seat, epoch in list(client.seats.items()):
            self._boards[seat[0]].vacate(seat[1], epoch, "gone", self._now, None)
            self._unseat(seat)
        gone = {id(peer) for peer in client.peers}
        for key in [key for key, peer in self._peers.items() if id(peer) in gone]:
            del self._peers[key]
        for peer in client.peers:
            if peer.watch is not None:
                board, number = peer.watch
                board.unwatch(number)
                self._watchers.pop((board.name, number), None)
        if client.pidfd >= 0:
            self._poller.unregister(client.pidfd)
            del self._pidfds[client.pidfd]
        client.drop()

    def _unseat(self, seat: tuple[str, str]) -> None:
        peer = self._seats.pop(seat, None)
        if peer is not None:
            peer.seat = None
            peer.client.seats.pop(seat, None)


class _OneKey:
    """Lets in the clients that have the key."""

    def __init__(self, public: str) -> None:
        self._public = public.encode()

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a client with this public key may connect."""
        return key == self._public


def _trigger(kind: str) -> Trigger:
    try:
        return Trigger(kind)
    except ValueError:
        raise ProtocolError(f"{kind!r:.40} is not a kind of trigger; there are: {', '.join(Trigger)}") from None
