"""Postures in slots: read with care, and clamped to the limits of a robot."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from models.arrays import Floats
from models.icub.kinematics import JOINTS, TORSO_JOINTS

WHOLE: Final = JOINTS + TORSO_JOINTS
"""The joints of a posture with the torso: right arm, left arm, torso."""


class NotAPostureError(ValueError):
    """A value is not ten finite angles; the message says what it is instead."""


@dataclass(frozen=True)
class Clamp:
    """One angle that was moved into the limits of its joint.

    Attributes:
        joint: Its name.
        asked: Degrees.
        given: Degrees.
    """

    joint: str
    asked: float
    given: float

    def as_value(self) -> dict[str, Any]:
        """The same as a slot value."""
        return asdict(self)


def read_posture(value: Any) -> Floats:
    """The value of a slot as a posture (10,), degrees.

    Args:
        value: An array, list or tuple of ten finite numbers; anything else, hostile values included, is refused.

    Raises:
        NotAPostureError: Says what the value is instead.
    """
    return _read(value, f"a posture is {len(JOINTS)} finite angles in degrees, not", (len(JOINTS),))


def read_target(value: Any) -> Floats:
    """A posture (10,), degrees, or one with yaw, roll and pitch of the torso behind it (13,).

    Raises:
        NotAPostureError: Says what the value is instead.
    """
    wanted = f"a posture is {len(JOINTS)} finite angles in degrees, or {len(WHOLE)} with the torso, not"
    return _read(value, wanted, (len(JOINTS), len(WHOLE)))


def read_torso(value: Any) -> Floats:
    """Yaw, roll and pitch of a torso (3,), degrees.

    Raises:
        NotAPostureError: Says what the value is instead.
    """
    return _read(value, f"a torso is {len(TORSO_JOINTS)} finite angles in degrees, not", (len(TORSO_JOINTS),))


def _read(value: Any, wanted: str, sizes: tuple[int, ...]) -> Floats:
    if not isinstance(value, np.ndarray | list | tuple):
        raise NotAPostureError(f"{wanted} {type(value).__name__} {_short(value)}")
    try:
        array = np.asarray(value)
    except ValueError:
        raise NotAPostureError(f"{wanted} {_short(value)}") from None
    if array.ndim != 1 or len(array) not in sizes:
        raise NotAPostureError(f"{wanted} shape {array.shape}")
    if array.dtype.kind not in "iuf":
        raise NotAPostureError(f"{wanted} {array.dtype} {_short(value)}")
    posture = array.astype(np.float64)
    names = TORSO_JOINTS if len(posture) == len(TORSO_JOINTS) else WHOLE[: len(posture)]
    wrong = [name for name, angle in zip(names, posture, strict=True) if not np.isfinite(angle)]
    if wrong:
        raise NotAPostureError(f"{wanted} {posture[names.index(wrong[0])]} for {', '.join(wrong)}")
    return posture


def clamp(posture: Floats, limits: Floats) -> tuple[Floats, tuple[Clamp, ...]]:
    """Moves a posture into limits.

    Args:
        posture: (10,) degrees, or (13,).
        limits: Lowest and highest angle of each joint (n, 2), degrees.

    Returns:
        The posture within the limits, and what was changed.
    """
    given = np.clip(posture, limits[:, 0], limits[:, 1])
    return given, tuple(
        Clamp(WHOLE[joint], float(posture[joint]), float(given[joint]))
        for joint in np.flatnonzero(given != posture)
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
