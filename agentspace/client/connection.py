"""One connection of a client to its server: requests with their replies, and what arrives unasked."""

import contextlib
import itertools
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import zmq

from agentspace import errors
from agentspace.client.channel import LINGER, Channel
from agentspace.client.handshake import Handshake, Lender
from agentspace.client.lifeline import Lifeline, lifeline_of
from agentspace.errors import (
    AgentspaceError,
    ConnectionLostError,
    FencedError,
    LimitError,
    ProtocolError,
    SpaceUnreachableError,
)
from agentspace.wire import from_client, from_server
from agentspace.wire.format import MAX_MESSAGE, Message, parse
from agentspace.wire.holding import told_now
from agentspace.wire.parcel import Outgoing
from agentspace.wire.portions import Portions
from agentspace.wire.segments import LENDING, hold

CLOSED: Final = "this space was closed"
_GLANCE: Final = 0.1  #: seconds without an answer after which it is looked whether the server is still there
_ATTEMPT: Final = 0.02  #: seconds between two attempts to reach a server that is not there
_AGAIN: Final = 1.0  #: seconds after which a greeting is said again, to a server that may be another one by now
Frame = bytes | Outgoing  #: of a value
Arrived = tuple[Any, list[bytes]]  #: a message and its frames


class Connection:
    """A connection; for one thread at a time, but for `wake` and `close`, which any thread may call.

    What arrives unasked while a reply is awaited waits in `unasked`.

    Args:
        handshake: Of the client with its server.
        open_channel: Makes a channel to the server; is given a descriptor that ends a wait there.
        timeout: Seconds to wait for the server's welcome.

    Raises:
        SpaceUnreachableError: No server answers.
    """

    def __init__(self, handshake: Handshake, open_channel: Callable[[int], Channel], timeout: float) -> None:
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.unasked: deque[Arrived] = deque()
        self._handshake = handshake
        self._open_channel = open_channel
        self._channel = open_channel(self._waker)
        self._lifeline: Lifeline | None = None
        self._calls = itertools.count(1)
        self._closed = ""  # why nothing can be asked any more
        self._portions = Portions()  # of the message that is coming
        self._lender: Lender | None = None  # who has welcomed it
        self._used = threading.RLock()  # a channel is for one thread at a time, also when it is closed
        try:
            self.hello(timeout)
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        os.close(self._waker)  # not before: `wake` must never hit a descriptor that is somebody else's by now

    @property
    def closed(self) -> bool:
        """Its channel is."""
        return self._channel.closed

    @property
    def is_cut(self) -> bool:
        """Whether the server that it met is gone, and it has not met another one yet."""
        lifeline = self._lifeline  # which another thread may take away meanwhile
        return lifeline is None or self._channel.ended or lifeline.is_cut()

    @property
    def has_ended(self) -> bool:
        """The same, as far as that shows by itself: a lane says it to whoever waits for a message there."""
        channel, lifeline = self._channel, self._lifeline
        return channel.ended or lifeline is None or (not channel.tells_end and lifeline.is_cut())

    @property
    def _has_lost(self) -> bool:
        return self._lifeline is not None and self.has_ended

    def hello(self, timeout: float) -> None:
        """Introduces this connection to the server; to the one that is there now, if the last one is gone.

        Raises:
            SpaceUnreachableError: None has answered within the time (s).
        """
        until = time.monotonic() + timeout
        with self._used:
            if self._lifeline is not None and self.is_cut:
                self._begin_anew()
            while True:
                left = until - time.monotonic()
                try:
                    return self._greet(min(left, _AGAIN), timeout)
                except (ConnectionLostError, BrokenPipeError):  # it was there for a moment
                    self._begin_anew()
                    self._channel.wait(_ATTEMPT)
                except LimitError as error:
                    if left <= _AGAIN or not str(error).startswith(from_server.CUT_OFF):
                        raise
                    self._channel.wait(_ATTEMPT)  # very many have come at once
                except SpaceUnreachableError:
                    if self._closed or left <= _AGAIN:
                        raise

    def renew(self, timeout: float) -> None:
        """Meets the server that is there now, unless a thread uses this connection, and will do so itself."""
        if self.is_cut and self._used.acquire(blocking=False):
            try:
                self.hello(timeout)
            finally:
                self._used.release()

    def _greet(self, patience: float, timeout: float) -> None:
        until = time.monotonic() + patience
        while not (self._closed or self._channel.open()):
            self._wait(_ATTEMPT)
            if time.monotonic() >= until:
                raise self._no_answer(timeout)
        if self._closed:
            raise SpaceUnreachableError(self._closed)
        call = self.number()
        self._put((self._handshake.greeting(call).pack(),))  # before it, nothing is heard, nor can be released
        reply, _ = self._reply(call, until - time.monotonic(), timeout)
        if not isinstance(reply, from_server.Welcome):
            raise ProtocolError(f"expected a welcome, got {reply!r:.80}")
        self._lender = self._handshake.welcome(reply)
        if self.is_cut:
            self._hold(self._handshake.lifeline or lifeline_of(self._channel))

    def _begin_anew(self) -> None:
        """Another channel: what waits in the old one is of a server that is gone, or was meant for it."""
        self._hold(None)
        self._channel.close(linger=0)
        self.unasked.clear()
        self._portions.clear()
        self._lender = None
        self._channel = self._open_channel(self._waker)

    def _hold(self, lifeline: Lifeline | None) -> None:
        """Takes another lifeline."""
        if self._lifeline is not None:
            self._lifeline.close()
        self._lifeline = lifeline

    def idle(self, seconds: float) -> bool:
        """Waits for a time, or until the server is gone (True), or until it is woken or closed."""
        poller = zmq.Poller()
        poller.register(self._waker, zmq.POLLIN)
        with self._used:  # so that nobody closes meanwhile what is waited for
            lifeline = self._lifeline.pollable if self._lifeline is not None else None
            if lifeline is not None:
                poller.register(lifeline, zmq.POLLIN)
            events = dict(poller.poll(math.ceil(1e3 * seconds)))
            if self._waker in events and not self._closed:
                os.eventfd_read(self._waker)
            return self.is_cut

    def number(self) -> int:
        """A number for the next request."""
        return next(self._calls)

    def call(self, message: Any, frames: tuple[Frame, ...] = (), patience: float | None = None) -> Arrived:
        """Sends a request and waits for its reply, for a time (s) of its own if one is given.

        Raises:
            AgentspaceError: The server's error, by its own type.
            SpaceUnreachableError: No reply in time.
        """
        with self._used:
            self.send(message, frames)
            return self._reply(message.call, patience or self._handshake.patience)

    def last_answer(self, call: int) -> Arrived | None:
        """What the server said to a request before it ended: that may have come through after the news of its end.

        Raises:
            AgentspaceError: The server's error, by its own type.
        """
        with self._used:
            for taken in self._lingering():
                if getattr(taken[0], "call", None) != call:
                    continue
                if isinstance(taken[0], from_server.Failed):
                    raise to_error(taken[0])
                return taken
        return None

    def _lingering(self) -> Iterator[Arrived]:
        """What still comes, for a while."""
        until = time.monotonic() + LINGER
        while (left := until - time.monotonic()) > 0:
            if self._channel.wait(0.0 if self._channel.ended else left):
                taken = self._take()
                if taken is not None:
                    yield taken
            elif self._channel.ended:
                return

    def send(self, message: Message, frames: tuple[Frame, ...] = ()) -> None:
        """Sends a message, after telling which views are gone."""
        with self._used:
            if self._lender is not None and self._lender.released:
                self.release(self._lender.released)
            self._send(message, frames)

    def release(self, idents: deque[int]) -> None:
        """Tells which segments nothing here looks at any more."""
        with self._used:
            while told := told_now(idents):
                try:
                    self._send(from_client.Release(told), ())
                except AgentspaceError:
                    idents.extend(told)  # nobody has heard it
                    raise

    @property
    def released(self) -> deque[int]:
        """The segments that its server has lent, and that it is to be told of."""
        return deque() if self._lender is None else self._lender.released

    def tell(self, message: Message, frames: tuple[Frame, ...] = ()) -> bool:
        """Sends a message that has no answer; False if nobody is there to hear it."""
        try:
            self.send(message, frames)
        except FencedError:
            return False
        return True

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
        """Closes the connection, after a last message and its answer; whoever waits there waits no more."""
        self._closed = CLOSED
        self.wake()
        with self._used:
            if self._channel.closed:
                return
            if last is not None:
                with contextlib.suppress(BrokenPipeError, AgentspaceError):
                    if self._channel.send((last.pack(),)):
                        self._give_back(getattr(last, "call", None))
            self._hold(None)
            self._channel.close()

    def abandon(self, why: str) -> None:
        """Nobody can use it any more, and nothing is said to the server; never blocks."""
        self._closed = why
        if why != CLOSED:
            self._used = threading.RLock()  # another thread of a parent that has forked may hold that one
        elif self._used.acquire(blocking=False):
            self._hold(None)
            self._channel.close(linger=0)
            self._used.release()

    def _send(self, message: Message, frames: tuple[Frame, ...]) -> None:
        size = sum(map(len, frames))
        if size > MAX_MESSAGE:
            raise LimitError(f"a message of {size} bytes; at most {MAX_MESSAGE} are allowed")
        if self._closed:
            raise SpaceUnreachableError(self._closed)
        try:
            self._put((message.pack(), *[each.go() if isinstance(each, Outgoing) else each for each in frames]))
        except (BrokenPipeError, SpaceUnreachableError) as error:  # it has no effect
            for outgoing in [each for each in frames if isinstance(each, Outgoing)]:
                outgoing.go(gone=False)
            if not isinstance(error, BrokenPipeError):
                raise
            self._hear_why()
            raise FencedError(f"the server at {self._handshake.address} has ended this connection") from None

    def _hear_why(self) -> None:
        """Takes what the server said before it ended the connection.

        Raises:
            AgentspaceError: Why it did.
        """
        while self._channel.wait(0.0):
            taken = self._take()
            if taken is not None:
                self._set_aside(taken)

    def _put(self, whole: tuple[bytes, ...]) -> None:
        channel = self._channel
        taken = channel.send(whole)
        if taken and not channel.is_behind:
            return
        until = time.monotonic() + self._handshake.sends_within
        while True:
            has_room = channel.make_room(_GLANCE)
            taken = taken or (has_room and channel.send(whole))
            if taken and not channel.is_behind:
                return
            now = time.monotonic()
            until = now + self._handshake.sends_within if has_room else until
            if self._closed or now >= until:
                channel.give_up()
                why = f"the server at {self._handshake.address} does not take messages"
                raise SpaceUnreachableError(self._closed or why)

    def _wait(self, seconds: float) -> bool:
        """Whether something has arrived within a time."""
        if self._channel.wait(seconds) and not self._closed:
            return True
        if self._closed:
            raise SpaceUnreachableError(self._closed)
        if self._has_lost:
            raise ConnectionLostError(f"the server at {self._handshake.address} has ended, or was cut off")
        return False

    def _take(self) -> Arrived | None:
        header, *frames = self._channel.receive()
        message = parse(header)
        if type(message) in LENDING and self._lender is not None:
            hold(message, self._lender.holding)
        if isinstance(message, from_server.Recycle):
            self._handshake.recycle(message.segments)
            return None
        if isinstance(message, from_server.Portion):
            self._portions.add(message, frames)
            return None
        return message, self._portions.complete(message, frames) if self._portions else frames

    def _give_back(self, call: int | None) -> None:
        """Takes what still comes, until the answer to a call: what that lends is looked at by nobody."""
        self.unasked.clear()
        if call is not None:
            for message, _ in self._lingering():
                if getattr(message, "call", None) == call:
                    break

    def _reply(self, call: int, patience: float, told: float | None = None) -> Arrived:
        """The answer to a call, within a time (s); in the error, another time may be told."""
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            taken = self._take() if self._wait(min(left, _GLANCE)) else None
            if taken is None:
                until = time.monotonic() + patience if self._portions else until
                continue
            if getattr(taken[0], "call", None) != call:
                self._set_aside(taken)
            elif isinstance(taken[0], from_server.Failed):
                raise to_error(taken[0])
            else:
                return taken
        raise self._no_answer(patience if told is None else told)

    def _no_answer(self, within: float) -> SpaceUnreachableError:
        doubt = "" if self._handshake.address.local else "; a wrong key gets none either"
        return SpaceUnreachableError(
            f"no answer from a server at {self._handshake.address} within {within:g} s{doubt}"
        )

    def _set_aside(self, taken: Arrived) -> None:
        """A message that came unasked waits; an answer that came too late does not.

        Raises:
            AgentspaceError: The server has cut this connection off; says why.
        """
        if isinstance(taken[0], from_server.Failed) and taken[0].text.startswith(from_server.CUT_OFF):
            self._begin_anew()
            raise to_error(taken[0])
        if not isinstance(taken[0], from_server.ANSWERS):
            self.unasked.append(taken)


def to_error(failed: from_server.Failed) -> AgentspaceError:
    """The error that the server reports, by its own type."""
    cls = getattr(errors, failed.error, AgentspaceError)
    known = isinstance(cls, type) and issubclass(cls, AgentspaceError) and cls is not errors.LaunchError
    return cls(failed.text) if known else AgentspaceError(failed.text)
