"""Collisions: postures that would bring the arms of the iCub into its body, or into each other.

It is MuJoCo that looks, at the official iCub (iCubGazeboV2_5). Its URDF has for collisions the same meshes as for
drawing; they are cut into convex pieces (`models.icub.convex_pieces`). Neck and hands are straight, and the torso
too, unless its angles are given.

* An *arm* is what the joints of the posture move: shoulder, upper arm, elbow, forearm, wrist, hand. The hand is
  one rigid mesh with stretched fingers: a fist would touch less.
* The *body* is the rest: hips, torso, neck, head, and the legs down to the knees; the rest is out of reach.
* Not looked at: the links of one arm among each other (neighbours always touch; the ranges of the joints keep the
  others apart), and the links of a shoulder against the body, in which they turn (`SOCKETS`). The body against
  itself.

There is no tolerance: what touches, collides. The pieces are at most some millimetres thicker than the meshes; see
docs/robots/kinematics.md for what that means.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from models.arrays import Bools, Floats
from models.icub.collision_scene import Scene, robot_pieces
from models.icub.kinematics import ARM_JOINTS, ARM_LIMITS, JOINTS, REST_ARM, TORSO_JOINTS, TORSO_LIMITS, finite

ARM_LINKS: Final = ("shoulder_1", "shoulder_2", "shoulder_3", "upper_arm", "elbow_1", "forearm", "wrist_1", "hand")
"""Links of one arm, from the body outwards."""
SOCKETS: Final = ARM_LINKS[:3]
"""Links of the shoulder: the first two turn in the body and always touch it; the third is always within 5 mm of
the chest, and never touches it without the upper arm doing so."""
_SLACK: Final = 1e-3  # degrees by which a joint may be out of its range: rounding


@dataclass(frozen=True)
class Collisions:
    """Collisions of n postures.

    Attributes:
        right: (n,) the right arm the body.
        left: (n,) the left arm the body.
        arms: (n,) the arms each other.
    """

    right: Bools
    left: Bools
    arms: Bools

    @property
    def body(self) -> Bools:
        """(n,) one of the arms touches the body."""
        return self.right | self.left

    @property
    def any(self) -> Bools:
        """(n,) something touches."""
        return self.body | self.arms

    def shares(self) -> dict[str, str]:
        """Share of the postures in which the body, the arms, anything touches; per cent, with one digit."""
        return {name: f"{100 * getattr(self, name).mean():.1f}" for name in ("body", "arms", "any")}


class Collider:
    """The robot as pieces that can touch.

    Args:
        clearance: What comes nearer than that touches, mm.
        folder: Where the pieces are kept; None for the cache folder.
        progress: Show progress bars.

    Raises:
        ValueError: The clearance is not 0 or a positive number.
    """

    def __init__(self, clearance: float = 0.0, folder: Path | None = None, progress: bool = False) -> None:
        if not 0.0 <= clearance < np.inf:
            raise ValueError(f"clearance is {clearance}; valid is 0 mm or more")
        self._progress = progress
        self._clearance = clearance / 1000.0
        pieces = robot_pieces(folder, progress)
        self._links = {side: [f"{side[0]}_{link}" for link in ARM_LINKS] for side in ("right", "left")}
        right, left = (frozenset(self._links[side]) for side in ("right", "left"))
        arms = {link: parts for link, parts in pieces.items() if link in right | left}
        limbs = {link: parts for link, parts in pieces.items() if not link.endswith(SOCKETS)}
        self._arms = Scene(arms, right, self._clearance)
        self._body = Scene(limbs, right | left, self._clearance)
        self._is_right = np.array([link in right for link in self._body.links])
        self._is_arm = self._is_right | np.array([link in left for link in self._body.links])
        reach = [np.array([self._arms.balls[link].radius for link in self._links[side]]) for side in self._links]
        self._reach = reach[0][:, None] + reach[1] + self._clearance  # (8, 8): farther apart, nothing touches

    def check(self, postures: ArrayLike) -> Collisions:
        """The collisions of postures (n, 10), degrees, the torso straight; or with its three angles (n, 13).

        Raises:
            ValueError: Another shape, NaN, or an angle out of its range.
        """
        both = _within("postures", postures, len(JOINTS), len(JOINTS) + len(TORSO_JOINTS))
        right, left = self._against_body(both)
        here = np.arange(len(both))
        return Collisions(right, left, self.arms(both[:, :5], both[:, 5:10], here, here))

    def body(self, arm: ArrayLike) -> tuple[Bools, Bools]:
        """Whether postures (n, 5) of an arm, degrees, bring it into the body: the right arm (n,), the left (n,).

        Raises:
            ValueError: Another shape, NaN, or an angle out of its range.
        """
        postures = _within("arm", arm, len(ARM_JOINTS))
        return self._against_body(np.hstack([postures, postures]))

    def _against_body(self, postures: Floats) -> tuple[Bools, Bools]:
        right, left = np.zeros((2, len(postures)), dtype=np.bool_)
        for index, posture in enumerate(self._bar(postures, "arms and body")):
            self._body.place(posture)
            touching = self._body.touching().ravel()
            is_right = self._is_right[touching]
            right[index], left[index] = is_right.any(), (self._is_arm[touching] & ~is_right).any()
        return right, left

    def arms(self, right: ArrayLike, left: ArrayLike, first: NDArray[np.intp], second: NDArray[np.intp]) -> Bools:
        """Whether the arms touch each other, for pairs of their postures.

        Args:
            right: (p, 5) degrees, postures of the right arm.
            left: (q, 5) degrees, postures of the left arm.
            first: (n,) which of them the right arm has in each pair.
            second: (n,) which of them the left arm has.

        Raises:
            ValueError: Another shape, NaN, or an angle out of its range.
        """
        rights, lefts = _within("right", right, len(ARM_JOINTS)), _within("left", left, len(ARM_JOINTS))
        near = self._near(self._balls(rights, "right"), self._balls(lefts, "left"), first, second)
        touch = np.zeros(len(first), dtype=np.bool_)
        for index in self._bar(np.flatnonzero(near), "arm and arm"):
            self._arms.place(np.concatenate([rights[first[index]], lefts[second[index]]]))
            touch[index] = len(self._arms.touching()) > 0
        return touch

    def table(self, arm: ArrayLike) -> Bools:
        """Whether the arms touch each other, the right one in posture i and the left one in j: (p, p), symmetric.

        Only half of it is looked at: the robot is its own mirror image.

        Args:
            arm: (p, 5) degrees, postures of an arm.

        Raises:
            ValueError: Another shape, NaN, or an angle out of its range.
        """
        postures = _within("arm", arm, len(ARM_JOINTS))
        first, second = np.triu_indices(len(postures))
        touch = np.zeros((len(postures), len(postures)), dtype=np.bool_)
        touch[first, second] = self.arms(postures, postures, first, second)
        return touch | touch.T

    def _balls(self, arm: Floats, side: str) -> NDArray[np.float32]:
        """Centres (p, 8, 3) of the balls around the links of an arm, metres."""
        centers = np.zeros((len(arm), len(ARM_LINKS), 3), dtype=np.float32)
        for index, posture in enumerate(arm):
            rest = (posture, REST_ARM) if side == "right" else (REST_ARM, posture)
            self._arms.place(np.concatenate(rest))
            centers[index] = self._arms.centers(self._links[side])
        return centers

    def _near(
        self,
        right: NDArray[np.float32],
        left: NDArray[np.float32],
        first: NDArray[np.intp],
        second: NDArray[np.intp],
    ) -> Bools:
        """Pairs in which a ball of one arm meets one of the other; the others need no look."""
        near = np.zeros(len(first), dtype=np.bool_)
        for start in range(0, len(first), 1 << 16):
            part = slice(start, start + (1 << 16))
            a, b = right[first[part]], left[second[part]]
            for i, j in np.ndindex(self._reach.shape):
                apart = np.square(a[:, i] - b[:, j]).sum(axis=1)
                near[part] |= apart <= (self._reach[i, j] + 1e-4) ** 2
        return near

    def _bar(self, items: Any, what: str) -> Any:
        return tqdm(items, desc=what, unit="posture", disable=not self._progress)


def _within(name: str, value: ArrayLike, *sizes: int) -> Floats:
    """The value as (n, one of the sizes), finite, and within the ranges of the joints.

    Raises:
        ValueError: It is not; the message has the first joint that is out of its range.
    """
    angles = finite(name, value, sizes)
    if angles.ndim != 2:
        raise ValueError(f"{name} has shape {angles.shape}; valid is (n, {sizes[0]})")
    arms = np.tile(ARM_LIMITS, (angles.shape[1] // len(ARM_LIMITS), 1))
    low, high = np.vstack([arms, TORSO_LIMITS])[: angles.shape[1]].T
    out = np.argwhere((angles < low - _SLACK) | (angles > high + _SLACK))
    if len(out):
        row, joint = out[0]
        raise ValueError(
            f"{name}[{row}] has {angles[row, joint]:g} degrees at joint {joint}; valid is {low[joint]:g} to "
            f"{high[joint]:g}"
        )
    return angles
