"""The mailbox of one subscriber: what changed since it last looked, coalesced.

Pure, like the slot rule. A mailbox belongs to a *role* (or to a watcher), not to a process: what an agent has
not acknowledged when it dies waits for its successor. At most one batch is outstanding; what changes meanwhile
becomes the next batch. So a slow subscriber never works through a queue of stale values.
"""

import fnmatch
import re
from collections import deque
from collections.abc import Iterable, Set
from enum import StrEnum
from typing import Final, Generic, NamedTuple

from agentspace.core.change import Change, V
from agentspace.core.slot import MAX_NAME
from agentspace.errors import SlotNameError

EVERY_LIMIT: Final = 1024
BATCH_LIMIT: Final = 128


class Trigger(StrEnum):
    """A way in which a subscriber hears of changes.

    All but EVERY coalesce: many changes of one slot while the subscriber is busy are one.
    """

    NORMAL = "normal"  #: wake me; the names that changed come with their newest values
    NAMES = "names"  #: wake me; only the names that changed, each once
    EVERY = "every"  #: wake me; each change in order with its value (bounded; an overflow is counted)
    QUIET = "quiet"  #: do not wake me; the names that changed come with my next wake-up


class Mask:
    """A slot name or a glob over slot names: ``*`` any characters (also '/'), ``?`` one, ``[abc]`` one of them.

    The server's own slots (``_/...``) are matched only by masks that start with ``_``.

    Raises:
        SlotNameError: The mask is empty, too long or has spaces or control characters.
    """

    __slots__ = ("_regex", "text")

    def __init__(self, text: str) -> None:
        if (
            not isinstance(text, str)
            or not 0 < len(text) <= MAX_NAME
            or re.search(r"[\x00-\x20\x7f\ud800-\udfff]", text)
        ):
            raise SlotNameError(
                f"{text!r} is not a slot name or a mask over slot names (such as 'camera' or 'arm/*')"
            )
        self.text = text
        self._regex = re.compile(fnmatch.translate(text)) if re.search(r"[*?\[]", text) else None

    @property
    def exact(self) -> bool:
        """Whether the mask is a plain name."""
        return self._regex is None

    def matches(self, name: str) -> bool:
        """Whether the mask covers the name."""
        if self._regex is None:
            return name == self.text
        return self._regex.match(name) is not None and (name[0] != "_" or self.text[0] == "_")


class Batch(NamedTuple, Generic[V]):
    """The changes that a subscriber is told of at once.

    Attributes:
        number: Counts up; the acknowledgement names it.
        changed: The newest change of each slot, by name.
        every: The changes for EVERY triggers, in order, with their values.
        values: Names whose newest values travel along (those with NORMAL triggers).
    """

    number: int
    changed: dict[str, Change[V]]
    every: tuple[Change[V], ...]
    values: Set[str]


class _Interest(NamedTuple):
    """The interest of all triggers that cover a name."""

    newest: bool  # the newest change: all kinds but EVERY
    value: bool  # its value: NORMAL
    every: bool  # each change
    wakes: bool  # all kinds but QUIET


def _interest(kinds: Set[Trigger]) -> _Interest | None:
    if not kinds:
        return None
    return _Interest(
        bool(kinds - {Trigger.EVERY}),
        Trigger.NORMAL in kinds,
        Trigger.EVERY in kinds,
        bool(kinds - {Trigger.QUIET}),
    )


class Mailbox(Generic[V]):
    """Collects changes, hands out one batch at a time.

    Args:
        limit: How many changes wait for EVERY triggers before the oldest is dropped and counted.

    Attributes:
        since: When the oldest of the changes that wait for the next batch happened (s); None if none waits.
    """

    def __init__(self, limit: int = EVERY_LIMIT) -> None:
        self.limit = limit
        self.attachments: dict[tuple[str, Trigger], Mask] = {}
        self.overflow = 0
        self.redelivered = 0
        self.outstanding: Batch[V] | None = None
        self.since: float | None = None
        self._number = 0
        self._changed: dict[str, Change[V]] = {}
        self._values: set[str] = set()
        self._every: deque[Change[V]] = deque()
        self._awake = False
        self._stale: set[tuple[str, Trigger]] = set()
        self._interests: dict[str, _Interest | None] = {}  # remembered per name

    def attach(self, mask: str, kind: Trigger) -> bool:
        """Adds a trigger; False if it was there already (an earlier incarnation may have attached it)."""
        new = (mask, kind) not in self.attachments
        self.attachments[mask, kind] = Mask(mask)
        self._stale.discard((mask, kind))
        self._interests.clear()
        return new

    def renew(self) -> None:
        """A new incarnation begins to attach its triggers; those of the old stay until it has settled."""
        self._stale = set(self.attachments)

    def settle(self) -> None:
        """The new incarnation has attached all: forgets the triggers that only its predecessor had."""
        for key in self._stale:
            del self.attachments[key]
        self._stale.clear()
        self._interests.clear()

    def restore(self, attachments: dict[tuple[str, Trigger], Mask]) -> None:
        """An incarnation acts again: its triggers count, and no others."""
        self.attachments = dict(attachments)
        self._stale.clear()
        self._interests.clear()

    def preload(self, changes: Iterable[Change[V]]) -> None:
        """Starts with the present state, in one batch, however long, even if it is empty."""
        self._changed = {change.name: change for change in changes}
        self._values = set(self._changed)
        self._awake = True

    def detach(self, mask: str) -> None:
        """Takes away every trigger of that mask; what it collected stays."""
        for key in [key for key in self.attachments if key[0] == mask]:
            del self.attachments[key]
            self._stale.discard(key)
        self._interests.clear()

    def wants(self, name: str) -> bool:
        """Whether a trigger covers the name."""
        return self._interest(name) is not None

    def _interest(self, name: str) -> _Interest | None:
        try:
            return self._interests[name]
        except KeyError:
            kinds = {kind for (_, kind), mask in self.attachments.items() if mask.matches(name)}
            interest = self._interests[name] = _interest(kinds)
            return interest

    def offer(self, change: Change[V], only: frozenset[Trigger] | None = None) -> bool:
        """Takes note of a change; True if it wants the subscriber woken.

        Args:
            change: What happened.
            only: Is meant for triggers of these kinds alone; by default for all that the name has.
        """
        name = change.name
        interest = self._interest(name) if only is None else _interest(only)
        if interest is None:
            return False
        newest, value, every, wakes = interest
        if self.since is None:
            self.since = change.at
        if newest:
            self._changed[name] = change
        if value:
            self._values.add(name)
        if every:
            self._queue(change)
        if wakes:
            self._awake = True
        return self._awake

    def rouse(self) -> None:
        """Lets what QUIET triggers have collected go out."""
        self._awake = self._awake or bool(self._changed)

    @property
    def ready(self) -> bool:
        """Whether a batch can go out now."""
        return self._awake and self.outstanding is None

    @property
    def pending(self) -> int:
        """The number of slots and queued changes that wait for the next batch."""
        return len(self._changed) + len(self._every)

    def take(self) -> Batch[V]:
        """Hands out what has collected; it is outstanding until acknowledged or given back."""
        every: tuple[Change[V], ...] = ()
        if self._every:
            every = tuple(self._every.popleft() for _ in range(min(BATCH_LIMIT, len(self._every))))
        self._number += 1
        batch = Batch(self._number, self._changed, every, self._values)
        self.outstanding = batch
        self._changed, self._values = {}, set()
        self._awake = bool(self._every)
        self.since = self._every[0].at if self._every else None
        return batch

    def acknowledge(self, number: int) -> Batch[V] | None:
        """Settles the outstanding batch; returns it, or None if that number is not outstanding."""
        batch = self.outstanding
        if batch is None or batch.number != number:
            return None
        self.outstanding = None
        return batch

    def give_back(self) -> None:
        """Puts what is outstanding back at the front: its handler did not finish."""
        batch, self.outstanding = self.outstanding, None
        if batch is None:
            return
        self.redelivered += 1
        self._changed = {**batch.changed, **self._changed}
        self._values |= batch.values
        self._every.extendleft(reversed(batch.every))
        self._awake = True
        oldest = min((change.at for change in (*batch.changed.values(), *batch.every)), default=None)
        self.since = self.since if oldest is None else oldest

    def _queue(self, change: Change[V]) -> None:
        if len(self._every) >= self.limit:
            self._every.popleft()
            self.overflow += 1
        self._every.append(change)
