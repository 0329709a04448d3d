"""The extractor as it is, which notes when its handler ran."""

from __future__ import annotations

import os
import time

from swap_agents import stamp_of

from agents.extractor import Extractor
from agentspace import SlotName


class StampedExtractor(Extractor):
    """Tells of each picture that it was looked at, by whom and when."""

    handled = SlotName("handled", "list of [number, s when painted, pid, s at the begin, s at the end]")

    def sense_select_act(self) -> None:
        begin = time.monotonic()
        picture = self.read(self.image)
        super().sense_select_act()
        if picture is not None:
            self.write(self.handled, [[*stamp_of(picture), os.getpid(), begin, time.monotonic()]])
