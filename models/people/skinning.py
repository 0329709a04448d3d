"""Moves the arms of a body as the iCub's: linear blend skinning from the directions of upper arms and forearms.

The upper arm turns about the shoulder until it points as the iCub's does from shoulder to elbow; the forearm, with
the hand, then bends about the elbow until it points as the iCub's does from elbow to wrist. The shoulder takes
half of the upper arm's turn, so that the armpit is not torn. Lengths are those of the person.
"""

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.icub.kinematics import SIDES, arm_directions
from models.measures import postures
from models.people.body import GROUPS, Body

_AXES: Final[Floats] = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""From the iCub's axes (x backwards, y to its right, z up) to those of a body (x to its left, y backwards)."""


def directions(posture: ArrayLike) -> Floats:
    """Unit vectors (..., 2, 2, 3) in the axes of a body: of the right arm, then the left, upper arm and forearm.

    Args:
        posture: (..., 10) degrees.

    Raises:
        ValueError: Another shape, or NaN.
    """
    angles = postures("posture", posture)
    return np.asarray(arm_directions(angles).reshape(*angles.shape[:-1], 2, 2, 3) @ _AXES.T)


def pose(body: Body, posture: ArrayLike) -> Body:
    """The body with its arms as in a posture (10,), degrees: its own right arm, then its left.

    Raises:
        ValueError: The posture has another shape, or NaN.
    """
    wanted = directions(posture)
    turns = np.tile(np.eye(3, 4), (len(GROUPS), 1, 1))
    joints = body.joints.copy()
    for arm, side in enumerate(SIDES):
        shoulder, elbow, wrist = body.joints[arm]
        outwards = np.array([-1.0 if side == "right" else 1.0, 0.0, 0.0])
        # By the way of an arm stretched sideways: from there no posture is opposite, where a turn has no axis.
        upper = arc(outwards, wanted[arm, 0]) @ arc(elbow - shoulder, outwards)
        lower = arc(upper @ (wrist - elbow), wanted[arm, 1]) @ upper
        bent = shoulder + upper @ (elbow - shoulder)
        joints[arm, 1:] = bent, bent + lower @ (wrist - elbow)
        turns[GROUPS.index(f"{side} shoulder")] = _about(shoulder, shoulder, half(upper))
        turns[GROUPS.index(f"{side} upper arm")] = _about(shoulder, shoulder, upper)
        turns[GROUPS.index(f"{side} forearm")] = _about(elbow, bent, lower)
    blended = (body.weights @ turns.reshape(len(GROUPS), -1)).reshape(-1, 3, 4)
    vertices = np.einsum("vij,vj->vi", blended[:, :, :3], body.vertices) + blended[:, :, 3]
    return dataclasses.replace(body, vertices=vertices, joints=joints)


def arc(start: Floats, end: Floats) -> Floats:
    """The smallest rotation (3, 3) that turns the direction `start` (3,) into `end` (3,), not its opposite."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    cross = _cross(np.cross(a, b))
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + max(float(a @ b), -1.0 + 1e-9)))


def half(rotation: Floats) -> Floats:
    """The rotation (3, 3) about the same axis by half of the angle (less than 180 degrees)."""
    root = rotation + np.eye(3)  # points to half way; its polar factor is the rotation
    left, _, right = np.linalg.svd(root)
    return np.asarray(left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right)


def _cross(axis: Floats) -> Floats:
    """The matrix (3, 3) that multiplies as the vector product with `axis` does."""
    x, y, z = axis
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _about(pivot: Floats, goal: Floats, rotation: Floats) -> Floats:
    """(3, 4): turns about `pivot`, and takes that to `goal`."""
    return np.column_stack([rotation, goal - rotation @ pivot])
