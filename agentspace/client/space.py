"""A space behind a server, as its clients see it: as anybody, and as one incarnation of a role."""

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentspace.client.connection import Connection, to_error
from agentspace.client.link import PATIENCE, Link
from agentspace.client.swap import RemoteSwaps
from agentspace.client.watch import LOOK
from agentspace.core.change import Decision, Kind
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.role import State
from agentspace.core.slot import Erase, Put, check_name
from agentspace.core.space import Session, Wake
from agentspace.core.swap import Step
from agentspace.core.value import Value
from agentspace.errors import FencedError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.address import Address, parse
from agentspace.wire.codec import encode
from agentspace.wire.format import Message, kind_of, unpack_decision
from agentspace.wire.parcel import Incoming, Outgoing


def connect(
    address: str | Address = "", name: str | None = None, timeout: float = 0.0, patience: float = PATIENCE
) -> "RemoteSpace":
    """Connects to a space.

    Args:
        address: A name, ``ipc:///path`` or ``tcp://host:port``, each with or without ``#SPACE``.
        name: How writes are signed that no role makes; by default the program's name and process.
        timeout: Seconds to wait for a server that is not there yet.
        patience: Seconds to wait for an answer before the server counts as out of reach.

    Raises:
        SpaceUnreachableError: No server answers.
        AgentspaceError: It is not an address.
    """
    where = parse(address) if isinstance(address, str) else address
    program = Path(sys.argv[0]).stem.replace(" ", "-") or "python"
    return RemoteSpace(Link(where, check_name(name or f"{program}-{os.getpid()}"), timeout, patience), where.space)


class RemoteSpace(RemoteSwaps):
    """A space behind a server; made by `connect`. Each thread has a connection of its own."""

    def named(self, name: str) -> "RemoteSpace":
        """Another space of the same server."""
        return RemoteSpace(self._link, check_name(name))

    def join(self, role: str, info: dict[str, Any] | None = None, swap: int | None = None) -> Session:
        """Fills a role, or stands by to take it over; see `Space.join`."""
        return RemoteSession(self._link, self.name, role, info or {}, swap)

    def close(self) -> None:
        """Lets go of the space."""
        self._link.close()

    def __enter__(self) -> "RemoteSpace":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class RemoteSession(RemoteSpace):
    """A remote space as one incarnation of a role sees it; see `Session`."""

    def __init__(self, link: Link, space: str, role: str, info: dict[str, Any], swap: int | None) -> None:
        super().__init__(link, space)
        self.role = role
        self.info = info
        self.epoch = 0
        self.inherited: State[Value] | None = None
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.stop_requested = False
        self.handing_over = False
        self._swap = swap
        self._hurries = False  # it takes a role over, and nothing handles what waits
        self._missed = 0
        self._interrupted = False
        self._left = False
        link.keep_alive()
        self._own = link.new_connection()
        self._meeting = link.handshake.meeting
        self._owner = threading.get_ident()
        try:
            self._sit_down(check_name(role), encode(info))
        except BaseException:
            link.drop_connection(self._own)
            raise

    def _sit_down(self, role: str, frame: bytes) -> None:
        call = self._own.number()
        if self._swap is not None:
            reply, _ = self._own.call(messages.StandBy(call, self.name, role, self._swap), (frame,))
            self._swap = reply.number
        else:
            reply, frames = self._own.call(messages.Join(call, self.name, role), (frame,))
            self._act(reply.epoch, reply.kept, frames)

    def _act(self, epoch: int, kept: list[Any] | None, frames: list[bytes]) -> None:
        """It fills the role from now on."""
        self.epoch = epoch
        self._signature = (self.role, epoch)
        self.inherited = None
        if kept is not None:
            self.inherited = State(kept[0], self._link.incoming(kept[1], frames[0]).value())

    @property
    def standing_by(self) -> bool:
        """It will take the role over from a predecessor."""
        return self.epoch == 0

    def _sign(self) -> tuple[str, int]:
        self._check_acts()
        return self._signature

    def take_over(self) -> bool:
        """Says that it is prepared and waits for its turn."""
        self._owner = threading.get_ident()
        number = self._swap or 0
        frame = encode(self.info)
        self._own.call(messages.Prepared(self._own.number(), self.name, self.role, number), (frame,))
        arrived = self._await(messages.TakeOver)
        if arrived is None:
            return False
        message, frames = arrived
        self._act(message.epoch, message.kept, frames)
        self._hurries = True
        return True

    def hand_over(self, step: Step, state: State[Any] | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done."""
        refs, frames = self._pack(state)
        message = messages.HandOver(self.name, self.role, self.epoch, step.value, refs, error)
        self._own.send(message, frames)

    def rest(self) -> bool:
        """Waits until it is over, or has to act again."""
        arrived = self._await(messages.TakeBack)
        if arrived is None:
            self._left = True
            self._link.drop_connection(self._own)
            return False
        self.handing_over = False
        message, frames = arrived
        self._act(message.epoch, message.kept, frames)
        return True

    def _await(self, kind: type[Message]) -> tuple[Any, list[bytes]] | None:
        """The next message of a kind; None if it is asked to end before."""
        while not (self.stop_requested or self._interrupted):
            arrived = self._own.receive(LOOK)
            if arrived is None:
                self._check()
            elif isinstance(arrived[0], kind):
                return arrived
            else:
                self._hear(*arrived)
        return None

    def _pack(self, state: State[Any] | None) -> tuple[list[Any] | None, tuple[bytes, ...]]:
        if state is None:
            return None, ()
        outgoing = self.prepare(state.value)
        return [state.version, outgoing.refs], (outgoing.data,)

    def _check_acts(self) -> None:
        if self.standing_by:
            raise FencedError(f"role {self.role!r}: who stands by may read, and do nothing else")

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes.

        A successor that takes the role over does not wait for the answer: the predecessor's triggers count until
        it runs, and if it does not fill the role any more, it hears so then.
        """
        self._check_acts()
        kind_name = Trigger(kind).value
        mask = Mask(mask).text

        def make(call: int) -> tuple[messages.Attach]:
            return (messages.Attach(call, self.name, self.role, self.epoch, mask, kind_name),)

        if self._hurries and threading.get_ident() == self._owner:
            self._own.send(*make(self._own.number()))
        else:
            self._call(make)

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""
        self._call(lambda call: (messages.Attach(call, self.name, self.role, self.epoch, mask, None),))

    def running(self) -> None:
        """Begins to receive; from now on the calling thread owns the session's connection."""
        self._owner = threading.get_ident()
        self._hurries = False
        self._call(lambda call: (messages.Running(call, self.name, self.role, self.epoch),))

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up."""
        self._owner = threading.get_ident()
        until = float("inf") if timeout is None else time.monotonic() + timeout
        self._check()
        while not (self._interrupted or self.stop_requested or self.handing_over):
            left = until - time.monotonic()
            arrived = self._own.receive(max(0.0, min(left, LOOK)))
            if arrived is not None:
                wake = self._hear(*arrived)
                if wake is not None:
                    return wake
            else:
                self._check()
                if left <= 0:
                    return None
        self._interrupted = False
        return None

    def interrupt(self) -> None:
        """Makes `receive` return."""
        self._interrupted = True
        self._own.wake()

    def prepare(self, value: Value) -> Outgoing:
        """The value as it travels."""
        return Outgoing(value, self._link.handshake.pool)

    def reveal(self, prepared: Any) -> Value:
        """The value that was prepared, or that came with a wake-up."""
        value: Value = prepared.value()
        return value

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], state: State[Any] | None = None) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        number = wake.number if wake else None
        if number is None and not acts and state is None and not (wake and wake.timer):
            return
        missed, self._missed = self._missed, 0
        packed, frames = [], []
        for act in acts:
            if isinstance(act, Put):
                name, outgoing, lasts, priority, delay = act
                packed.append([name, lasts, priority, delay, outgoing.refs])
                frames.append(outgoing.data)
            else:
                packed.append([*act])
        kept, more = self._pack(state)
        connection = self._connection()
        call = connection.number()
        message = messages.Commit(call, self.name, self.role, self.epoch, number, missed, packed, kept)
        connection.send(message, (*frames, *more))

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""
        self._call(lambda call: (messages.Collect(call, self.name, self.role, self.epoch),))

    def tick_missed(self, count: int) -> None:
        """Reports missed timer ticks, with the next commit."""
        self._missed += count

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role."""
        self._owner = threading.get_ident()
        self._check()
        try:
            if self.standing_by:
                why = state if error is None else error
                self._call(
                    lambda call: (messages.SuccessorLost(call, self.name, self.role, self._swap or 0, why),)
                )
            else:
                self._call(lambda call: (messages.Leave(call, self.name, self.role, self.epoch, state, error),))
        finally:
            self._left = True
            self._link.drop_connection(self._own)

    def _connection(self) -> Connection:
        if self._left:
            raise FencedError(f"epoch {self.epoch} has left role {self.role!r}")
        return self._own if threading.get_ident() == self._owner else self._link.connection()

    def _check(self) -> None:
        """Whether the server still knows this incarnation, as far as its heart has heard."""
        if self._left or self._link.handshake.meeting != self._meeting:
            raise FencedError(f"epoch {self.epoch} fills role {self.role!r} no more: it left, or was silent")
        if self._link.handshake.lost is not None:
            raise SpaceUnreachableError(self._link.handshake.lost)

    def _hear(self, message: Message, frames: list[bytes]) -> Wake | None:
        match message:
            case messages.Dispatch():
                return self._wake(message, frames)
            case messages.Decided():
                self.on_decisions([unpack_decision(decision) for decision in message.decisions])
            case messages.Stopping():
                self.stop_requested = True
            case messages.BeginHandOver():
                self.handing_over = True
            case messages.Failed():
                raise to_error(message)
        return None

    def _wake(self, message: messages.Dispatch, frames: list[bytes]) -> Wake:
        now = time.monotonic()
        supply = iter(frames)
        values: dict[str, tuple[Incoming, float] | None] = {}
        for head, frame in zip(message.newest, itertools.islice(supply, len(message.newest)), strict=True):
            if kind_of(head) is Kind.WRITTEN:
                left = float("inf") if head[7] is None else head[7]
                incoming = self._link.incoming(head[9], frame) if head[9] else Incoming(frame)
                values[head[0]] = (incoming, now + left)
            else:
                values[head[0]] = None
        every = tuple(self._link.entry(head, frame) for head, frame in zip(message.every, supply, strict=True))
        return Wake(tuple(message.names), every, number=message.batch, values=values)
