"""The number of threads of an extractor, by measurement: more of them only where they pay.

A thread more takes a core from the other agents, and onnxruntime's threads wait for each other busily: two of them
use four times the processor. So their number is doubled only as long as that saves a third of the time.
"""

import os
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "AGENTSPACE_THREADS"
"""How many there may be at most: what a launch file says with `threads`."""
WORTH: Final = 2.0 / 3.0
"""Of the time with half as many threads: it must take less."""


def choose(times: Mapping[int, float]) -> int:
    """The number of threads, from 1, 2, 4, ...

    Args:
        times: Seconds for a picture, by the number of threads.
    """
    threads = 1
    while times.get(2 * threads, float("inf")) < WORTH * times[threads]:
        threads *= 2
    return threads


def allowed(environment: Mapping[str, str] = os.environ) -> int:
    """How many threads there may be: what the environment says, or the cores that this process may use."""
    said = environment.get(VARIABLE, "")
    return int(said) if said.isdecimal() and int(said) > 0 else len(os.sched_getaffinity(0))
