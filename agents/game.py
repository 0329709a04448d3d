"""The game: what whistles mean to a robot that learns to imitate."""

from numbers import Integral
from typing import Any

from agents.script.heed import Heedful
from agents.script.words import ACQUIRE, CONFIRM_VALIDITY, LONG, SHORT, USE
from agentspace import Kind, Parameter, SlotName, Trigger


class Game(Heedful):
    """Whistles -> a short one confirms a posture while acquiring, a long one changes between acquiring and using.

    A short one in any other mode means nothing, as in the original; and none means anything while the robot is
    stopped or paused.
    """

    whistle = SlotName("whistle", "int: 1 short, 2 long")
    confirm = SlotName("confirm", "str: the robot learns what it sees and feels now")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    command = SlotName("memory/command", "dict: do forget")
    ignored = SlotName("whistle/ignored", "dict: count of whistles that meant nothing; the last whistle, and why")
    forget = Parameter(False, "forget all pairs when acquiring begins; an associator can do that by itself, too")

    def init(self) -> None:
        """Listens to every whistle."""
        self._count = self._ignored = 0
        self.attach_trigger(self.whistle, Trigger.EVERY)

    def sense_select_act(self) -> None:
        """Does what each whistle means."""
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._obey(change.value)

    def _obey(self, whistle: Any) -> None:
        mode = self.read(self.mode)
        acquires = isinstance(mode, str) and mode == ACQUIRE
        if not isinstance(whistle, Integral) or whistle not in (SHORT, LONG):
            self._ignore(whistle, f"it is no whistle: there are {SHORT} and {LONG}")
        elif hindrance := self.hindrance():
            self._ignore(whistle, str(hindrance))
        elif whistle == LONG:
            self._switch(USE if acquires else ACQUIRE)
        elif acquires:
            self._count += 1
            self.write(self.confirm, f"whistle {self._count}", validity=CONFIRM_VALIDITY)
        else:
            self._ignore(whistle, f"a short one confirms in mode {ACQUIRE!r} only; the mode is {mode!r:.60}")

    def _switch(self, mode: str) -> None:
        if self.forget and mode == ACQUIRE:
            self.write(self.command, {"do": "forget"})
        self.write(self.mode, mode)

    def _ignore(self, whistle: Any, reason: str) -> None:
        self._ignored += 1
        self.log.warning("%s: %r is left out: %s", self.whistle, whistle, reason)
        self.write(self.ignored, {"whistle": whistle, "reason": reason, "count": self._ignored})
