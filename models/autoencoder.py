"""Run-time half of the autoencoders of postures: joints -> latent -> joints, with NumPy only.

A *latent* is a point of the low-dimensional map of plausible postures; every point decodes to ten joint
angles. The networks are trained by `python -m models.posture` and lie in models/weights/ as
<variant>-<latent>.npz:

    ancestor: 10-6-2-6-10, ReLU and tanh, angles / 180; the network of "Robot at the Mirror" (arXiv 2311.13226) and
        learningImitation, for comparison with the paper. It may decode angles outside the joints' ranges.
    wide: 10-128-128-2-128-128-10, SiLU, angles scaled to their ranges; the better one. Decoded angles are clipped
        to the ranges, and most of the training postures lie in the square -1..1 of the map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.artifact import WEIGHTS, ArtifactError, read_arrays, verify, write_arrays
from models.kinematics import JOINT_LIMITS, JOINTS
from models.measures import postures

Floats = NDArray[np.float64]

VARIANTS: Final = ("ancestor", "wide")
_KIND: Final = "agentspace autoencoder 1"
_JITTER: Final = 0.05  # of the spread of the map: how far a sampled latent may lie from one that was seen

NICE_LATENTS: Final[Floats] = (
    np.array([[220, 138], [202, 197], [250, 201], [131, 200], [188, 194], [141, 261], [214, 280], [107, 269]])
    - 200
) / 200
"""The eight postures (8, 2) that the ancestor shows when it invites to imitate it; latents of *its* decoder."""


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0.0)


def _silu(x: Floats) -> Floats:
    return x / (1.0 + np.exp(-x))


def _linear(x: Floats) -> Floats:
    return x


def _tanh(x: Floats) -> Floats:
    return np.asarray(np.tanh(x))


@dataclass(frozen=True)
class Design:
    """What distinguishes one variant from another, apart from its weights.

    Attributes:
        hidden: widths of the hidden layers of the encoder; the decoder has them reversed.
        activation: of the hidden layers.
        output: activation of the decoder's last layer.
        center: (10,) degrees that scale to 0.
        scale: (10,) degrees that scale to 1, counted from the centre.
        clips: whether decoded angles are clipped to the joints' ranges.
    """

    hidden: tuple[int, ...]
    activation: Callable[[Floats], Floats]
    output: Callable[[Floats], Floats]
    center: Floats
    scale: Floats
    clips: bool


DESIGNS: Final[Mapping[str, Design]] = {
    "ancestor": Design((6,), _relu, _tanh, np.zeros(10), np.full(10, 180.0), clips=False),
    "wide": Design(
        (128, 128),
        _silu,
        _linear,
        JOINT_LIMITS.mean(axis=1),
        np.ptp(JOINT_LIMITS, axis=1) / 2,
        clips=True,
    ),
}


@dataclass(frozen=True)
class Layer:
    """One linear layer: x W + b, with W (inputs, outputs) and b (outputs,)."""

    weight: Floats
    bias: Floats


def design(variant: str) -> Design:
    """The design of a variant.

    Raises:
        ValueError: unknown variant.
    """
    if variant not in DESIGNS:
        raise ValueError(f"variant is {variant!r}; valid variants are {', '.join(map(repr, VARIANTS))}")
    return DESIGNS[variant]


class Autoencoder:
    """Encoder and decoder of postures.

    Attributes:
        variant: "ancestor" or "wide".
        latent: dimension of the latent, m.
        seen: (s, m) latents of training postures: where the map is populated.
    """

    def __init__(self, variant: str, encoder: Sequence[Layer], decoder: Sequence[Layer], seen: Floats) -> None:
        self.variant = variant
        self.latent = encoder[-1].bias.size
        self.seen = seen
        self._design = design(variant)
        self._encoder = tuple(encoder)
        self._decoder = tuple(decoder)
        self._check()

    def _check(self) -> None:
        widths = [len(JOINTS), *self._design.hidden, self.latent]
        for name, layers, sizes in (("encoder", self._encoder, widths), ("decoder", self._decoder, widths[::-1])):
            found = [layer.weight.shape for layer in layers]
            valid = list(pairwise(sizes))
            if found != valid:
                raise ValueError(f"{name} of {self.variant!r} has layers {found}; valid are {valid}")

    def encode(self, joints: ArrayLike) -> Floats:
        """Latents (..., m) of postures (..., 10) in degrees.

        Raises:
            ValueError: another shape, or NaN.
        """
        scaled = (postures("joints", joints) - self._design.center) / self._design.scale
        return self._run(self._encoder, scaled, _linear)

    def decode(self, latent: ArrayLike) -> Floats:
        """Postures (..., 10) in degrees of latents (..., m).

        Raises:
            ValueError: another shape, or NaN.
        """
        point = np.asarray(latent, dtype=np.float64)
        if point.ndim == 0 or point.shape[-1] != self.latent:
            raise ValueError(f"latent has shape {point.shape}; valid is (..., {self.latent})")
        if not np.isfinite(point).all():
            raise ValueError("latent contains NaN or infinity")
        joints = self._run(self._decoder, point, self._design.output) * self._design.scale + self._design.center
        return np.clip(joints, *JOINT_LIMITS.T) if self._design.clips else joints

    def sample(self, rng: np.random.Generator, n: int) -> Floats:
        """Latents (n, m) of plausible postures: near those of postures that were learned from."""
        chosen = self.seen[rng.integers(len(self.seen), size=n)]
        return np.asarray(chosen + rng.normal(size=chosen.shape) * _JITTER * self.seen.std(axis=0))

    def _run(self, layers: tuple[Layer, ...], x: Floats, last: Callable[[Floats], Floats]) -> Floats:
        for layer in layers[:-1]:
            x = self._design.activation(x @ layer.weight + layer.bias)
        return last(x @ layers[-1].weight + layers[-1].bias)

    def save(self, path: Path) -> None:
        """Write the networks as .npz (float32)."""
        arrays = {"variant": np.array(self.variant), "seen": self.seen.astype(np.float32)}
        for name, layers in (("encoder", self._encoder), ("decoder", self._decoder)):
            for index, layer in enumerate(layers):
                arrays[f"{name}{index}.weight"] = layer.weight.astype(np.float32)
                arrays[f"{name}{index}.bias"] = layer.bias.astype(np.float32)
        write_arrays(path, _KIND, arrays)


def path_of(variant: str, latent: int = 2) -> Path:
    """Where the weights of a variant lie."""
    design(variant)
    return WEIGHTS / f"{variant}-{latent}.npz"


def load(variant: str = "wide", latent: int = 2) -> Autoencoder:
    """The trained autoencoder of a variant.

    Args:
        variant: "ancestor" or "wide".
        latent: dimension of the latent; 2 comes with the project, others must be trained.

    Raises:
        ValueError: unknown variant.
        ArtifactError: there are no weights for this latent (the message lists what there is), or they are damaged.
    """
    path = path_of(variant, latent)
    if not path.exists():
        present = ", ".join(sorted(p.stem for v in VARIANTS for p in WEIGHTS.glob(f"{v}-*.npz"))) or "none"
        raise ArtifactError(
            f"there are no weights for variant {variant!r} with latent {latent}; there are: {present}; "
            f"train them with: {training_command(variant, latent)}"
        )
    verify(path, training_command(variant, latent))
    return load_file(path)


def training_command(variant: str, latent: int) -> str:
    """The command that makes the weights."""
    return f"python -m models.posture train --variant {variant} --latent {latent}"


def load_file(path: Path) -> Autoencoder:
    """An autoencoder that `Autoencoder.save` wrote.

    Raises:
        ArtifactError: the file is missing, cut off, of another kind, or its layers do not fit.
    """
    arrays = read_arrays(path, _KIND)
    try:
        variant = str(arrays["variant"])
        count = len(design(variant).hidden) + 1
        encoder, decoder = (
            [
                Layer(arrays[f"{name}{i}.weight"].astype(np.float64), arrays[f"{name}{i}.bias"].astype(np.float64))
                for i in range(count)
            ]
            for name in ("encoder", "decoder")
        )
        return Autoencoder(variant, encoder, decoder, arrays["seen"].astype(np.float64))
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"{path} does not hold a whole autoencoder: {error}") from error
