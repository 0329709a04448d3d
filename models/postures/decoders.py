"""What the values of pairs mean: latents of an autoencoder, or the joints themselves."""

from __future__ import annotations

from typing import Final

from models.files.artifact import checksum
from models.postures import autoencoder
from models.postures.autoencoder import Autoencoder
from models.postures.free_postures import FreePostures

FREE: Final = FreePostures.name
NAMES: Final = (*autoencoder.NAMES, FREE)
"""The autoencoders, and `free`: joints, both arms on their own."""


def load(name: str = "wide", unseen: bool = False) -> Autoencoder | FreePostures:
    """A decoder and encoder.

    Args:
        name: one of `NAMES`, or that of an autoencoder of your own.
        unseen: a free one draws from postures that nobody has learned from.

    Raises:
        ValueError: unknown name.
        ArtifactError: what it needs is missing or damaged.
    """
    return FreePostures.load(unseen) if name == FREE else autoencoder.load(name)


def space(name: str = "wide") -> str:
    """Identifier of the space of its latents; it holds a part of the SHA-256 of the weights.

    Raises:
        ValueError: unknown name.
        OSError: there are no weights.
    """
    if name == FREE:
        return FREE
    variant, latent = autoencoder.parse(name)
    return f"{variant}-{latent}/{checksum(autoencoder.path_of(variant, latent))[:8]}"
