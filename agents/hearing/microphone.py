"""Sources of sound: a microphone, or a recording that is played at its own pace."""

from collections import deque
from typing import Any, Final, Protocol

import numpy as np

from agentspace.errors import AgentspaceError
from models.sound.file import Samples, Sound

BACKLOG: Final = 500
"""Blocks of the microphone that are kept at most while this agent is held up: some seconds."""


class MicrophoneError(AgentspaceError, OSError):
    """Nothing can be heard; the message says why, and what to do."""


class SoundSource(Protocol):
    """Gives sound.

    Attributes:
        rate: Samples per second.
        ended: There is no more.
        lost: Blocks that were not taken in time.
    """

    rate: float
    ended: bool
    lost: int

    def take(self, now: float) -> list[Samples]:
        """The blocks since the last call, in order; each (n, channels). `now` in seconds, monotonic."""

    def close(self) -> None:
        """Lets go of the device."""


class Recording:
    """A sound that is played at its own pace, and never faster than it can be heard.

    Args:
        heard: The sound.
    """

    def __init__(self, heard: Sound) -> None:
        self.rate = float(heard.rate)
        self.ended = not len(heard.samples)
        self.lost = 0
        self._samples = heard.samples
        self._began: float | None = None
        self._at = 0

    def take(self, now: float) -> list[Samples]:
        """The part that would have sounded since the last call."""
        if self._began is None:
            self._began = now
        until = min(len(self._samples), round((now - self._began) * self.rate))
        block, self._at = self._samples[self._at : until], until
        self.ended = until == len(self._samples)
        return [block] if len(block) else []

    def close(self) -> None:
        """Nothing is held."""


class Microphone:
    """A microphone; a thread of the sound library collects what it hears.

    Args:
        device: Its number, a part of its name, or "" for the usual one.

    Raises:
        MicrophoneError: There is no such microphone, or no library for it.
    """

    def __init__(self, device: str) -> None:
        self.ended, self.lost = False, 0
        self._blocks: deque[Samples] = deque()
        try:
            import sounddevice
        except ImportError:
            raise MicrophoneError(
                "a microphone needs sounddevice: pip install 'agentspace[audio]'; or give a file=NAME.wav"
            ) from None
        except OSError as error:  # it is there, the library beneath it is not
            raise MicrophoneError(f"{error}: install PortAudio (Debian: libportaudio2)") from error
        which = int(device) if device.isdecimal() else device or None
        try:
            self._stream: Any = sounddevice.InputStream(device=which, channels=1, callback=self._collect)
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise MicrophoneError(
                f"microphone {device or 'by default'}: {error}; {_known(sounddevice)}"
            ) from error
        self.rate = float(self._stream.samplerate)

    def _collect(self, block: Samples, _frames: int, _time: Any, status: Any) -> None:
        if len(self._blocks) >= BACKLOG:
            self._blocks.popleft()
            self.lost += 1
        self.lost += bool(status)
        self._blocks.append(np.array(block))

    def take(self, now: float) -> list[Samples]:
        """The blocks that it heard."""
        return [self._blocks.popleft() for _ in range(len(self._blocks))]

    def close(self) -> None:
        """Switches it off."""
        self._stream.close()


def _known(sounddevice: Any) -> str:
    """The microphones that there are, for a message."""
    names = [
        f"{n} {each['name']!r}" for n, each in enumerate(sounddevice.query_devices()) if each["max_input_channels"]
    ]
    return f"there are: {', '.join(names)}" if names else "there is none"
