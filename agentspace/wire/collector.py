"""The search for circles among the objects of a server: a little of it, often."""

import gc
from typing import Final

_OFTEN: Final = 32  # turns of the server between two looks


class Collector:
    """Looks for circles among new objects only: to look at all takes 200 ms for 60 000 slots.

    Python by itself looks when many more objects have come than gone, whatever their age. Where values take the
    places of others that is late: 55 000 new ones were looked at in one go, for 50 ms. A server makes no circles
    that grow in number, and what outlives two looks stays: what is over is let go by counting.
    """

    def __init__(self) -> None:
        gc.disable()
        gc.freeze()
        self._turns = 0

    def turn(self) -> None:
        """The server has had a turn."""
        self._turns += 1
        if not self._turns % (2 * _OFTEN):
            gc.collect(1)
            gc.freeze()
        elif not self._turns % _OFTEN:
            gc.collect(0)
