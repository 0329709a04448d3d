"""The clients of a server: client processes, their connections, their leases and what they hold."""

import contextlib
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agentspace.core.board import Board
from agentspace.core.seats import Seat
from agentspace.core.values.agenda import FOREVER, Agenda
from agentspace.core.values.budget import Share
from agentspace.errors import FencedError, LateError, ProtocolError
from agentspace.server.keyring import Visitor
from agentspace.server.lines import ClientLine, Key
from agentspace.wire.parcel import Ref, Stored
from agentspace.wire.payload import Filling, Ledger

_LOOKED_AT: Final = 1024  # clients whose leases are over, at once
_MAX_GREETED: Final = 8192  # connections that are known to have introduced themselves


@dataclass(slots=True, eq=False)
class ClientProcess:
    """A client process, as the server knows it.

    Attributes:
        ident: What it calls itself on all of its connections.
        name: How its writes are signed when it fills no role.
        pid: Its process, on its own machine.
        pidfd: Tells when its process ends; -1 if that cannot be seen from here.
        ledger: The segments that it writes into.
        share: Of its values in the budget.
        waiting: The processes that have to hear that they may fill segments again.
        recycled: Those segments.
        lent: The payloads that it holds, with how many times, by segment.
        silent_since: When it gave its last sign of life (s).
        spared: Until when it is not looked whether it has fallen silent (s).
        meeting: Which of the server's meetings with clients is the last with it; 0 while it is silent.
        connections: Its connections.
        voice: The connection that it spoke on last: there it listens.
        visitor: With which key it came in at the port; None: it is a process of this user, on this machine.
    """

    ident: bytes
    name: str
    pid: int
    pidfd: int
    idents: Callable[[], int]
    waiting: "set[ClientProcess]"
    silent_since: float
    share: Share
    meeting: int = 0
    spared: float = 0.0
    recycled: list[int] = field(default_factory=list)
    lent: dict[int, list[Filling]] = field(default_factory=dict)
    connections: "list[ClientConnection]" = field(default_factory=list)
    voice: "ClientConnection | None" = None
    visitor: Visitor | None = None
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.pid, self._recycle, self.idents, self.share)

    def _recycle(self, segment: int) -> None:
        self.recycled.append(segment)
        self.waiting.add(self)

    def check_is(self, visitor: Visitor | None) -> None:
        """Whether a message comes from this client, as far as its key tells.

        Raises:
            FencedError: It does not: somebody uses its mark, or has the place of a connection that ended.
        """
        if (visitor and visitor.public) != (self.visitor and self.visitor.public):
            raise FencedError("this client came in with another key")

    @property
    def shares(self) -> bool:
        """Whether arrays travel by reference: only if it is certain to be known when it holds them no more."""
        return self.pidfd >= 0

    def borrows(self, stored: Stored) -> bool:
        """Whether a value goes to this client by reference; else with all that it has inside."""
        return self.shares and all(filling.segment.fd >= 0 for filling in stored.fillings)

    def lend(self, stored: Stored) -> tuple[list[Ref], bytes]:
        """The payload descriptors and the frame with which a value goes to this client."""
        if not stored.fillings:
            return [], stored.data
        if not self.borrows(stored):
            return [], stored.inline()
        for filling in stored.fillings:
            self.lent.setdefault(filling.segment.ident, []).append(filling)
        return [(x.segment.ident, x.segment.fd, x.segment.size, x.nbytes) for x in stored.fillings], stored.data

    def passed_on(self, ident: int, nbytes: int) -> Filling:
        """A payload that was lent to this client, and that it passes on.

        Raises:
            ProtocolError: It holds no such segment, or that has another size.
        """
        held = self.lent.get(ident)
        if not held:
            raise ProtocolError(f"segment {ident} of the server is not lent to this client")
        if held[-1].nbytes != nbytes:
            raise ProtocolError(f"a payload has {held[-1].nbytes} bytes, not {nbytes}")
        return held[-1]

    def release(self, segments: Iterable[int]) -> None:
        """Views of these segments are gone."""
        for ident in segments:
            held = self.lent.get(ident)
            if held:
                held.pop()
                if not held:
                    del self.lent[ident]

    def drop(self) -> None:
        """The process is gone: what it held and what it wrote into is freed."""
        self.lent.clear()
        self.ledger.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


class ClientTable(dict[bytes, ClientProcess]):
    """The client processes of a server, by what they call themselves.

    Nothing that is asked often looks at all: a client is looked at when it comes, when it goes, and once in each
    lease that it has, as what it says puts that off without being noted.

    Args:
        lease: Seconds of silence after which a client counts as gone.
    """

    def __init__(self, lease: float) -> None:
        super().__init__()
        self._lease = lease
        self._leases: Agenda[bytes] = Agenda(self._due)
        self._by_pidfd: dict[int, ClientProcess] = {}
        self._local: Counter[int] = Counter()  # clients of this machine, by their process
        self._pids: list[int] | None = None  # of these, if that is known
        self._greeted: dict[Key, bytes] = {}

    def add(self, process: ClientProcess) -> None:
        """A client is admitted."""
        self[process.ident] = process
        self._leases.note(process.ident)
        if process.pidfd >= 0:
            self._by_pidfd[process.pidfd] = process
        if process.visitor is None:
            self._local[process.pid] += 1
            self._pids = None

    def remove(self, process: ClientProcess) -> None:
        """A client is gone, if it is here."""
        if self.pop(process.ident, None) is None:
            return
        self._by_pidfd.pop(process.pidfd, None)
        if process.visitor is None:
            self._local[process.pid] -= 1
            if not self._local[process.pid]:
                del self._local[process.pid]
            self._pids = None

    def greet(self, key: Key, process: ClientProcess) -> None:
        """A connection has introduced itself: it may come back, also if there is no room for others."""
        self._greeted[key] = process.ident
        if len(self._greeted) > _MAX_GREETED:
            del self._greeted[next(iter(self._greeted))]

    def knows(self, key: Key) -> bool:
        """Whether a connection has introduced itself, even if it was forgotten since."""
        return key in self._greeted

    def who_greeted(self, key: Key) -> ClientProcess | None:
        """The client of such a connection, if it is still here."""
        return self.get(self._greeted.get(key, b""))

    def line_ended(self, key: Key) -> None:
        """A connection will not come back."""
        self._greeted.pop(key, None)

    def of(self, pidfd: int) -> ClientProcess | None:
        """The client whose process a file descriptor tells of."""
        return self._by_pidfd.get(pidfd)

    @property
    def pids(self) -> list[int]:
        """The processes of this machine that have clients, sorted."""
        if self._pids is None:
            self._pids = sorted(self._local)
        return self._pids

    def silent(self, heard: float, again: float) -> Iterator[ClientProcess]:
        """Clients of which nothing has been heard for a lease; of many, the others follow with the next look.

        Args:
            heard: The time until which messages were looked for (s).
            again: When those are looked at again that stay (s).
        """
        for _ in range(_LOOKED_AT):
            if not self._leases.lags(heard):
                return
            taken = self._leases.take()
            if taken is not None:
                process = self[taken[0]]
                process.spared = again
                self._leases.note(process.ident)
                yield process

    def _due(self, ident: bytes) -> tuple[float, int]:
        process = self.get(ident)
        return (FOREVER if process is None else max(process.silent_since + self._lease, process.spared)), 0


class Unserved(NamedTuple):
    """A message from another machine that waits until its connection has no job any more."""

    frames: list[bytes]
    visitor: Visitor | None

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.frames))


@dataclass(slots=True, eq=False)
class ClientConnection:
    """One connection of a client process.

    Attributes:
        line: The way to it.
        seat: The role that it is for.
        watch: The watcher that is served through it: its board and number.
        before: Until when its next order counts (s); None: always.
        queue: Its jobs, and messages to it that wait behind them; a job is the first.
        unserved: Messages of it that wait likewise.
    """

    line: ClientLine
    process: ClientProcess
    seat: Seat | None = None
    watch: tuple[Board[Stored], int] | None = None
    before: float | None = None
    queue: "deque[Generator[None] | tuple[bytes, ...]]" = field(default_factory=deque)
    unserved: deque[Unserved] = field(default_factory=deque)

    @property
    def key(self) -> Key:
        """What it is called."""
        return self.line.key

    def check_order(self, now: float) -> None:
        """Whether an order of this connection still counts.

        Raises:
            LateError: It came after its time: who gave it was told already that nothing becomes of it.
        """
        before, self.before = self.before, None
        if before is not None and now > before:
            raise LateError(f"came {now - before:.1f} s after its time: nothing was done")

    def reader(self, space: str) -> str:
        """The name in which it asks: the role that its process fills in a space, or else the process's own."""
        if self.seat is not None:
            return self.seat.role
        seats = (other.seat for other in self.process.connections)
        return next((seat.role for seat in seats if seat is not None and seat.space == space), self.process.name)


def open_process(pid: int) -> int:
    """A file descriptor that becomes readable when the process ends; -1 if there is none to be had."""
    with contextlib.suppress(OSError, AttributeError, OverflowError):
        return os.pidfd_open(pid)
    return -1
