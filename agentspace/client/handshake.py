"""The handshake of a client process with its server, and its results; shared by all connections of the process."""

import contextlib
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
from agentspace.wire.parcel import Incoming, Ref
from agentspace.wire.payload import Mapper
from agentspace.wire.pool import AVAILABLE, UNUSED, Pool


class Meeting(NamedTuple):
    """A meeting of a client and a server: another one after a restart, or after the server forgot it."""

    server: bytes = b""
    number: int = 0


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
        released: Segments of the server that nothing here looks at any more; it is to be told.
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
        self.released: deque[int] = deque()
        self._name = name
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self.pool: Pool | None = None
        self._pool = Pool()
        self._mapper = Mapper(0)
        self._tidied = time.monotonic()
        self._lock = threading.Lock()

    def greeting(self, call: int) -> Hello:
        """The greeting of a connection."""
        return Hello(call, self._ident, self._name, os.getpid(), self._machine)

    def welcome(self, reply: Welcome) -> deque[int]:
        """Takes note of the server's answer; gives what is to be told to this server, and to no other one."""
        with self._lock:
            if reply.server != self.meeting.server:
                self.lease, self.pool = reply.lease, self._pool if reply.shared else None
                self.lifeline = ProcessLifeline(reply.pid) if reply.shared else None
                self._mapper = Mapper(reply.pid)
                self._pool.abandon()
                self.released = deque()  # what the last server has lent is none of this one's business
            elif reply.meeting <= self.meeting.number:
                return self.released
            self.meeting = Meeting(reply.server, reply.meeting)
            return self.released

    def incoming(self, refs: list[Ref], frame: bytes) -> Incoming:
        """A value that came with a message, and the payloads that it refers to."""
        if not refs:
            return Incoming(frame)
        known = [(int(a), int(b), int(c), int(d)) for a, b, c, d in refs]
        holding = Holding(known, self.released, self._pool.era)
        self.held.add(holding)
        return Incoming(frame, holding, self._mapper)

    def entry(self, head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them."""
        kind = kind_of(head)
        value = self.incoming(head[9], frame).value() if kind is Kind.WRITTEN else None
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
            self._mapper.trim()

    def take_released(self) -> list[int]:
        """The segments that were released since the last call."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self.released.popleft())
        return taken

    def close(self) -> None:
        """Lets go of the shared memory."""
        self._pool.close()
        self._mapper.close()
