"""Agents that were made a moment ago: what is written now is to wake them, though they may not have attached yet.

In the original, an agent that is made has attached before its maker goes on, or nearly so: that is a matter of
microseconds. Here a server is asked. So the maker goes on at once, as there, and waits when it writes; so do the
agents that it makes next, before their `init`. Most attach at once; some never do, so there is an end to waiting.
"""

import threading
import time
from typing import Final

ATTACHES: Final = 0.2  #: seconds after an agent was made in which its first trigger is waited for
PATIENCE: Final = 0.5  #: seconds of such waiting in vain, in all; from then on
_LEAST: Final = 0.01  #: it is waited so long (s) for each
_SETTLES: Final = 0.02  #: seconds for the rest of an agent's `init`, after its first trigger


class Newcomer:
    """One agent, as far as others wait for it.

    Attributes:
        made: When (s, monotonic).
        maker: The thread that made it.
        attached: It has its first trigger, or will have none.
        settled: Its `init` has ended, too.
    """

    def __init__(self) -> None:
        self.made = time.monotonic()
        self.maker = threading.get_ident()
        self.attached, self.settled = threading.Event(), threading.Event()

    def settle(self) -> None:
        """Nobody has to wait for it any more."""
        self.attached.set()
        self.settled.set()


class Newcomers:
    """The newcomers of a program.

    Attributes:
        left: Seconds of waiting in vain that are left.
    """

    def __init__(self) -> None:
        self.left = PATIENCE
        self._awaited: list[Newcomer] = []

    def add(self, one: Newcomer) -> list[Newcomer]:
        """Takes note of a newcomer; gives those that its maker has made before, and that are still awaited."""
        self._awaited = [each for each in self._awaited if not each.settled.is_set()]
        before = self._of(one.maker)
        self._awaited.append(one)
        return before

    def await_mine(self) -> None:
        """Waits for those that the calling thread has made; each is waited for once."""
        if self._awaited:
            mine = self._of(threading.get_ident())
            self.wait(mine)
            self._awaited = [one for one in self._awaited if one not in mine]

    def wait(self, some: list[Newcomer]) -> None:
        """Waits for some of them, for a moment."""
        for one in some:
            rest = one.made + ATTACHES - time.monotonic()
            patience = max(min(rest, self.left), _LEAST)
            if one.attached.wait(patience):
                one.settled.wait(_SETTLES)
            else:
                self.left -= patience

    def _of(self, maker: int) -> list[Newcomer]:
        return [one for one in self._awaited if one.maker == maker]


NEWCOMERS: Final = Newcomers()  #: of this process
