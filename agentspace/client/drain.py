"""Following slots until it is over, and until all has come that was accepted before."""

from collections.abc import Callable, Iterator
from typing import Final

from agentspace.core.mailbox import BATCH_LIMIT, EVERY_LIMIT
from agentspace.core.space import Entry, Watch

TICK: Final = 0.1  #: seconds between two looks whether it is over
ON_ITS_WAY: Final = EVERY_LIMIT + BATCH_LIMIT  #: changes that can wait, or be on their way, to one watcher


def until_over(watch: Watch, over: Callable[[], bool], tick: float = TICK) -> Iterator[list[Entry]]:
    """The changes that a watch tells until it is over, and then all that were accepted before.

    A space never has more than `ON_ITS_WAY` on its way to a watcher, and tells it in order: what comes after so
    many was accepted after the end. No clock is asked, so a slow machine makes no difference.

    Args:
        watch: What is followed.
        over: Whether it is over; may be asked from now on, and often.
        tick: Seconds between two such questions, at most.

    Yields:
        Changes, or nothing if none came within a tick.
    """
    left, began = ON_ITS_WAY, False
    while left > 0:
        ending = over()
        entries = watch.next(0.0 if ending else tick)
        yield entries or []
        if ending:
            if entries is None:
                return
            left -= len(entries) if began else 0  # first comes the present content, however long
        began = began or entries is not None
