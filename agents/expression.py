"""The expression: what the robot's face shows."""

from typing import Final

from agents.script.heed import Heedful
from agents.script.words import ACQUIRE
from agentspace import Kind, Parameter, SlotName, Trigger
from models.icub.face import TALKING

HAPPY, NEUTRAL, SURPRISED = "happy", "neutral", "surprised"  # three of those that a face knows
SURPRISE: Final = 1.0
"""Priority of a surprise, over that of a mood, which is 0."""


class Expression(Heedful):
    """Happy while it acquires and invites, neutral while it imitates; surprised for a moment by each confirm.

    While somebody says that it speaks, it is talking.

    A robot that is stopped is not surprised: nothing was learned.
    """

    mode = SlotName("mode", "str: acquire, or anything else")
    confirm = SlotName("confirm", "anything")
    speaking = SlotName("speaking", "bool: the robot speaks; expires, or is false, when it has finished")
    expression = SlotName("expression", f"str: {HAPPY}, {NEUTRAL}, {SURPRISED} or {TALKING}")
    surprise = Parameter(1.0, "seconds that a surprise takes", minimum=0.05)

    def init(self) -> None:
        """Looks neutral, or as the mode says."""
        self.attach_trigger(self.mode)
        self.attach_trigger(self.speaking)
        self.attach_trigger(self.expression)  # when a surprise is over, the slot is empty
        self.attach_trigger(self.confirm, Trigger.EVERY)
        self._show()

    def sense_select_act(self) -> None:
        """Shows the mood; a surprise holds the slot against it for a moment, by its priority."""
        if any(change.kind is Kind.WRITTEN for change in self.wake.changes) and not self.hindrance():
            self.write(self.expression, SURPRISED, validity=self.surprise, priority=SURPRISE)
        elif self.wake.names:
            self._show()

    def _show(self) -> None:
        mood = HAPPY if self.read(self.mode) == ACQUIRE else NEUTRAL
        mood = TALKING if self.read(self.speaking) is True else mood
        entry = self.space.entry(self.expression)
        if entry is None or (entry.value != mood and entry.priority < SURPRISE):
            self.write(self.expression, mood)
