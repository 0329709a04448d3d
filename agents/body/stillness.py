"""Whether a robot stands: it has got to where it was sent, and has come to rest."""

from collections import deque
from typing import Any

import numpy as np

from agents.body.posture import NotAPostureError, read_posture
from models.arrays import Floats


class Stillness:
    """Judges by a robot's encoders whether it stands; time is passed in.

    A robot stands when each joint stayed within `tolerance` for `window`, and is `near` to where the robot was
    sent. One that is kept from getting there, by its limits say, stands all the same `reach` after it was sent, if
    it rests.

    Args:
        window: Seconds of rest.
        tolerance: Degrees.
        near: Degrees.
        reach: Seconds.
        obeys: One that has not come nearer did not obey, and does not stand however long it rests.
    """

    def __init__(
        self,
        window: float = 0.2,
        tolerance: float = 0.5,
        near: float = 3.0,
        reach: float = 2.5,
        obeys: bool = False,
    ) -> None:
        self._obeys = obeys
        self._window = window
        self._tolerance = tolerance
        self._near = near
        self._reach = reach
        self._goal: Floats | None = None
        self._sent = 0.0
        self._start: Floats | None = None
        self._seen: deque[tuple[float, Floats]] = deque()

    @property
    def posture(self) -> Floats | None:
        """The last posture (10,), degrees; None while the robot is away."""
        return self._seen[-1][1] if self._seen else None

    def send(self, goal: Floats | None, now: float) -> None:
        """The robot is sent somewhere (10,), degrees; None if it finds its goal itself. It does not stand yet."""
        self._goal, self._sent, self._start = goal, now, None
        self._seen.clear()

    def aim(self, goal: Floats, now: float) -> None:
        """A robot that finds its goal itself found it (10,), degrees, at a time; what was seen still counts."""
        if self._goal is None or np.abs(goal - self._goal).max() > self._near:
            self._sent = now
        self._goal = goal

    def see(self, encoders: Any, now: float) -> None:
        """Takes note of the encoders at a time (s), a posture (10,); with any other value the robot is away."""
        try:
            self._seen.append((now, read_posture(encoders)))
            self._start = self._seen[-1][1] if self._start is None else self._start
        except NotAPostureError:
            self._seen.clear()
        while len(self._seen) > 1 and self._seen[1][0] <= now - self._window:
            self._seen.popleft()

    def stands(self, now: float) -> bool:
        """Whether it stands at a time (s)."""
        if not self._seen or not self._seen[0][0] <= now - self._window <= self._seen[-1][0]:
            return False  # not seen for long enough, or not seen lately
        span = np.ptp([posture for _, posture in self._seen], axis=0)
        return bool(span.max() <= self._tolerance) and self._arrived(now)

    def _arrived(self, now: float) -> bool:
        here = self._seen[-1][1]
        if self._goal is None or np.abs(here - self._goal).max() <= self._near:
            return True
        return now - self._sent >= self._reach and (not self._obeys or self._has_come_nearer(here, self._goal))

    def _has_come_nearer(self, here: Floats, goal: Floats) -> bool:
        start = here if self._start is None else self._start
        moved = bool(np.abs(here - start).max() > self._near)
        return moved and bool(np.linalg.norm(here - goal) < np.linalg.norm(start - goal))
