"""A limit on how often something is passed on, which keeps the newest of what has to wait."""

from typing import Any

from agentspace import EMPTY


class RateLimit:
    """Passes on what is offered, at most `rate` times a second in the long run; time is passed in.

    What comes half a period early passes, so that a stream that has just this rate is not thinned out when it
    trembles. What has to wait is replaced by what comes after it.

    Args:
        rate: Per second.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate
        self._due = 0.0
        self._waiting: Any = EMPTY

    def offer(self, item: Any) -> None:
        """The newest; EMPTY if there is none any more."""
        self._waiting = item

    def take(self, now: float) -> Any:
        """The item that may pass now (s); EMPTY if there is none."""
        if self._waiting is EMPTY or now < self._due - 0.5 * self._period:
            return EMPTY
        self._due = max(self._due, now - self._period) + self._period
        item, self._waiting = self._waiting, EMPTY
        return item
