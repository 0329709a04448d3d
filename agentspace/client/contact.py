"""Whether a space gives signs of life, for whoever follows it and waits."""

import time
from collections.abc import Callable
from typing import Final

from agentspace.client.account import CLOCK
from agentspace.core.account import BEAT
from agentspace.core.space import Watch

SILENCE: Final = 2.5 * BEAT  #: seconds without a beat of the space's clock after which nothing is known
_GLANCE: Final = 0.001  #: seconds; with none, it would wait for an answer


class Contact:
    """The contact with a space, by its clock in ``_/clock`` and by when that arrived.

    Args:
        watch: Follows a slot; a method of the space.
        clock: Seconds.

    Attributes:
        heard: When the space gave a sign of life last.
        away: Whether it is silent.
    """

    def __init__(self, watch: Callable[[str], Watch], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats = watch(CLOCK)
        self.heard = clock()
        self.away = False

    @property
    def silent(self) -> float:
        """For how many seconds there was no sign of life."""
        return max(0.0, self._clock() - self.heard)

    def look(self) -> str | None:
        """Takes in what came; if the silence begins or ends now, says so for people."""
        beats = self._beats.next(_GLANCE)
        lasted = self.silent
        if beats:
            self.heard = self._clock() - min(beat.age for beat in beats if beat.name == CLOCK)
        before, self.away = self.away, self.silent > SILENCE
        if self.away and not before:
            since = time.strftime("%H:%M:%S", time.localtime(time.time() - self.silent))
            return f"no sign of life from the server since {since}; waiting for it"
        return f"the server is back, after {lasted:.1f} s" if before and not self.away else None
