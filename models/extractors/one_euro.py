"""The one-euro filter: numbers that tremble are smoothed while they rest, and followed at once while they move.

A low-pass filter of first order whose cutoff frequency rises with the speed of what it follows: low speeds are
smoothed, where trembling is seen, and high ones are not delayed, where delay is seen.

Source: G. Casiez, N. Roussel, D. Vogel, 1 € filter: a simple speed-based low-pass filter for noisy input in
interactive systems, CHI 2012.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats

PATIENCE: Final = 0.5
"""Seconds without a value after which the filter begins anew."""
BETA: Final = 0.5
"""Hz by which the cutoff rises with each unit per second, of numbers that are about 1, as directions are."""
_SPEEDS: Final = 1.0  # cutoff frequency of the speed, Hz, as in the source


class OneEuro:
    """Follows values (n,), each number of them by itself; time is passed in.

    Args:
        cutoff: Frequency below which what rests is followed, Hz.
        beta: By how many Hz the cutoff rises with each unit per second of a number's speed.

    Attributes:
        cutoff: As above; may be changed.

    Raises:
        ValueError: The cutoff is not positive, or beta is negative.
    """

    def __init__(self, cutoff: float, beta: float = BETA) -> None:
        if not 0.0 < cutoff < math.inf:
            raise ValueError(f"cutoff is {cutoff!r}; valid is a positive number of Hz")
        if not 0.0 <= beta < math.inf:
            raise ValueError(f"beta is {beta!r}; valid is a number from 0 on")
        self.cutoff = cutoff
        self._beta = beta
        self.forget()

    def forget(self) -> None:
        """The next value is the first one: it is taken as it is."""
        self._value: Floats | None = None
        self._raw: Floats = np.zeros(0)
        self._speed: Floats = np.zeros(0)
        self._time = -math.inf

    def follow(self, value: ArrayLike, now: float) -> Floats:
        """The smoothed value (n,).

        Args:
            value: (n,); of another length than the last one, it is a first one.
            now: When it was taken, seconds.
        """
        raw = np.asarray(value, np.float64)
        passed = now - self._time
        if self._value is None or raw.shape != self._value.shape or passed > PATIENCE:
            self._value, self._speed = raw, np.zeros_like(raw)
        elif passed > 0.0:
            speed = (raw - self._raw) / passed
            self._speed = self._speed + _share(_SPEEDS, passed) * (speed - self._speed)
            share = _share(self.cutoff + self._beta * np.abs(self._speed), passed)
            self._value = self._value + share * (raw - self._value)
        self._raw, self._time = raw, now
        return self._value


def _share(cutoff: ArrayLike, passed: float) -> Floats:
    """How much of the way to a new value is gone: for a cutoff frequency (Hz) and the time that has passed (s)."""
    ratio = 2.0 * math.pi * np.asarray(cutoff, np.float64) * passed
    return np.asarray(ratio / (1.0 + ratio))
