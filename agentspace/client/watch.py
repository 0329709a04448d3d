"""Following slots behind a server."""

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from agentspace.client.link import Link
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry
from agentspace.errors import FencedError, SpaceUnreachableError
from agentspace.wire import messages

LOOK: Final = 1.0  #: seconds after which a waiting client looks whether its server is still there
_PROMPT: Final = 2.0  #: seconds in which a server that is there says that it has sent all


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
            self._connection.send(messages.Seen(self._unseen))
            self._unseen = None
        while self._open:
            left = until - time.monotonic()
            arrived = self._connection.receive(max(0.0, min(left, LOOK)))
            if arrived is not None and isinstance(arrived[0], messages.Changes):
                return self._take(*arrived)
            if (
                isinstance(arrived and arrived[0], messages.Failed)
                or self._link.handshake.meeting != self._meeting
            ):
                self._resume()
            elif left <= 0:
                return None
        return None

    def _catch_up(self) -> None:
        """Waits until all that the server sent before an answer is here."""
        with contextlib.suppress(SpaceUnreachableError, FencedError):
            self._connection.call(messages.Beat(self._connection.number()), patience=_PROMPT)

    def _begin(self) -> None:
        call = self._connection.number()
        self._connection.call(messages.Follow(call, self._space, self._mask, self._kind.value, self._known))

    def _resume(self) -> None:
        """The server has forgotten this watcher, or is a new one, or is not there yet."""
        with contextlib.suppress(SpaceUnreachableError, FencedError):
            self._connection.hello(LOOK)
            meeting = self._link.handshake.meeting
            if meeting.server != self._meeting.server:
                self._known.clear()
            self._begin()
            self._meeting = meeting

    def _take(self, changes: messages.Changes, frames: list[bytes]) -> list[Entry]:
        self._unseen, self.overflow = changes.batch, changes.overflow
        entries = [self._link.entry(head, frame) for head, frame in zip(changes.heads, frames, strict=True)]
        self._known |= {entry.name: entry.revision for entry in entries}
        return entries
