"""An agenda: names of slots, or of clients, in the order of the times at which something happens to them. Pure."""

import heapq
import math
import sys
from collections.abc import Callable
from typing import Final, Generic, TypeVar

FOREVER: Final = math.inf

N = TypeVar("N", str, bytes)


class Agenda(Generic[N]):
    """Reminders of names, one for each as a rule: if something is put off, its reminder is moved when it is due.

    Args:
        of: Tells when something happens to a name, `FOREVER` for never, and its place among all at that moment.
    """

    def __init__(self, of: Callable[[N], tuple[float, int]]) -> None:
        self._of: Callable[[N], tuple[float, int]] = of
        self._due: dict[N, float] = {}  # the reminders that count
        self._heap: list[tuple[float, int, N]] = []  # all: (when, place, name)

    def __len__(self) -> int:
        """The number of reminders."""
        return len(self._heap)

    def note(self, name: N) -> None:
        """Something will happen to a name, perhaps earlier than before."""
        when, place = self._of(name)
        if when < self._due.get(name, FOREVER):
            self._due[name] = when
            heapq.heappush(self._heap, (when, place, name))
            if len(self._heap) > 64 + 4 * len(self._due):  # ever earlier, one after the other
                self._heap = [each for each in self._heap if self._due.get(each[2]) == each[0]]
                heapq.heapify(self._heap)

    def lags(self, now: float) -> bool:
        """Whether there are reminders of that time (s), or of earlier ones."""
        return bool(self._heap) and self._heap[0][0] <= now

    def take(self) -> tuple[N, float] | None:
        """Takes the first reminder; gives name and time if something happens then: it is to be noted again."""
        when, place, name = heapq.heappop(self._heap)
        if self._due.get(name) != when:
            return None
        del self._due[name]
        if self._of(name) == (when, place):
            return name, when
        self.note(name)
        return None

    def first(self, most: int = sys.maxsize) -> float | None:
        """The time at which something happens next (s), or earlier, if so many reminders are of nothing."""
        while self._heap and most > 0:
            when, place, name = self._heap[0]
            if self._due.get(name) == when and self._of(name) == (when, place):
                break
            self.take()
            most -= 1
        return self._heap[0][0] if self._heap else None
