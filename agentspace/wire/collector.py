"""The search for circles among the objects of a server: a little of it, often."""

import gc
import time
from collections.abc import Callable
from typing import Final

_OFTEN: Final = 32  # turns of the server between two looks at most
_MANY: Final = 2000  # objects that have come, and not gone, since the last look
_LONG: Final = 0.0005  # seconds of a look, after which the next one comes earlier


class Collector:
    """Looks for circles among new objects only: to look at all takes 200 ms for 60 000 slots.

    Python by itself looks when many more objects have come than gone, whatever their age. Where values take the
    places of others that is late: 55 000 new ones were looked at in one go, for 50 ms. A server makes no circles
    that grow in number, and what outlives two looks stays: what is over is let go by counting.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        gc.disable()
        gc.freeze()
        self._clock = clock
        self._often = self._left = _OFTEN  # turns
        self._is_second = False

    def turn(self) -> None:
        """The server has had a turn."""
        self._left -= 1
        if self._left > 0 and gc.get_count()[0] < _MANY:
            return
        since = self._clock()
        gc.collect(1 if self._is_second else 0)
        if self._is_second:
            gc.freeze()
        self._is_second = not self._is_second
        is_long = self._clock() - since > _LONG
        self._often = max(1, self._often // 2) if is_long else min(_OFTEN, 2 * self._often)
        self._left = self._often
