"""Hears whistles in a stream of samples, by the spectrum; time is the number of samples.

A whistle is nearly a pure tone: one narrow peak between 500 and 5000 Hz has most of the power of a frame. Speech
and music spread theirs over many harmonics, noise over everything. So a frame is tonal if

    power of the peak and its neighbours / power of the whole frame >= `ENTER`

and the rest of the spectrum is low (spectral flatness: the geometric by the arithmetic mean of the power), and the
frame is louder than the background. With hysteresis: a whistle goes on down to `LEAVE`, and over gaps.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.sound.file import Samples

SHORT, LONG = 1, 2
FRAME: Final = 0.025
"""Seconds of sound that are looked at at once; half of each is in the next one, too."""
LOWEST, HIGHEST = 500.0, 5000.0
"""Hz, where people whistle."""
RUMBLE: Final = 80.0
"""Hz; below it are hum and wind, and nothing counts."""
ENTER, LEAVE = 0.7, 0.5
"""Share of the power in the peak: to begin, and to go on. A clipped tone has 0.81, a voice less than 0.6."""
FLATNESS: Final = 0.2
"""The most that the spectrum of a whistle has; white noise has 0.56."""
NEIGHBOURS: Final = 3
"""Bins on each side of the peak that belong to it: the main lobe of the window, and some glide."""
QUIETEST: Final = 10 ** (-50 / 20)
"""Root mean square of a frame, of full scale, under which nothing is heard."""
LOUDER: Final = 2.0
"""So many times as loud as the background must a whistle be."""
ATTACK: Final = 3
"""Tonal frames in a row with which a whistle begins."""
GAP: Final = 0.06
"""Seconds without a tone that do not end a whistle."""
LEAST: Final = 0.12
"""Seconds; what is shorter is a click, a bird or a vowel."""


@dataclass(frozen=True)
class Whistle:
    """One whistle.

    Attributes:
        kind: SHORT or LONG.
        began: Seconds since the beginning of the stream.
        seconds: How long it was; of a long one, how long it was when that was clear.
        hertz: The median of its pitch.
    """

    kind: int
    began: float
    seconds: float
    hertz: float


class Ear:
    """Listens.

    Args:
        rate: Samples per second, at least 4000.
        long: Seconds from which on a whistle is a long one.

    Raises:
        ValueError: The rate is too low for whistles.
    """

    def __init__(self, rate: float, long: float = 0.5) -> None:
        if not rate >= 4000:
            raise ValueError(f"{rate:g} samples per second are too few: at least 4000 are needed")
        self._rate = rate
        self._long = long
        self._size = 2 * round(rate * FRAME / 2)
        self._window = np.hanning(self._size)
        hertz = np.fft.rfftfreq(self._size, 1 / rate)
        self._first = int(np.searchsorted(hertz, RUMBLE))
        self._band = (hertz >= LOWEST) & (hertz <= min(HIGHEST, 0.45 * rate))
        self._hertz = hertz
        self._rest: Samples = np.empty((0, 1), np.float32)
        self._heard = 0  # samples before the rest
        self._background = 0.0
        self._run: list[tuple[float, float]] = []  # when (s) and pitch (Hz) of its tonal frames so far
        self._told = False  # the present one is long, and that has been said

    def feed(self, samples: Samples) -> list[Whistle]:
        """Hears more of the stream.

        Args:
            samples: (n,) or (n, channels), -1..1; in each frame the loudest channel counts.

        Returns:
            The whistles that came to their end in it, and those of which it is clear that they are long.
        """
        block = np.asarray(samples, np.float32)
        block = block[:, None] if block.ndim == 1 else block
        if self._rest.shape[1] != block.shape[1]:
            self._rest = self._rest[:, :1].repeat(block.shape[1], axis=1)
        stream = np.concatenate([self._rest, block])
        hop, found = self._size // 2, list[Whistle]()
        start = 0
        while start + self._size <= len(stream):
            frame = stream[start : start + self._size]
            found += self._hear(frame[:, np.argmax(np.square(frame).sum(axis=0))])
            start += hop
            self._heard += hop
        self._rest = stream[start:]
        return found

    def end(self) -> list[Whistle]:
        """The stream is over: what was being whistled ends."""
        return self._finish()

    def _hear(self, frame: Samples) -> list[Whistle]:
        now = self._heard / self._rate
        pitch = self._pitch(frame)
        if pitch is not None:
            if self._told:  # an alarm may sound for hours
                self._run.pop()
            self._run.append((now, pitch))
            return self._lengthen()
        if self._run and (len(self._run) < ATTACK or now - self._run[-1][0] > GAP):
            return self._finish()
        return []

    def _pitch(self, frame: Samples) -> float | None:
        """The pitch of a tonal frame, Hz; None for any other."""
        level = float(np.sqrt(np.mean(np.square(frame))))
        power = np.square(np.abs(np.fft.rfft((frame - frame.mean()) * self._window)))
        peak = int(np.argmax(np.where(self._band, power, 0.0)))
        share, flatness = self._shape(power, peak)
        began = len(self._run) >= ATTACK
        loud = level >= max(QUIETEST, (1.0 if began else LOUDER) * self._background)
        if loud and share >= (LEAVE if began else ENTER) and flatness <= FLATNESS:
            return float(self._hertz[peak])
        self._background += 0.1 * (level - self._background)
        return None

    def _shape(self, power: NDArray[np.float64], peak: int) -> tuple[float, float]:
        """Share of the power at the peak, and flatness of the spectrum."""
        heard = power[self._first :] + 1e-20
        near = power[max(self._first, peak - NEIGHBOURS) : peak + NEIGHBOURS + 1].sum()
        return float(near / heard.sum()), float(np.exp(np.log(heard).mean()) / heard.mean())

    def _lengthen(self) -> list[Whistle]:
        """A long whistle is told as soon as it is one."""
        if self._told or self._seconds() < self._long or len(self._run) < ATTACK:
            return []
        self._told = True
        return [self._whistle(LONG)]

    def _finish(self) -> list[Whistle]:
        fine = len(self._run) >= ATTACK and self._seconds() >= LEAST and not self._told
        found = [self._whistle(SHORT)] if fine else []
        self._run, self._told = [], False
        return found

    def _seconds(self) -> float:
        return self._run[-1][0] - self._run[0][0] + self._size / self._rate if self._run else 0.0

    def _whistle(self, kind: int) -> Whistle:
        return Whistle(kind, self._run[0][0], self._seconds(), float(np.median([hertz for _, hertz in self._run])))


def hear(samples: Samples, rate: float, long: float = 0.5) -> list[Whistle]:
    """All whistles in a recording; see `Ear`."""
    ear = Ear(rate, long)
    return ear.feed(samples) + ear.end()
