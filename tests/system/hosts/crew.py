"""The agents that run on the other host."""

from __future__ import annotations

import zlib

import numpy as np

from agentspace import Agent, SlotName, Trigger


class Sensor(Agent):
    """Tells a number ten times a second; it is valid for half a second."""

    def init(self) -> None:
        self.count = 0
        self.attach_timer(0.1)

    def sense_select_act(self) -> None:
        self.count += 1
        self.write(f"sensed/{self.role}", self.count, validity=0.5)


class Tally(Agent):
    """Takes every number, in order; tells the last, how many there were, and how many it missed."""

    source = SlotName("number", "int")

    def init(self) -> None:
        self.last = self.handled = self.missed = 0
        self.attach_trigger(self.source, Trigger.EVERY)

    def sense_select_act(self) -> None:
        for change in self.wake.changes:
            if change.kind == "written":
                self.missed += change.value - self.last - 1
                self.last = change.value
                self.handled += 1
        self.write(f"tally/{self.role}", [self.last, self.handled, self.missed])
        self.checkpoint()

    def get_state(self) -> tuple[int, list[int]]:
        return 1, [self.last, self.handled, self.missed]

    def set_state(self, version: int, state: list[int]) -> None:
        self.last, self.handled, self.missed = state


class Newest(Agent):
    """Tells the newest number, and how often it was woken."""

    def init(self) -> None:
        self.wakes = 0
        self.attach_trigger("number")

    def sense_select_act(self) -> None:
        self.wakes += 1
        self.write("newest", [self.read("number"), self.wakes])


class Weigher(Agent):
    """Tells the checksum of each array, and answers with another one of its size."""

    def init(self) -> None:
        self.attach_trigger("array")

    def sense_select_act(self) -> None:
        array = self.read("array")
        if array is not None:
            self.write("weight", zlib.crc32(array))
            self.write("answer", ~array if array.dtype == np.uint8 else -array)
