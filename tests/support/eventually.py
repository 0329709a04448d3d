"""Waiting for a condition, so that no test sleeps for a time that somebody guessed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL = 0.002  # seconds between two looks
SOON = 30.0  # seconds in which what must come has come, also on a busy machine


def eventually(condition: Callable[[], T], timeout: float = SOON) -> T:
    """What `condition` gives as soon as it is true.

    Args:
        condition: Is asked again and again.
        timeout: Seconds.

    Raises:
        AssertionError: It was not true in time; tells what it gave last.
    """
    end = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not true within {timeout:g} s; the last answer was {result!r}")
        time.sleep(POLL)
    return result
