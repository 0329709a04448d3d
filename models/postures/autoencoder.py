"""Run-time half of the autoencoders of postures: joints -> latent -> joints, with NumPy only.

A *latent* is a point of the low-dimensional map of plausible postures; every point decodes to ten joint
angles. The networks are trained by `python -m models.postures` and lie in models/weights/ as
<variant>-<latent>.npz:

    ancestor: 10-6-2-6-10, ReLU and tanh, angles / 180; the network of "Robot at the Mirror" (arXiv 2311.13226) and
        learningImitation, for comparison with the paper. It may decode angles outside the joints' ranges.
    wide: 10-128-128-2-128-128-10, SiLU, angles scaled to their ranges; the better one. Decoded angles are clipped
        to the ranges, and most of the training postures lie in the square -1..1 of the map.

What the encoder says (`Autoencoder.guess`) is a quick guess. The decoder is the truth about the map, so the guess
is improved by a few damped Gauss-Newton steps on the decoder (Levenberg and Marquardt). What is lowered is the sum
of absolute errors, by reweighted least squares (weights 1 / |error|, but never more than 1 / SOFT). Each step is
short, and there are few of them: the latent stays near the guess, on its side of a fold, so that postures that
change little have latents that change little. The answer is never worse than the guess.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import Floats
from models.files.artifact import WEIGHTS, ArtifactError, read_arrays, verify, write_arrays
from models.files.layers import Layer, pack, unpack
from models.icub.kinematics import JOINT_LIMITS, JOINTS
from models.measures import postures
from models.postures.design import LINEAR, VARIANTS, Activation, design

__all__ = ["LATENTS", "NAMES", "NICE_LATENTS", "VARIANTS", "Autoencoder", "design", "load", "load_file"]

LATENTS: Final = (2, 3, 4, 6, 8)
"""Dimensions of the latents of the weights that come with the project."""
NAMES: Final = (
    *reversed(VARIANTS),
    *(f"{variant}-{latent}" for variant in reversed(VARIANTS) for latent in LATENTS),
)
"""The names that `load` takes; a variant alone means latent 2."""
_KIND: Final = "agentspace autoencoder 1"
_JITTER: Final = 0.05  # of the spread of the map: how far a sampled latent may lie from one that was seen

NICE_LATENTS: Final[Floats] = (
    np.array([[220, 138], [202, 197], [250, 201], [131, 200], [188, 194], [141, 261], [214, 280], [107, 269]])
    - 200
) / 200
"""The eight postures (8, 2) that the ancestor shows when it invites to imitate it; latents of *its* decoder."""


Linearised = Callable[[Floats], tuple[Floats, Floats]]
"""Latents (b, m) -> postures (b, n) and their derivatives (b, m, n)."""

STEPS: Final = 5
SOFT: Final = 0.02
"""Errors below this one (joints scaled to -1..1) count as squares: a hundredth of a joint's range."""
_STARTS: Final = 16  # from which the nearest latent is looked for
_REACH: Final = 0.25  # longest step, where the map is the square -1..1
_DAMPING: Final = 0.3  # at the beginning
_SMALLEST: Final = 1e-4  # damping


class Autoencoder:
    """Encoder and decoder of postures.

    Attributes:
        variant: "ancestor" or "wide".
        latent: Dimension of the latent, m.
        seen: (s, m) latents of training postures: where the map is populated.
        recipe: How it was trained, JSON (`models.postures.recipe`); empty if that is not known.
        data: Fingerprint of the postures that it was trained with; empty if that is not known.
    """

    recipe = ""
    data = ""

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

    @property
    def name(self) -> str:
        """Such as wide-2."""
        return f"{self.variant}-{self.latent}"

    def guess(self, joints: ArrayLike) -> Floats:
        """The answer of the encoder network alone: latents (..., m) of postures (..., 10) in degrees.

        Raises:
            ValueError: Another shape, or NaN.
        """
        return self._run(self._encoder, self._scaled(joints), LINEAR)

    def encode(self, joints: ArrayLike) -> Floats:
        """Latents (..., m) of postures (..., 10) in degrees: the guess, refined on the decoder.

        Raises:
            ValueError: Another shape, or NaN.
        """
        scaled = self._scaled(joints)
        guess = self._run(self._encoder, scaled, LINEAR)
        flat = guess.reshape(-1, self.latent), scaled.reshape(-1, len(JOINTS))
        return refine(self.linearised, *flat).reshape(guess.shape)

    def nearest(self, posture: ArrayLike) -> Floats:
        """The latent (m,) whose posture is nearest to one (10,) in degrees, anywhere where postures were learned.

        `encode` stays on the side of a fold on which the encoder is; this looks on all of them, and takes some
        hundred times as long.

        Raises:
            ValueError: Another shape, or NaN.
        """
        scaled = self._scaled(posture)
        known = self._run(self._decoder, self.seen, self._design.output)
        starts = self.seen[np.argsort(np.abs(known - scaled).sum(axis=1))[:_STARTS]]
        found = np.vstack([refine(self.linearised, starts, np.tile(scaled, (len(starts), 1)), 4 * STEPS), starts])
        found = found[(np.abs(found) <= np.abs(self.seen).max(axis=0)).all(axis=1)]
        errors = np.abs(self.linearised(found)[0] - scaled).sum(axis=1)
        return np.asarray(found[errors.argmin()])

    def _scaled(self, joints: ArrayLike) -> Floats:
        return np.asarray((postures("joints", joints) - self._design.center) / self._design.scale)

    def linearised(self, latents: Floats) -> tuple[Floats, Floats]:
        """Scaled postures (b, 10) of latents (b, m), and their derivatives (b, m, 10)."""
        both = np.empty((len(latents), 1 + self.latent, self.latent))  # values in the first row, then derivatives
        both[:, 0], both[:, 1:] = latents, np.eye(self.latent)
        for layer in self._decoder:
            activation = self._design.output if layer is self._decoder[-1] else self._design.activation
            both = both @ layer.weight
            value, rise = activation.both(both[:, 0] + layer.bias)
            both *= rise[:, None]
            both[:, 0] = value
        return both[:, 0], both[:, 1:]

    def decode(self, latent: ArrayLike) -> Floats:
        """Postures (..., 10) in degrees of latents (..., m).

        Raises:
            ValueError: Another shape, or NaN.
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

    def _run(self, layers: tuple[Layer, ...], x: Floats, last: Activation) -> Floats:
        for layer in layers[:-1]:
            x = self._design.activation.value(np.asarray(layer(x), np.float64))
        return last.value(np.asarray(layers[-1](x), np.float64))

    def save(self, path: Path) -> None:
        """Write the networks as .npz (float32)."""
        about = {name: np.array(getattr(self, name)) for name in ("variant", "recipe", "data")}
        networks = pack("encoder", self._encoder) | pack("decoder", self._decoder)
        write_arrays(path, _KIND, {**about, "seen": self.seen.astype(np.float32), **networks})


def refine(linearised: Linearised, guess: Floats, target: Floats, steps: int = STEPS) -> Floats:
    """Latents (b, m) near the guesses whose postures have a smaller absolute error.

    Args:
        linearised: The decoder and its derivative, joints scaled so that their ranges have width 2.
        guess: (b, m), what the encoder says.
        target: (b, n) scaled postures.
        steps: How many steps are tried.
    """
    best = guess
    posture, slope = linearised(best)
    cost = np.abs(posture - target).sum(axis=1)
    damping = np.full(len(best), _DAMPING)
    for _ in range(steps):
        trial = best + _step(slope, target - posture, damping)
        new_posture, new_slope = linearised(trial)
        new_cost = np.abs(new_posture - target).sum(axis=1)
        better = new_cost < cost
        column, cube = better[:, None], better[:, None, None]
        best, posture = np.where(column, trial, best), np.where(column, new_posture, posture)
        slope, cost = np.where(cube, new_slope, slope), np.where(better, new_cost, cost)
        damping = np.maximum(damping * np.where(better, 0.2, 5.0), _SMALLEST)
    return best


def _step(slope: Floats, error: Floats, damping: Floats) -> Floats:
    """Damped steps (b, m) towards smaller errors (b, n)."""
    weight = 1.0 / np.maximum(np.abs(error), SOFT)
    weighted = slope * weight[:, None, :]
    normal = weighted @ slope.transpose(0, 2, 1)
    size = np.einsum("bmm->b", normal) + 1e-9
    normal += (damping * size)[:, None, None] * np.eye(slope.shape[1])
    step = np.linalg.solve(normal, weighted @ error[:, :, None])[:, :, 0]
    length = np.sqrt(np.square(step).sum(axis=1, keepdims=True))
    return np.asarray(step * np.minimum(1.0, _REACH / np.maximum(length, 1e-12)))


def path_of(variant: str, latent: int = 2) -> Path:
    """The file of the weights of a variant."""
    design(variant)
    return WEIGHTS / f"{variant}-{latent}.npz"


def parse(name: str) -> tuple[str, int]:
    """Variant and latent of a name such as wide, or wide-4.

    Raises:
        ValueError: Unknown variant, or a latent that is no whole number from 1.
    """
    variant, dash, latent = name.partition("-")
    design(variant)
    if dash and not (latent.isascii() and latent.isdigit() and int(latent) > 0):
        raise ValueError(f"decoder is {name!r}; valid names are {', '.join(NAMES)}")
    return variant, int(latent) if dash else 2


def load(name: str = "wide", latent: int | None = None) -> Autoencoder:
    """A trained autoencoder.

    Args:
        name: One of `NAMES`, or that of weights of your own.
        latent: Dimension of the latent, if the name does not say it.

    Raises:
        ValueError: Unknown variant.
        ArtifactError: There are no such weights (the message lists what there is), or they are damaged.
    """
    variant, dimension = parse(name)
    dimension = dimension if latent is None else latent
    path = path_of(variant, dimension)
    if not path.exists():
        raise ArtifactError(
            f"there are no weights for variant {variant!r} with latent {dimension}; there are: "
            f"{', '.join(p.stem for p in present()) or 'none'}; "
            f"train them with: {training_command(variant, dimension)}"
        )
    verify(path, training_command(variant, dimension))
    return load_file(path)


def present() -> list[Path]:
    """The files of weights that there are, by variant and latent."""
    return sorted(p for v in VARIANTS for p in WEIGHTS.glob(f"{v}-*.npz"))


def training_command(variant: str, latent: int) -> str:
    """The command that makes the weights."""
    return f"python -m models.postures train {variant}-{latent}"


def load_file(path: Path) -> Autoencoder:
    """An autoencoder that `Autoencoder.save` wrote.

    Raises:
        ArtifactError: The file is missing, cut off, of another kind, or its layers do not fit.
    """
    arrays = read_arrays(path, _KIND)
    try:
        variant = str(arrays["variant"])
        encoder, decoder = (unpack(arrays, name, np.float64) for name in ("encoder", "decoder"))
        model = Autoencoder(variant, encoder, decoder, arrays["seen"].astype(np.float64))
        model.recipe, model.data = (str(arrays.get(name, "")) for name in ("recipe", "data"))
        return model
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"{path} does not hold a whole autoencoder: {error}") from error
