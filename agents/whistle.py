"""The whistle: a microphone, or a sound file in its place; one number for each whistle."""

from collections.abc import Iterator
from typing import Final

from agents.hearing.microphone import Microphone, Recording, SoundSource
from agents.script.words import WHISTLE_VALIDITY
from agentspace import Agent, Parameter, SlotName
from models.sound.file import SoundError, read
from models.sound.whistle import Ear

TICK: Final = 0.02
"""Seconds between two looks at what was heard."""


class Whistle(Agent):
    """Microphone or sound file -> 1 for a short whistle, 2 for a long one."""

    whistle = SlotName("whistle", "int: 1 for a short whistle, when it ends; 2 for a long one, when it is clear")
    device = Parameter("", "microphone: number or a part of its name; empty for the usual one")
    file = Parameter("", "sound file (WAV, FLAC, Ogg, MP3) that is heard in place of the microphone")
    long = Parameter(0.5, "seconds from which on a whistle is long", minimum=0.1)
    stop_at_end = Parameter(True, "end with the file")

    def lacks(self) -> Iterator[str]:
        """Says why a file cannot be heard. A robot without a microphone plays on: somebody else confirms then."""
        if self.file:
            try:
                read(self.project / self.file)
            except SoundError as error:
                yield str(error)

    def init(self) -> None:
        """Opens the microphone or the file."""
        self.reclaim()
        self._lost = 0
        self.attach_timer(TICK)

    def release(self) -> None:
        """Lets go of the microphone."""
        self._source.close()

    def reclaim(self) -> None:
        """Opens it; a file from its beginning."""
        path = self.project / self.file if self.file else None
        self._source: SoundSource = Microphone(self.device) if path is None else Recording(read(path))
        self._ear = Ear(self._source.rate, self.long)

    def sense_select_act(self) -> None:
        """Hears what has come; the newest whistle counts."""
        found = [each for block in self._source.take(self.now()) for each in self._ear.feed(block)]
        if self._source.ended:
            found += self._ear.end()
        for each in found:
            self.log.info("whistle %d: %.2f s, %.0f Hz", each.kind, each.seconds, each.hertz)
            self.write(self.whistle, each.kind, validity=WHISTLE_VALIDITY)
        if self._source.lost > self._lost:
            self.log.warning("%d blocks of sound were lost", self._source.lost - self._lost)
            self._lost = self._source.lost
        if self._source.ended and self.stop_at_end:
            self.stop()

    def close(self) -> None:
        """Closes the microphone."""
        if hasattr(self, "_source"):
            self._source.close()
