"""What wakes an agent of the original, in order: one token for each run of its handler. Pure, but for a lock.

Many plain wake-ups are one, many of one name are one, values come one by one. So a slow agent never works through
a queue of stale frames.
"""

import threading
from collections import deque
from collections.abc import Hashable
from typing import Any, Final

PLAIN: Final = None  #: the token of triggers without names
TIMER: Final = "__timer__"  #: that of a timer, where that has one of its own
LIMIT: Final = 1024  #: values that wait; of more, the oldest are dropped


class Tokens:
    """The tokens that wait for one agent.

    Attributes:
        lost: The number of values that were dropped.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: deque[tuple[bool, Any]] = deque()  # whether it has a value, and the token
        self._names: set[Hashable] = set()
        self._values = 0
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, token: Hashable) -> None:
        """A wake-up by a name, by a timer, or a plain one, which is one with those of its kind that wait."""
        with self._lock:
            if token not in self._names:
                self._names.add(token)
                self._waiting.append((False, token))

    def put_value(self, name: object, value: object) -> None:
        """A wake-up by a value."""
        with self._lock:
            if self._values >= LIMIT:
                self.lost += 1
                self._values -= 1
                self._waiting.remove(next(one for one in self._waiting if one[0]))
            self._values += 1
            self._waiting.append((True, (name, value)))

    def take(self) -> Any:
        """The first of them.

        Raises:
            IndexError: There is none.
        """
        with self._lock:
            has_value, token = self._waiting.popleft()
            if has_value:
                self._values -= 1
            else:
                self._names.discard(token)
            return token

    def take_names(self) -> list[Any]:
        """The names of all of them."""
        names = []
        while self:
            token = self.take()
            if token not in (PLAIN, TIMER):
                names.append(token)
        return names
