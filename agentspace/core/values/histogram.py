"""Percentiles of very many numbers, in little memory: counts in buckets that grow by a factor. Pure.

As an HDR histogram or a DDSketch does it: a bucket has all numbers from one power of 1.02 to the next. So what is
told of them is at most 1 % beside a number that there was, however large or small. Two can be put together.
"""

import math
from typing import Final

GROWTH: Final = 1.02
ERROR: Final = GROWTH**0.5 - 1  #: by which a percentile may differ, relative to its value
LEAST: Final = 1e-7  #: smaller numbers count as this one
MOST: Final = 1e7  #: larger ones as this: so there are at most 1629 buckets
WINDOW: Final = 512  #: numbers after which the oldest window is forgotten
_SCALE: Final = 1 / math.log(GROWTH)


class Histogram:
    """Counts of positive numbers."""

    __slots__ = ("_counts", "count")

    def __init__(self) -> None:
        self.count = 0
        self._counts: dict[int, int] = {}  # by bucket

    def add(self, number: float) -> None:
        """One more number; none that is no number."""
        if math.isnan(number):
            return
        bucket = math.floor(math.log(min(max(number, LEAST), MOST)) * _SCALE)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1

    def merge(self, other: "Histogram") -> None:
        """All numbers of another one, too."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.count += other.count

    def quantile(self, share: float) -> float | None:
        """The least number, but for `ERROR`, that this share of all do not exceed; None if there are none.

        It never falls as the share grows, and is the largest for 1: of two numbers, that is the 99th percentile.
        """
        rank, seen = max(1, math.ceil(share * self.count)), 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return math.exp((bucket + 0.5) / _SCALE)
        return None


class Recent:
    """The numbers of late: between `WINDOW` and twice as many of them, or all if there were fewer."""

    __slots__ = ("_before", "_now")

    def __init__(self) -> None:
        self._now, self._before = Histogram(), Histogram()

    def add(self, number: float) -> None:
        """One more number."""
        if self._now.count >= WINDOW:
            self._now, self._before = Histogram(), self._now
        self._now.add(number)

    def quantiles(self, *shares: float) -> list[float]:
        """The quantiles for these shares; none if there are no numbers."""
        both = Histogram()
        both.merge(self._before)
        both.merge(self._now)
        return [found for found in map(both.quantile, shares) if found is not None]
