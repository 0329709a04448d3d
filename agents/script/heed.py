"""Heed: agents that act for the robot, or learn from what it did, know when it does not do what they command.

A command may be accepted and yet lead nowhere: somebody stops or pauses the robot, holds one of the slots on the
way to it with a higher priority, or the motor says nothing any more. All of this can be read from the slots
themselves, so it does not matter by which means somebody did it.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from agents.script.operation import PAUSE_PRIORITY, STOP_PRIORITY
from agentspace import Agent, Entry, Kind, Parameter, SlotName

REST: Final = 0.2
"""Seconds for which one look serves, where that is good enough."""


class Why(StrEnum):
    """The reasons why a robot does not do what its agents command."""

    STOPPED = "stopped"  #: by an emergency stop
    PAUSED = "paused"
    OVERRIDDEN = "overridden"  #: somebody holds a slot on the way, with a higher priority
    SILENT = "silent"  #: the motor was there, and says nothing any more


class Hindrance(NamedTuple):
    """The reason why the robot does not do what its agents command.

    Attributes:
        why: In a word.
        slot: Which says so.
        holder: Of the slot; "" if nobody holds it.
        priority: With which it is held.
    """

    why: Why
    slot: str
    holder: str = ""
    priority: float = 0.0

    def __str__(self) -> str:
        if self.why is Why.SILENT:
            return f"the motor is silent: {self.slot!r} has expired"
        return f"the robot is {self.why}: {self.slot!r} is held by {self.holder} with priority {self.priority:g}"


def hindered_by(entry: Entry | None, own: float = 0.0) -> Hindrance | None:
    """The hindrance that a slot on the way to the robot tells of; None if there is none.

    Args:
        entry: Of the slot, as a snapshot gives it: also one that is held empty.
        own: The highest priority with which the robot's own agents write there.
    """
    if entry is None or entry.priority <= own:
        return None
    still = entry.value is None and entry.kind is Kind.WRITTEN
    why = Why.OVERRIDDEN
    if still and entry.priority >= PAUSE_PRIORITY:
        why = Why.STOPPED if entry.priority >= STOP_PRIORITY else Why.PAUSED
    return Hindrance(why, entry.name, str(entry.writer), entry.priority)


class Heedful(Agent):
    """An agent that pauses while the robot does not do what its agents command."""

    joints = SlotName("joints", "targets of the motor; who holds them keeps the robot from its agents")
    target = SlotName("icub/target", "targets of the robot; who holds them keeps it from its motor")
    motor = SlotName("motor/state", "str: what the motor does; it expires when there is no motor any more")
    own_priority = Parameter(0.0, "the highest priority with which the robot's own agents write its targets")

    _hindrance: Hindrance | None = None
    _looked = float("-inf")
    _motor_seen = False

    @property
    def way(self) -> tuple[str, ...]:
        """The slots that a command goes through on its way to the robot."""
        return (self.joints, self.target)

    def hindrance(self, rest: float = 0.0) -> Hindrance | None:
        """What keeps the robot from its agents; None if nothing does. A look serves for `rest` seconds."""
        now = self.now()
        if now - self._looked >= rest:
            self._looked, self._hindrance = now, self._look()
        return self._hindrance

    def _look(self) -> Hindrance | None:
        entries = [self.space.snapshot(slot).get(slot) for slot in self.way]
        found = [hindrance for entry in entries if (hindrance := hindered_by(entry, self.own_priority))]
        state = self.space.entry(self.motor)
        self._motor_seen |= state is not None
        if self._motor_seen and state is None:
            found.append(Hindrance(Why.SILENT, self.motor))
        return min(found, key=lambda each: list(Why).index(each.why), default=None)
