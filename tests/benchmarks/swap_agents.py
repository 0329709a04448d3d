"""The agents of the benchmark of swaps: they note when their handlers ran (s, monotonic: the same everywhere)."""

from __future__ import annotations

import os
import time

import numpy as np

from agentspace import Agent, Kind, Parameter, SlotName, Trigger


class Source(Agent):
    """Counts, at a steady rate: [number, when]."""

    number = SlotName("number", "[int, s]")
    rate = Parameter(500.0, "numbers per second")

    def init(self) -> None:
        self.count = 0
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        self.count += 1
        self.write(self.number, [self.count, time.monotonic()])


class Tally(Agent):
    """The trivial agent: tells of each number once that it was handled, by whom and when."""

    number = SlotName("number", "[int, s]")
    handled = SlotName("handled", "list of [number, s when written, pid, s at the begin, s at the end]")

    def init(self) -> None:
        self.attach_trigger(self.number, Trigger.EVERY)

    def sense_select_act(self) -> None:
        begin = time.monotonic()
        numbers = [change.value for change in self.wake.changes if change.kind is Kind.WRITTEN]
        self.write(self.handled, [[*number, os.getpid(), begin, time.monotonic()] for number in numbers])


class Painter(Agent):
    """Pictures at a steady rate; the first bytes are a number, in `numbers` is when it was painted."""

    picture = SlotName("camera", "RGB image (size, size, 3) uint8")
    rate = Parameter(30.0, "pictures per second")
    size = Parameter(224, "pixels")

    def init(self) -> None:
        self.count = 0
        self.canvas = np.random.default_rng(0).integers(0, 256, (self.size, self.size, 3), np.uint8)
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        self.count += 1
        stamp(self.canvas, self.count, time.monotonic())
        self.write(self.picture, self.canvas)


class Looker(Agent):
    """The end of the chain that is not swapped: looks at each newest picture."""

    picture = SlotName("beside/picture", "RGB image")
    handled = SlotName("beside/handled", "list of [number, s when painted, pid, s at the begin, s at the end]")

    def init(self) -> None:
        self.attach_trigger(self.picture)

    def sense_select_act(self) -> None:
        begin = time.monotonic()
        picture = self.read(self.picture)
        if picture is not None:
            float(picture.mean())
            self.write(self.handled, [[*stamp_of(picture), os.getpid(), begin, time.monotonic()]])


def stamp(picture: np.ndarray, number: int, when: float) -> None:
    """Writes a number and a time (s) into the first pixels."""
    picture.reshape(-1)[:16] = np.array([number, when]).view(np.uint8)


def stamp_of(picture: np.ndarray) -> list[float]:
    """The number and the time (s) in the first pixels."""
    return np.ascontiguousarray(picture.reshape(-1)[:16]).view(np.float64).tolist()
