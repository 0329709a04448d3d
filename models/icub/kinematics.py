"""Kinematics of the arms of the iCub, for any number of postures at once; names and ranges of their joints.

The chain is given by its Denavit-Hartenberg table (one row per link); lengths are millimetres, angles degrees
unless a name says radians. Coordinates of the root frame: x points backwards, y to the right of the robot, z
up. The left arm is the mirror image of the right one.

The inverse is in `models.icub.inverse_kinematics`.

Sources:
    Table, joint ranges, rest pose: A. Lucny, learningImitation / pyicubsim, after the iCub kinematics by F. Nori
    (2008).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats

SIDES: Final = ("right", "left")
ARM_JOINTS: Final = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_prosup")
JOINTS: Final = tuple(f"{side}_{joint}" for side in SIDES for joint in ARM_JOINTS)
TORSO_JOINTS: Final = ("torso_yaw", "torso_roll", "torso_pitch")
"""Three angles that a posture may have besides the ten of `JOINTS`, behind them."""

ARM_LIMITS: Final[Floats] = np.array(
    [[-94.5, 9.45], [0.0, 160.8], [-36.27, 79.56], [15.385, 105.8], [-90.0, 90.0]]
)
"""Ranges of the five joints of one arm (5, 2), degrees."""
JOINT_LIMITS: Final[Floats] = np.vstack([ARM_LIMITS, ARM_LIMITS])
"""Ranges of the ten joints of a posture (10, 2), degrees: right arm, then left arm."""
TORSO_LIMITS: Final[Floats] = np.array([[-50.0, 50.0], [-30.0, 30.0], [-9.6, 69.6]])
"""Ranges of torso yaw, roll, pitch (3, 2), degrees."""
REST_ARM: Final[Floats] = np.array([-80.0, 80.0, 0.0, 50.0, 0.0])
"""Rest pose of one arm (5,), degrees."""
STANDARD: Final[Floats] = np.array([0.0, 80.0, 0.0, 50.0, 0.0] * 2)
"""The standard posture (10,), degrees, in which the ancestor's `renew` puts the arms: stretched to the sides."""

WAIST, SHOULDER, ELBOW, WRIST, PALM = 0, 3, 6, 8, 10
"""Indices of the named points among the eleven points of a chain."""

_HALF, _TILT = np.pi / 2, np.deg2rad(15.0)
TABLE: Final[Floats] = np.array(
    [
        [32.0, 0.0, _HALF, 0.0],
        [0.0, -5.5, _HALF, -_HALF],
        [-23.3647, -143.3, _HALF, -_HALF - _TILT],
        [0.0, -107.74, _HALF, -_HALF],
        [0.0, 0.0, -_HALF, -_HALF],
        [-15.0, -152.28, -_HALF, -_HALF - _TILT],
        [15.0, 0.0, _HALF, 0.0],
        [0.0, -137.3, _HALF, -_HALF],
        [0.0, 0.0, _HALF, _HALF],
        [62.5, 16.0, 0.0, np.pi],
    ]
)
"""The ancestor's robot (10, 4): a (mm), d (mm), alpha (rad), offset of theta (rad) of each link. Variables: torso
pitch, roll, yaw, then the seven of the arm."""
ROOT_FRAME: Final[Floats] = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""From the first link to the root frame (4, 4)."""
_MIRROR: Final[Floats] = np.array([1.0, -1.0, 1.0])
for _constant in (TABLE, ARM_LIMITS, JOINT_LIMITS, TORSO_LIMITS, REST_ARM, STANDARD, ROOT_FRAME):
    _constant.setflags(write=False)


def link_frame(index: int, theta: Floats, table: Floats = TABLE) -> Floats:
    """Transforms (..., 4, 4) of one link for its joint angles (...,) in radians."""
    a, d, alpha, offset = table[index]
    cos, sin = np.cos(theta + offset), np.sin(theta + offset)
    zero, one = np.zeros_like(cos), np.ones_like(cos)
    rows = [
        [cos, -sin * np.cos(alpha), sin * np.sin(alpha), cos * a],
        [sin, cos * np.cos(alpha), -cos * np.sin(alpha), sin * a],
        [zero, one * np.sin(alpha), one * np.cos(alpha), one * d],
        [zero, zero, zero, one],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def side_sign(side: str) -> Floats:
    """Factors of the coordinates (3,) of a side that give those of the right side.

    Raises:
        ValueError: Unknown side.
    """
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; valid sides are 'right' and 'left'")
    return _MIRROR if side == "left" else np.ones(3)


def finite(name: str, value: ArrayLike, sizes: tuple[int, ...]) -> Floats:
    """The value as a finite array whose last axis has one of the sizes.

    Raises:
        ValueError: Another shape, or NaN; the message has the name and the valid shapes.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] not in sizes:
        wanted = " or ".join(f"(..., {size})" for size in sizes)
        raise ValueError(f"{name} has shape {array.shape}; valid is {wanted}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains NaN or infinity")
    return array


def direct(
    arm: ArrayLike, torso: ArrayLike = (0.0, 0.0, 0.0), side: str = "right", table: Floats = TABLE
) -> Floats:
    """Points of the chain from the waist to the palm.

    Args:
        arm: (..., 5) or (..., 7) degrees; the wrist's pitch and yaw are 0 when absent.
        torso: (..., 3) degrees: yaw, roll, pitch.
        side: "right" or "left".
        table: (10, 4) of another robot, as `TABLE`, right arm; see `models.icub.official_chain`.

    Returns:
        (..., 11, 3) mm in the root frame; index them with WAIST, SHOULDER, ELBOW, WRIST, PALM.

    Raises:
        ValueError: Wrong shape, NaN, or unknown side.
    """
    sign = side_sign(side)
    angles = finite("arm", arm, (5, 7))
    spine = finite("torso", torso, (3,)) * (sign[1], sign[1], 1.0)
    shape = np.broadcast_shapes(angles.shape[:-1], spine.shape[:-1])
    chain = np.zeros((*shape, 10))
    chain[..., :3] = spine[..., ::-1]
    chain[..., 3 : 3 + angles.shape[-1]] = angles
    frame = np.broadcast_to(ROOT_FRAME, (*shape, 4, 4))
    points = np.zeros((*shape, 11, 3))
    for index in range(10):
        frame = frame @ link_frame(index, np.deg2rad(chain[..., index]), table)
        points[..., index + 1, :] = frame[..., :3, 3]
    return points * sign


def arm_directions(postures: Floats) -> Floats:
    """Unit vectors in the root frame, x, y, z each: of right upper arm, right forearm, and those of the left.

    Args:
        postures: (..., 10) degrees.

    Returns:
        (..., 12).
    """
    parts = []
    for arm, side in enumerate(SIDES):
        points = direct(postures[..., 5 * arm : 5 * arm + 5], side=side)[..., [SHOULDER, ELBOW, WRIST], :]
        bones = np.diff(points, axis=-2)
        parts.append(bones / np.linalg.norm(bones, axis=-1, keepdims=True))
    return np.concatenate(parts, axis=-2).reshape(*postures.shape[:-1], 12)
