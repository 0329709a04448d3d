"""The comparison of queries with keys, and the scale d of the softmax that suits a set of pairs.

See `models.attention.memory` for the formula. Scales are searched by leave-one-out: each pair is predicted by all
others.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from models.arrays import AnyFloats

KeyKind = Literal["cosine", "raw"]

KEY_KINDS: Final = ("cosine", "raw")
PAIRS_TO_CHOOSE: Final = 20
_TINY: Final = 1e-12
_SLACK: Final = 1e-3  # norms of keys are 1 but for rounding
TOLERANCE: Final = 0.03
_USUAL: Final = np.geomspace(0.002, 0.2, 21)
_FINER: Final = _USUAL[0] * 10.0 ** np.linspace(-1.3, -0.1, 13)
_SCALES: Final = np.concatenate([_FINER, _USUAL])  # of keys of norm 1
FINER: Final = len(_FINER)
"""So many of the scales to choose from are finer than usual."""
LARGEST: Final = 1e15
"""Of keys and values: sums of their squares must stay within float32."""


def softmax(x: AnyFloats) -> AnyFloats:
    """Exponentials along the last axis that sum to 1; large numbers do not overflow."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def unit(vectors: AnyFloats) -> AnyFloats:
    """Vectors (..., n) divided by their norms; a zero vector stays zero."""
    norms = np.sqrt(np.einsum("...n,...n->...", vectors, vectors))
    return np.asarray(vectors / np.maximum(norms, _TINY)[..., None])


def strongest(similarity: AnyFloats, top: int) -> AnyFloats:
    """Similarities (..., l) of which only the `top` largest of each row count; the others are minus infinity."""
    if not 0 < top < similarity.shape[-1]:
        return similarity
    least = np.partition(similarity, -top, axis=-1)[..., -top, None]
    return np.where(similarity >= least, similarity, -np.inf)


def prediction_errors(
    similarity: AnyFloats, values: AnyFloats, true: AnyFloats, scales: AnyFloats, top: int = 0
) -> AnyFloats:
    """Mean distance between answers and true values, for each scale (k,).

    Args:
        similarity: (p, l) of each probe to those that may answer; minus infinity for those that may not.
        values: (l, m), or (p, l, m) if each probe has its own.
        true: (p, m).
        scales: (k,).
        top: So many take part; 0 for all.
    """
    counted = strongest(similarity, top)
    subscripts = "pl,lm->pm" if values.ndim == 2 else "pl,plm->pm"
    answers = (np.einsum(subscripts, softmax(counted / float(scale)), values, optimize=True) for scale in scales)
    return np.array([np.linalg.norm(answer - true, axis=1).mean() for answer in answers])


def sharpest(scales: AnyFloats, errors: AnyFloats) -> float:
    """The smallest scale whose error is hardly larger than the smallest one, by `TOLERANCE`.

    The error is flat about its minimum, where chance decides; a smaller d answers acquired pictures better.
    Measured on four robots (NMAE in per cent, at the minimum and with the tolerance; 20, 50, 100 pairs): fresh
    postures 8.6, 5.6, 3.9 and 8.4, 5.6, 4.0; acquired ones, shown again, 1.50, 0.53, 0.28 and 0.31, 0.19, 0.07.

    Args:
        scales: (k,) rising.
        errors: (k,) of leave-one-out.
    """
    return float(scales[int(np.flatnonzero(errors <= (1.0 + TOLERANCE) * np.min(errors))[0])])


def chosen(scales: AnyFloats, errors: AnyFloats) -> float:
    """The scale that leave-one-out chooses: the sharpest good one of those from 0.002 on; see `sharpest`.

    A finer one is chosen only where it has the least error of all, and then none that is sharper still: answers of
    a very small d jump from pair to pair. Features of few numbers (13, of people) need one, those of many do not.

    Args:
        scales: (34,) as `Comparison.candidates` gives them.
        errors: (34,) of leave-one-out; infinite for those that were not tried.
    """
    least = int(np.argmin(errors))
    return float(scales[least]) if least < FINER else sharpest(scales[FINER:], errors[FINER:])


def at_edge(scale: float) -> bool:
    """Whether a scale, of keys of norm 1, is at an end of those among which leave-one-out chooses, or beyond.

    Then a finer or a coarser one might do better.
    """
    return bool(scale <= _SCALES[0] * (1.0 + _SLACK) or scale >= _SCALES[-1] * (1.0 - _SLACK))


@dataclass(frozen=True)
class Comparison:
    """How queries are compared with keys.

    Attributes:
        kind: "cosine" (divided by their norms) or "raw" (as in the seed).
        centring: Whether keys and queries are taken relative to their means.
        scale: D; None = chosen by leave-one-out, from 20 pairs on.
        top: So many of the most similar pairs take part in an answer; 0 for all.
        exact: With more pairs than this, a shortlist of them is compared exactly; see
            `models.attention.reader`.
    """

    kind: KeyKind = "cosine"
    centring: bool = False
    scale: float | None = None
    top: int = 0
    exact: int = 1024

    def __post_init__(self) -> None:
        if self.kind not in KEY_KINDS:
            raise ValueError(f"kind is {self.kind!r}; valid kinds are {', '.join(map(repr, KEY_KINDS))}")
        if self.scale is not None and not 0 < self.scale < float("inf"):
            raise ValueError(f"scale is {self.scale}; valid is a positive number, or None to choose it")
        if self.top < 0:
            raise ValueError(f"top is {self.top}; valid is a number of pairs, or 0 for all")
        if self.exact < PAIRS_TO_CHOOSE:
            raise ValueError(f"exact is {self.exact}; valid is at least {PAIRS_TO_CHOOSE} pairs")

    def prepare(self, vectors: AnyFloats, mean: AnyFloats) -> AnyFloats:
        """Vectors (..., n) as they are compared, given the mean (n,) of their side."""
        relative = vectors - mean if self.centring else vectors
        return unit(relative) if self.kind == "cosine" else relative

    def default_scale(self, keys: AnyFloats) -> float:
        """A scale for too few pairs: 0.01 (0.03 when centred) of the size of the prepared keys (l, n) squared."""
        return (0.03 if self.centring else 0.01) * _size(keys)

    def candidates(self, keys: AnyFloats) -> AnyFloats:
        """Scales (34,) to choose from, rising, for prepared keys (l, n) or a sample of them."""
        return np.asarray(_SCALES * _size(keys))


def _size(keys: AnyFloats) -> float:
    """Mean squared norm of the keys: 1 for cosine keys, what makes a scale portable for raw ones."""
    return float(max(np.einsum("ln,ln->l", keys, keys).mean(), _TINY))


def finite(name: str, value: ArrayLike, size: int | None, dtype: type[np.floating]) -> AnyFloats:
    """The value as a finite vector (size,).

    Raises:
        ValueError: Another shape, or NaN.
    """
    vector = np.asarray(value, dtype=dtype)
    if vector.ndim != 1 or vector.size == 0 or size not in (None, vector.size):
        raise ValueError(f"{name} has shape {vector.shape}; valid is ({'n' if size is None else size},)")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} contains NaN or infinity")
    if np.abs(vector).max() > LARGEST:
        raise ValueError(f"{name} contains numbers beyond {LARGEST:g}, which cannot be compared")
    return vector
