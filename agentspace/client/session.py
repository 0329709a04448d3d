"""A remote space as one incarnation of a role sees it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from agentspace.client.connection import Channel, to_error
from agentspace.client.link import Encoded, Link, Received
from agentspace.client.space import LOOK, RemoteSpace, number_of
from agentspace.core.board import Erase, Put
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.slot import Decision, Kind, check_name
from agentspace.core.space import Memory, Wake
from agentspace.core.swap import Step
from agentspace.core.value import Value
from agentspace.errors import FencedError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.codec import encode


class RemoteSession(RemoteSpace):
    """A remote space as one incarnation of a role sees it; see `Session`."""

    def __init__(self, link: Link, space: str, role: str, info: dict[str, Any], swap: int | None) -> None:
        super().__init__(link, space)
        self.role = role
        self.info = info
        self.epoch = 0
        self.memory: Memory | None = None
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.stop_requested = False
        self.yielding = False
        self._swap = swap
        self._hurries = False  # it takes a role over, and nobody handles what waits
        self._missed = 0
        self._interrupted = False
        self._left = False
        link.keep_alive()
        self._own = link.new_channel()
        self._tie = link.tie
        self._owner = threading.get_ident()
        try:
            self._sit_down(check_name(role), encode(info))
        except BaseException:
            link.drop_channel(self._own)
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
        self.memory = None
        if kept is not None:
            self.memory = Memory(kept[0], self._link.received(kept[1], frames[0]).value())

    @property
    def standing_by(self) -> bool:
        """It will take the role over from a predecessor."""
        return self.epoch == 0

    def write(
        self, name: str, value: Value, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> Decision:
        """Writes at once; see `Space.write`."""
        self._check_acts()
        return super().write(name, value, validity, priority, delay)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        self._check_acts()
        return super().delete(name, priority, validity)

    def take_over(self) -> bool:
        """Says that it is prepared and waits for its turn."""
        self._owner = threading.get_ident()
        number = self._swap or 0
        frame = encode(self.info)
        self._own.call(messages.Prepared(self._own.number(), self.name, self.role, number), (frame,))
        arrived = self._await(messages.Resume)
        if arrived is None:
            return False
        message, frames = arrived
        self._act(message.epoch, message.kept, frames)
        self._hurries = True
        return True

    def hand_over(self, step: Step, memory: Memory | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done."""
        refs, frames = self._pack(memory)
        message = messages.Yield(self.name, self.role, self.epoch, step.value, refs, error)
        self._own.send(message, frames)

    def rest(self) -> bool:
        """Waits until it is over, or has to act again."""
        arrived = self._await(messages.Reclaim)
        if arrived is None:
            self._left = True
            self._link.drop_channel(self._own)
            return False
        self.yielding = False
        message, frames = arrived
        self._act(message.epoch, message.kept, frames)
        return True

    def _await(self, kind: type[messages.Message]) -> tuple[Any, list[bytes]] | None:
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

    def _pack(self, memory: Memory | None) -> tuple[list[Any] | None, tuple[bytes, ...]]:
        if memory is None:
            return None, ()
        encoded = self._link.encode(memory.value)
        return [memory.version, encoded.refs], (encoded.data,)

    def _check_acts(self) -> None:
        if self.standing_by:
            raise FencedError(f"role {self.role!r}: who stands by may read, and do nothing else")

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes.

        Who takes a role over does not wait for the answer: the predecessor's triggers count until it runs, and
        if it does not fill the role any more, it hears so then.
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
        while not (self._interrupted or self.stop_requested or self.yielding):
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

    def prepare(self, value: Value) -> Encoded:
        """The value as it travels."""
        return self._link.encode(value)

    def reveal(self, prepared: Any) -> Value:
        """The value that was prepared, or that came with a wake-up."""
        return prepared.value() if isinstance(prepared, Received) else self._link.decode(prepared)

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], memory: Memory | None = None) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        number = wake.number if wake else None
        if number is None and not acts and memory is None and not (wake and wake.timer):
            return
        missed, self._missed = self._missed, 0
        channel = self._channel()
        packed = [_pack_act(act) for act in acts]
        frames = tuple(act.value.data for act in acts if isinstance(act, Put))
        kept, more = self._pack(memory)
        message = messages.Commit(channel.number(), self.name, self.role, self.epoch, number, missed, packed, kept)
        channel.send(message, frames + more)

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
                self._call(lambda call: (messages.GiveUp(call, self.name, self.role, self._swap or 0, why),))
            else:
                self._call(lambda call: (messages.Leave(call, self.name, self.role, self.epoch, state, error),))
        finally:
            self._left = True
            self._link.drop_channel(self._own)

    def _channel(self) -> Channel:
        if self._left:
            raise FencedError(f"epoch {self.epoch} has left role {self.role!r}")
        return self._own if threading.get_ident() == self._owner else self._link.channel()

    def _check(self) -> None:
        """Whether the server still knows this incarnation, as far as its heart has heard."""
        if self._left or self._link.tie != self._tie:
            raise FencedError(f"epoch {self.epoch} fills role {self.role!r} no more: it left, or was silent")
        if self._link.lost is not None:
            raise SpaceUnreachableError(self._link.lost)

    def _hear(self, message: messages.Message, frames: list[bytes]) -> Wake | None:
        match message:
            case messages.Dispatch():
                return self._wake(message, frames)
            case messages.Decided():
                self.on_decisions([messages.unpack_decision(decision) for decision in message.decisions])
            case messages.Stopping():
                self.stop_requested = True
            case messages.Suspend():
                self.yielding = True
            case messages.Failed():
                raise to_error(message)
        return None

    def _wake(self, message: messages.Dispatch, frames: list[bytes]) -> Wake:
        now = time.monotonic()
        supply = iter(frames)
        values: dict[str, tuple[Received, float] | None] = {}
        for head, frame in zip(message.newest, itertools.islice(supply, len(message.newest)), strict=True):
            if messages.kind_of(head) is Kind.WRITTEN:
                left = float("inf") if head[7] is None else head[7]
                values[head[0]] = (self._link.received(head[9], frame), now + left)
            else:
                values[head[0]] = None
        every = tuple(self._link.entry(head, frame) for head, frame in zip(message.every, supply, strict=True))
        return Wake(tuple(message.names), every, number=message.batch, values=values)


def _pack_act(act: Put[Any] | Erase) -> list[Any]:
    if isinstance(act, Put):
        return [act.name, number_of(act.validity), act.priority, act.delay, act.value.refs]
    return [act.name, act.priority, number_of(act.validity)]
