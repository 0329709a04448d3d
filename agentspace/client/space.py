"""A space behind a server, as its clients see it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentspace.client.connection import Channel
from agentspace.client.link import PATIENCE, Link
from agentspace.client.swap import SwapReport, swap
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.slot import Decision, check_name, check_write
from agentspace.core.space import Entry, Session
from agentspace.core.value import Value
from agentspace.errors import FencedError, SpaceUnreachableError
from agentspace.wire import messages
from agentspace.wire.address import Address, parse

Make = Callable[[int], tuple[Any, *tuple[bytes, ...]]]  #: a message with its frames, for the number of a call
LOOK = 1.0  #: seconds after which a waiting client looks whether its server is still there


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
        lasts, strength, wait = number_of(validity), float(priority), float(delay)
        server = self._link.tie.server
        encoded = self._link.encode(value)

        def make(call: int) -> tuple[messages.Message, bytes]:
            again = self._link.encode(value) if self._link.tie.server != server else encoded  # with new segments
            made = messages.Write(call, self.name, role, epoch, name, lasts, strength, wait, again.refs)
            return made, again.data

        return self._decide(make)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        check_name(name)
        check_write(priority, validity, 0.0)
        (role, epoch), strength, lasts = self._signature, float(priority), number_of(validity)
        return self._decide(lambda call: (messages.Delete(call, self.name, role, epoch, name, strength, lasts),))

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        return {entry.name: entry for entry in self._entries(Mask(mask).text, held=True)}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> RemoteWatch:
        """Follows the slots under a mask."""
        return RemoteWatch(self._link, self.name, Mask(mask).text, Trigger(kind))

    def named(self, name: str) -> RemoteSpace:
        """Another space of the same server."""
        return RemoteSpace(self._link, check_name(name))

    def join(self, role: str, info: dict[str, Any] | None = None, swap: int | None = None) -> Session:
        """Fills a role, or stands by to take it over; see `Space.join`."""
        from agentspace.client.session import RemoteSession

        return RemoteSession(self._link, self.name, role, info or {}, swap)

    def stop(self, role: str) -> None:
        """Asks a role to end; ``*``: all roles, and the server."""
        self._call(lambda call: (messages.Stop(call, self.name, role),))

    def swap(
        self,
        role: str,
        spec: str | None = None,
        settings: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> SwapReport:
        """Replaces the agent of a role while everything else goes on; see `agentspace.client.swap.swap`."""
        return swap(self, role, spec, settings, **options)

    def request_swap(
        self,
        role: str,
        spec: str | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        fresh: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> int:
        """Asks for a swap and returns its number at once; see `swap`, which waits for its end."""
        made, seconds = dict(settings or {}), dict(limits or {})
        reply, _ = self._call(
            lambda call: (messages.Swap(call, self.name, role, spec, made, seconds, force, fresh),)
        )
        number: int = reply.number
        return number

    def give_up(self, role: str, number: int, why: str) -> None:
        """Tells that there will be no successor in a swap."""
        self._call(lambda call: (messages.GiveUp(call, self.name, role, number, why),))

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
        return messages.unpack_decision(reply.decisions[0])

    def _entries(self, mask: str, held: bool) -> list[Entry]:
        reply, frames = self._call(lambda call: (messages.Read(call, self.name, mask, held),))
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
            self._channel.send(messages.Seen(self._unseen))
            self._unseen = None
        while self._open:
            left = until - time.monotonic()
            arrived = self._channel.receive(max(0.0, min(left, LOOK)))
            if arrived is not None and isinstance(arrived[0], messages.Changes):
                return self._take(*arrived)
            if isinstance(arrived and arrived[0], messages.Failed) or self._link.tie != self._tie:
                self._resume()
            elif left <= 0:
                return None
        return None

    def _begin(self) -> None:
        call = self._channel.number()
        self._channel.call(messages.Watch(call, self._space, self._mask, self._kind.value, self._known))

    def _resume(self) -> None:
        """The server has forgotten this watcher, or is a new one, or is not there yet."""
        with contextlib.suppress(SpaceUnreachableError, FencedError):
            self._channel.hello(LOOK)
            tie = self._link.tie
            if tie.server != self._tie.server:
                self._known.clear()
            self._begin()
            self._tie = tie

    def _take(self, changes: messages.Changes, frames: list[bytes]) -> list[Entry]:
        self._unseen, self.overflow = changes.batch, changes.overflow
        entries = [self._link.entry(head, frame) for head, frame in zip(changes.heads, frames, strict=True)]
        self._known |= {entry.name: entry.revision for entry in entries}
        return entries


def number_of(validity: float | None) -> float | None:
    """A validity as messages carry it."""
    return None if validity is None else float(validity)
