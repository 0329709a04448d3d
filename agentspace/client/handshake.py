"""The handshake of a client process with its server, and its results; shared by all connections of the process."""

import os
import threading
import time
import weakref
from collections import deque
from typing import Any, NamedTuple

from agentspace.client.lifeline import ProcessLifeline
from agentspace.core.change import Kind
from agentspace.core.space import Entry
from agentspace.wire.address import Address, machine
from agentspace.wire.format import kind_of, writer_of
from agentspace.wire.from_client import Hello
from agentspace.wire.from_server import Welcome
from agentspace.wire.holding import Holding
from agentspace.wire.parcel import Incoming
from agentspace.wire.payload import Mapper
from agentspace.wire.pool import AVAILABLE, UNUSED, Pool


class Meeting(NamedTuple):
    """A meeting of a client and a server: another one after a restart, or after the server forgot it."""

    server: bytes = b""
    number: int = 0


class Lender:
    """A server that lends its segments; what came from another one is none of its business.

    Args:
        pid: Its process.
        era: Of the pool: which server it is, of those that were met.
        held: Has all payloads that views in this process look at.

    Attributes:
        pid: Its process.
        released: Its segments that nothing here looks at any more; it is to be told.
        mapper: Makes them visible.
    """

    def __init__(self, pid: int, era: int, held: "weakref.WeakSet[Holding]") -> None:
        self.pid = pid
        self.released: deque[int] = deque()
        self.mapper = Mapper(pid)
        self._era = era
        self._held = held

    def holding(self, refs: list[Any]) -> Holding:
        """The payloads of a message that came from it."""
        known = [(int(a), int(b), int(c), int(d)) for a, b, c, d in refs]
        made = Holding(known, self.released, self._era, self.mapper)
        self._held.add(made)
        return made


class Handshake:
    """The handshake of a client process with its server, and what both may use since then.

    Args:
        address: Of the server.
        name: How writes are signed that no role makes.
        patience: Seconds to wait for an answer.
        sends_within: Seconds in which what is sent has found room at a server that reads.

    Attributes:
        meeting: Their last meeting.
        lease: Seconds without a sign of life after which the server forgets the client.
        lost: Why the server is out of reach, as far as the signs of life have told; None if it is not.
        lifeline: Tells when the server's process has ended; None if that cannot be seen from here.
        pool: Takes large arrays; None if the server cannot see it.
        held: The payloads that views in this process look at.
        lender: The server of the last meeting.
    """

    def __init__(self, address: Address, name: str, patience: float, sends_within: float) -> None:
        self.address = address
        self.patience = patience
        self.sends_within = sends_within
        self.meeting = Meeting()
        self.lease = 0.0
        self.lost: str | None = None
        self.lifeline: ProcessLifeline | None = None
        self.held: weakref.WeakSet[Holding] = weakref.WeakSet()
        self._name = name
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self.pool: Pool | None = None
        self._pool = Pool()
        self.lender = Lender(0, 0, self.held)
        self._tidied = time.monotonic()
        self._lock = threading.Lock()

    def greeting(self, call: int) -> Hello:
        """The greeting of a connection."""
        return Hello(call, self._ident, self._name, os.getpid(), self._machine)

    def welcome(self, reply: Welcome) -> Lender:
        """Takes note of the server's answer; gives who lends what comes from there."""
        with self._lock:
            if reply.server != self.meeting.server:
                self.lease, self.pool = reply.lease, self._pool if reply.shared else None
                self.lifeline = ProcessLifeline(reply.pid) if reply.shared else None
                self._pool.abandon()
                self.lender = Lender(reply.pid, self._pool.era, self.held)
            elif reply.meeting <= self.meeting.number:
                return self.lender
            self.meeting = Meeting(reply.server, reply.meeting)
            return self.lender

    @staticmethod
    def entry(head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them."""
        kind = kind_of(head)
        value = Incoming(frame, head[9] or None).value() if kind is Kind.WRITTEN else None
        return Entry(head[0], kind, value, head[2], head[3], writer_of(head), head[6], head[7], head[8])

    def recycle(self, segments: list[Any]) -> None:
        """The server gives shared memory back."""
        for number in segments:
            self._pool.recycle(number)
        self.tidy(time.monotonic())

    def tidy(self, now: float) -> None:
        """Lets go of the shared memory that was not used for a while; to be called now and then (s, monotonic)."""
        if now - self._tidied >= UNUSED:
            self._tidied = now
            self._pool.trim()
            self.lender.mapper.trim()

    def close(self) -> None:
        """Lets go of the shared memory."""
        self._pool.close()
        self.lender.mapper.close()
