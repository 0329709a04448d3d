"""Decoders of the values of pairs: the autoencoders, whose values are latents, and joints as they are."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import Floats
from models.files.artifact import checksum
from models.icub.kinematics import JOINT_LIMITS, JOINTS
from models.measures import postures
from models.postures import autoencoder, dataset
from models.postures.autoencoder import Autoencoder


class FreePostures:
    """Postures whose arms have nothing to do with each other, in the place of a map of postures.

    It does what an autoencoder does, without a map: the latent of a posture is the posture. Each arm is drawn on
    its own from the postures that reach a point around the robot (`models.postures.dataset`), again if the arms
    would touch each other: eight free joints, the wrists' prosup stays 0.

    Args:
        arms: (p, 5) degrees, postures of one arm to draw from.
        touching: (p, p) whether the arms touch each other in two of these.

    Attributes:
        name: "free".
        latent: How many numbers say a posture: 10.
    """

    name = "free"
    latent = len(JOINTS)

    def __init__(self, arms: Floats, touching: NDArray[np.bool_]) -> None:
        self._arms = arms
        self._touching = touching

    @classmethod
    def load(cls, unseen: bool = False) -> "FreePostures":
        """Free postures of the training part of the data, or of the part that nobody has learned from.

        Raises:
            ArtifactError: The data are missing or damaged.
        """
        data = dataset.load()
        part = np.flatnonzero(data.tested == unseen)
        return cls(data.arm[part].astype(np.float64), data.touching[np.ix_(part, part)])

    def encode(self, joints: ArrayLike) -> Floats:
        """The postures (..., 10) themselves, degrees.

        Raises:
            ValueError: Another shape, or NaN.
        """
        return postures("joints", joints)

    def decode(self, latent: ArrayLike) -> Floats:
        """The postures (..., 10), degrees, within the ranges of the joints.

        Raises:
            ValueError: Another shape, or NaN.
        """
        return np.clip(postures("latent", latent), *JOINT_LIMITS.T)

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        """Postures (n, 10), degrees, in which the arms do not touch."""
        right, left = rng.integers(len(self._arms), size=(2, n))
        while (touch := self._touching[right, left]).any():
            right[touch], left[touch] = rng.integers(len(self._arms), size=(2, int(touch.sum())))
        return np.hstack([self._arms[right], self._arms[left]])


FREE: Final = FreePostures.name
NAMES: Final = (*autoencoder.NAMES, FREE)
"""The autoencoders, and `free`: joints, both arms on their own."""
_ANCESTOR: Final = "ancestor-2"


def load(name: str = "wide", unseen: bool = False) -> Autoencoder | FreePostures:
    """A decoder and encoder.

    Args:
        name: One of `NAMES`, or that of an autoencoder of your own.
        unseen: A free one draws from postures that nobody has learned from.

    Raises:
        ValueError: Unknown name.
        ArtifactError: What it needs is missing or damaged.
    """
    return FreePostures.load(unseen) if name == FREE else autoencoder.load(name)


def nice(decoder: Autoencoder | FreePostures) -> Floats:
    """The eight postures (8, m) that the ancestor shows when it invites to imitate it, as values of a decoder.

    They are points of the ancestor's own map; any other decoder gets those of its own that come nearest to the
    same postures.
    """
    if decoder.name == _ANCESTOR:
        return autoencoder.NICE_LATENTS.copy()
    shown = autoencoder.load(_ANCESTOR).decode(autoencoder.NICE_LATENTS)
    wanted = np.clip(shown, *JOINT_LIMITS.T)
    return wanted if isinstance(decoder, FreePostures) else np.array([decoder.nearest(each) for each in wanted])


def space(name: str = "wide") -> str:
    """Identifier of the space of its latents; it holds a part of the SHA-256 of the weights.

    Raises:
        ValueError: Unknown name.
        OSError: There are no weights.
    """
    if name == FREE:
        return FREE
    variant, latent = autoencoder.parse(name)
    return f"{variant}-{latent}/{checksum(autoencoder.path_of(variant, latent))[:8]}"


def of_space(identifier: str) -> Autoencoder | FreePostures:
    """The decoder of latents whose space is this one: see `space`.

    Raises:
        ValueError: There is no such decoder here, or it has other weights.
        ArtifactError: What it needs is missing or damaged.
    """
    name = identifier.partition("/")[0]
    if (here := space(name)) != identifier:
        raise ValueError(f"values are of {identifier!r}; the decoder of that name that is here is {here!r}")
    return load(name)
