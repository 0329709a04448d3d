"""The gaze of a network: the point of a map that counts most, kept steady from picture to picture.

A map is cut by Otsu's threshold into what counts and what does not; of the places that count the connected patch
with the largest sum is taken, and its centre of gravity is the point. So it does not lie between two things.

From picture to picture such a point trembles, and jumps when two patches count nearly alike. It is followed by a
Kalman filter for each map that takes it to move on with constant velocity, disturbed by random accelerations.

Sources: N. Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979); R. E. Kalman,
A new approach to linear filtering and prediction problems, J. Basic Eng. 82 (1960); Y. Bar-Shalom, X. R. Li,
T. Kirubarajan, Estimation with applications to tracking and navigation, Wiley 2001, 6.3.2 (the noise).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Floats32

TREMBLE: Final = 0.05
"""Standard deviation of a point in one picture, in parts of the map."""
ACCELERATION: Final = 0.3
"""Standard deviation of the acceleration of what is looked at, in parts of the map per second squared."""
PATIENCE: Final = 1.0
"""Seconds without a picture after which a point begins anew."""
_UNKNOWN: Final = 1e6
"""Variance of a velocity that is not known."""


def attended(place_map: NDArray[np.floating]) -> tuple[float, float] | None:
    """The point of a map (h, w) that counts most: x to the right, y down, in parts of it; None if it is even."""
    import cv2

    low, high = float(place_map.min()), float(place_map.max())
    if not high > low:
        return None
    grey = np.asarray(np.rint((place_map - low) * (255.0 / (high - low))), np.uint8)
    _, binary = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    count, labels = cv2.connectedComponents(np.asarray(binary, np.uint8))
    sums = np.bincount(labels.ravel(), place_map.ravel(), count)
    sums[0] = 0.0  # what does not count
    y, x = np.nonzero(labels == sums.argmax())
    weights = place_map[y, x]
    h, w = place_map.shape
    return float(np.average(x + 0.5, weights=weights) / w), float(np.average(y + 0.5, weights=weights) / h)


class SteadyPoints:
    """Points, each followed by a Kalman filter with constant velocity; time is passed in.

    Args:
        count: How many points.
        tremble: Standard deviation of each point in one picture, in parts of the map.
        acceleration: Standard deviation of accelerations, in parts of the map per second squared.
    """

    def __init__(self, count: int, tremble: float = TREMBLE, acceleration: float = ACCELERATION) -> None:
        self._points = [_SteadyPoint(tremble**2, acceleration**2) for _ in range(count)]

    def __len__(self) -> int:
        return len(self._points)

    def follow(self, maps: Floats32, now: float) -> Floats:
        """The points of maps (count, h, w) at a time (s): (count, 2), NaN of those that are not known (yet)."""
        found = [point.follow(attended(each), now) for point, each in zip(self._points, maps, strict=True)]
        return np.array(found, np.float64)


class _SteadyPoint:
    """One point: its place and velocity, and the covariance of these, which is the same in x and y."""

    def __init__(self, tremble: float, acceleration: float) -> None:
        self._tremble, self._acceleration = tremble, acceleration  # variances
        self._seen = float("-inf")
        self._time = 0.0
        self._state = np.full((2, 2), np.nan)  # rows: place, velocity
        self._covariance = np.eye(2)

    def follow(self, seen: tuple[float, float] | None, now: float) -> Floats:
        """The place (2,) at a time, after what was seen then, if anything."""
        if now - self._seen > PATIENCE or now < self._time:
            self._begin(seen, now)
        else:
            self._predict(now - self._time)
            self._time = now
            if seen is not None:
                self._correct(np.array(seen))
        self._seen = now if seen is not None else self._seen
        place: Floats = np.clip(self._state[0], 0.0, 1.0)
        return place

    def _begin(self, seen: tuple[float, float] | None, now: float) -> None:
        self._time = now
        self._state = np.array([(np.nan, np.nan) if seen is None else seen, (0.0, 0.0)])
        self._covariance = np.diag([self._tremble, _UNKNOWN])

    def _predict(self, dt: float) -> None:
        step = np.array([[1.0, dt], [0.0, 1.0]])
        push = np.array([dt**2 / 2.0, dt])
        self._state = step @ self._state
        self._covariance = step @ self._covariance @ step.T + self._acceleration * np.outer(push, push)

    def _correct(self, seen: Floats) -> None:
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + self._tremble)
        self._state = self._state + np.outer(gain, seen - self._state[0])
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
