"""The slots of a space behind a server: reading, writing, following them."""

import copy
import math
import time
from collections.abc import Callable
from typing import Any, Final, Self

from numpy.typing import DTypeLike

from agentspace.client.account import CLOCK
from agentspace.client.connection import Connection, Frame
from agentspace.client.link import Link
from agentspace.client.watch import RemoteWatch
from agentspace.core.change import Decision
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase, Put
from agentspace.core.space import Entry
from agentspace.core.values.loan import Blank, Form, Loan, Shape
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import check_name
from agentspace.core.values.value import Value
from agentspace.errors import ConnectionLostError, FencedError, LateError, LimitError, SpaceUnreachableError
from agentspace.wire import from_client
from agentspace.wire.format import Message, unpack_decision
from agentspace.wire.holding import ANSWERED
from agentspace.wire.parcel import Outgoing, PooledBlank

Make = Callable[[int], tuple[Any, *tuple[Frame, ...]]]  #: a message with its frames, for the number of a call
_REPEATABLE: Final = (from_client.Read, from_client.Beat)  #: what may be asked twice


class RemoteSlots:
    """The slots of a space behind a server. Each thread has a connection of its own."""

    def __init__(self, link: Link, name: str) -> None:
        self.name = name
        self._link = link
        self._signature = ("", 0)
        self._deadline: float | None = None

    def until(self, deadline: float) -> Self:
        """The same space, for orders that are carried out before a time (s, `time.monotonic`) or not at all.

        Orders are `write`, `delete`, `stop` and `request_swap`. Each raises LateError if it came too late, and
        SpaceUnreachableError if there was no answer in time; a server that hangs drops it when it wakes up.

        Raises:
            LimitError: The time is NaN.
        """
        if math.isnan(deadline):
            raise LimitError("deadline: NaN is no time; seconds of time.monotonic() are")
        made = copy.copy(self)
        made._deadline = deadline
        return made

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
        put = Put(name, value, validity, priority, delay)
        return self._put(put, Outgoing(value, self._link.handshake.pool, way=ANSWERED))

    def loan(
        self,
        name: str,
        shape: Shape,
        dtype: DTypeLike,
        validity: float | None = None,
        priority: float = 0.0,
        delay: float = 0.0,
    ) -> Loan[Decision]:
        """An array to be filled, in the pool of this process, and then written; see `Space.loan`."""
        put: Put[Value] = Put(name, None, validity, priority, delay)
        form = Form.of(shape, dtype)

        def write(blank: Blank) -> Decision:
            return self._put(put._replace(value=blank.array), blank.finish())

        return Loan(lambda: self.blank(form), write)

    def blank(self, form: Form) -> PooledBlank:
        """An array to be filled, of which `commit` takes what its `finish` gives."""
        return PooledBlank(form, self._link.handshake.pool)

    def _put(self, put: Put[Value], first: Outgoing) -> Decision:
        name, value, lasts, strength, wait = put
        handshake = self._link.handshake
        server = handshake.meeting.server

        def make(call: int) -> tuple[Message, Outgoing]:
            restarted = handshake.meeting.server != server
            sent = Outgoing(value, handshake.pool) if restarted else first  # with new segments
            if sent.refs:
                self._link.keep_memory()
            made = from_client.Write(call, self.name, *self._sign(), name, lasts, strength, wait, sent.refs)
            return made, sent

        return self._decide(make)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        name, strength, lasts = Erase(name, priority, validity)
        return self._decide(
            lambda call: (from_client.Delete(call, self.name, *self._sign(), name, strength, lasts),)
        )

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        return {entry.name: entry for entry in self._entries(Mask(mask).text, held=True)}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> RemoteWatch:
        """Follows the slots under a mask."""
        return RemoteWatch(self._link, self.name, Mask(mask).text, Trigger(kind))

    def stop(self, role: str, epoch: int | None = None) -> None:
        """Asks a role to end; ``*``: all roles, and the server. See `Space.stop`."""
        self._order(lambda call: (from_client.Stop(call, self.name, role, epoch),))

    def _sign(self) -> tuple[str, int]:
        """The role and the epoch with which it writes; none: with the name of the client."""
        return self._signature

    def _connection(self) -> Connection:
        return self._link.connection()

    def _call(self, make: Make, patience: float | None = None) -> tuple[Any, list[bytes]]:
        """One request; introduces itself again if the server has forgotten this client, or is a new one.

        Raises:
            ConnectionLostError: The server ended while it was asked to change something.
        """
        connection = self._connection()
        if connection.has_ended:
            self._meet(connection, patience)
        message, *frames = make(connection.number())
        try:
            return connection.call(message, tuple(frames), patience)
        except FencedError:
            if self._signature[1]:
                raise
        except ConnectionLostError:
            if not isinstance(message, _REPEATABLE):
                if answer := connection.last_answer(message.call):
                    return answer
                raise
        self._meet(connection, patience)
        message, *frames = make(connection.number())
        return connection.call(message, tuple(frames), patience)

    def _meet(self, connection: Connection, patience: float | None) -> None:
        """Introduces itself again; to the next server, if this one is gone and another one may be waited for."""
        if connection.is_cut and not self._link.renews:
            raise ConnectionLostError(f"the server at {self._link.handshake.address} has ended, or was cut off")
        connection.hello(patience or self._link.handshake.patience)

    def _order(self, make: Make) -> tuple[Any, list[bytes]]:
        """A request that changes something: if it has a deadline, the server is told of it on its own clock."""
        if self._deadline is None:
            return self._call(make)
        told, at = self._entries(CLOCK, False, self._time_left()), time.monotonic()
        connection = self._connection()
        message, *frames = make(connection.number())
        message.pack()  # fails if it cannot be sent: else the deadline would be that of the next order
        if not told:
            raise SpaceUnreachableError("the server does not tell its time, which an order with a deadline needs")
        clock, left = told[0], self._time_left()
        connection.send(from_client.Before(clock.value["now"] + clock.age + self._deadline - at))
        return connection.call(message, tuple(frames), left)

    def _time_left(self) -> float:
        left = math.inf if self._deadline is None else self._deadline - time.monotonic()
        if left <= 0:
            raise LateError(f"came {-left:.1f} s after its time: nothing was done")
        return left

    def _decide(self, make: Make) -> Decision:
        reply, _ = self._order(make)
        return unpack_decision(reply.decisions[0])

    def _entries(self, mask: str, held: bool, patience: float | None = None) -> list[Entry]:
        def ask() -> list[Entry]:
            reply, frames = self._call(lambda call: (from_client.Read(call, self.name, mask, held),), patience)
            return [self._link.entry(head, frame) for head, frame in zip(reply.heads, frames, strict=True)]

        try:
            return ask()
        except ConnectionLostError:  # what it has answered, too, was lent by a server that is gone
            if not self._link.renews:
                raise
        return ask()
