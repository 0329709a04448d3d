"""The mailbox of one subscriber: what changed since it last looked, coalesced.

Pure, like the slot rule. A mailbox belongs to a *role* (or to a watcher), not to a process: what an agent has
not acknowledged when it dies waits for its successor. At most one batch is outstanding; what changes meanwhile
becomes the next batch. So a slow subscriber never works through a queue of stale values.
"""

import functools
import itertools
import operator
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from enum import StrEnum
from typing import Final, Generic, NamedTuple

from agentspace.core.change import Batch, Change, Kind, QueueLog, V
from agentspace.core.dead_letters import Key, SetAside, Suspects
from agentspace.core.dead_letters import key as key_of
from agentspace.core.values.masks import Mask
from agentspace.moved import no_kind

EVERY_LIMIT: Final = 1024
BATCH_LIMIT: Final = 128
PORTION: Final = 256  #: changed slots that come at once after a handler has failed at more of them
CHANGED_LIMIT: Final = 73_728  #: changes of slots in which nothing is any more, of which some are dropped then
_at = operator.attrgetter("at")
_WRITTEN: Final = Kind.WRITTEN  # looking it up in the enum takes longer than the rest of a comparison
_EXPIRED: Final = Kind.EXPIRED
_OVER: Final = frozenset({Kind.EXPIRED, Kind.DELETED})


class Trigger(StrEnum):
    """A way in which a subscriber hears of changes; all but EVERY coalesce those of a slot while it is busy."""

    NORMAL = "normal"  #: wake me; the names that changed come with their newest values
    NAMES = "names"  #: wake me; only the names that changed, each once
    EVERY = "every"  #: wake me; each change in order with its value (bounded; an overflow is counted)
    QUIET = "quiet"  #: do not wake me; the names that changed come with my next wake-up
    WRITES = "writes"  #: as NAMES, for writes and deletes from now on; neither for what is there, nor for expiries

    @classmethod
    def _missing_(cls, value: object) -> "Trigger":
        raise ValueError(no_kind(value, cls))


class Interest(NamedTuple):
    """The interest of all triggers that cover a name.

    Attributes:
        newest: In the newest change: all kinds but EVERY.
        value: In its value: NORMAL.
        every: In each change: EVERY.
        wakes: It wakes the subscriber: all kinds but QUIET.
        ends: The interest in expiries, if that is another one: WRITES has none.
    """

    newest: bool
    value: bool
    every: bool
    wakes: bool
    ends: "Interest | None" = None

    @classmethod
    @functools.cache
    def of(cls, kinds: frozenset[Trigger]) -> "Interest":
        """The interest of triggers of these kinds."""
        news, has = kinds - {Trigger.EVERY}, kinds.__contains__
        ends = cls.of(kinds - {Trigger.WRITES}) if has(Trigger.WRITES) else None
        return cls(bool(news), has(Trigger.NORMAL), has(Trigger.EVERY), bool(kinds - {Trigger.QUIET}), ends)


_NO_INTEREST: Final = Interest(newest=False, value=False, every=False, wakes=False)


class Mailbox(Generic[V]):
    """Collects changes, hands out one batch at a time.

    Args:
        limit: How many changes wait for EVERY triggers before the oldest is dropped and counted.

    Attributes:
        since: When the oldest of the changes that wait for the next batch happened (s); None if none waits.
        log: Is told of what waits for EVERY triggers.
        loading: How often the present state is being put in; until that is done, nothing goes out.
    """

    def __init__(self, limit: int = EVERY_LIMIT) -> None:
        self.limit = limit
        self.attachments: dict[tuple[str, Trigger], Mask] = {}
        self.overflow = 0
        self._told = 0  # of the overflow: batches that were acknowledged have said so
        self.redelivered = 0
        self.outstanding: Batch[V] | None = None
        self.since: float | None = None
        self.log: QueueLog[V] | None = None
        self.loading = 0
        self._number = 0
        self._changed: dict[str, Change[V]] = {}
        self._over = 0  # of these, at most so many are of slots in which nothing is any more
        self._values: set[str] = set()
        self._every: deque[Change[V]] = deque()
        self._awake = False
        self._stale: set[tuple[str, Trigger]] = set()
        self._suspects = Suspects()
        self._careful = False  # a handler has failed at very many changes, some of which still wait

    def attach(self, mask: str, kind: Trigger) -> bool:
        """Adds a trigger; False if it was there already (an earlier incarnation may have attached it)."""
        new = (mask, kind) not in self.attachments
        self.attachments[mask, kind] = Mask(mask)
        self._stale.discard((mask, kind))
        return new

    def renew(self) -> None:
        """A new incarnation begins to attach its triggers; those of the old stay until it has settled."""
        self._stale = set(self.attachments)

    def settle(self) -> None:
        """The new incarnation has attached all: forgets the triggers that only its predecessor had."""
        for key in self._stale:
            del self.attachments[key]
        self._stale.clear()

    def restore(self, attachments: dict[tuple[str, Trigger], Mask]) -> None:
        """An incarnation acts again: its triggers count, and no others."""
        self.attachments = dict(attachments)
        self._stale.clear()

    def refill(self, changes: Iterable[Change[V]], lost: int) -> None:
        """Begins with what waited for EVERY triggers when the host of before ended, and with what was lost."""
        self.overflow += lost
        self._every.extend(changes)
        self._awake = bool(self._every)
        self.since = self._every[0].at if self._every else None

    def preload(self, changes: dict[str, Change[V]], names: set[str]) -> None:
        """Starts with the present state, by name, in one batch, however long, even if it is empty.

        What was offered since that state was looked at counts more.

        Args:
            changes: What made it so.
            names: Of these, a set of its own: to make one takes long.
        """
        changes.update(self._changed)
        names.update(self._changed)
        self._changed, self._values = changes, names
        self._awake = True

    def detach(self, mask: str) -> None:
        """Takes away every trigger of that mask; what it collected stays."""
        for key in [key for key in self.attachments if key[0] == mask]:
            del self.attachments[key]
            self._stale.discard(key)

    def interest(self, name: str) -> Interest | None:
        """The interest in a slot; None if no trigger covers the name."""
        kinds = frozenset(kind for (_, kind), mask in self.attachments.items() if mask.matches(name))
        return Interest.of(kinds) if kinds else None

    def offer(self, change: Change[V], interest: Interest | None = None) -> bool:
        """Takes note of a change; True if it wants the subscriber woken.

        Args:
            change: What happened.
            interest: In its slot; by default, that of all triggers that cover it.
        """
        name = change.name
        newest, value, every, wakes, ends = interest or self.interest(name) or _NO_INTEREST
        if ends is not None and change.kind is _EXPIRED:
            newest, value, every, wakes, _ = ends
        if not (newest or every):
            return False
        self.since = change.at if self.since is None else self.since
        if newest:
            self._changed[name] = change
            if change.kind is not _WRITTEN:
                self._count_over()
        if value:
            self._values.add(name)
        if every:
            self._queue(change)
        if wakes:
            self._awake = True
        return self._awake

    def offer_late(self, change: Change[V], interest: Interest) -> None:
        """Takes note of a change that happened before: it takes the place of no other that waits for EVERY."""
        if interest.every and len(self._every) >= self.limit:
            self.overflow += 1
        else:
            self.offer(change, interest)

    def queued_names(self) -> set[str]:
        """The slots of which a change waits for EVERY triggers."""
        return {change.name for change in self._every}

    def rouse(self) -> None:
        """Lets what QUIET triggers have collected go out."""
        self._awake = self._awake or bool(self._changed)

    @property
    def ready(self) -> bool:
        """Whether a batch can go out now."""
        return self._awake and self.outstanding is None and not self.loading

    @property
    def pending(self) -> int:
        """The number of slots and queued changes that wait for the next batch."""
        return len(self._changed) + len(self._every)

    @property
    def lost(self) -> int:
        """The number of changes that were lost, of which no batch that was acknowledged has told."""
        return self.overflow - self._told

    @property
    def queued(self) -> bool:
        """Whether changes for EVERY triggers wait, or are with a handler."""
        return bool(self._every or (self.outstanding and self.outstanding.every))

    def take(self) -> Batch[V]:
        """Hands out what has collected; it is outstanding until acknowledged or given back.

        A change that handlers have failed at twice comes alone; after a failure at very many, a few come at once.
        """
        suspect = self._next_suspect() if self._suspects else None
        if suspect is not None:
            return self._take_alone(suspect)
        if self._careful and len(self._changed) > PORTION:
            return self._take_portion()
        self._careful = False
        batch = self._hand_out(self._changed, self._pop_every(), self._values)
        self._changed, self._values, self._over = {}, set(), 0
        self._awake = bool(self._every)
        self.since = self._every[0].at if self._every else None
        return batch

    def _hand_out(self, changed: dict[str, Change[V]], every: tuple[Change[V], ...], values: set[str]) -> Batch[V]:
        self._number += 1
        self.outstanding = Batch(self._number, changed, every, values, self.lost)
        return self.outstanding

    def _keep_suspects(self) -> set[Key]:
        """Only what waits is under suspicion; gives what waits for EVERY triggers."""
        queued = set(map(key_of, self._every))
        self._suspects.keep(lambda one: one in queued or self._newest(one) is not None)
        return queued

    def _newest(self, one: Key) -> Change[V] | None:
        """The change, if it is the newest of its slot, and waits."""
        change = self._changed.get(one[0])
        return change if change is not None and change.revision == one[1] else None

    def _next_suspect(self) -> Change[V] | None:
        """The oldest change that waits and that a handler has failed at; QUIET ones only if nothing else waits."""
        queued = self._keep_suspects()  # what is told in two ways comes once, in its turn
        front = [self._every[0]] if self._every and self._every[0] in self._suspects else []
        newest = [self._newest(one) for one in self._suspects.for_alone() if one not in queued]
        suspects = [change for change in newest if change is not None]
        if suspects and self._something_wakes():
            suspects = [change for change in suspects if self._wakes(change.name)]
        return min([*suspects, *front], key=_at, default=None)

    def _take_alone(self, suspect: Change[V]) -> Batch[V]:
        names = [suspect.name] if self._newest(key_of(suspect)) is not None else []
        every: tuple[Change[V], ...] = ()
        if self._every and key_of(self._every[0]) == key_of(suspect):
            every = (self._every.popleft(),)
        batch = self._hand_out_part(names, every)
        self._awake = self._something_wakes()
        return batch

    def _take_portion(self) -> Batch[V]:
        """The first of very many changes: a handler has failed at all of them at once, and may do so again."""
        every = self._pop_every()
        names = dict.fromkeys(each.name for each in every if self._newest(key_of(each)) is not None)
        names.update(dict.fromkeys(itertools.islice(self._changed, PORTION)))
        batch = self._hand_out_part(list(names), every)
        self._awake = True
        return batch

    def _pop_every(self) -> tuple[Change[V], ...]:
        most = min(BATCH_LIMIT, len(self._every))
        return tuple(self._every.popleft() for _ in range(most)) if most else ()

    def _hand_out_part(self, names: list[str], every: tuple[Change[V], ...]) -> Batch[V]:
        """Hands out the newest changes of some slots, and leaves the others."""
        values = self._values.intersection(names)
        self._values -= values
        batch = self._hand_out({name: self._changed.pop(name) for name in names}, every, values)
        self.since = _oldest(self._changed, self._every)
        return batch

    def _something_wakes(self) -> bool:
        return bool(self._every) or any(map(self._wakes, self._changed))

    def _wakes(self, name: str) -> bool:
        """Whether what waits of a slot wakes the subscriber; also if its trigger was taken away meanwhile."""
        interest = self.interest(name)
        return interest is None or interest.wakes

    def acknowledge(self, number: int) -> Batch[V] | None:
        """Settles the outstanding batch; returns it, or None if that number is not outstanding."""
        batch = self.outstanding
        if batch is None or batch.number != number:
            return None
        self.outstanding = None
        self._told += batch.lost
        if self._suspects:
            self._keep_suspects()
        if self.log is not None and batch.every:
            self.log.settled(batch.every)
        return batch

    def give_back(self, attempts: int | None = None) -> list[SetAside[V]]:
        """Puts what is outstanding back at the front: its handler did not finish.

        Args:
            attempts: The handler failed: what has failed so often is set aside; 0: nothing is. None: it was not
                the handler's fault.

        Returns:
            What was set aside.
        """
        batch, self.outstanding = self.outstanding, None
        if batch is None:
            return []
        guilty = {} if attempts is None else self._blame(batch, attempts)
        changed, every, values = dict(batch.changed), [*batch.every], batch.values
        if guilty:  # to look at all that came back would take long
            changed = {name: change for name, change in changed.items() if key_of(change) not in guilty}
            every = [change for change in every if key_of(change) not in guilty]
            values = values & changed.keys()
        if self.log is not None:
            self.log.settled(change for change in batch.every if key_of(change) in guilty)
        if guilty and not (changed or every):
            return list(guilty.values())
        self.redelivered += 1
        oldest = _oldest(changed, every)
        self.since = self.since if oldest is None else oldest
        changed.update(self._changed)
        self._changed = changed
        self._values |= values
        self._every.extendleft(reversed(every))
        self._awake = True
        return list(guilty.values())

    @property
    def holds(self) -> int:
        """The number of slots of which a change is in it: waits, or was handed out."""
        return len(self._changed) + (len(self.outstanding.changed) if self.outstanding is not None else 0)

    def letting_go(self) -> Generator[None]:
        """The steps after which nothing is in it: its subscriber is gone, and to let go of much takes long."""
        batch = self.outstanding
        tables: list[dict[str, Change[V]] | set[str]] = [self._changed, self._values]
        tables += [batch.changed, batch.values] if batch is not None else []
        for table in tables:
            while table:
                for _ in range(min(len(table), PORTION)):
                    table.pop() if isinstance(table, set) else table.popitem()
                yield

    def _blame(self, batch: Batch[V], attempts: int) -> dict[Key, SetAside[V]]:
        """A handler has failed at a batch; of very many changes none is suspected yet, but a few come at once."""
        if len(batch.changed) > PORTION:
            self._careful = True
            return {}
        return self._suspects.blame(batch.all(), attempts)

    def _queue(self, change: Change[V]) -> None:
        if len(self._every) >= self.limit:
            lost = self._every.popleft()
            self.overflow += 1
            if self.log is not None:
                self.log.lost(lost)
        self._every.append(change)
        if self.log is not None:
            self.log.queued(change)

    def _count_over(self) -> None:
        """One more change is of a slot in which nothing can be read; of too many, those go that waited longest."""
        self._over += 1
        if self._over <= CHANGED_LIMIT:
            return
        over = [name for name, change in self._changed.items() if change.kind in _OVER]
        most = CHANGED_LIMIT - CHANGED_LIMIT // 4
        for name in over[: max(0, len(over) - most)]:
            del self._changed[name]
            self._values.discard(name)
            self.overflow += 1
        self._over = min(len(over), most)


def _oldest(changed: Mapping[str, Change[V]], every: Iterable[Change[V]]) -> float | None:
    """When the oldest of these happened (s); of very many, the first ones are looked at, which came first."""
    first = itertools.chain(itertools.islice(changed.values(), PORTION), itertools.islice(every, 1))
    return min(map(_at, first), default=None)
