"""Who is connected to a server: client processes, their connections, their leases and what they hold."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import zmq

from agentspace.core.board import Board
from agentspace.core.swap import Party
from agentspace.core.value import Value
from agentspace.wire.codec import decode, encode, validate
from agentspace.wire.messages import Ref
from agentspace.wire.payload import Ledger, Loan


class Stored:
    """A value as the server holds it: encoded, with its payloads in shared memory."""

    __slots__ = ("_inline", "data", "loans")

    def __init__(self, data: bytes, loans: tuple[Loan, ...] = ()) -> None:
        self.data = data
        self.loans = loans
        self._inline: bytes | None = None if loans else data

    @property
    def size(self) -> int:
        """Bytes, with those of its payloads."""
        return len(self.data) + sum(loan.nbytes for loan in self.loans)

    def value(self) -> Value:
        """The value itself; arrays in shared memory are views."""
        return decode(self.data, lambda index, nbytes: self.loans[index].view(nbytes))

    def validate(self) -> None:
        """Checks the value to the last byte.

        Raises:
            ProtocolError: It is none.
        """
        if self.loans:
            self.value()
        else:
            validate(self.data)

    def inline(self) -> bytes:
        """The value with its arrays inside, for a client that cannot share memory."""
        if self._inline is None:
            self._inline = encode(self.value())
        return self._inline


@dataclass(slots=True, eq=False)
class Client:
    """A client process.

    Attributes:
        ident: What it calls itself on all of its connections.
        name: How its writes are signed when it fills no role.
        pid: Its process, on its own machine.
        pidfd: Tells when its process ends; -1 if that cannot be seen from here.
        ledger: The segments that it writes into.
        recycled: Segments that it should hear it may fill again.
        lent: The payloads that it holds, with how many times, by segment.
        silent_since: When it gave its last sign of life (s).
        meeting: Which of the server's meetings with clients is the last with it; 0 while it is silent.
        peers: Its connections.
        voice: The connection that it spoke on last: there it listens.
    """

    ident: bytes
    name: str
    pid: int
    pidfd: int
    idents: Callable[[], int]
    silent_since: float
    meeting: int = 0
    recycled: list[int] = field(default_factory=list)
    lent: dict[int, list[Loan]] = field(default_factory=dict)
    peers: list[Peer] = field(default_factory=list)
    voice: Peer | None = None
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.pid, self.recycled.append, self.idents)

    @property
    def shares(self) -> bool:
        """Whether arrays travel by reference: only if it is certain to be known when it holds them no more."""
        return self.pidfd >= 0

    def lend(self, stored: Stored) -> tuple[list[Ref], bytes]:
        """The payload descriptors and the frame with which a value goes to this client."""
        if not stored.loans:
            return [], stored.data
        if not self.shares:
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


@dataclass(slots=True, eq=False)
class Seat:
    """What a connection is for: a role that it fills, will fill, or has filled.

    Attributes:
        space: The name of the space.
        role: The role.
        number: The epoch; of who stands by, the number of the swap.
        party: Whether it acts, stands by or rests.
    """

    space: str
    role: str
    number: int
    party: Party = Party.ACTS

    @property
    def key(self) -> tuple[str, str]:
        """The space and the role."""
        return self.space, self.role


@dataclass(slots=True, eq=False)
class Peer:
    """One connection of a client.

    Attributes:
        key: The server's socket, by number, and the identity of the connection there.
        seat: The role that it is for.
        watch: The watcher that is served through it: its board and number.
    """

    socket: zmq.Socket[bytes]
    key: tuple[int, bytes]
    client: Client
    seat: Seat | None = None
    watch: tuple[Board[Stored], int] | None = None

    def reader(self, space: str) -> str:
        """In whose name it asks: the role that its client fills in a space, or else the client's own."""
        if self.seat is not None:
            return self.seat.role
        seats = (peer.seat for peer in self.client.peers)
        return next((seat.role for seat in seats if seat is not None and seat.space == space), self.client.name)


def open_process(pid: int) -> int:
    """A file descriptor that becomes readable when the process ends; -1 if there is none to be had."""
    with contextlib.suppress(OSError, AttributeError, OverflowError):
        return os.pidfd_open(pid)
    return -1
