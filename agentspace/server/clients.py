"""The clients of a server: client processes, their connections, their leases and what they hold."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from agentspace.core.board import Board
from agentspace.core.seats import Seat
from agentspace.core.values.budget import Share
from agentspace.errors import FencedError, LateError
from agentspace.server.keyring import Visitor
from agentspace.server.lines import ClientLine, Key
from agentspace.wire.parcel import Ref, Stored
from agentspace.wire.payload import Ledger, Loan


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
    recycled: list[int] = field(default_factory=list)
    lent: dict[int, list[Loan]] = field(default_factory=dict)
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
        return self.shares and all(loan.segment.fd >= 0 for loan in stored.loans)

    def lend(self, stored: Stored) -> tuple[list[Ref], bytes]:
        """The payload descriptors and the frame with which a value goes to this client."""
        if not stored.loans:
            return [], stored.data
        if not self.borrows(stored):
            return [], stored.inline()
        for loan in stored.loans:
            self.lent.setdefault(loan.segment.ident, []).append(loan)
        return [(x.segment.ident, x.segment.fd, x.segment.size, x.nbytes) for x in stored.loans], stored.data

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
