"""The reach: brings a hand to a point, or to the ball."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from agents.body.posture import NotAPostureError, read_posture
from agents.script.heed import REST, Heedful
from agentspace import EMPTY, Parameter, SlotName
from models.arrays import Floats
from models.icub.collision import Collider
from models.icub.kinematics import SIDES
from models.icub.model import BALL
from models.icub.reaching import REACHED, Reacher
from models.icub.simulator import PointError, read_point

NEAREST: Final = "nearest"
HANDS: Final = (*SIDES, NEAREST)
FRESH: Final = 1.0
"""Seconds for which targets and state are valid; they are written more often."""
_MOVED: Final = 2.0
"""Millimetres by which a point must move until postures are looked for again."""


@dataclass(frozen=True)
class Goal:
    """The goal of a hand.

    Attributes:
        hand: One of `HANDS`.
        point: (3,) mm in the root frame; None for the ball.
    """

    hand: str
    point: Floats | None


def read_goal(value: Any) -> Goal:
    """A goal from a slot: "ball", a point, or a mapping with `to`, one of these, and `hand`.

    Raises:
        PointError: It is none; the message says what is valid.
    """
    asked = value if isinstance(value, Mapping) else {"to": value}
    hand, to = asked.get("hand", NEAREST), asked.get("to")
    if not asked.keys() <= {"to", "hand"} or hand not in HANDS:
        raise PointError(f"a goal has to and hand ({', '.join(HANDS)}), not {value!r:.80}")
    return Goal(hand, None if isinstance(to, str) and to == BALL else read_point(to))


class Reach(Heedful):
    """Goal -> joint targets, as long as the goal is there: the palm goes to a point, or to the ball and after it.

    The other arm stays. Of the postures that reach, the nearest is taken that touches neither body nor other arm;
    the way to it is not looked at.
    """

    goal = SlotName(
        "reach/goal", 'what to reach: "ball", [x, y, z] mm in the root frame, or {to: ..., hand: right}'
    )
    ball = SlotName("icub/ball", "where the ball is, (3,) mm in the root frame")
    encoders = SlotName("icub/encoders", "where the robot is, (10,) degrees")
    state = SlotName(
        "reach/state", "dict: state (reaching, reached, waiting, failed), reason, hand, distance (mm)"
    )
    refused_goal = SlotName("reach/refused", "str: why the last bad goal was refused")
    beside = Parameter(60.0, "of the palm from the middle of the ball, mm", minimum=0.0)
    rate = Parameter(10.0, "targets per second", minimum=2.0)
    own_priority = Parameter(10.0, "with which it writes the joints: above what the robot does by itself")
    careful = Parameter(True, "reach nothing by a posture in which an arm touches the body or the other arm")

    def prepare(self) -> None:
        """Makes the arms, and what they could touch: that takes some seconds."""
        self._reachers = {side: Reacher(side) for side in SIDES}
        self._collider = Collider() if self.careful else None

    def init(self) -> None:
        """Waits for a goal."""
        self._goal: Goal | None = None
        self._solved: tuple[Floats, str, Floats] | None = None  # point, side, posture of both arms
        self.attach_trigger(self.goal)
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        """Takes a goal; goes on to reach it."""
        if self.goal in self.wake.names:
            self._take(self.read(self.goal, EMPTY))
        if self.wake.timer and self._goal is not None:
            state = self._pursue(self._goal)
            self.write(self.state, state, validity=FRESH)

    def _take(self, value: Any) -> None:
        self._goal = self._solved = None
        if value is EMPTY or value is None:
            return
        try:
            self._goal = read_goal(value)
        except PointError as error:
            self.write(self.refused_goal, f"{self.goal}: {error}")

    def _pursue(self, goal: Goal) -> dict[str, Any]:
        hindrance = self.hindrance(REST)
        if hindrance is not None:
            return told("waiting", str(hindrance))
        try:
            here = read_posture(self.read(self.encoders))
            point = read_point(self.read(self.ball)) if goal.point is None else goal.point
        except NotAPostureError:
            return told("waiting", f"nobody says in {self.encoders!r} where the robot is")
        except PointError:
            return told("waiting", f"there is no ball in {self.ball!r}")
        if self._solved is None or np.linalg.norm(point - self._solved[0]) > _MOVED:
            found = self._solve(goal, point, here)
            if isinstance(found, str):
                self._solved = None
                return told("failed", found)
            self._solved = (point, *found)
        _, side, posture = self._solved
        self.write(self.joints, posture, validity=FRESH, priority=self.own_priority)
        arm = SIDES.index(side) * 5
        off = float(np.linalg.norm(self._reachers[side].palm(here[arm : arm + 5]) - self._aim(goal, point, side)))
        return told("reached" if off < 2 * REACHED else "reaching", "", side, off)

    def _aim(self, goal: Goal, point: Floats, side: str) -> Floats:
        """Where the palm goes: the point; or, of the ball, its side towards the shoulder."""
        if goal.point is not None:
            return point
        back = self._reachers[side].shoulder() - point
        return np.asarray(point + back * self.beside / max(float(np.linalg.norm(back)), 1e-9))

    def _solve(self, goal: Goal, point: Floats, here: Floats) -> tuple[str, Floats] | str:
        """The hand and the posture (10,) that reach; or why there are none."""
        near = SIDES if point[1] >= 0.0 else SIDES[::-1]
        reasons = []
        for side in near if goal.hand == NEAREST else (goal.hand,):
            arm = slice(SIDES.index(side) * 5, SIDES.index(side) * 5 + 5)
            ways = self._reachers[side].ways(self._aim(goal, point, side), here[arm])
            if not len(ways.arms):
                reasons.append(f"the {side} hand comes no nearer than {ways.nearest:.0f} mm")
                continue
            postures = np.repeat(here[None], len(ways.arms), axis=0)
            postures[:, arm] = ways.arms
            free = self._free(postures, side)
            if len(free):
                return side, free[0]
            reasons.append(f"the {side} arm would touch the robot")
        return "; ".join(reasons)

    def _free(self, postures: Floats, side: str) -> Floats:
        """Those of the postures (n, 10) in which this arm touches nothing."""
        if self._collider is None:
            return postures
        limits = np.vstack([self._reachers[each].limits for each in SIDES])
        found = self._collider.check(postures.clip(*limits.T))
        touches = (found.right if side == "right" else found.left) | found.arms
        return np.asarray(postures[~touches])


def told(state: str, reason: str = "", hand: str = "", distance: float | None = None) -> dict[str, Any]:
    """The state as it is told."""
    return {"state": state, "reason": reason, "hand": hand, "distance": distance}
