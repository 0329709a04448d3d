"""One connection of a client to its server: requests with their replies, and what arrives unasked."""

import contextlib
import itertools
import math
import os
import threading
import time
from collections import deque
from typing import Any, Final

import zmq

from agentspace import errors
from agentspace.client.handshake import Handshake
from agentspace.errors import AgentspaceError, LimitError, ProtocolError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.format import MAX_MESSAGE, NOBLOCK, Message, parse, receive, send

LINGER: Final = 500  #: milliseconds in which what was sent last may still go out
Arrived = tuple[Any, list[bytes]]  #: a message and its frames


class Connection:
    """A connection; for one thread at a time, but for `wake` and `close`, which any thread may call.

    What arrives unasked while a reply is awaited waits in `unasked`.

    Args:
        handshake: Of the client with its server.
        socket: Connected, or about to be.
        timeout: Seconds to wait for the server's welcome.

    Raises:
        SpaceUnreachableError: No server answers.
    """

    def __init__(self, handshake: Handshake, socket: zmq.Socket[bytes], timeout: float) -> None:
        self.unasked: deque[Arrived] = deque()
        self._handshake = handshake
        self._socket = socket
        self._calls = itertools.count(1)
        self._closed = False
        self._used = threading.RLock()  # ZeroMQ's sockets are for one thread at a time, also when they are closed
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poller = zmq.Poller()
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._waker, zmq.POLLIN)
        try:
            self.hello(timeout)
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        os.close(self._waker)  # not before: `wake` must never hit a descriptor that is somebody else's by now

    def hello(self, timeout: float) -> None:
        """Introduces this connection to the server."""
        call = self.number()
        with self._used:
            self._send(
                self._handshake.greeting(call), ()
            )  # before it, nothing is heard, so nothing may be released
            reply, _ = self._reply(call, timeout)
        if not isinstance(reply, messages.Welcome):
            raise ProtocolError(f"expected a welcome, got {reply!r:.80}")
        self._handshake.welcome(reply)

    def number(self) -> int:
        """A number for the next request."""
        return next(self._calls)

    def call(self, message: Any, frames: tuple[bytes, ...] = (), patience: float | None = None) -> Arrived:
        """Sends a request and waits for its reply, for a time (s) of its own if one is given.

        Raises:
            AgentspaceError: The server's error, by its own type.
            SpaceUnreachableError: No reply in time.
        """
        with self._used:
            self.send(message, frames)
            return self._reply(message.call, patience or self._handshake.patience)

    def send(self, message: Message, frames: tuple[bytes, ...] = ()) -> None:
        """Sends a message, after telling which views are gone."""
        with self._used:
            if self._handshake.released:
                self._send(messages.Release(self._handshake.take_released()), ())
            self._send(message, frames)

    def receive(self, timeout: float) -> Arrived | None:
        """The next message that came unasked; None if the time (s) ran out or `wake` was called."""
        with self._used:
            if self.unasked:
                return self.unasked.popleft()
            return self._take() if self._wait(timeout) else None

    def wake(self) -> None:
        """Makes `receive` return; may be called from a signal handler."""
        os.eventfd_write(self._waker, 1)

    def close(self, last: Message | None = None) -> None:
        """Closes the connection, after a last message; whoever waits for a message or a reply stops waiting.

        If the last message has an answer, what came before it and nobody took is given back.
        """
        self._closed = True
        self.wake()
        with self._used:
            if self._socket.closed:
                return
            if last is not None:
                with contextlib.suppress(zmq.Again):
                    send(self._socket, last.pack(), flags=NOBLOCK)
                    self._give_back(getattr(last, "call", None))
            self._socket.close(linger=LINGER)

    def _send(self, message: Message, frames: tuple[bytes, ...]) -> None:
        size = sum(map(len, frames))
        if size > MAX_MESSAGE:
            raise LimitError(f"a message of {size} bytes; at most {MAX_MESSAGE} are allowed")
        if self._closed:
            raise closed()
        try:
            send(self._socket, message.pack(), frames, NOBLOCK)
        except zmq.Again:
            raise SpaceUnreachableError(
                f"the server at {self._handshake.address} does not take messages"
            ) from None

    def _wait(self, seconds: float) -> bool:
        """Whether something has arrived within a time."""
        events = dict(self._poller.poll(max(0, math.ceil(1e3 * seconds))))
        if self._waker in events:
            os.eventfd_read(self._waker)
        if self._closed:
            raise closed()
        return self._socket in events

    def _take(self) -> Arrived | None:
        header, *frames = receive(self._socket)
        message = parse(header)
        if isinstance(message, messages.Recycle):
            self._handshake.recycle(message.segments)
            return None
        return message, frames

    def _give_back(self, call: int | None) -> None:
        """Takes what still comes, until the answer to a call."""
        left = list(self.unasked)
        while call is not None and self._socket.poll(LINGER):
            taken = self._take()
            if taken is not None:
                left.append(taken)
                if getattr(taken[0], "call", None) == call:
                    break
        self._handshake.released.extend(
            [segment for message, _ in left for segment in messages.segments_of(message)]
        )

    def _reply(self, call: int, timeout: float) -> Arrived:
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            taken = self._take() if self._wait(left) else None
            if taken is None:
                continue
            if getattr(taken[0], "call", None) != call:
                self._set_aside(taken)
            elif isinstance(taken[0], messages.Failed):
                raise to_error(taken[0])
            else:
                return taken
        doubt = "" if self._handshake.address.local else "; a wrong key gets none either"
        raise SpaceUnreachableError(
            f"no answer from a server at {self._handshake.address} within {timeout:g} s{doubt}"
        )

    def _set_aside(self, taken: Arrived) -> None:
        """A message that came unasked waits; an answer that came too late does not."""
        if isinstance(
            taken[0], messages.Entries | messages.Done | messages.Welcome | messages.Joined | messages.Numbered
        ):
            self._handshake.released.extend(messages.segments_of(taken[0]))
        else:
            self.unasked.append(taken)


def closed() -> SpaceUnreachableError:
    """The error of a space that was closed."""
    return SpaceUnreachableError("this space was closed")


def to_error(failed: messages.Failed) -> AgentspaceError:
    """The error that the server reports, by its own type."""
    cls = getattr(errors, failed.error, AgentspaceError)
    known = isinstance(cls, type) and issubclass(cls, AgentspaceError) and cls is not errors.LaunchError
    return cls(failed.text) if known else AgentspaceError(failed.text)
