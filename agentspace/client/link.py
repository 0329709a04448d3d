"""A client process's link to a server: its connections, its sign of life and the memory it shares."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from typing import Any, NamedTuple

import zmq

from agentspace.client.connection import LINGER, Channel, closed
from agentspace.core.slot import Kind
from agentspace.core.space import Entry
from agentspace.core.value import Array, Value
from agentspace.errors import AgentspaceError, FencedError, ProtocolError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.address import Address, client_key, machine
from agentspace.wire.codec import SMALL, decode, encode
from agentspace.wire.payload import AVAILABLE, Holding, Mapper, Pool

PATIENCE = 10.0  #: seconds in which a server that lives has answered
_LEAST = 1.0  #: seconds in which a server that lives has welcomed a connection
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


class Tie(NamedTuple):
    """What a client has with a server: another one after each restart, or when the server has forgotten it."""

    server: bytes = b""
    meeting: int = 0


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
        self.patience = patience
        self.tie = Tie()
        self.lost: str | None = None
        self.pool = Pool()
        self._name = name
        self._timeout = max(timeout, _LEAST)  # for the first connection
        self._ident = os.urandom(16)
        self._machine = machine() if AVAILABLE else ""
        self._mapper = Mapper(0)
        self._key = client_key() if not address.local else None
        self._context: zmq.Context[Any] = zmq.Context()
        self._local = threading.local()
        self._channels: dict[Channel, threading.Thread | None] = {}  # with the thread that it is for alone
        self._held: weakref.WeakSet[Holding] = weakref.WeakSet()
        self._released: deque[int] = deque()
        self._shares = False
        self._lease = 0.0
        self._closing = threading.Event()
        self._lingers = False
        self._beats = threading.Semaphore()  # for the first that wants signs of life
        self._heart: threading.Thread | None = None
        self._pulse: Channel
        self._lock = threading.Lock()
        try:
            self.channel()
        except BaseException:
            self.close()
            raise

    def channel(self) -> Channel:
        """The calling thread's own connection."""
        channel: Channel | None = getattr(self._local, "channel", None)
        if channel is None:
            channel = self._local.channel = self.new_channel(threading.current_thread())
        return channel

    def new_channel(self, thread: threading.Thread | None = None) -> Channel:
        """A further connection, to be closed by `drop_channel`; if it is for a thread alone, with its end."""
        with self._lock:
            ended = [channel for channel, owner in self._channels.items() if owner and not owner.is_alive()]
        for channel in ended:
            self.drop_channel(channel)
        channel = self._connect()
        with self._lock:
            if not self._closing.is_set():
                self._channels[channel] = thread
                return channel
        channel.close()
        raise closed()

    def drop_channel(self, channel: Channel) -> None:
        """Closes a further connection."""
        with self._lock:
            known = self._channels.pop(channel, self) is not self
        if known:
            channel.close(messages.HangUp(channel.number()))

    def greeting(self, call: int) -> messages.Hello:
        """How a connection introduces this client."""
        return messages.Hello(call, self._ident, self._name, os.getpid(), self._machine)

    def welcome(self, reply: messages.Welcome) -> None:
        """Takes note of the server."""
        with self._lock:
            if reply.server != self.tie.server:
                self._shares, self._lease = reply.shared, reply.lease
                self._mapper = Mapper(reply.pid)
                self.pool.abandon()
                self._timeout = max(self.patience, _LEAST)
            elif reply.meeting <= self.tie.meeting:
                return
            self.tie = Tie(reply.server, reply.meeting)

    def keep_alive(self) -> None:
        """From now on gives signs of life on its own."""
        if not self._beats.acquire(blocking=False):
            return
        try:
            pulse = self._connect()
        except BaseException:
            self._beats.release()
            raise
        with self._lock:
            if not self._closing.is_set():
                self._pulse = pulse
                self._heart = threading.Thread(target=self._live, name="agentspace-heart", daemon=True)
                self._heart.start()
                return
        pulse.close()

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

    def received(self, refs: list[Any], frame: bytes) -> Received:
        """A value that came with a message, and the payloads that it refers to."""
        if not refs:
            return Received(frame, None, self._mapper)
        holding = Holding([(int(a), int(b), int(c), int(d)) for a, b, c, d in refs], self.release)
        self._held.add(holding)
        self.keep_alive()  # the server is to hear that the views are gone, also when nothing else is to say
        return Received(frame, holding, self._mapper)

    def entry(self, head: list[Any], frame: bytes) -> Entry:
        """A head and its frame, as a reader sees them."""
        kind = messages.kind_of(head)
        value = self.received(head[9], frame).value() if kind is Kind.WRITTEN else None
        return Entry(head[0], kind, value, head[2], head[3], messages.writer_of(head), head[6], head[7], head[8])

    def recycle(self, segments: list[Any]) -> None:
        """The server gives shared memory back."""
        for number in segments:
            self.pool.recycle(number)

    def release(self, segments: list[int]) -> None:
        """Nobody will look at what lies in these segments of the server."""
        self._released.extend(segments)

    def take_released(self) -> list[int]:
        """The segments whose views are gone since the last call."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._released.popleft())
        return taken

    def close(self) -> None:
        """Signs off and closes all connections; the server keeps what is needed for views that are still there."""
        with self._lock:
            channels, self._channels = list(self._channels), {}
            heart, ended = self._heart, self._closing.is_set()
            self._lingers = heart is not None and bool(self._held)
            self._closing.set()
        if ended:
            return
        if heart is not None and not self._lingers:
            self._pulse.close()
            heart.join()
        for number, channel in enumerate(channels):
            channel.close(None if self._lingers or number else messages.Bye())
        if not self._lingers:
            self._end()

    def _live(self) -> None:
        """What the heart does: it beats until the space is closed, and then until the last view is gone."""
        period = self._lease / _BEATS_PER_LEASE
        while not self._closing.wait(period):
            self._beat()
        if self._lingers:
            while self._held and self.lost is None:
                time.sleep(period)
                self._beat()
            self._pulse.close(messages.Bye())
            self._end()

    def _beat(self) -> None:
        pulse = self._pulse
        try:
            pulse.call(messages.Beat(pulse.number()))
            self.lost = None
        except FencedError:
            with contextlib.suppress(AgentspaceError):
                pulse.hello(self.patience)
        except (SpaceUnreachableError, ProtocolError) as error:
            self.lost = str(error)
        pulse.unasked.clear()  # replies that came too late

    def _end(self) -> None:
        self._context.term()
        self.pool.close()
        self._mapper.close()

    def _connect(self) -> Channel:
        if self._closing.is_set():
            raise closed()
        try:
            return Channel(self, self._open_socket(), self._timeout)
        except zmq.ZMQError:
            if self._closing.is_set():  # meanwhile
                raise closed() from None
            raise

    def _open_socket(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, LINGER)
        if self._key is not None:
            socket.curve_serverkey = self._key.server.encode()
            socket.curve_publickey = self._key.public.encode()
            socket.curve_secretkey = self._key.secret.encode()
        socket.connect(self.address.endpoint)
        return socket
