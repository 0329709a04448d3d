"""A race between ways to do the same: which is the fastest, on a machine where others are at work, too.

They take turns, so that whatever disturbs the machine disturbs them alike. The time of a way is that than which a
tenth of its times are shorter: most of them may be disturbed, and no single lucky one counts. A way that is slower
beyond doubt drops out; the race ends when one is left, or when its time is over.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

BUDGET: Final = 8.0
"""Seconds after which a race ends, if each had `LEAST` turns by then."""
LEAST: Final = 2
"""Turns of each at least."""
MOST: Final = 60
"""Turns of each at most."""
TURN: Final = 0.03
"""Seconds of a turn; what takes longer runs once."""
_SLEEPY: Final = 0.1  # seconds; of what takes less, the first time of a turn does not count: threads slept
_FEW: Final = 8  # times after which the order of two can be told
_HOPELESS: Final = 2.0  # times the time of the best


def doubled(most: int) -> tuple[int, ...]:
    """Numbers of threads to try: 1, 2, 4, ... up to the most."""
    return tuple(1 << power for power in range(most.bit_length()))


def race(
    runs: Sequence[Callable[[], object]],
    clock: Callable[[], float] = time.perf_counter,
    rest: Callable[[], object] = lambda: None,
    budget: float = BUDGET,
) -> list[float]:
    """The time (s) of each of some ways.

    Args:
        runs: The ways; each is called once before the race, which does not count.
        clock: Seconds.
        rest: Is called before each time that counts.
        budget: Seconds of the race.
    """
    for run in runs:
        run()
    racers = [_Racer(run) for run in runs]
    left, end = racers, clock() + budget
    for turn in range(1, MOST + 1):
        for racer in left:
            racer.take_turn(clock, rest)
        best = min(left, key=lambda racer: racer.time)
        left = [racer for racer in left if racer is best or not racer.is_slower(best)]
        if len(left) == 1 or (turn >= LEAST and clock() >= end):
            break
    return [racer.time for racer in racers]


class _Racer:
    """One of the ways, and its times so far, the shortest first."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self._times: list[float] = []

    @property
    def time(self) -> float:
        """That than which a tenth of its times are shorter."""
        return self._times[(len(self._times) - 1) // 10]

    def take_turn(self, clock: Callable[[], float], rest: Callable[[], object]) -> None:
        if self._times and self._times[0] < _SLEEPY:
            self._run()
        spent = 0.0
        while spent < TURN:
            rest()
            start = clock()
            self._run()
            self._times.append(max(clock() - start, 1e-9))
            spent += self._times[-1]
        self._times.sort()

    def is_slower(self, best: "_Racer") -> bool:
        """Whether it is so beyond doubt: always more than what the best takes most often, or hopelessly more."""
        known, shortest = min(len(self._times), len(best._times)), self._times[0]
        if known < _FEW:
            return known >= LEAST and shortest > _HOPELESS * best._times[-1]
        return shortest > best._times[len(best._times) // 2]
