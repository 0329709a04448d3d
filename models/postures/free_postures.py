"""Postures whose arms have nothing to do with each other, in the place of a map of postures.

It does what an autoencoder does (`models.postures.autoencoder`), without a map: the latent of a posture is the
posture. Each arm is drawn on its own from the postures that reach a point around the robot
(`models.postures.dataset`), again if the arms would touch each other: eight free joints, the wrists' prosup stays
0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import Floats
from models.icub.kinematics import JOINT_LIMITS, JOINTS
from models.measures import postures
from models.postures import dataset


class FreePostures:
    """A decoder and encoder that change nothing.

    Args:
        arms: (p, 5) degrees, postures of one arm to draw from.
        touching: (p, p) whether the arms touch each other in two of these.

    Attributes:
        name: "free".
        latent: how many numbers say a posture: 10.
    """

    name = "free"
    latent = len(JOINTS)

    def __init__(self, arms: Floats, touching: NDArray[np.bool_]) -> None:
        self._arms = arms
        self._touching = touching

    @classmethod
    def load(cls, unseen: bool = False) -> FreePostures:
        """Those of the training part of the data, or of the part that nobody has learned from.

        Raises:
            ArtifactError: the data are missing or damaged.
        """
        data = dataset.load()
        part = np.flatnonzero(data.tested == unseen)
        return cls(data.arm[part].astype(np.float64), data.touching[np.ix_(part, part)])

    def encode(self, joints: ArrayLike) -> Floats:
        """The postures (..., 10) themselves, degrees.

        Raises:
            ValueError: another shape, or NaN.
        """
        return postures("joints", joints)

    def decode(self, latent: ArrayLike) -> Floats:
        """The postures (..., 10), degrees, within the ranges of the joints.

        Raises:
            ValueError: another shape, or NaN.
        """
        return np.clip(postures("latent", latent), *JOINT_LIMITS.T)

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        """Postures (n, 10), degrees, in which the arms do not touch."""
        right, left = rng.integers(len(self._arms), size=(2, n))
        while (touch := self._touching[right, left]).any():
            right[touch], left[touch] = rng.integers(len(self._arms), size=(2, int(touch.sum())))
        return np.hstack([self._arms[right], self._arms[left]])
