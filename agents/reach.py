"""The reach: brings a hand to a point, to the ball, or where the other hand is in a mirror."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from agents.body.posture import NotAPostureError, read_posture, read_torso
from agents.script.heed import REST, Heedful
from agentspace import EMPTY, Parameter, SlotName
from models.arrays import Floats
from models.icub.collision import Collider
from models.icub.kinematics import JOINT_LIMITS, JOINTS, SIDES, TORSO_LIMITS
from models.icub.model import BALL
from models.icub.reaching import REACHED, UPRIGHT, Reacher
from models.icub.simulator import PointError, read_point

NEAREST: Final = "nearest"
HANDS: Final = (*SIDES, NEAREST)
MIRROR: Final = "mirror"
"""Where the other hand is, in a mirror between the two."""
FRESH: Final = 1.0
"""Seconds for which targets and state are valid; they are written more often."""
_MOVED: Final = 2.0
"""Millimetres by which a point must move until postures are looked for again."""


@dataclass(frozen=True)
class Goal:
    """The goal of a hand.

    Attributes:
        hand: One of `HANDS`.
        point: (3,) mm in the root frame; None for the ball, or the mirror.
        mirror: It goes where the other hand is, in a mirror.
    """

    hand: str
    point: Floats | None = None
    mirror: bool = False


class Solution(NamedTuple):
    """A posture that reaches.

    Attributes:
        point: (3,) mm, of the goal.
        aim: (3,) mm, where the palm goes for it.
        side: Whose palm.
        posture: (10,) degrees; with the torso (13,).
    """

    point: Floats
    aim: Floats
    side: str
    posture: Floats


def read_goal(value: Any) -> Goal:
    """A goal from a slot: "ball", a point, or a mapping with `to` and `hand`; then also "mirror", for one hand.

    Raises:
        PointError: It is none; the message says what is valid.
    """
    asked = value if isinstance(value, Mapping) else {"to": value}
    hand, to = asked.get("hand", NEAREST), asked.get("to")
    if not asked.keys() <= {"to", "hand"} or hand not in HANDS:
        raise PointError(f"a goal has to and hand ({', '.join(HANDS)}), not {value!r:.80}")
    if isinstance(to, str) and to == MIRROR:
        if hand == NEAREST:
            raise PointError(f"{MIRROR} needs the hand that goes there ({', '.join(SIDES)}), not {value!r:.80}")
        return Goal(hand, mirror=True)
    return Goal(hand, None if isinstance(to, str) and to == BALL else read_point(to))


class Reach(Heedful):
    """Goal -> joint targets, as long as the goal is there: the palm goes to a point, or to the ball and after it.

    The other arm stays. Of the postures that reach, the nearest is taken that touches neither body nor other arm;
    the way to it is not looked at. With `torso` the torso bends where neither arm reaches without.

    Or a hand goes where the other one is in a mirror, which somebody guides.
    """

    goal = SlotName(
        "reach/goal", 'what to reach: "ball", [x, y, z] mm in the root frame, or {to: ..., hand: right}'
    )
    ball = SlotName("icub/ball", "where the ball is, (3,) mm in the root frame")
    encoders = SlotName("icub/encoders", "where the robot is, (10,) degrees")
    torso_encoders = SlotName(
        "icub/torso", "yaw, roll and pitch of its torso, (3,) degrees; straight if it is empty"
    )
    state = SlotName(
        "reach/state", "dict: state (reaching, reached, waiting, failed), reason, hand, distance (mm)"
    )
    refused_goal = SlotName("reach/refused", "str: why the last bad goal was refused")
    beside = Parameter(60.0, "of the palm from the middle of the ball, mm", minimum=0.0)
    rate = Parameter(10.0, "targets per second", minimum=2.0)
    own_priority = Parameter(10.0, "with which it writes the joints: above what the robot does by itself")
    careful = Parameter(True, "reach nothing by a posture in which an arm touches the body or the other arm")
    torso = Parameter(False, "bend the torso, too; the motor must drive it (its parameter torso)")
    follow = Parameter(
        "",
        "without a goal: the hand that somebody guides; the other one goes where it is in a mirror",
        choices=("", *SIDES),
    )

    def prepare(self) -> None:
        """Makes the arms, and what they could touch: that takes some seconds."""
        self._reachers = {side: Reacher(side) for side in SIDES}
        self._collider = Collider() if self.careful else None

    def init(self) -> None:
        """Waits for a goal."""
        self._usual = Goal(other(self.follow), mirror=True) if self.follow else None
        self._goal = self._usual
        self._solved: Solution | None = None
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
        self._goal, self._solved = self._usual, None
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
            here, torso = read_posture(self.read(self.encoders)), self._torso()
            if goal.mirror:  # that of the chest, which may yield to who guides the arm
                torso = np.array(UPRIGHT)
            point = self._point(goal, here, torso)
        except NotAPostureError:
            return told("waiting", f"nobody says in {self.encoders!r} where the robot is")
        except PointError:
            return told("waiting", f"there is no ball in {self.ball!r}")
        if self._solved is None or np.linalg.norm(point - self._solved.point) > _MOVED:
            found = self._solve(goal, point, here, torso)
            if isinstance(found, str):
                self._solved = None
                return told("failed", found)
            self._solved = found
        _, aim, side, posture = self._solved
        if goal.mirror:  # who guides the other arm feels no resistance
            posture[arm_of(other(side))] = here[arm_of(other(side))]
        self.write(self.joints, posture, validity=FRESH, priority=self.own_priority)
        off = float(np.linalg.norm(self._reachers[side].palm(here[arm_of(side)], torso) - aim))
        return told("reached" if off < 2 * REACHED else "reaching", "", side, off)

    def _torso(self) -> Floats:
        """Where the torso is (3,), degrees; straight if nobody says, unless it is to be moved."""
        value = self.read(self.torso_encoders, EMPTY)
        return np.array(UPRIGHT) if value is EMPTY and not self.torso else read_torso(value)

    def _point(self, goal: Goal, here: Floats, torso: Floats) -> Floats:
        if goal.mirror:
            leader = other(goal.hand)
            return self._reachers[leader].palm(here[arm_of(leader)], torso) * (1.0, -1.0, 1.0)
        return read_point(self.read(self.ball)) if goal.point is None else goal.point

    def _aim(self, goal: Goal, point: Floats, side: str, torso: Floats) -> Floats:
        """Where the palm goes: the point; or, of the ball, its side towards the shoulder."""
        if goal.point is not None or goal.mirror:
            return point
        back = self._reachers[side].shoulder(torso) - point
        return np.asarray(point + back * self.beside / max(float(np.linalg.norm(back)), 1e-9))

    def _solve(self, goal: Goal, point: Floats, here: Floats, torso: Floats) -> Solution | str:
        """The posture that reaches, without the torso if there is one; or why there is none."""
        near = SIDES if point[1] >= 0.0 else SIDES[::-1]
        reasons: list[str] = []
        for bend in (False, True) if self.torso and not goal.mirror else (False,):
            reasons = []
            for side in near if goal.hand == NEAREST else (goal.hand,):
                aim = self._aim(goal, point, side, torso)
                found = self._reached(aim, side, here, torso, bend)
                if not isinstance(found, str):
                    return Solution(point, aim, side, found)
                reasons.append(found)
        return "; ".join(reasons)

    def _reached(self, aim: Floats, side: str, here: Floats, torso: Floats, bend: bool) -> Floats | str:
        """The nearest free posture in which the palm of a side is there; or why there is none."""
        ways = self._reachers[side].ways(aim, here[arm_of(side)], torso, bend)
        if not len(ways.arms):
            return f"the {side} hand comes no nearer than {ways.nearest:.0f} mm"
        postures = np.hstack([np.repeat(here[None], len(ways.arms), axis=0), ways.torsos])
        postures[:, arm_of(side)] = ways.arms
        free = self._free(np.vstack([self._mirrored(aim, side, here, torso), postures]), side, bend)
        if not len(free):
            return f"the {side} arm would touch the robot"
        return free[0] if self.torso and self._goal and not self._goal.mirror else free[0, : len(JOINTS)]

    def _mirrored(self, aim: Floats, side: str, here: Floats, torso: Floats) -> Floats:
        """The posture (1, 13) in which an arm has the angles of the other one, if that gets it there; or (0, 13).

        In a mirror it does; and it moves as smoothly as who guides the other arm.
        """
        posture = np.concatenate([here, torso])
        posture[arm_of(side)] = here[arm_of(other(side))]
        near = np.linalg.norm(self._reachers[side].palm(posture[arm_of(side)], torso) - aim) < REACHED
        return posture[None] if near else np.empty((0, len(posture)))

    def _free(self, postures: Floats, side: str, bend: bool) -> Floats:
        """Those of the postures (n, 13) in which this arm touches nothing; when bent the other one, too."""
        if self._collider is None:
            return postures
        limits = np.vstack([JOINT_LIMITS, TORSO_LIMITS])
        found = self._collider.check(postures.clip(*limits.T))
        touches = found.any if bend else (found.right if side == "right" else found.left) | found.arms
        return np.asarray(postures[~touches])


def other(side: str) -> str:
    """The other side."""
    return SIDES[1 - SIDES.index(side)]


def arm_of(side: str) -> slice:
    """Where a posture has the arm of a side."""
    return slice(SIDES.index(side) * 5, SIDES.index(side) * 5 + 5)


def told(state: str, reason: str = "", hand: str = "", distance: float | None = None) -> dict[str, Any]:
    """The state as it is told."""
    return {"state": state, "reason": reason, "hand": hand, "distance": distance}
