"""The state of a server, apart from its sockets: the boards, the client processes and their connections."""

import functools
import itertools
import logging
import operator
import os
import time
from collections.abc import Callable
from typing import Final

import zmq

from agentspace.core.board import Board
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import check_name
from agentspace.errors import LimitError, ProtocolError
from agentspace.server.clients import ClientConnection, ClientProcess, open_process
from agentspace.version import __version__
from agentspace.wire.address import machine
from agentspace.wire.codec import encode
from agentspace.wire.messages import Hello, Welcome
from agentspace.wire.parcel import Stored
from agentspace.wire.payload import AVAILABLE

LEASE: Final = 5.0  #: seconds of silence after which a client counts as gone
STARTING: Final = 60.0  #: the same while one of its roles runs `init`: an import may hold the interpreter for long
PUBLISH_PERIOD: Final = 1.0  #: seconds
LOOKS_PER_LEASE: Final = 20  #: how often it is looked whether a client has fallen silent
MAX_SPACES: Final = 64
MAX_CLIENTS: Final = 4096
IDENT: Final = 16  #: bytes by which a client is known

Key = tuple[int, bytes]
_log = logging.getLogger("agentspace.server")


class Registry:
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
        self.due = now  #: when `tick` has something to do without any message (s)
        self.stop_at: float | None = None
        self.boards: dict[str, Board[Stored]] = {}
        self.connections: dict[Key, ClientConnection] = {}
        self.watchers: dict[tuple[str, int], ClientConnection] = {}
        self._endpoints = endpoints
        self._watch_process = watch_process
        self._forget_process = forget_process
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self.recycling: set[ClientProcess] = set()  #: who may fill segments again, unheard
        self._processes: dict[bytes, ClientProcess] = {}
        self._segments = itertools.count(1)
        self._meetings = itertools.count(1)
        self._published = now
        self._looked = now
        self._started = time.time()

    # --- time

    def tick(self) -> None:
        """Lets time pass: expiries, leases, the account of itself."""
        for board in self.boards.values():
            board.advance(self.now)
        if self.now >= self._looked + self.lease / LOOKS_PER_LEASE:
            self._looked = self.now
            silent = [p for p in self._processes.values() if self.now > p.silent_since + self._patience(p)]
            for process in silent:
                self._forget(process)
        if self.now - self._published >= PUBLISH_PERIOD:
            self.publish()
        self.due = min(self._published + PUBLISH_PERIOD, self._looked + self.lease / LOOKS_PER_LEASE)

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
            "clients": len(self._processes),
            "spaces": sorted(self.boards),
            "shared_bytes": sum(process.ledger.size for process in self._processes.values()),
            "stop_requested": self.stop_at is not None,
        }
        for board in self.boards.values():
            board.account.tell("server", account, self.now)
            board.publish(self.now)

    def _patience(self, process: ClientProcess) -> float:
        seats = (connection.seat for connection in process.connections)
        starting = any(self._is_starting(seat) for seat in seats if seat is not None)
        return max(self.lease, STARTING) if starting else self.lease

    def _is_starting(self, seat: Seat) -> bool:
        state = self.boards[seat.space].roles[seat.role].state
        return seat.part is Part.STANDS_BY or (seat.part is Part.ACTS and state == "starting")

    def _is_silent(self, board: Board[Stored], role: str) -> bool:
        """Whether the incarnation that acts has given no sign of life for half a lease, in place of two."""
        acting: ClientConnection | None = board.seats.get(role)
        return acting is None or self.now - acting.process.silent_since > self.lease / 2

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
            board = Board(name, lambda value: Stored(encode(value)), operator.attrgetter("size"))
            board.swaps.is_silent = functools.partial(self._is_silent, board)
            self.boards[name] = board
            self._published, self.due = (
                self.now - PUBLISH_PERIOD,
                self.now,
            )  # its account of itself is there from the start
        return board

    def meet(self, key: Key, socket: zmq.Socket[bytes], hello: Hello) -> tuple[ClientConnection, Welcome]:
        """Takes a connection in; returns it with the answer to its greeting."""
        process = self._processes.get(hello.client) or self._admit(hello)
        connection = self.connections.get(key)
        if connection is None or connection.process is not process:
            if connection is not None:
                self.hang_up(connection)
            connection = self.connections[key] = ClientConnection(socket, key, process)
            process.connections.append(connection)
        if not process.meeting:
            process.meeting = next(self._meetings)
        process.silent_since = self.now
        shares, meeting = process.shares, process.meeting
        return connection, Welcome(hello.call, self._ident, meeting, __version__, os.getpid(), shares, self.lease)

    def _admit(self, hello: Hello) -> ClientProcess:
        if len(self._processes) >= MAX_CLIENTS:
            raise LimitError(f"the server has its {MAX_CLIENTS} clients already")
        check_name(hello.name)
        if len(hello.client) != IDENT:
            raise ProtocolError(f"a client is known by {IDENT} bytes, not {len(hello.client)}")
        near = bool(self._machine) and hello.machine == self._machine
        pidfd = open_process(hello.pid) if near else -1  # without it, nobody tells when what it holds is free
        idents = functools.partial(next, self._segments)
        process = ClientProcess(hello.client, hello.name, hello.pid, pidfd, idents, self.recycling, self.now)
        self._processes[hello.client] = process
        if pidfd >= 0:
            self._watch_process(pidfd)
        return process

    def process_ended(self, pidfd: int) -> None:
        """A client's process is gone."""
        for process in [process for process in self._processes.values() if process.pidfd == pidfd]:
            self.drop(process, "its process ended")

    def _forget(self, process: ClientProcess) -> None:
        """A client is silent. While its process lives, nobody else may fill the memory that it may still read."""
        why = f"silent for {self._patience(process):g} s"
        if process.meeting:
            self._part(process, why)
        if process.pidfd < 0 or not (process.lent or process.ledger.size):
            self.drop(process, why)

    def drop(self, process: ClientProcess, why: str | None) -> None:
        """A client is gone: its roles are free, its watchers end, what it held is freed."""
        self._part(process, why)
        self._processes.pop(process.ident, None)
        if process.pidfd >= 0:
            self._forget_process(process.pidfd)
        process.drop()
        self.recycling.discard(process)

    def _part(self, process: ClientProcess, why: str | None) -> None:
        """Its roles are free, its watchers end; whatever comes from its connections is refused."""
        if why is not None and any(connection.seat for connection in process.connections):
            _log.warning("%s (pid %d) is gone: %s", process.name, process.pid, why)
        process.meeting = 0
        for connection in list(process.connections):
            self.hang_up(connection)

    def hang_up(self, connection: ClientConnection) -> None:
        """A connection has ended: nobody fills a role or watches from there."""
        process = connection.process
        del self.connections[connection.key]
        process.connections.remove(connection)
        if process.voice is connection:
            process.voice = None
        if connection.seat is not None:
            self.boards[connection.seat.space].party_gone(connection, "died, or fell silent", self.now)
        self.end_watch(connection)

    def end_watch(self, connection: ClientConnection) -> None:
        """A connection watches no more."""
        if connection.watch is not None:
            board, number = connection.watch
            board.unwatch(number)
            del self.watchers[board.name, number]
            connection.watch = None

    def close(self) -> None:
        """Frees what all clients hold."""
        for process in self._processes.values():
            process.drop()
