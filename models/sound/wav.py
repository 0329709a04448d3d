"""Sound files: WAV with integers of 8, 16, 24 or 32 bits, or floats, any number of channels, any rate."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NAMES: Final = {_PCM: "integers", _FLOAT: "floats"}
_BITS: Final = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}


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
    """Reads a WAV file; one that was cut off gives what is there.

    Raises:
        SoundError: It cannot be read, or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SoundError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return decode(content)
    except SoundError as error:
        raise SoundError(f"{path}: {error}") from None


def decode(content: bytes) -> Sound:
    """The sound in the content of a WAV file.

    Raises:
        SoundError: There is none.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise SoundError("it is no WAV file")
    chunks = _chunks(content)
    if len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise SoundError("it has no format, or no samples")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if code == _EXTENSIBLE:
        code = struct.unpack("<H", chunks[b"fmt "][24:26].ljust(2, b"\0"))[0]
    if bits not in _BITS.get(code, ()) or not channels or not rate:
        found = f"{channels} channels of {_NAMES.get(code, f'format {code}')} with {bits} bits, {rate} Hz"
        raise SoundError(f"{found}: valid are integers of 8, 16, 24 or 32 bits and floats of 32 or 64")
    frame = channels * bits // 8
    data = chunks[b"data"]
    data = data[: len(data) // frame * frame]
    return Sound(_numbers(data, code, bits).reshape(-1, channels), rate)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """The first of each kind of chunk."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        found.setdefault(content[at : at + 4], content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _numbers(data: bytes, code: int, bits: int) -> Samples:
    """Samples of all channels in turn, -1..1."""
    if code == _FLOAT:
        return np.nan_to_num(np.asarray(np.frombuffer(data, f"<f{bits // 8}"), np.float32))
    if bits == 8:  # the only one without a sign
        return np.asarray((np.frombuffer(data, np.uint8) - 128.0) / 128, np.float32)
    width = bits // 8
    wide = np.zeros((len(data) // width, 4), np.uint8)
    wide[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return np.asarray(wide.view("<i4")[:, 0] / 2.0**31, np.float32)
