"""Postures whose arms have nothing to do with each other, in the place of a map of postures.

It does what an autoencoder does (`models.autoencoder`), without a map: the latent of a posture is the posture. Each
arm is drawn on its own from the postures that reach a point around the robot (`models.dataset`): eight free joints,
the wrists' prosup stays 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from models import dataset
from models.kinematics import JOINT_LIMITS, JOINTS
from models.measures import Floats, postures


class FreePostures:
    """A decoder and encoder that change nothing.

    Args:
        arms: (p, 5) degrees, postures of one arm to draw from.

    Attributes:
        variant: its name, "free".
        latent: how many numbers say a posture: 10.
    """

    variant = "free"
    latent = len(JOINTS)

    def __init__(self, arms: Floats) -> None:
        self._arms = arms

    @classmethod
    def load(cls, unseen: bool = False) -> FreePostures:
        """Those of the training part of the data, or of the part that nobody has learned from.

        Raises:
            ArtifactError: the data are missing or damaged.
        """
        data = dataset.load()
        part = data.is_test == unseen
        used = np.unique(np.concatenate([data.right[part], data.left[part]]))
        return cls(data.arm[used].astype(np.float64))

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
        """Postures (n, 10)."""
        right, left = rng.integers(len(self._arms), size=(2, n))
        return np.hstack([self._arms[right], self._arms[left]])
