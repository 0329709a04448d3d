"""Sound files: WAV, FLAC, Ogg, MP3, AIFF; any number of channels, any rate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class SoundError(ValueError):
    """A file is no sound that can be read; the message says why."""


@dataclass(frozen=True)
class Sound:
    """Samples.

    Attributes:
        samples: (n, channels), -1..1.
        rate: Samples per second.
    """

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def read(path: Path) -> Sound:
    """Reads a sound file; a WAV file that was cut off gives what is there.

    Raises:
        SoundError: It cannot be read, or is none.
    """
    import soundfile

    try:
        with path.open("rb") as file:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except OSError as error:
        raise SoundError(f"{path} cannot be read: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise SoundError(f"{path}: {error.error_string} Valid are WAV, FLAC, Ogg, MP3 and AIFF") from error
    return Sound(np.nan_to_num(samples), rate)
