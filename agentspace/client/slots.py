"""The slots of a space behind a server: reading, writing, following them."""

from collections.abc import Callable
from typing import Any

from agentspace.client.connection import Connection
from agentspace.client.link import Link
from agentspace.client.watch import RemoteWatch
from agentspace.core.change import Decision
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.slot import Erase, Put, check_name
from agentspace.core.space import Entry
from agentspace.core.value import Value
from agentspace.errors import FencedError
from agentspace.wire import messages
from agentspace.wire.format import Message, unpack_decision
from agentspace.wire.parcel import Outgoing

Make = Callable[[int], tuple[Any, *tuple[bytes, ...]]]  #: a message with its frames, for the number of a call


class RemoteSlots:
    """The slots of a space behind a server. Each thread has a connection of its own."""

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
        name, _, lasts, strength, wait = Put(name, value, validity, priority, delay)
        role, epoch = self._sign()
        handshake = self._link.handshake
        server, first = handshake.meeting.server, Outgoing(value, handshake.pool)

        def make(call: int) -> tuple[Message, bytes]:
            restarted = handshake.meeting.server != server
            sent = Outgoing(value, handshake.pool) if restarted else first  # with new segments
            made = messages.Write(call, self.name, role, epoch, name, lasts, strength, wait, sent.refs)
            return made, sent.data

        return self._decide(make)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        name, strength, lasts = Erase(name, priority, validity)
        role, epoch = self._sign()
        return self._decide(lambda call: (messages.Delete(call, self.name, role, epoch, name, strength, lasts),))

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        return {entry.name: entry for entry in self._entries(Mask(mask).text, held=True)}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> RemoteWatch:
        """Follows the slots under a mask."""
        return RemoteWatch(self._link, self.name, Mask(mask).text, Trigger(kind))

    def stop(self, role: str) -> None:
        """Asks a role to end; ``*``: all roles, and the server."""
        self._call(lambda call: (messages.Stop(call, self.name, role),))

    def _sign(self) -> tuple[str, int]:
        """The role and the epoch with which it writes; none: with the name of the client."""
        return self._signature

    def _connection(self) -> Connection:
        return self._link.connection()

    def _call(self, make: Make) -> tuple[Any, list[bytes]]:
        """One request; introduces itself again if the server has forgotten this client, or is a new one."""
        connection = self._connection()
        try:
            message, *frames = make(connection.number())
            return connection.call(message, tuple(frames))
        except FencedError:
            if self._signature[1]:
                raise
            connection.hello(self._link.handshake.patience)
            message, *frames = make(connection.number())
            return connection.call(message, tuple(frames))

    def _decide(self, make: Make) -> Decision:
        reply, _ = self._call(make)
        return unpack_decision(reply.decisions[0])

    def _entries(self, mask: str, held: bool) -> list[Entry]:
        reply, frames = self._call(lambda call: (messages.Read(call, self.name, mask, held),))
        return [self._link.entry(head, frame) for head, frame in zip(reply.heads, frames, strict=True)]
