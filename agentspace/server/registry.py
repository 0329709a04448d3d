"""What a server knows, apart from its sockets: the boards, who is connected, and what goes out to whom."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import zmq

from agentspace.core.board import Board
from agentspace.core.mailbox import Batch
from agentspace.core.role import Kept
from agentspace.core.slot import Change, check_name
from agentspace.core.swap import Dismiss, Outcast, Party, Reclaim, Resume, Suspend
from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError
from agentspace.server.clients import Client, Peer, Seat, Stored, open_process
from agentspace.version import __version__
from agentspace.wire import messages
from agentspace.wire.address import machine
from agentspace.wire.codec import encode
from agentspace.wire.multipart import send
from agentspace.wire.payload import AVAILABLE

LEASE = 5.0  #: seconds of silence after which a client counts as gone
STARTING = 60.0  #: the same while one of its roles runs `init`: an import may hold the interpreter for long
PUBLISH_PERIOD = 1.0
MAX_SPACES = 64
MAX_CLIENTS = 4096
IDENT = 16  #: bytes by which a client is known

Key = tuple[int, bytes]
_log = logging.getLogger("agentspace.server")


class Hub:
    """The state of a server. Time is passed in, by setting `now`.

    Args:
        endpoints: Where clients can reach the server, to be shown.
        lease: Seconds of silence after which a client counts as gone.
        now: The time (s, monotonic).
        watch_process: Is told of a file descriptor that becomes readable when a client's process ends.
        forget_process: Is told that it is about to be closed.
    """

    def __init__(
        self,
        endpoints: list[str],
        lease: float,
        now: float,
        watch_process: Callable[[int], None],
        forget_process: Callable[[int], None],
    ) -> None:
        self.now = now
        self.lease = lease
        self.stop_at: float | None = None
        self.boards: dict[str, Board[Stored]] = {}
        self.peers: dict[Key, Peer] = {}
        self.seats: dict[tuple[str, str, Party], Peer] = {}  # (space, role, party)
        self.watchers: dict[tuple[str, int], Peer] = {}
        self._endpoints = endpoints
        self._watch_process = watch_process
        self._forget_process = forget_process
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self._clients: dict[bytes, Client] = {}
        self._segments = itertools.count(1)
        self._meetings = itertools.count(1)
        self._published = now
        self._started = time.time()

    # --- time

    def next_event(self) -> float:
        """When something happens by itself (s)."""
        deadlines = [d for d in (board.next_deadline() for board in self.boards.values()) if d is not None]
        return min([self._published + PUBLISH_PERIOD, *deadlines])

    def tick(self) -> None:
        """Lets time pass: expiries, leases, the account of itself; sends what became ready."""
        for board in self.boards.values():
            board.advance(self.now)
            if board.swaps.orders:
                self._order(board)
        for client in [c for c in self._clients.values() if self.now > c.silent_since + self._patience(c)]:
            self._forget(client)
        if self.now - self._published >= PUBLISH_PERIOD:
            self.publish()
        self.deliver()
        for client in self._clients.values():
            if client.recycled and client.voice is not None:
                self._recycle(client.voice)

    @property
    def over(self) -> bool:
        """Whether everybody was asked to end and has, or had the time to."""
        if self.stop_at is None:
            return False
        filled = any(role.filled for board in self.boards.values() for role in board.roles.values())
        return not filled or self.now >= self.stop_at

    def publish(self) -> None:
        """Writes the slots ``_/...`` of all spaces."""
        self._published = self.now
        account = {
            "version": __version__,
            "pid": os.getpid(),
            "endpoints": self._endpoints,
            "started": self._started,
            "clients": len(self._clients),
            "spaces": sorted(self.boards),
            "shared_bytes": sum(client.ledger.size for client in self._clients.values()),
            "stop_requested": self.stop_at is not None,
        }
        for board in self.boards.values():
            board.account("server", account, self.now)
            board.publish(self.now)

    def _patience(self, client: Client) -> float:
        starting = any(self._is_starting(peer.seat) for peer in client.peers if peer.seat is not None)
        return max(self.lease, STARTING) if starting else self.lease

    def _is_starting(self, seat: Seat) -> bool:
        state = self.boards[seat.space].roles[seat.role].state
        return seat.party is Party.STANDS_BY or (seat.party is Party.ACTS and state == "starting")

    def _is_silent(self, space: str, role: str) -> bool:
        """Whether who fills a role has given no sign of life for half a lease: it would have given two."""
        peer = self.seats.get((space, role, Party.ACTS))
        return peer is None or self.now - peer.client.silent_since > self.lease / 2

    # --- who is here

    def board(self, name: str) -> Board[Stored]:
        """The board of a space; made when it is first named.

        Raises:
            LimitError: There are too many.
        """
        board = self.boards.get(name)
        if board is None:
            check_name(name)
            if len(self.boards) >= MAX_SPACES:
                raise LimitError(f"no space {name!r}: the server has its {MAX_SPACES} spaces already")
            board = self.boards[name] = Board(
                name, lambda value: Stored(encode(value)), lambda stored: stored.size
            )
            board.swaps.is_silent = lambda role: self._is_silent(name, role)
            self._published = self.now - PUBLISH_PERIOD  # its account of itself is there from the start
        return board

    def welcome(self, key: Key, socket: zmq.Socket[bytes], hello: messages.Hello) -> None:
        """Takes a connection in."""
        client = self._clients.get(hello.client) or self._admit(hello)
        peer = self.peers.get(key)
        if peer is None or peer.client is not client:
            if peer is not None:
                self.hang_up(peer)
            peer = self.peers[key] = Peer(socket, key, client)
            client.peers.append(peer)
        if not client.meeting:
            client.meeting = next(self._meetings)
        client.silent_since = self.now
        self.send(
            peer,
            messages.Welcome(
                hello.call, self._ident, client.meeting, __version__, os.getpid(), client.shares, self.lease
            ),
        )

    def _admit(self, hello: messages.Hello) -> Client:
        if len(self._clients) >= MAX_CLIENTS:
            raise LimitError(f"the server has its {MAX_CLIENTS} clients already")
        check_name(hello.name)
        if len(hello.client) != IDENT:
            raise ProtocolError(f"a client is known by {IDENT} bytes, not {len(hello.client)}")
        near = bool(self._machine) and hello.machine == self._machine
        pidfd = open_process(hello.pid) if near else -1  # without it, nobody tells when what it holds is free
        client = Client(hello.client, hello.name, hello.pid, pidfd, lambda: next(self._segments), self.now)
        self._clients[hello.client] = client
        if pidfd >= 0:
            self._watch_process(pidfd)
        return client

    def process_ended(self, pidfd: int) -> None:
        """A client's process is gone."""
        for client in [client for client in self._clients.values() if client.pidfd == pidfd]:
            self.drop(client, "its process ended")

    def _forget(self, client: Client) -> None:
        """A client is silent. While its process lives, nobody else may fill the memory that it may still read."""
        why = f"silent for {self._patience(client):g} s"
        if client.meeting:
            self._part(client, why)
        if client.pidfd < 0 or not (client.lent or client.ledger.size):
            self.drop(client, why)

    def drop(self, client: Client, why: str | None) -> None:
        """A client is gone: its roles are free, its watchers end, what it held is freed."""
        self._part(client, why)
        self._clients.pop(client.ident, None)
        if client.pidfd >= 0:
            self._forget_process(client.pidfd)
        client.drop()

    def _part(self, client: Client, why: str | None) -> None:
        """Its roles are free, its watchers end; whatever comes from its connections is refused."""
        if why is not None and any(peer.seat for peer in client.peers):
            _log.warning("%s (pid %d) is gone: %s", client.name, client.pid, why)
        client.meeting = 0
        for peer in list(client.peers):
            self.hang_up(peer)

    def hang_up(self, peer: Peer) -> None:
        """A connection has ended: nobody fills a role or watches from there."""
        client = peer.client
        del self.peers[peer.key]
        client.peers.remove(peer)
        if client.voice is peer:
            client.voice = None
        self.leave_seat(peer, "died, or fell silent")
        self.end_watch(peer)

    def leave_seat(self, peer: Peer, why: str) -> None:
        """Whoever had a seat at this connection has gone."""
        seat = peer.seat
        if seat is None:
            return
        self.unseat(peer)
        board = self.boards[seat.space]
        match seat.party:
            case Party.ACTS:
                with contextlib.suppress(FencedError):  # it has just been replaced
                    board.vacate(seat.role, seat.number, "gone", self.now)
            case Party.STANDS_BY:
                board.swaps.give_up(seat.role, seat.number, why, self.now)
            case Party.RESTS:
                board.swaps.lost_predecessor(seat.role, self.now)

    def end_watch(self, peer: Peer) -> None:
        """A connection watches no more."""
        if peer.watch is not None:
            board, number = peer.watch
            board.unwatch(number)
            del self.watchers[board.name, number]
            peer.watch = None

    def seat(self, peer: Peer, seat: Seat) -> None:
        """A connection is for a role from now on."""
        peer.seat = seat
        self.seats[*seat.key, seat.party] = peer

    def unseat(self, peer: Peer) -> None:
        """A connection is for a role no more."""
        seat, peer.seat = peer.seat, None
        if seat is not None:
            self.seats.pop((*seat.key, seat.party), None)

    def close(self) -> None:
        """Frees what all clients hold."""
        for client in self._clients.values():
            client.drop()

    # --- what goes out

    def deliver(self) -> None:
        """Sends every batch that can go now."""
        for board in self.boards.values():
            if board.swaps.orders:
                self._order(board)
            if not board.ready:
                continue
            for delivery in board.deliveries(self.now):
                if isinstance(delivery.to, int):
                    self._show(board, delivery.to, delivery.batch)
                else:
                    self._dispatch(board, delivery.to, delivery.batch)

    def _order(self, board: Board[Stored]) -> None:
        """Tells the parties of swaps what to do."""
        orders = board.swaps.orders[:]
        board.swaps.orders.clear()
        for order in orders:
            acting = self.seats.get((board.name, order.role, Party.ACTS))
            match order:
                case Suspend() if acting is not None:
                    self.send(acting, messages.Suspend())
                case Outcast() if acting is not None:
                    self._move(acting, Party.RESTS, 0)
                case Resume():
                    self._resume(board.name, order, acting)
                case Reclaim():
                    self._reclaim(board.name, order, acting)
                case Dismiss():
                    self._dismiss(self.seats.get((board.name, order.role, order.party)))

    def _resume(self, space: str, order: Resume[Any], acting: Peer | None) -> None:
        if acting is not None:
            self._move(acting, Party.RESTS, 0)
        resting = self.seats.get((space, order.role, Party.RESTS))
        if order.outcast and resting is not None:
            self.unseat(resting)
        successor = self.seats.get((space, order.role, Party.STANDS_BY))
        if successor is None:  # it has ended in this moment, and the board will hear of it
            return
        self._move(successor, Party.ACTS, order.epoch)
        kept, frames = self.pack_kept(successor.client, order.kept)
        self.send(successor, messages.Resume(order.epoch, kept), frames)

    def _reclaim(self, space: str, order: Reclaim[Any], acting: Peer | None) -> None:
        peer = self.seats.get((space, order.role, Party.RESTS)) or acting
        if peer is not None:
            self._move(peer, Party.ACTS, order.epoch)
            kept, frames = self.pack_kept(peer.client, order.kept)
            self.send(peer, messages.Reclaim(order.epoch, kept), frames)

    def _dismiss(self, peer: Peer | None) -> None:
        if peer is not None:
            self.unseat(peer)
            self.send(peer, messages.Stopping())

    def _move(self, peer: Peer, party: Party, number: int) -> None:
        seat = peer.seat
        self.unseat(peer)
        if seat is not None:
            self.seat(peer, Seat(seat.space, seat.role, number, party))

    def pack_kept(self, client: Client, kept: Kept[Stored] | None) -> tuple[list[Any] | None, list[bytes]]:
        """A state as a message carries it, and its frame."""
        if kept is None:
            return None, []
        refs, frame = client.lend(kept.value)
        return [kept.version, refs], [frame]

    def pack(self, client: Client, changes: Iterable[Change[Stored]]) -> tuple[list[Any], list[bytes]]:
        """The heads and frames with which changes go to a client."""
        heads, frames = [], []
        for change in changes:
            stored = change.value
            refs, frame = client.lend(stored) if stored is not None else ([], b"")
            heads.append(messages.pack_head(change, self.now, refs))
            frames.append(frame)
        return heads, frames

    def send(self, peer: Peer, message: messages.Message, frames: Iterable[bytes] = ()) -> None:
        """Sends a message, after what the client may fill again."""
        if peer.client.recycled:
            self._recycle(peer)
        send(peer.socket, peer.key[1], (message.pack(), *frames))

    def fail(self, socket: zmq.Socket[bytes], identity: bytes, call: int, error: AgentspaceError) -> None:
        """Tells a sender what is wrong with what it sent."""
        send(socket, identity, (messages.Failed(call, type(error).__name__, str(error)).pack(),))

    def _dispatch(self, board: Board[Stored], role: str, batch: Batch[Stored]) -> None:
        peer = self.seats[board.name, role, Party.ACTS]
        newest = [change for name, change in batch.changed.items() if name in batch.values]
        names = list(batch.changed)
        every: list[Any] = []
        heads, frames = self.pack(peer.client, newest)
        if batch.every:
            names = list(dict.fromkeys((*names, *(change.name for change in batch.every))))
            every, more = self.pack(peer.client, batch.every)
            frames += more
        self.send(peer, messages.Dispatch(batch.number, names, heads, every), frames)

    def _show(self, board: Board[Stored], number: int, batch: Batch[Stored]) -> None:
        peer = self.watchers[board.name, number]
        heads, frames = self.pack(peer.client, (*batch.changed.values(), *batch.every))
        self.send(peer, messages.Changes(batch.number, board.overflow(number), heads), frames)

    def _recycle(self, peer: Peer) -> None:
        segments = peer.client.recycled[:]
        peer.client.recycled.clear()
        send(peer.socket, peer.key[1], (messages.Recycle(segments).pack(),))
