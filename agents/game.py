"""The game: what whistles mean to a robot that learns to imitate."""

from numbers import Integral
from typing import Any

from agents.hearing.hold_off import HoldOff
from agents.script.heed import Heedful
from agents.script.words import ACQUIRE, CONFIRM_VALIDITY, FELT, INVITED, LONG, SHORT, USE
from agentspace import EMPTY, Kind, Parameter, SlotName, Trigger


class Game(Heedful):
    """Whistles -> a short one confirms a posture while acquiring, a long one changes between acquiring and using.

    It begins by itself: with the invitation, or with imitation if the robot knows pairs already, those of another
    day say, or felt ones. A short one in any other mode means nothing, as in the original; nor does one that comes
    right after another, since rooms have echoes; and none means anything while the robot is stopped or paused, or
    came before the game. It does not begin while the pairs that the robot was to begin with are not loaded.
    """

    whistle = SlotName("whistle", "int: 1 short, 2 long")
    confirm = SlotName("confirm", "str: the robot learns what it sees and feels now")
    mode = SlotName("mode", f"str: {ACQUIRE} or {USE}")
    pairs = SlotName("pairs", "int: how many pairs the memory holds")
    felt = SlotName("memory/felt", "dict: how many pairs are felt, and why none are")
    waits = SlotName("memory/waits", "str: why the pairs to begin with are not loaded; the game waits, too")
    command = SlotName("memory/command", "dict: do forget")
    ignored = SlotName("whistle/ignored", "dict: count of whistles that meant nothing; the last whistle, and why")
    begins_with = Parameter(
        ACQUIRE,
        f"mode to begin with if there is none; {USE} if there are pairs already; empty to wait for a long whistle",
        choices=(ACQUIRE, USE, ""),
    )
    practice = Parameter(
        INVITED, f"{FELT}: the game waits until the associator says how many it feels", choices=(INVITED, FELT)
    )
    hold_off = Parameter(1.0, "seconds after a whistle in which no other one counts: echoes", minimum=0.0)
    forget = Parameter(False, "forget all pairs when acquiring begins; an associator can do that by itself, too")

    def init(self) -> None:
        """Listens to every whistle, and begins the game if nobody has."""
        self._count = self._ignored = 0
        self._hold_off = HoldOff(self.hold_off)
        self._begun = not self.begins_with
        self.attach_trigger(self.whistle, Trigger.EVERY)
        self._begin()
        if not self._begun:
            self.attach_trigger(self.felt)
            self.attach_trigger(self.waits)

    def _begin(self) -> None:
        """Begins the game, when it is known what the robot knows; not if somebody else did."""
        self._begun = self._begun or self.space.entry(self.mode) is not None
        felt = self.read(self.felt, EMPTY) if self.practice == FELT else {}
        if self._begun or felt is EMPTY or self.read(self.waits) is not None:
            return
        self._begun = True
        knows = self.read(self.pairs, 0) or (isinstance(felt, dict) and felt.get("pairs"))
        self.write(self.mode, USE if knows else self.begins_with)

    def sense_select_act(self) -> None:
        """Does what each whistle means."""
        for change in self.wake.changes:
            if change.kind is Kind.WRITTEN:
                self._obey(change.value, self.now() - change.age)
        self._begin()

    def _obey(self, whistle: Any, time: float) -> None:
        """Does what a whistle means that came at a time (s, monotonic)."""
        mode = self.read(self.mode)
        acquires = isinstance(mode, str) and mode == ACQUIRE
        if not isinstance(whistle, Integral) or whistle not in (SHORT, LONG):
            self._ignore(whistle, f"it is no whistle: there are {SHORT} and {LONG}")
        elif not self._begun and mode is None:
            waits = self.read(self.waits)
            self._ignore(
                whistle, "the game had not begun" if waits is None else f"the game had not begun: {waits}"
            )
        elif hindrance := self.hindrance():
            self._ignore(whistle, str(hindrance))
        elif not self._hold_off.passes(time):
            self._ignore(
                whistle, f"it came within {self.hold_off:g} s of the one before: an echo, or a double one"
            )
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
