"""The parts of an iCub and their joints, in the order of its control boards."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from models.arrays import Floats

_SHOULDER: Final = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw")
_ARM: Final = (*_SHOULDER, "elbow", "wrist_prosup", "wrist_pitch", "wrist_yaw")
_HAND: Final = {
    "hand_finger": (0.0, 60.0),
    "thumb_oppose": (0.0, 90.0),
    "thumb_proximal": (0.0, 90.0),
    "thumb_distal": (0.0, 180.0),
    "index_proximal": (0.0, 90.0),
    "index_distal": (0.0, 180.0),
    "middle_proximal": (0.0, 90.0),
    "middle_distal": (0.0, 180.0),
    "pinky": (0.0, 270.0),
}
_LEG: Final = {
    "hip_pitch": (-35.0, 80.0),
    "hip_roll": (-15.0, 90.0),
    "hip_yaw": (-70.0, 70.0),
    "knee": (-100.0, 0.0),
    "ankle_pitch": (-30.0, 30.0),
    "ankle_roll": (-20.0, 20.0),
}
_EYES: Final = {"eyes_tilt": (-35.0, 15.0), "eyes_vers": (-50.0, 50.0), "eyes_verg": (0.0, 50.0)}

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "right_arm": tuple(f"r_{joint}" for joint in (*_ARM, *_HAND)),
    "left_arm": tuple(f"l_{joint}" for joint in (*_ARM, *_HAND)),
    "head": ("neck_pitch", "neck_roll", "neck_yaw", *_EYES),
    "torso": ("torso_yaw", "torso_roll", "torso_pitch"),
    "right_leg": tuple(f"r_{joint}" for joint in _LEG),
    "left_leg": tuple(f"l_{joint}" for joint in _LEG),
}
"""The joints of each part, called as the robot calls them."""
AXES: Final = tuple(joint for joints in PARTS.values() for joint in joints)
"""All joints, one part after the other."""
EYES: Final = tuple(AXES.index(joint) for joint in _EYES)
"""Indices of tilt, version and vergence among the axes."""

_STANDARD_HAND: Final = (59.0, 20.0, 20.0, 20.0, 10.0, 10.0, 10.0, 10.0, 10.0)
STANDARD_AXES: Final[Floats] = np.array(
    [_STANDARD_HAND[tuple(_HAND).index(axis[2:])] if axis[2:] in _HAND else 0.0 for axis in AXES]
)
"""Where the joints are in the standard posture, degrees, as the ancestor's `renew` has them; for the arms there is
`models.icub.kinematics.STANDARD`.
"""
STANDARD_AXES.setflags(write=False)

_BODILESS: Final = {f"{side}_{joint}": limits for side in "rl" for joint, limits in (_HAND | _LEG).items()} | _EYES


def limits_of_axes(joints: Sequence[str], limits: Floats) -> Floats:
    """Lowest and highest angle of all axes, (len(AXES), 2) degrees.

    Fingers, eyes and legs have no body in the physics: they are where they are led; their ranges are those of the
    iCub.

    Args:
        joints: That have a body in the physics.
        limits: Of these (n, 2), degrees.
    """
    known = _BODILESS | {joint: tuple(pair) for joint, pair in zip(joints, limits.tolist(), strict=True)}
    return np.array([known[joint] for joint in AXES])


def axes_of_part(part: str) -> slice:
    """The joints of a part, as a slice of the axes."""
    first = AXES.index(PARTS[part][0])
    return slice(first, first + len(PARTS[part]))
