"""Whether a robot stands: it has got to where it was sent, and has come to rest."""

from collections import deque
from typing import Any

import numpy as np

from agents.body.posture import NotAPostureError, read_posture
from models.arrays import Floats


class Stillness:
    """Judges by a robot's encoders whether it stands; time is passed in.

    A robot stands when each joint stayed within `tolerance` for `window`, and is `near` to where the robot was
    sent. One that is kept from getting there (by its limits, or by another command) stands all the same `reach`
    after it was sent, if it rests.

    Args:
        window: Seconds of rest.
        tolerance: Degrees.
        near: Degrees.
        reach: Seconds.
    """

    def __init__(self, window: float = 0.2, tolerance: float = 0.5, near: float = 3.0, reach: float = 2.5) -> None:
        self._window = window
        self._tolerance = tolerance
        self._near = near
        self._reach = reach
        self._goal: Floats | None = None
        self._sent = 0.0
        self._seen: deque[tuple[float, Floats]] = deque()

    @property
    def posture(self) -> Floats | None:
        """The last posture (10,), degrees; None while the robot is away."""
        return self._seen[-1][1] if self._seen else None

    def send(self, goal: Floats | None, now: float) -> None:
        """The robot is sent somewhere (10,), degrees; None if it finds its goal itself. It does not stand yet."""
        self._goal, self._sent = goal, now
        self._seen.clear()

    def see(self, encoders: Any, now: float) -> None:
        """Takes note of the encoders at a time (s), a posture (10,); with any other value the robot is away."""
        try:
            self._seen.append((now, read_posture(encoders)))
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
        if self._goal is None or now - self._sent >= self._reach:
            return True
        return bool(np.abs(self._seen[-1][1] - self._goal).max() <= self._near)
