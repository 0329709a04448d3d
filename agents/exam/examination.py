"""The notes taken while a robot acquires and imitates: its pairs, both postures, the speed of the loop."""

import math
from contextlib import suppress
from typing import Any, Final

import numpy as np

from agents.body.posture import NotAPostureError, read_posture
from agents.body.stillness import Stillness
from agents.exam.meter import Meter
from agents.exam.trial import Trial
from agentspace import Entry, Kind
from models.arrays import Floats
from models.measures import swap_arms

REST: Final = 0.3
"""Seconds for which both must not move."""
UNANSWERED: Final = 2.0
"""Seconds after which a robot that answers nothing is taken as it is: it may hold its pose on purpose."""


class Examination:
    """The notes of one examination.

    Attributes:
        acquired: Postures (10,) of the robot's pairs, in the order in which they were acquired.
        felt: Postures (10,) of the pairs that it feels.
        tries: How many postures the robot has tried for them.
        trials: Postures that were shown, and their imitations.
        joints: Measures the joint targets.
        commands: Measures the motor's commands.
        robot: Where the robot is.
        demonstrator: Where the demonstrator is.
    """

    def __init__(self) -> None:
        self.tries = 0
        self.acquired: list[Floats] = []
        self.felt: list[Floats] = []
        self.trials: list[Trial] = []
        self.joints, self.commands = Meter(), Meter()
        self.robot = Stillness(window=REST, tolerance=1.0, obeys=True)
        self.demonstrator = Stillness(window=REST)
        self._stood = math.inf  # when the demonstrator had got there (s)
        self._answered = math.inf  # when the first answer came to a picture of that (s)

    def hear(self, answer: Any, encoders: Any = None) -> None:
        """Takes note of a try.

        The posture of a pair is what the explorer said when it confirmed. If another agent did, by a whistle say,
        it is where the robot is now.

        Args:
            answer: What became of the confirmation.
            encoders: Where the robot is now; None if that does not matter.
        """
        confirm = answer["confirm"]
        posture = confirm["posture"] if isinstance(confirm, dict) else encoders
        if posture is None:
            return
        self.tries += 1
        if not answer["added"]:
            return
        if answer["pairs"] == 1:  # a new memory
            self.acquired.clear()
            self.tries = 1
        self.acquired.append(np.array(posture))

    def begin(self, posture: Floats, limits: Floats | None, now: float) -> Floats:
        """A posture (10,) is to be shown; returns the one that the demonstrator must take for that.

        It has the arms swapped, so that it looks like the robot in a mirror, and is within its limits (10, 2).
        """
        goal = swap_arms(posture)
        goal = goal if limits is None else np.clip(goal, limits[:, 0], limits[:, 1])
        self.demonstrator.send(goal, now)
        self.robot.send(None, now)
        self._stood = self._answered = math.inf
        return goal

    def answer(self, joints: Entry, now: float, limits: Floats | None = None) -> None:
        """Takes note of a joint target: whether it answers a picture of the demonstrator at rest.

        On a busy machine the answer to an earlier picture may come while everybody stands, and a robot may stand
        for a while before it begins to do what it answered: it must get there, within its limits (10, 2).
        """
        self.joints.add(joints, now)
        written = now - joints.age
        if joints.kind is Kind.WRITTEN and joints.latency > 0.0 and written - joints.latency >= self._stood:
            self._answered = min(self._answered, written)
            with suppress(NotAPostureError):  # the motor refuses it, too
                goal = read_posture(joints.value)
                self.robot.aim(goal if limits is None else np.clip(goal, limits[:, 0], limits[:, 1]), now)

    def at_rest(self, now: float) -> bool:
        """Whether the demonstrator has got there, and the robot has come to rest with its answer to that."""
        if not self.demonstrator.stands(now):
            self._stood = self._answered = math.inf
            return False
        self._stood = min(self._stood, now)
        answered = now >= min(self._answered + REST, self._stood + UNANSWERED)
        return answered and self.robot.stands(now)

    def outcome(self) -> tuple[Floats, Floats] | None:
        """The perfect imitation and that of the robot (10,); None if one of the two robots is away."""
        shown, answer = self.demonstrator.posture, self.robot.posture
        return None if shown is None or answer is None else (swap_arms(shown), answer)
