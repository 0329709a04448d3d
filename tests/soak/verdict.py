"""The verdict on a soak: whether something grows. Pure: samples in, growth out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

HOUR: Final = 3600.0
SETTLED: Final = HOUR / 2  #: seconds after which no slack is left
STILL: Final = (
    180.0  #: seconds in which whatever is at work has gone on, also on a machine that has much else to do
)
PROGRESS: Final = "progress/"  #: how the names begin of what must rise all the time


class Sample(NamedTuple):
    """What was measured at one moment: seconds since the beginning, and values by name."""

    time: float
    values: Mapping[str, float]


class Limit(NamedTuple):
    """How much something may grow.

    Attributes:
        rate: In an hour.
        slack: In all, in a short run, besides: what cannot be told from noise and from warming up. The longer the
            run, the less; none after half an hour.
        unit: Of both.
    """

    rate: float
    slack: float
    unit: str

    def allowed(self, seconds: float) -> float:
        """The steepest growth in an hour that is still taken for none, of a run so long."""
        return self.rate + max(0.0, 1 - seconds / SETTLED) * self.slack * HOUR / seconds


class Growth(NamedTuple):
    """The growth of one value.

    Attributes:
        rate: In an hour; the steeper of two: that of all the time, and that from the first quarter to the last,
            which also tells of what began late, or came at once and stayed.
        allowed: The same, at most.
    """

    name: str
    rate: float
    allowed: float
    unit: str

    @property
    def grows(self) -> bool:
        """Whether it is more than allowed."""
        return self.rate > self.allowed

    def __str__(self) -> str:
        word = "GROWS" if self.grows else "flat"
        return f"{self.name:24} {self.rate:+9.2f} {self.unit}/h, at most {self.allowed:.4g}: {word}"


#: by how the names begin; what is in none is not judged, as latency, which tells of the machine
#: Pools of shared memory keep what the highest peak of the load took, so they have more slack.
LIMITS: Final = {
    "memory/": Limit(2.0, 4.0, "MB"),
    "descriptors/": Limit(4.0, 4.0, ""),
    "threads/": Limit(2.0, 4.0, ""),
    "segments/count": Limit(20.0, 100.0, ""),
    "segments/size": Limit(10.0, 50.0, "MB"),
}


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a line through points: the median of those of all pairs, so that peaks do not matter.

    Theil (1950), Sen (1968); 29 % of the points may be anything.

    Raises:
        ValueError: There are no two points at different times.
    """
    t, v = np.asarray(times, float), np.asarray(values, float)
    first, second = np.triu_indices(len(t), 1)
    apart = t[second] - t[first]
    if not apart.any():
        raise ValueError(f"no slope without two points at different times; there are {len(t)} points")
    rises = (v[second] - v[first])[apart != 0]
    return float(np.median(rises / apart[apart != 0]))


def rise(times: Sequence[float], values: Sequence[float]) -> float:
    """The slope from the median of the first quarter of the time to that of the last one.

    Raises:
        ValueError: The times are all the same.
    """
    t, v = np.asarray(times, float), np.asarray(values, float)
    quarter = (t[-1] - t[0]) / 4 if len(t) else 0.0
    if not quarter:
        raise ValueError(f"no rise without two points at different times; there are {len(t)} points")
    before, after = t <= t[0] + quarter, t >= t[-1] - quarter
    return float((np.median(v[after]) - np.median(v[before])) / (np.median(t[after]) - np.median(t[before])))


def standstills(samples: Sequence[Sample], longest: float = STILL) -> list[str]:
    """What did not go on for longer than that (s), in words: then nothing is proved by memory that is flat."""
    found = []
    for name in dict.fromkeys(name for each in samples for name in each.values if name.startswith(PROGRESS)):
        since, highest = samples[0].time, -np.inf
        for each in samples:
            if each.values.get(name, -np.inf) > highest:
                since, highest = each.time, each.values[name]
            elif each.time - since > longest:
                found.append(f"{name.removeprefix(PROGRESS)} stood still after {since / 60:.1f} min")
                break
    return found


def judge(samples: Sequence[Sample], warm_up: float, limits: Mapping[str, Limit] = LIMITS) -> list[Growth]:
    """The growth of all that has a limit, after the warm-up (s); the steepest of each kind first."""
    kept = [sample for sample in samples if sample.time >= warm_up]
    found = []
    for prefix, limit in limits.items():
        names = dict.fromkeys(name for sample in kept for name in sample.values if name.startswith(prefix))
        rates = []
        for name in names:
            points = [(sample.time, sample.values[name]) for sample in kept if name in sample.values]
            times, values = zip(*points, strict=True)
            allowed = limit.allowed(times[-1] - times[0])
            steepest = max(slope(times, values), rise(times, values))
            rates.append(Growth(name, HOUR * steepest, allowed, limit.unit))
        found += sorted(rates, key=lambda growth: -growth.rate)
    return found
