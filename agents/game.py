"""The game: what whistles mean to a robot that learns to imitate."""

from typing import Any

from agents.words import ACQUIRE, CONFIRM_VALIDITY, LONG, SHORT, USE
from agentspace import Agent, Kind, Parameter, SlotName, Trigger


class Game(Agent):
    """Whistles -> a short one confirms a posture, a long one changes between acquiring and using."""

    whistle = SlotName("whistle", "int: 1 short, 2 long")
    confirm = SlotName("confirm", "str: the robot learns what it sees and feels now")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    command = SlotName("memory/command", "dict: do forget")
    forget = Parameter(False, "forget all pairs when acquiring begins; an associator can do that by itself, too")

    def init(self) -> None:
        """Listens to every whistle."""
        self._count = 0
        self.attach_trigger(self.whistle, Trigger.EVERY)

    def sense_select_act(self) -> None:
        """Does what each whistle means."""
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._obey(change.value)

    def _obey(self, whistle: Any) -> None:
        if whistle == SHORT:
            self._count += 1
            self.write(self.confirm, f"whistle {self._count}", validity=CONFIRM_VALIDITY)
        elif whistle == LONG:
            mode = USE if self.read(self.mode) == ACQUIRE else ACQUIRE
            if self.forget and mode == ACQUIRE:
                self.write(self.command, {"do": "forget"})
            self.write(self.mode, mode)
        else:
            self.log.warning("%s: %r is no whistle: there are %d and %d", self.whistle, whistle, SHORT, LONG)
