"""A space behind a server, as its clients see it."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agentspace import wire
from agentspace.address import Address, parse
from agentspace.board import Erase, Put
from agentspace.channel import Channel, to_error
from agentspace.codec import encode
from agentspace.errors import FencedError, SpaceUnreachableError
from agentspace.link import PATIENCE, Encoded, Link, Received
from agentspace.mailbox import Mask, Trigger
from agentspace.slot import Decision, Kind, check_name, check_write
from agentspace.space import Entry, Wake
from agentspace.value import Value

Make = Callable[[int], tuple[Any, *tuple[bytes, ...]]]  #: a message with its frames, for the number of a call
_LOOK = 1.0  #: seconds after which a waiting client looks whether its server is still there


def connect(
    address: str | Address = "", name: str | None = None, timeout: float = 0.0, patience: float = PATIENCE
) -> RemoteSpace:
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


class RemoteSpace:
    """A space behind a server; made by `connect`. Each thread has a connection of its own."""

    def __init__(self, link: Link, name: str) -> None:
        self.name = name
        self._link = link
        self._signature = ("", 0)

    def read(self, name: str, default: Value = None) -> Value:
        """The value of a slot while it is valid, else the default."""
        entry = self.entry(name)
        return default if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The value with everything known of it; None if the slot is empty."""
        entries = self._entries(check_name(name), held=False)
        return entries[0] if entries else None

    def write(
        self, name: str, value: Value, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> Decision:
        """Writes at once; see `Space.write`."""
        check_name(name)
        check_write(priority, validity, delay)
        role, epoch = self._signature
        lasts, strength, wait = _number(validity), float(priority), float(delay)
        server = self._link.tie.server
        encoded = self._link.encode(value)

        def make(call: int) -> tuple[wire.Message, bytes]:
            again = self._link.encode(value) if self._link.tie.server != server else encoded  # with new segments
            made = wire.Write(call, self.name, role, epoch, name, lasts, strength, wait, again.refs)
            return made, again.data

        return self._decide(make)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        check_name(name)
        check_write(priority, validity, 0.0)
        (role, epoch), strength, lasts = self._signature, float(priority), _number(validity)
        return self._decide(lambda call: (wire.Delete(call, self.name, role, epoch, name, strength, lasts),))

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        return {entry.name: entry for entry in self._entries(Mask(mask).text, held=True)}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> RemoteWatch:
        """Follows the slots under a mask."""
        return RemoteWatch(self._link, self.name, Mask(mask).text, Trigger(kind))

    def named(self, name: str) -> RemoteSpace:
        """Another space of the same server."""
        return RemoteSpace(self._link, check_name(name))

    def join(self, role: str, info: dict[str, Any] | None = None) -> RemoteSession:
        """Fills a role."""
        return RemoteSession(self._link, self.name, role, info or {})

    def stop(self, role: str) -> None:
        """Asks a role to end; ``*``: all roles, and the server."""
        self._call(lambda call: (wire.Stop(call, self.name, role),))

    def close(self) -> None:
        """Lets go of the space."""
        self._link.close()

    def __enter__(self) -> RemoteSpace:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _channel(self) -> Channel:
        return self._link.channel()

    def _call(self, make: Make) -> tuple[Any, list[bytes]]:
        """One request; introduces itself again if the server has forgotten this client, or is a new one."""
        channel = self._channel()
        try:
            message, *frames = make(channel.number())
            return channel.call(message, tuple(frames))
        except FencedError:
            if self._signature[1]:
                raise
            channel.hello(self._link.patience)
            message, *frames = make(channel.number())
            return channel.call(message, tuple(frames))

    def _decide(self, make: Make) -> Decision:
        reply, _ = self._call(make)
        return wire.unpack_decision(reply.decisions[0])

    def _entries(self, mask: str, held: bool) -> list[Entry]:
        reply, frames = self._call(lambda call: (wire.Read(call, self.name, mask, held),))
        return [self._link.entry(head, frame) for head, frame in zip(reply.heads, frames, strict=True)]


class RemoteWatch:
    """See `Watch`. Survives a restart of the server: it then begins with what has changed."""

    def __init__(self, link: Link, space: str, mask: str, kind: Trigger) -> None:
        self.overflow = 0
        self._link = link
        self._space = space
        self._mask = mask
        self._kind = kind
        self._known: dict[str, int] = {}
        self._unseen: int | None = None
        self._channel = link.new_channel()
        self._tie = link.tie
        self._open = True
        link.keep_alive()
        self._begin()

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        """The next changes; the first call gives the present content."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        try:
            return self._await(until)
        except SpaceUnreachableError:
            if self._open:
                raise
            return None

    def __iter__(self) -> Iterator[Entry]:
        while (entries := self.next()) is not None:
            yield from entries

    def close(self) -> None:
        """Ends watching."""
        if self._open:
            self._open = False
            self._link.drop_channel(self._channel)

    def __enter__(self) -> RemoteWatch:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _await(self, until: float) -> list[Entry] | None:
        if self._unseen is not None:
            self._channel.send(wire.Seen(self._unseen))
            self._unseen = None
        while self._open:
            left = until - time.monotonic()
            arrived = self._channel.receive(max(0.0, min(left, _LOOK)))
            if arrived is not None and isinstance(arrived[0], wire.Changes):
                return self._take(*arrived)
            if isinstance(arrived and arrived[0], wire.Failed) or self._link.tie != self._tie:
                self._resume()
            elif left <= 0:
                return None
        return None

    def _begin(self) -> None:
        call = self._channel.number()
        self._channel.call(wire.Watch(call, self._space, self._mask, self._kind.value, self._known))

    def _resume(self) -> None:
        """The server has forgotten this watcher, or is a new one, or is not there yet."""
        with contextlib.suppress(SpaceUnreachableError, FencedError):
            self._channel.hello(_LOOK)
            tie = self._link.tie
            if tie.server != self._tie.server:
                self._known.clear()
            self._begin()
            self._tie = tie

    def _take(self, changes: wire.Changes, frames: list[bytes]) -> list[Entry]:
        self._unseen, self.overflow = changes.batch, changes.overflow
        entries = [self._link.entry(head, frame) for head, frame in zip(changes.heads, frames, strict=True)]
        self._known |= {entry.name: entry.revision for entry in entries}
        return entries


class RemoteSession(RemoteSpace):
    """A remote space as one incarnation of a role sees it; see `Session`."""

    def __init__(self, link: Link, space: str, role: str, info: dict[str, Any]) -> None:
        super().__init__(link, space)
        self.role = role
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.stop_requested = False
        self._missed = 0
        self._interrupted = False
        self._left = False
        frame = encode(info)
        link.keep_alive()
        self._own = link.new_channel()
        self._tie = link.tie
        self._owner = threading.get_ident()
        try:
            reply, _ = self._own.call(wire.Join(self._own.number(), space, check_name(role)), (frame,))
        except BaseException:
            link.drop_channel(self._own)
            raise
        self.epoch: int = reply.epoch
        self._signature = (role, self.epoch)

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes."""
        kind_name = Trigger(kind).value
        mask = Mask(mask).text
        self._call(lambda call: (wire.Attach(call, self.name, self.role, self.epoch, mask, kind_name),))

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""
        self._call(lambda call: (wire.Attach(call, self.name, self.role, self.epoch, mask, None),))

    def running(self) -> None:
        """Begins to receive; from now on the calling thread owns the session's connection."""
        self._owner = threading.get_ident()
        self._call(lambda call: (wire.Running(call, self.name, self.role, self.epoch),))

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up."""
        self._owner = threading.get_ident()
        until = float("inf") if timeout is None else time.monotonic() + timeout
        self._check()
        while not (self._interrupted or self.stop_requested):
            left = until - time.monotonic()
            arrived = self._own.receive(max(0.0, min(left, _LOOK)))
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

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase]) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        number = wake.number if wake else None
        if number is None and not acts and not (wake and wake.timer):
            return
        missed, self._missed = self._missed, 0
        channel = self._channel()
        packed = [_pack_act(act) for act in acts]
        frames = tuple(act.value.data for act in acts if isinstance(act, Put))
        message = wire.Commit(channel.number(), self.name, self.role, self.epoch, number, missed, packed)
        channel.send(message, frames)

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""
        self._call(lambda call: (wire.Collect(call, self.name, self.role, self.epoch),))

    def tick_missed(self, count: int) -> None:
        """Reports missed timer ticks, with the next commit."""
        self._missed += count

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role."""
        self._owner = threading.get_ident()
        self._check()
        try:
            self._call(lambda call: (wire.Leave(call, self.name, self.role, self.epoch, state, error),))
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

    def _hear(self, message: wire.Message, frames: list[bytes]) -> Wake | None:
        match message:
            case wire.Dispatch():
                return self._wake(message, frames)
            case wire.Decided():
                self.on_decisions([wire.unpack_decision(decision) for decision in message.decisions])
            case wire.Stopping():
                self.stop_requested = True
            case wire.Failed():
                raise to_error(message)
        return None

    def _wake(self, message: wire.Dispatch, frames: list[bytes]) -> Wake:
        now = time.monotonic()
        supply = iter(frames)
        values: dict[str, tuple[Received, float] | None] = {}
        for head, frame in zip(message.newest, itertools.islice(supply, len(message.newest)), strict=True):
            if wire.kind_of(head) is Kind.WRITTEN:
                left = float("inf") if head[7] is None else head[7]
                values[head[0]] = (self._link.received(head, frame), now + left)
            else:
                values[head[0]] = None
        every = tuple(self._link.entry(head, frame) for head, frame in zip(message.every, supply, strict=True))
        return Wake(tuple(message.names), every, number=message.batch, values=values)


def _pack_act(act: Put[Any] | Erase) -> list[Any]:
    if isinstance(act, Put):
        return [act.name, _number(act.validity), act.priority, act.delay, act.value.refs]
    return [act.name, act.priority, _number(act.validity)]


def _number(validity: float | None) -> float | None:
    return None if validity is None else float(validity)
