"""A meter of a slot: how often it is written because of a picture, and how long after it."""

from dataclasses import dataclass

import numpy as np

from agentspace import Entry, Kind


@dataclass(frozen=True)
class Flow:
    """The measurement of a meter.

    Attributes:
        count: Writes that a picture led to.
        rate: Of these, per second, from the first to the last; 0 if there are less than two.
        p50: Milliseconds after the picture within which half of them came; NaN if there are none.
        p99: The same for 99 of 100.
    """

    count: int
    rate: float
    p50: float
    p99: float


class Meter:
    """Collects the changes of one slot.

    A write without a cause (a timer's, say) has the latency 0; such writes do not count: they are repetitions of
    a generator or steps of a motor on its way, and would make the loop look faster than it is.
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._latencies: list[float] = []

    def add(self, change: Entry, now: float) -> None:
        """A change of the slot; `now` in seconds."""
        if change.kind is Kind.WRITTEN and change.latency > 0.0:
            self._times.append(now - change.age)
            self._latencies.append(change.latency)

    def flow(self) -> Flow:
        """The measurement so far."""
        count = len(self._times)
        if not count:
            return Flow(0, 0.0, float("nan"), float("nan"))
        span = self._times[-1] - self._times[0]
        p50, p99 = 1e3 * np.percentile(self._latencies, [50, 99])
        return Flow(count, (count - 1) / span if span > 0 else 0.0, float(p50), float(p99))
