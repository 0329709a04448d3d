"""The arithmetic of measurements: whose turn it is, percentiles, and ratios of bursts of the same round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

import numpy as np

T = TypeVar("T")
PERCENTILES: Final = (50, 90, 99)
ESTIMATOR: Final = "linear interpolation between order statistics of all values (numpy.percentile)"
_COLD: Final = 10  #: one in so many of a burst is left out, the first ones: they find cold memory


@dataclass(frozen=True)
class Spread:
    """The distribution of some durations.

    Attributes:
        count: How many there were.
        p50: Their median (us).
        p90: Nine of ten were no longer (us).
        p99: 99 of 100 were no longer (us).
    """

    count: int
    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, durations: Sequence[float]) -> "Spread":
        """That of durations in us, at least one."""
        return cls(len(durations), *(round(float(it), 1) for it in np.percentile(durations, PERCENTILES)))


def rotation(names: Sequence[T], rounds: int) -> list[list[T]]:
    """Who has its turn when: each round forward or backward in turns.

    >>> rotation(["a", "b", "c"], 3)
    [['a', 'b', 'c'], ['c', 'b', 'a'], ['a', 'b', 'c']]
    """
    return [list(names) if number % 2 == 0 else list(reversed(names)) for number in range(rounds)]


def warm(burst: Sequence[float]) -> Sequence[float]:
    """A burst without its first tenth.

    >>> warm([9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0])
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
    """
    return burst[len(burst) // _COLD :]


def first_heard(heard: Sequence[tuple[int, int]], began: int) -> dict[int, float]:
    """How long (us) each message of a burst took until a reader had it first, by its stamp.

    Args:
        heard: All that the reader has heard, as (stamp, ns that it took).
        began: When the burst began (ns): what is older is late, of one before.

    >>> first_heard([(5, 9000), (20, 3000), (20, 4000), (30, 2000)], 10)
    {20: 3.0, 30: 2.0}
    """
    found: dict[int, float] = {}
    for stamp, took in heard:
        if stamp >= began:
            found.setdefault(stamp, took / 1e3)
    return found


def last_heard(heard: Sequence[Mapping[int, float]]) -> list[float]:
    """How long each message took until the last reader had it; those that a reader did not get are left out.

    Args:
        heard: Of each reader: the messages, by the time at which they were written, and how long each took.

    >>> last_heard([{1: 5.0, 2: 6.0, 3: 4.0}, {1: 7.0, 2: 5.0}])
    [7.0, 6.0]
    """
    common = set(heard[0]).intersection(*heard[1:])
    return [max(each[stamp] for each in heard) for stamp in sorted(common)]


def ratio(own: Sequence[float], other: Sequence[float]) -> float | None:
    """The median over all rounds of one number to another of the same round; None if there is no round.

    >>> ratio([2.0, 30.0, 2.0], [1.0, 10.0, 2.0])
    2.0
    """
    found = [mine / its for mine, its in zip(own, other, strict=True) if its > 0]
    return round(median(found), 3) if found else None
