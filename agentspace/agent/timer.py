"""A periodic timer without drift."""

import math
from collections.abc import Iterable

from agentspace.errors import ParameterError


class Timer:
    """Ticks at ``start + n * period``; time is passed in.

    Args:
        period: Seconds, positive.
        start: When it was attached (s, monotonic).

    Raises:
        ParameterError: The period is not a positive finite number.
    """

    def __init__(self, period: float, start: float) -> None:
        self.period = _checked(period)
        self._start = start
        self._ticks = 0

    @property
    def due(self) -> float:
        """The time of the next tick (s)."""
        return self._start + (self._ticks + 1) * self.period

    def take(self, now: float) -> int | None:
        """If a tick is due: how many before it were missed; they are skipped, not replayed. Else None."""
        if now < self.due:
            return None
        passed = math.floor((now - self._start) / self.period)
        missed = max(passed - self._ticks - 1, 0)
        self._ticks += missed + 1
        return missed

    def set_period(self, period: float) -> None:
        """Ticks with another period (s), from the last tick on.

        Raises:
            ParameterError: The period is not a positive finite number.
        """
        last = self.due - self.period
        self.period = _checked(period)
        self._start, self._ticks = last, 0


def earliest(timers: Iterable[Timer]) -> float | None:
    """The time of the next tick of several timers (s); None if there are none."""
    return min((timer.due for timer in timers), default=None)


def _checked(period: float) -> float:
    if not 0 < period < math.inf:
        raise ParameterError(f"a timer's period is a positive number of seconds, not {period!r}")
    return period
