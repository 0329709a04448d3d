"""The order in which one agent of the original is told of what its own program wrote. Pure, but for a lock.

There, each write puts its token into the agent's queue, a name or a name with its value. A wake-up of this library
gives the names apart from the values; so the process that wrote them remembers which came first.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from agentspace.core.space import Entry

_KEPT: Final = 4096  # writes that are remembered


class WriteOrder:
    """The writes of this process to the slots that wake one agent, the oldest first."""

    def __init__(self) -> None:
        self._writes: OrderedDict[tuple[str, int], None] = OrderedDict()  # slot and revision
        self._slots: Counter[str] = Counter()  # of these
        self._forgotten = 0  # writes before these
        self._marked = 0  # writes that come with the next wake-up at the latest
        self._lock = threading.Lock()

    def note(self, slot: str, revision: int) -> None:
        """This process has written, and its write was accepted."""
        with self._lock:
            self._writes[slot, revision] = None
            self._slots[slot] += 1
            if len(self._writes) > _KEPT:
                self._forget(1)

    def knows(self, slot: str, revision: int | None = None) -> bool:
        """Whether a write is noted; of a slot, with this revision or with any."""
        return self._slots[slot] > 0 if revision is None else (slot, revision) in self._writes

    def mark(self) -> None:
        """The agent asks for its next wake-up: that tells of all that is noted now."""
        with self._lock:
            self._marked = self._forgotten + len(self._writes)

    def sort(self, names: Iterable[str], changes: Iterable[Entry]) -> list[str | Entry]:
        """The names and changes of a wake-up in the order of writing; names that others wrote come first.

        A name has the place of its first write, as in a queue in which it waits once.
        """
        told, every = dict.fromkeys(names), list(changes)
        places = {(change.name, change.revision): place for place, change in enumerate(every)}
        found: list[str | Entry] = []
        done = reached = 0
        with self._lock:
            for number, (slot, revision) in enumerate(self._writes, start=1):
                place = places.get((slot, revision), -1)
                if slot in told or place >= 0:
                    reached = number
                if slot in told:
                    del told[slot]
                    found.append(slot)
                if place >= done:
                    found += every[done : place + 1]
                    done = place + 1
            self._forget(max(reached, self._marked - self._forgotten))
        return [*told, *found, *every[done:]]

    def _forget(self, count: int) -> None:
        for _ in range(count):
            (slot, _), _ = self._writes.popitem(last=False)
            self._slots[slot] -= 1
        self._forgotten += max(count, 0)
