"""The arms of the official iCub: where MuJoCo has their points, and the Denavit-Hartenberg table of its URDF.

The table is derived from the axes of the joints, as MuJoCo has them with all joints at zero: the common normal of
two axes gives one row. With this table `models.icub.kinematics.direct` describes the official robot; what is left
to MuJoCo is the error of our computation, and the difference of the tables is the difference of the robots.

Source of the construction: J. Denavit, R. Hartenberg, Journal of Applied Mechanics 77 (1955) 215-221.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import (
    ARM_JOINTS,
    ELBOW,
    PALM,
    ROOT_FRAME,
    SHOULDER,
    TABLE,
    TORSO_LIMITS,
    WRIST,
    direct,
    side_sign,
)
from models.icub.model import specify, strip, whole_urdf

if TYPE_CHECKING:
    import mujoco

POINTS: Final = {"shoulder": SHOULDER + 1, "elbow": ELBOW, "wrist": WRIST, "palm": PALM}
"""The points that are compared: their indices among the points of a chain. The shoulder is where its axes meet."""
_BODIES: Final = ("shoulder_1", "upper_arm", "forearm", "hand")  # that carry these points
_TORSO: Final = ("pitch", "roll", "yaw")
_ARM: Final = (*ARM_JOINTS, "wrist_pitch", "wrist_yaw")


class OfficialChain:
    """One arm of the official robot, from the waist to the palm.

    Args:
        side: "right" or "left".

    Attributes:
        table: (10, 4) as `models.icub.kinematics.TABLE`; of the left arm's mirror image.
        limits: (7, 2) degrees, the ranges of its arm's joints.

    Raises:
        ValueError: Unknown side.
    """

    def __init__(self, side: str = "right") -> None:
        import mujoco

        self._side, self._sign = side, side_sign(side)
        self._model = model = _load()
        self._data = mujoco.MjData(model)
        names = [f"torso_{joint}" for joint in _TORSO] + [f"{side[0]}_{joint}" for joint in _ARM]
        joints = [model.joint(name) for name in names]
        self._positions = [joint.qposadr[0] for joint in joints]
        self._bodies = [model.body(f"{side[0]}_{body}").id for body in _BODIES]
        self.limits: Floats = np.rad2deg([joint.range for joint in joints[len(_TORSO) :]])
        mujoco.mj_kinematics(model, self._data)
        self.table = self._derive([joint.id for joint in joints])
        marks = direct(np.zeros(7), side=side, table=self.table)[list(POINTS.values())]
        turns = self._data.xmat[self._bodies].reshape(-1, 3, 3)
        away = marks / 1000.0 - self._data.xpos[self._bodies]
        self._marks = np.einsum("nji,nj->ni", turns, away)  # in the frames of the bodies, metres

    def points(self, arm: ArrayLike, torso: ArrayLike) -> Floats:
        """`POINTS` in MuJoCo (n, 4, 3), mm, for arms (n, 7) and torsos (n, 3: yaw, roll, pitch), degrees."""
        import mujoco

        angles = np.deg2rad(np.hstack([np.asarray(torso)[:, ::-1], np.asarray(arm)]))
        points = np.zeros((len(angles), len(POINTS), 3))
        for index, row in enumerate(angles):
            self._data.qpos[self._positions] = row
            mujoco.mj_kinematics(self._model, self._data)
            turns = self._data.xmat[self._bodies].reshape(-1, 3, 3)
            points[index] = self._data.xpos[self._bodies] + np.einsum("nij,nj->ni", turns, self._marks)
        return 1000.0 * points

    def _derive(self, joints: list[int]) -> Floats:
        """The table (10, 4) of the chain whose joints are at zero."""
        on = 1000.0 * self._data.xanchor[joints] * self._sign
        turn = -self._sign if self._side == "left" else self._sign  # a mirror turns rotations round ...
        axes = self._data.xaxis[joints] * turn
        axes[1:3] *= self._sign[1]  # ... but those of torso roll and yaw are counted the other way as well
        palm = 1000.0 * self._data.body(f"{self._side[0]}_hand_dh_frame").xpos * self._sign
        origin, x = on[0] - axes[0] * (on[0] @ axes[0]), ROOT_FRAME[:3, 0]
        rows = []
        for z, w, point, known in zip(axes, axes[1:], on[1:], TABLE, strict=False):
            normal = np.cross(z, w) * np.sign(known[2])
            normal /= np.linalg.norm(normal)
            d, s, a = np.linalg.solve(np.column_stack([z, -w, normal]), point - origin)
            rows.append([a, d, np.arctan2(np.cross(z, w) @ normal, z @ w), _angle(x, normal, z)])
            origin, x = point + s * w, normal
        d = (palm - origin) @ axes[-1]
        last = palm - origin - d * axes[-1]
        rows.append([float(np.linalg.norm(last)), d, 0.0, _angle(x, last, axes[-1])])
        return np.array(rows)


def deviations(side: str, count: int, seed: int) -> tuple[Floats, Floats]:
    """Distances (count, 4), mm, to where MuJoCo has `POINTS`, in random postures of torso and arm.

    Args:
        side: "right" or "left".
        count: How many postures, uniformly within the ranges of the official robot.
        seed: Of the postures.

    Returns:
        Those of our direct kinematics with the ancestor's table, and with the official one.

    Raises:
        ValueError: Unknown side, or count is not positive.
    """
    if count < 1:
        raise ValueError(f"count is {count}; valid is 1 or more")
    chain, rng = OfficialChain(side), np.random.default_rng(seed)
    arm = rng.uniform(chain.limits[:, 0], chain.limits[:, 1], (count, len(_ARM)))
    torso = rng.uniform(TORSO_LIMITS[:, 0], TORSO_LIMITS[:, 1], (count, len(_TORSO)))
    there = chain.points(arm, torso)
    ancestor, official = (
        np.linalg.norm(direct(arm, torso, side, table)[:, list(POINTS.values())] - there, axis=2)
        for table in (TABLE, chain.table)
    )
    return ancestor, official


def _angle(x: Floats, y: Floats, z: Floats) -> float:
    """From x to y about z, radians."""
    return float(np.arctan2(np.cross(x, y) @ z, x @ y))


def _load() -> "mujoco.MjModel":
    """The whole official robot, without meshes."""
    robot = whole_urdf()
    strip(robot, "visual", "collision")
    return specify(robot).compile()
