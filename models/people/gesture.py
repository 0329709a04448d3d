"""Gestures: the arms move after a moment, smoothly, and not quite to where they meant to."""

from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS

SHORTEST: Final = 0.3
"""Seconds that a movement takes at least."""
_PEAK: Final = 1.875  # of the speed of a minimum-jerk movement, over its mean


class Gesture:
    """Arms that go from posture to posture; time is passed in.

    A movement has minimum jerk, which is how people reach for something (T. Flash, N. Hogan, 1985): it begins and
    ends gently, and all joints arrive together.

    Args:
        posture: Where the arms are, (10,) degrees.
        speed: Of the fastest joint at its fastest, degrees per second.
    """

    def __init__(self, posture: Floats, speed: float) -> None:
        self._speed = speed
        self._from = self._to = posture
        self._begin = self._seconds = 0.0

    def go(self, goal: Floats, now: float, delay: float = 0.0) -> None:
        """Moves to a posture (10,), degrees, from where the arms are, `delay` seconds from now."""
        self._from = self.at(now)
        self._to = goal
        self._begin = now + delay
        self._seconds = max(SHORTEST, _PEAK * float(np.abs(goal - self._from).max()) / self._speed)

    def at(self, now: float) -> Floats:
        """The posture of the arms, (10,) degrees."""
        if now >= self.ends:
            return self._to
        share = max(0.0, (now - self._begin) / self._seconds)
        done = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
        return np.asarray(self._from + done * (self._to - self._from))

    @property
    def ends(self) -> float:
        """Time at which the arms are where they go (s)."""
        return self._begin + self._seconds


def inaccurate(posture: Floats, deviation: float, random: np.random.Generator) -> Floats:
    """The posture that somebody takes who means to take this one (10,), degrees.

    Each joint misses by an amount of its own, normally distributed; nobody leaves the ranges of the joints.

    Args:
        posture: What is meant.
        deviation: Standard deviation of each joint, degrees.
        random: Where the misses come from.
    """
    return np.clip(posture + random.normal(0.0, deviation, posture.shape), *JOINT_LIMITS.T)
