"""What the values of pairs mean: latents of an autoencoder, or the joints themselves."""

from __future__ import annotations

from typing import Final

from models import autoencoder
from models.artifact import checksum
from models.autoencoder import Autoencoder
from models.free_postures import FreePostures

FREE: Final = FreePostures.variant
VARIANTS: Final = (*autoencoder.VARIANTS, FREE)
"""The autoencoders, and `free`: joints, both arms on their own."""


def load(variant: str = "wide", latent: int = 2, unseen: bool = False) -> Autoencoder | FreePostures:
    """A decoder and encoder.

    Args:
        variant: one of `VARIANTS`.
        latent: dimension of the latent of an autoencoder.
        unseen: a free one draws from postures that nobody has learned from.

    Raises:
        ValueError: unknown variant.
        ArtifactError: what it needs is missing or damaged.
    """
    return FreePostures.load(unseen) if variant == FREE else autoencoder.load(variant, latent)


def space(variant: str = "wide", latent: int = 2) -> str:
    """Identifier of the space of its latents; it holds a part of the SHA-256 of the weights.

    Raises:
        ValueError: unknown variant.
        OSError: there are no weights.
    """
    if variant == FREE:
        return f"joints-{FreePostures.latent}"
    return f"{variant}-{latent}/{checksum(autoencoder.path_of(variant, latent))[:8]}"
