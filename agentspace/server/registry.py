"""The state of a server, apart from its sockets: the boards, the client processes and their connections."""

import functools
import itertools
import logging
import operator
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Set
from typing import Any, Final

from agentspace.core.account import BEAT
from agentspace.core.board import Board, Floors
from agentspace.core.present import at_once
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import AT_ONCE
from agentspace.core.spaces import Spaces
from agentspace.core.values.budget import Budget
from agentspace.core.values.names import check_name
from agentspace.core.values.value import EMPTY
from agentspace.errors import LimitError, ProtocolError
from agentspace.server.audit import Audit
from agentspace.server.audited import note_gone
from agentspace.server.clients import ClientConnection, ClientProcess, ClientTable, open_process
from agentspace.server.jobs import Jobs
from agentspace.server.keyring import Visitor
from agentspace.server.lines import ClientLine, Key
from agentspace.version import __version__
from agentspace.wire import descriptors
from agentspace.wire.address import machine
from agentspace.wire.codec import encode
from agentspace.wire.from_client import Hello
from agentspace.wire.from_server import Welcome
from agentspace.wire.parcel import Stored
from agentspace.wire.pool import AVAILABLE, UNUSED

LEASE: Final = 5.0  #: seconds of silence after which a client counts as gone
STARTING: Final = 60.0  #: the same while one of its roles runs `init`: an import may hold the interpreter for long
LOOKS_PER_LEASE: Final = 20  #: how often it is looked whether a client has fallen silent
MAX_CLIENTS: Final = 4096
OF_PEER: Final = 1024  #: connections of one process, or of all other machines
_DECODED: Final = 1 << 18  #: bytes of a value's frame; a larger one is not decoded to be told of
_MEBI: Final = 1 << 20
PARTED: Final = 8  #: connections of one process that end in one turn
_ADDED_UP: Final = 256  # clients that are counted in one step
IDENT: Final = 16  #: bytes by which a client is known

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
        self.real = now  #: the time by which clients are awaited (s); another one than `now` if that is simulated
        self.heard = now  #: when it was last looked for messages: what came later may be a sign of life (s)
        self.lease = lease
        self.due = now  #: when `tick` has something to do without any message (s)
        self.stop_at: float | None = None
        self.boards: Spaces[Stored] = Spaces(self._make_board)
        self.connections: dict[Key, ClientConnection] = {}
        self.watchers: dict[tuple[str, int], ClientConnection] = {}
        self.is_crowded: Callable[[int], bool] = lambda _: False  #: whether new clients of a socket are refused
        self.audit = Audit()  #: who did what
        self.jobs = Jobs()  #: what takes longer
        self.budget = Budget()  #: of memory for values
        self._own = self.budget.share("the server")
        self._peers: Counter[str] = Counter()  # connections of each peer
        self._most_of_peer = min(OF_PEER, max(32, descriptors.limit() // 4))
        self._endpoints = endpoints
        self._watch_process = watch_process
        self._forget_process = forget_process
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self.leaving: dict[ClientProcess, str | None] = {}  #: who is gone, and has connections left
        self.recycling: set[ClientProcess] = set()  #: who may fill segments again, unheard
        self._processes = ClientTable(lease)
        self._shared = 0  # bytes of shared memory that are open
        self._segments = itertools.count(1)
        self._meetings = itertools.count(1)
        self._published = self._looked = self._trimmed = now
        self._started = time.time()

    # --- time

    def tell_time(self, real: float) -> None:
        """Tells it the time (s, monotonic)."""
        self.real = self.now = real

    def tick(self) -> None:
        """Lets time pass: expiries, leases, the account of itself."""
        self.advance()
        if self.real >= self._looked + self.lease / LOOKS_PER_LEASE:
            self._looked = self.real
            for process in self._processes.silent(self.heard, self.real + self.lease / LOOKS_PER_LEASE):
                if self._has_fallen_silent(process):
                    self._forget(process)
        if self.now - self._published >= BEAT:
            self.begin_to_publish()
        beat = self.real + self._published + BEAT - self.now
        self.due = min(beat, self._looked + self.lease / LOOKS_PER_LEASE)

    def advance(self) -> None:
        """Lets time pass on the boards; if much happens at one moment, the rest follows in the next turns."""
        for board in self.boards.values():
            board.advance(self.now, AT_ONCE)

    @property
    def over(self) -> bool:
        """Whether everybody was asked to end and has, or had the time to."""
        if self.stop_at is None:
            return False
        filled = any(role.filled for board in self.boards.values() for role in board.roles.values())
        return not filled or self.real >= self.stop_at

    def begin_to_publish(self) -> None:
        """Writes the slots ``_/...`` in the next turns."""
        self._published = self.now
        self.jobs.chore = self.jobs.chore or self.publishing()

    def publish(self) -> None:
        """Writes the slots ``_/...`` of all spaces."""
        at_once(self.publishing())

    def publishing(self) -> Generator[None]:
        """The steps of `publish`; the time may pass meanwhile."""
        self._published = self.now
        yield from self._adding_up()
        account = self._account()
        for board in list(self.boards.values()):
            board.account.tell("server", account, self.now)
            yield from board.publishing(self.now)
        self.boards.sweep(self.now)
        if self.real - self._trimmed >= UNUSED:
            self._trimmed = self.real
            for process in list(self._processes.values()):
                process.ledger.trim()
                yield

    def _adding_up(self) -> Generator[None]:
        """The steps after which it is known how much shared memory is open."""
        shared = 0
        for count, process in enumerate(list(self._processes.values()), 1):
            shared += process.ledger.size
            if not count % _ADDED_UP:
                yield
        self._shared = shared

    def _account(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "pid": os.getpid(),
            "endpoints": self._endpoints,
            "started": self._started,
            "clients": len(self._processes),
            "heard": self._processes.pids,
            "spaces": sorted(self.boards),
            "shared_bytes": self._shared,
            "stop_requested": self.stop_at is not None,
        }

    def _has_fallen_silent(self, process: ClientProcess) -> bool:
        if self.heard <= process.silent_since + self._patience(process):
            return False
        return not any(connection.line.has_grown() for connection in process.connections)

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
        return acting is None or self.real - acting.process.silent_since > self.lease / 2

    # --- who is here

    def board(self, name: str) -> Board[Stored]:
        """The board of a space; made when it is first named.

        Raises:
            LimitError: There are too many, and none of them is over.
        """
        return self.boards.board(name)

    def _make_board(self, name: str, floors: Floors) -> Board[Stored]:
        """A board that gives its account of itself from the start."""
        board = self._new_board(name, floors)
        board.swaps.is_silent = functools.partial(self._is_silent, board)
        self._tell_host(board)
        board.account.tell("server", self._account(), self.now)
        board.publish(self.now)
        return board

    def _new_board(self, name: str, floors: Floors) -> Board[Stored]:
        return Board(name, self.stored, operator.attrgetter("size"), plain, floors)

    def _tell_host(self, board: Board[Stored]) -> None:
        """Tells a space whose clock it has."""
        board.account.host = {"server": self._ident.hex(), "pid": os.getpid()}

    def meet(
        self, line: ClientLine, hello: Hello, visitor: Visitor | None = None
    ) -> tuple[ClientConnection, Welcome]:
        """Takes a connection in; returns it with the answer to its greeting."""
        key = line.key
        if not (hello.client in self._processes or self._processes.knows(key)) and self.is_crowded(key[0]):
            raise LimitError(descriptors.exhausted("the server"))
        known = self.connections.get(key)
        if known is None and self._peers[line.peer] >= self._most_of_peer:
            raise LimitError(
                f"{line.peer} has its {self._most_of_peer} connections already; others need some, too"
            )
        process = self._processes.get(hello.client) or self._admit(hello, visitor, line.peer)
        process.check_is(visitor)
        self._processes.greet(key, process)
        connection = self.connections.get(key)
        if connection is None or connection.process is not process:
            if connection is not None:
                self._leave(connection)
            connection = self.connections[key] = ClientConnection(line, process)
            process.connections.append(connection)
            self._peers[line.peer] += 1
            line.admit()
        if not process.meeting:
            process.meeting = next(self._meetings)
        process.silent_since = self.real
        shares, meeting = process.shares, process.meeting
        return connection, Welcome(hello.call, self._ident, meeting, __version__, os.getpid(), shares, self.lease)

    def _admit(self, hello: Hello, visitor: Visitor | None, peer: str) -> ClientProcess:
        if len(self._processes) >= MAX_CLIENTS:
            raise LimitError(f"the server has its {MAX_CLIENTS} clients already")
        check_name(hello.name)
        if len(hello.client) != IDENT:
            raise ProtocolError(f"a client is known by {IDENT} bytes, not {len(hello.client)}")
        near = bool(self._machine) and hello.machine == self._machine and (visitor is None or visitor.trusted)
        pidfd = open_process(hello.pid) if near else -1  # without it, nobody tells when what it holds is free
        idents = functools.partial(next, self._segments)
        name = hello.name if visitor is None else visitor.signature(hello.name)
        share = self.budget.share(peer if visitor is None else f"key {visitor.name}")
        process = ClientProcess(hello.client, name, hello.pid, pidfd, idents, self.recycling, self.real, share)
        process.visitor = visitor
        self._processes.add(process)
        if pidfd >= 0:
            self._watch_process(pidfd)
        return process

    def process_ended(self, pidfd: int) -> None:
        """A client's process is gone."""
        process = self._processes.of(pidfd)
        if process is not None:
            self.drop(process, "its process ended")

    def rights_changed(self, publics: Set[str]) -> None:
        """Keys are let in no more, or may do something else: their clients have to come in anew, if they can."""
        for process in [p for p in self._processes.values() if p.visitor and p.visitor.public in publics]:
            self.drop(process, "the rights of its key were changed")

    def _forget(self, process: ClientProcess) -> None:
        """A client is silent. While its process lives, nobody else may fill the memory that it may still read."""
        why = f"silent for {self._patience(process):g} s"
        if process.meeting:
            self._part(process, why, silent=True)
        if process.pidfd < 0 or not (process.lent or process.ledger.size):
            self.drop(process, why)

    def release(self, key: Key, visitor: Visitor | None, segments: Iterable[int]) -> None:
        """A connection that was forgotten tells what its client looks at no more: it will not say so again."""
        process = self._processes.who_greeted(key)
        if process is not None:
            process.check_is(visitor)
            process.release(segments)

    def drop(self, process: ClientProcess, why: str | None) -> None:
        """A client is gone: its roles are free, its watchers end, what it held is freed; of many, in turns."""
        self._part(process, why, most=PARTED)
        if process.connections:
            self.leaving[process] = why
            return
        self.leaving.pop(process, None)
        self._processes.remove(process)
        if process.pidfd >= 0:
            self._forget_process(process.pidfd)
        process.drop()
        self.recycling.discard(process)

    def part_further(self) -> None:
        """Goes on with one of those who are leaving."""
        process, why = next(iter(self.leaving.items()))
        self.drop(process, why)

    def _part(
        self, process: ClientProcess, why: str | None, *, silent: bool = False, most: int = sys.maxsize
    ) -> None:
        """Its roles are free, its watchers end; whatever comes from its connections is refused."""
        if why is not None and process not in self.leaving and any(each.seat for each in process.connections):
            _log.warning("%s (pid %d) is gone: %s", process.name, process.pid, why)
        process.meeting = 0
        for connection in process.connections[:most]:
            self.hang_up(connection, why or "has ended", silent=silent)

    def line_ended(self, line: ClientLine) -> None:
        """A line was closed, by whomever."""
        self._processes.line_ended(line.key)
        connection = self.connections.get(line.key)
        if connection is not None:
            if connection.seat is not None:
                _log.warning("%s (%s) is gone: its connection ended", connection.process.name, line.peer)
            self.hang_up(connection)

    def _leave(self, connection: ClientConnection) -> None:
        """A connection has become another client's: a client that has no other one is gone."""
        self.hang_up(connection, "another client has its connection")
        if not connection.process.connections:
            self.drop(connection.process, "another client has its connection")

    def hang_up(
        self, connection: ClientConnection, why: str = "its connection ended", *, silent: bool = False
    ) -> None:
        """A connection has ended: nobody fills a role or watches from there."""
        process, peer = connection.process, connection.line.peer
        note_gone(self.audit, connection, why)
        self.jobs.drop(connection)
        del self.connections[connection.key]
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]
        process.connections.remove(connection)
        if process.voice is connection:
            process.voice = None
        if connection.seat is not None:
            board = self.boards[connection.seat.space]
            board.party_gone(connection, "died, or fell silent", self.now, silent=silent)
        self.end_watch(connection)

    def end_watch(self, connection: ClientConnection) -> None:
        """A connection watches no more."""
        if connection.watch is not None:
            board, number = connection.watch
            board.unwatch(number)
            del self.watchers[board.name, number]
            connection.watch = None

    def stored(self, value: Any) -> Stored:
        """Plain data as a value."""
        return Stored(encode(value), (), self._own)

    def count(self, values: Iterable[Stored]) -> None:
        """Values are here that were kept; there is always room for them."""
        for value in values:
            value.count_in(self._own)

    def grant(self, limit: int) -> None:
        """Sets how many bytes values may take; what is here already stays."""
        self.budget.limit = limit
        if self.budget.held > limit:
            held = f"takes {self.budget.held / _MEBI:.1f} MiB of the {limit / _MEBI:.1f} MiB for all values"
            _log.warning("what was kept %s: until there is room, only what is no larger is written over", held)

    def let_go(self) -> None:
        """Closes the shared memory that nobody holds now, without waiting whether it is filled again."""
        for process in self._processes.values():
            process.ledger.let_go()

    def close(self) -> None:
        """Frees what all clients hold."""
        for process in self._processes.values():
            process.drop()


def plain(value: Stored) -> Any:
    """A value as plain data, unless that would take long."""
    return value.value() if len(value.data) <= _DECODED else EMPTY
