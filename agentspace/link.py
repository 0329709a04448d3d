"""A client process's link to a server: its connections, its sign of life and the memory it shares."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import threading
import time
from collections import deque
from typing import Any

import zmq

from agentspace import errors, wire
from agentspace.address import Address, client_key, machine
from agentspace.codec import SMALL, decode, encode
from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError, SpaceUnreachableError
from agentspace.frames import NOBLOCK, receive, send
from agentspace.payload import AVAILABLE, Holding, Mapper, Pool
from agentspace.slot import Kind
from agentspace.space import Entry
from agentspace.value import Array, Value

PATIENCE = 10.0  #: seconds in which a server that lives has answered
_BEATS_PER_LEASE = 4


class Encoded:
    """A value on its way out: its frame, and its payloads in shared memory."""

    __slots__ = ("data", "refs")

    def __init__(self, data: bytes, refs: list[tuple[int, int, int, int]]) -> None:
        self.data = data
        self.refs = refs


class Received:
    """A value that came in; what it holds of shared memory is let go with it and with every view of it."""

    __slots__ = ("_frame", "_holding", "_mapper")

    def __init__(self, frame: bytes, holding: Holding | None, mapper: Mapper) -> None:
        self._frame = frame
        self._holding = holding
        self._mapper = mapper

    def value(self) -> Value:
        """The value; arrays are read-only."""
        return decode(self._frame, self._resolve)

    def _resolve(self, index: int, nbytes: int) -> Array:
        if self._holding is None:
            raise ProtocolError("the value has no payloads")
        return self._mapper.view(self._holding, index, nbytes)


class Channel:
    """One connection; for one thread at a time.

    What arrives unasked while a reply is awaited waits in `unasked`.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._calls = itertools.count(1)
        self.unasked: deque[tuple[wire.Message, list[bytes]]] = deque()
        self.socket = link.open_socket()
        self.poller = zmq.Poller()
        self.poller.register(self.socket, zmq.POLLIN)
        self.hello()

    def hello(self) -> None:
        """Introduces this connection to the server."""
        link = self._link
        call = next(self._calls)
        self.send(wire.Hello(call, link.ident, link.name, os.getpid(), link.machine))
        reply, _ = self._reply(call, link.timeout)
        if not isinstance(reply, wire.Welcome):
            raise ProtocolError(f"expected a welcome, got {reply!r:.80}")
        link.welcome(reply)

    def number(self) -> int:
        """A number for the next request."""
        return next(self._calls)

    def call(self, message: Any, frames: tuple[bytes, ...] = ()) -> tuple[Any, list[bytes]]:
        """Sends a request and waits for its reply.

        Raises:
            AgentspaceError: The server's error, by its own type.
            SpaceUnreachableError: No reply in time.
        """
        self.send(message, frames)
        return self._reply(message.call, self._link.patience)

    def send(self, message: wire.Message, frames: tuple[bytes, ...] = ()) -> None:
        """Sends a message, after telling which views are gone."""
        released = self._link.take_released()
        if released:
            self._send(wire.Release(released), ())
        self._send(message, frames)

    def receive(self, timeout: float | None) -> tuple[wire.Message, list[bytes]] | None:
        """The next message that came unasked; None if the time (s) ran out or the poller's other end woke it."""
        if self.unasked:
            return self.unasked.popleft()
        wait = None if timeout is None else max(0, math.ceil(1e3 * timeout))
        events = dict(self.poller.poll(wait))
        return self._take() if self.socket in events else None

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close(linger=500)

    def _send(self, message: wire.Message, frames: tuple[bytes, ...]) -> None:
        size = sum(map(len, frames))
        if size > wire.MAX_MESSAGE:
            raise LimitError(f"a message of {size} bytes; at most {wire.MAX_MESSAGE} are allowed")
        try:
            send(self.socket, message.pack(), frames, NOBLOCK)
        except zmq.Again:
            raise SpaceUnreachableError(f"the server at {self._link.address} does not take messages") from None

    def _take(self) -> tuple[wire.Message, list[bytes]] | None:
        header, *frames = receive(self.socket)
        message = wire.parse(header)
        if isinstance(message, wire.Recycle):
            for number in message.segments:
                self._link.pool.recycle(number)
            return None
        return message, frames

    def _reply(self, call: int, timeout: float) -> tuple[wire.Message, list[bytes]]:
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            if not self.socket.poll(math.ceil(1e3 * left)):
                break
            taken = self._take()
            if taken is None:
                continue
            if getattr(taken[0], "call", None) != call:
                self.unasked.append(taken)
            elif isinstance(taken[0], wire.Failed):
                raise to_error(taken[0])
            else:
                return taken
        raise SpaceUnreachableError(f"no answer from a server at {self._link.address} within {timeout:g} s")


class Link:
    """All that a client process shares between its spaces, sessions and threads.

    Args:
        address: Of the server.
        name: How writes are signed that no role makes.
        timeout: Seconds to wait for the server at first.
        patience: Seconds to wait for an answer.

    Raises:
        SpaceUnreachableError: No server answers.
    """

    def __init__(self, address: Address, name: str, timeout: float, patience: float = PATIENCE) -> None:
        if address.local and not timeout and not address.path.exists():
            raise SpaceUnreachableError(
                f"there is no server at {address}; start one with `agentspace server` or a launch"
            )
        self.address = address
        self.name = name
        self.timeout = max(timeout, 1.0)
        self.patience = patience
        self.ident = os.urandom(16)
        self.machine = machine() if AVAILABLE else ""
        self.server = b""
        self.lost: str | None = None
        self.pool = Pool()
        self.mapper = Mapper(0)
        self._key = client_key() if not address.local else None
        self._context: zmq.Context[Any] = zmq.Context()
        self._local = threading.local()
        self._channels: list[Channel] = []
        self._released: list[int] = []
        self._shares = False
        self._lease = 0.0
        self._closing = threading.Event()
        self._heart: threading.Thread | None = None
        self._lock = threading.Lock()
        try:
            self.channel()
        except BaseException:
            self.close()
            raise

    def open_socket(self) -> zmq.Socket[bytes]:
        """A socket that is connected, or will be."""
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 500)
        if self._key is not None:
            socket.curve_serverkey = self._key.server.encode()
            socket.curve_publickey = self._key.public.encode()
            socket.curve_secretkey = self._key.secret.encode()
        socket.connect(self.address.endpoint)
        return socket

    def channel(self) -> Channel:
        """The calling thread's own connection."""
        channel: Channel | None = getattr(self._local, "channel", None)
        if channel is None:
            channel = self._local.channel = self.new_channel()
        return channel

    def new_channel(self) -> Channel:
        """A further connection."""
        if self._closing.is_set():
            raise SpaceUnreachableError("this space was closed")
        channel = Channel(self)
        with self._lock:
            self._channels.append(channel)
        return channel

    def drop_channel(self, channel: Channel) -> None:
        """Closes a further connection."""
        with self._lock:
            if channel in self._channels:
                self._channels.remove(channel)
                channel.close()

    def welcome(self, reply: wire.Welcome) -> None:
        """Takes note of the server."""
        if reply.server != self.server:
            self.server, self._shares, self._lease = reply.server, reply.shared, reply.lease
            self.mapper = Mapper(reply.pid)
            self.pool = Pool()

    def keep_alive(self) -> None:
        """From now on gives signs of life on its own."""
        with self._lock:
            if self._heart is None:
                self._heart = threading.Thread(target=self._beat, name="agentspace-heart", daemon=True)
                self._heart.start()

    def encode(self, value: Value) -> Encoded:
        """A value as it travels: large arrays in shared memory where the server can see it.

        Raises:
            ValueTypeError: The value is not one that a slot holds.
        """
        refs: list[tuple[int, int, int, int]] = []

        def share(array: Array) -> int | None:
            if array.nbytes < SMALL:
                return None
            placed = self.pool.put(array)
            if placed is None:
                return None
            refs.append((*placed, array.nbytes))
            return len(refs) - 1

        return Encoded(encode(value, share if self._shares else None), refs)

    def decode(self, encoded: Encoded) -> Value:
        """The value that was encoded, as its readers will see it."""
        return decode(encoded.data, lambda index, nbytes: self.pool.view(encoded.refs[index][0], nbytes))

    def received(self, head: list[Any], frame: bytes) -> Received:
        """A value that came with a head."""
        refs = [(int(a), int(b), int(c), int(d)) for a, b, c, d in head[9]]
        return Received(frame, Holding(refs, self._released.extend) if refs else None, self.mapper)

    def entry(self, head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them."""
        kind = wire.kind_of(head)
        value = self.received(head, frame).value() if kind is Kind.WRITTEN else None
        return Entry(head[0], kind, value, head[2], head[3], wire.writer_of(head), head[6], head[7], head[8])

    def take_released(self) -> list[int]:
        """The segments whose views are gone since the last call."""
        if not self._released:
            return []
        count = len(self._released)
        taken = self._released[:count]
        del self._released[:count]
        return taken

    def close(self) -> None:
        """Signs off and closes all connections."""
        self._closing.set()
        if self._heart is not None and self._heart is not threading.current_thread():
            self._heart.join()
        with contextlib.suppress(AgentspaceError, zmq.ZMQError):
            if self._channels:
                self._channels[0].send(wire.Bye())
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        self._context.term()
        self.pool.close()
        self.mapper.close()

    def _beat(self) -> None:
        channel: Channel | None = None
        period = self._lease / _BEATS_PER_LEASE
        while not self._closing.wait(period):
            try:
                channel = channel or self.new_channel()
                channel.call(wire.Beat(channel.number()))
                self.lost = None
            except FencedError as error:
                self.lost = str(error)
                with contextlib.suppress(AgentspaceError):
                    if channel is not None:
                        channel.hello()
            except (SpaceUnreachableError, ProtocolError) as error:
                self.lost = str(error)


def to_error(failed: wire.Failed) -> AgentspaceError:
    """The error that the server reports, by its own type."""
    cls = getattr(errors, failed.error, AgentspaceError)
    known = isinstance(cls, type) and issubclass(cls, AgentspaceError) and cls is not errors.LaunchError
    return cls(failed.text) if known else AgentspaceError(failed.text)
