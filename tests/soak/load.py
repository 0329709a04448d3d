"""The agents of the soak: what robots do all day, with the time of each value in it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from agentspace import Agent, Kind, Parameter, SlotName, Trigger

SPAN = 10.0  # seconds over which latencies are summed up
STAMP = 8  # bytes at the front of a picture: when it was painted (ns, monotonic)


class Clockwork(Agent):
    """Counts in bursts, as drivers do: [number, s, monotonic]; and writes a few slots besides."""

    number = SlotName("number", "[int, s]")
    rate = Parameter(20.0, "bursts per second")

    def init(self) -> None:
        self.count = 0
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        for _ in range(1 + int(4 * (1 + math.sin(time.monotonic() / 7)))):  # 1 to 9, over 44 s
            self.count += 1
            self.space.write(self.number, [self.count, time.monotonic()])
        for joint in range(8):
            self.write(f"joints/{joint}", self.count / (joint + 1), validity=1.0)


class Ages:
    """How old values were when they were handled, summed up every ten seconds."""

    def __init__(self) -> None:
        self._ages: list[float] = []
        self._since = time.monotonic()

    def summary(self, ages: Sequence[float]) -> list[float] | None:
        """p50 and p99 (ms) of the span that has ended, with these ages (s); None if none has."""
        self._ages += ages
        if time.monotonic() - self._since < SPAN or not self._ages:
            return None
        ordered = sorted(self._ages)
        self._ages, self._since = [], time.monotonic()
        return [1e3 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99)]


class Tally(Agent):
    """Takes every number, knows how many there were, and how many it missed; its successor goes on with that."""

    number = SlotName("number", "[int, s]")
    report = SlotName("tally", "{handled, missed}: counts")
    latency = SlotName("latency/value", "[p50, p99] of ten seconds, in ms")

    def init(self) -> None:
        self.ages = Ages()
        self.last = self.handled = self.missed = 0
        self.attach_trigger(self.number, Trigger.EVERY)

    def sense_select_act(self) -> None:
        numbers = [change.value for change in self.wake.changes if change.kind is Kind.WRITTEN]
        now = time.monotonic()
        for number, _ in numbers:
            self.missed += bool(self.last) * (number - self.last - 1)
            self.last = number
        self.handled += len(numbers)
        self.write(self.report, {"handled": self.handled, "missed": self.missed})
        if found := self.ages.summary([now - when for _, when in numbers]):
            self.write(self.latency, found)
        self.checkpoint()

    def get_state(self) -> tuple[int, list[int]]:
        return 1, [self.last, self.handled, self.missed]

    def set_state(self, version: int, state: list[int]) -> None:
        self.last, self.handled, self.missed = state


class Painter(Agent):
    """Paints pictures, for shared memory: a gradient, so that recordings stay small."""

    picture = SlotName("camera", "RGB image (240, 320, 3) uint8")
    rate = Parameter(5.0, "pictures per second")

    def init(self) -> None:
        row = np.linspace(0, 255, 320, dtype=np.uint8)
        self.canvas = np.ascontiguousarray(np.broadcast_to(row[None, :, None], (240, 320, 3)))
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        self.canvas.reshape(-1)[:STAMP] = np.array([time.monotonic_ns()]).view(np.uint8)
        self.write(self.picture, self.canvas, validity=2.0)


class Looker(Agent):
    """Looks at the newest picture, and keeps the last few views, as trackers do."""

    picture = SlotName("camera", "RGB image (240, 320, 3) uint8")
    latency = SlotName("latency/image", "[p50, p99] of ten seconds, in ms")

    def init(self) -> None:
        self.ages = Ages()
        self.views: list[np.ndarray] = []
        self.attach_trigger(self.picture)

    def sense_select_act(self) -> None:
        picture = self.read(self.picture)
        if picture is None:
            return
        painted = int(picture.reshape(-1)[:STAMP].view(np.int64)[0])
        self.views = [*self.views[-3:], picture]
        if found := self.ages.summary([(time.monotonic_ns() - painted) / 1e9]):
            self.write(self.latency, found)


class Namer(Agent):
    """Writes slots whose names nobody has seen before, and that are soon over."""

    rate = Parameter(5.0, "names per second")

    def init(self) -> None:
        self.count = 0
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        self.count += 1
        self.write(f"seen/{self.count}", self.count, validity=0.5)


class Guest(Agent):
    """Comes, writes a little and something large, and goes, or stays until it is killed."""

    stays = Parameter(False, "whether it goes by itself")

    def init(self) -> None:
        self.turns = 0
        self.attach_timer(0.1)
        self.attach_trigger("number")

    def sense_select_act(self) -> None:
        self.turns += self.wake.timer
        self.write(f"guests/{self.role.rpartition('/')[2]}", np.zeros(50_000), validity=1.0)
        if self.turns > 10 and not self.stays:
            self.stop()
