"""Following slots behind a server."""

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Final

from agentspace.client.connection import Arrived
from agentspace.client.link import Link
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry, Wake
from agentspace.errors import ConnectionLostError, FencedError, LimitError, SpaceUnreachableError
from agentspace.wire import from_client, from_server
from agentspace.wire.format import kind_of
from agentspace.wire.parcel import Incoming

LOOK: Final = 1.0  #: seconds after which a waiting client looks whether its server is still there
_NONE: Final = 0  # a revision that no slot has
_PROMPT: Final = 2.0  #: seconds in which a server that is there says that it has sent all


class RemoteWatch:
    """See `Watch`. Survives a restart of the server: it then begins with what has changed, or is there no more."""

    def __init__(self, link: Link, space: str, mask: str, kind: Trigger) -> None:
        self.overflow = 0
        self.moment: float | None = None  #: the simulated time of the last changes (s); None: it is real
        self._link = link
        self._space = space
        self._mask = mask
        self._kind = kind
        self._known: dict[str, int] = {}
        self._unseen: int | None = None
        self._connection = link.new_connection()
        self._meeting = link.handshake.meeting
        self._open = True
        link.keep_alive()
        self._begin()

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        """The next changes; the first call gives the present content."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        try:
            entries = self._await(until)
            if entries is None and timeout == 0 and self._open:
                self._catch_up()
                entries = self._await(until)
            return entries
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
            self._link.drop_connection(self._connection)

    def __enter__(self) -> "RemoteWatch":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _await(self, until: float) -> list[Entry] | None:
        if self._unseen is not None:
            self._connection.tell(from_client.Seen(self._unseen))
            self._unseen = None
        while self._open:
            left = until - time.monotonic()
            arrived = self._hear(max(0.0, min(left, LOOK)))
            if arrived is not None and isinstance(arrived[0], from_server.Changes):
                with contextlib.suppress(ConnectionLostError):  # what it lent is gone with it
                    return self._take(*arrived)
            known = not (self._is_cut_off or isinstance(arrived and arrived[0], from_server.Failed))
            if (known or not self._resume()) and left <= 0:
                return None
        return None

    def _hear(self, timeout: float) -> Arrived | None:
        with contextlib.suppress(ConnectionLostError):
            arrived = self._connection.receive(timeout)
            while arrived is not None and isinstance(arrived[0], from_server.Moment):
                self.moment = arrived[0].time
                arrived = self._connection.receive(0.0)
            return arrived
        return None

    @property
    def _is_cut_off(self) -> bool:
        return self._link.handshake.meeting != self._meeting or self._connection.has_ended

    def _catch_up(self) -> None:
        """Waits until all that the server sent before an answer is here; waits for a slow server, too."""
        until = time.monotonic() + self._link.handshake.patience
        while self._open and self._link.handshake.lost is None and time.monotonic() < until:
            try:
                self._connection.call(from_client.Beat(self._connection.number()), patience=_PROMPT)
            except SpaceUnreachableError:
                continue
            except (FencedError, LimitError):
                return
            return

    def _begin(self) -> None:
        call = self._connection.number()
        self._connection.call(from_client.Follow(call, self._space, self._mask, self._kind.value, self._known))

    def _resume(self) -> bool:
        """The server has forgotten this watcher, or is a new one, or is not there; whether it is known again."""
        with contextlib.suppress(SpaceUnreachableError, FencedError):
            self._connection.hello(LOOK)
            meeting = self._link.handshake.meeting
            if meeting.server != self._meeting.server:
                self._known = dict.fromkeys(self._known, _NONE)  # it may give the same revisions to other values
            self._begin()
            self._meeting, self._unseen = meeting, None
            return True
        return False

    def _take(self, changes: from_server.Changes, frames: list[bytes]) -> list[Entry]:
        self._unseen, self.overflow = changes.batch, changes.overflow
        entries = [self._link.entry(head, frame) for head, frame in zip(changes.heads, frames, strict=True)]
        for entry in entries:  # what becomes readable is news, also under a revision that was seen delayed
            if entry.kind is Kind.WRITTEN:
                self._known[entry.name] = entry.revision
            else:
                self._known.pop(entry.name, None)
        return entries


def wake_of(link: Link, message: from_server.Dispatch, frames: list[bytes], now: float) -> Wake:
    """A wake-up, as it came from the server at a time (s)."""
    supply = iter(frames)
    values: dict[str, tuple[Incoming, float] | None] = {}
    for head, frame in zip(message.newest, itertools.islice(supply, len(message.newest)), strict=True):
        if kind_of(head) is Kind.WRITTEN:
            left = float("inf") if head[7] is None else head[7]
            incoming = link.incoming(head[9], frame) if head[9] else Incoming(frame)
            values[head[0]] = (incoming, now + left)
        else:
            values[head[0]] = None
    every = tuple(link.entry(head, frame) for head, frame in zip(message.every, supply, strict=True))
    return Wake(tuple(message.names), every, lost=message.lost, number=message.batch, values=values)
