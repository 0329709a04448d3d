"""Rate and jitter of what comes again and again."""

from __future__ import annotations

import itertools
import statistics
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Intervals:
    """The times between arrivals, in a window.

    Attributes:
        count: How many arrivals the window has.
        rate: Per second; 0 if there are fewer than two.
        least: The shortest interval (s).
        most: The longest (s).
        deviation: Standard deviation (s).
        bandwidth: Bytes per second.
    """

    count: int = 0
    rate: float = 0.0
    least: float = 0.0
    most: float = 0.0
    deviation: float = 0.0
    bandwidth: float = 0.0


class Rhythm:
    """Notes arrivals; tells their intervals.

    Args:
        window: How many arrivals count.
    """

    def __init__(self, window: int) -> None:
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=window)

    def note(self, at: float, size: int = 0) -> None:
        """Something of so many bytes arrived at a time (s); never before what was noted last."""
        if self._arrivals:
            at = max(at, self._arrivals[-1][0])
        self._arrivals.append((at, size))

    def intervals(self) -> Intervals:
        """What the window says."""
        times = [at for at, _ in self._arrivals]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        span = sum(gaps)
        if span <= 0:
            return Intervals(len(times))
        moved = sum(size for _, size in list(self._arrivals)[1:])
        deviation = statistics.pstdev(gaps)
        return Intervals(len(times), len(gaps) / span, min(gaps), max(gaps), deviation, moved / span)
