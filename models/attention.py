"""One-shot association by attention: a memory of (key, value) pairs that answers a query with a mixture of values.

    A(q, K, V) = c V    with    c = softmax(q K^T / d)

K (l, n) holds the keys (features of images), V (l, m) the values (latents of postures), c (l,) are the
mixture coefficients, and d is the scale: small d answers with the value of the most similar key, large d with
the mean of all values. Source of the formula: A. Lucny, "Towards one-shot learning via Attention"; "Robot at
the Mirror", arXiv 2311.13226.

For raw keys no d is good everywhere, since it depends on the size of the features. By default keys and query
are therefore divided by their norms (*cosine* keys; measured: d between 0.005 and 0.02 is good), and d is
chosen by leave-one-out over the pairs as soon as there are 20 of them.

*Centring* makes the memory robust against a changed scene: keys are taken relative to their mean, queries
relative to the running mean of the queries (which starts as the mean of the keys with weight 3). It assumes
that queries vary: a person who stands still for long moves the mean towards one posture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self, cast

import numpy as np
from numpy.typing import ArrayLike

from models.artifact import ArtifactError, read_arrays, write_arrays
from models.similarity import PAIRS_TO_CHOOSE, Comparison, Floats, KeyKind, finite, softmax

_KIND: Final = "agentspace memory 1"
_PRIOR: Final = 3.0  # weight of the mean of the keys in the running mean of the queries
_REGROWTH: Final = 1.1  # the scale is chosen anew when the memory has grown by a tenth


class EmptyMemoryError(LookupError):
    """A query was put to a memory without pairs."""


def attention(query: Floats, keys: Floats, values: Floats, scale: float) -> tuple[Floats, Floats]:
    """A(q, K, V) and its mixture coefficients.

    Args:
        query: (n,) or (b, n).
        keys: (l, n), l >= 1.
        values: (l, m).
        scale: d > 0.

    Returns:
        The answer (m,) or (b, m), and the coefficients (l,) or (b, l).

    Raises:
        ValueError: shapes that do not fit, no keys, or a scale that is not positive.
    """
    if keys.ndim != 2 or len(keys) == 0 or len(keys) != len(values) or query.shape[-1] != keys.shape[1]:
        raise ValueError(
            f"query {query.shape}, keys {keys.shape}, values {values.shape}; "
            "valid is (..., n), (l, n), (l, m) with l >= 1"
        )
    if not scale > 0:
        raise ValueError(f"scale is {scale}; valid is a positive number")
    mixture = softmax(query @ keys.T / scale)
    return mixture @ values, mixture


class Memory:
    """Pairs of (key, value) that can be added, forgotten, asked, saved and loaded.

    Attributes:
        features: identifier of the feature space of the keys (`Extractor.identifier`); it travels with the file.
        comparison: how queries are compared with keys.
    """

    def __init__(self, features: str = "unknown", comparison: Comparison = Comparison()) -> None:  # noqa: B008
        self.features = features
        self.comparison = comparison
        self.forget()

    def forget(self) -> None:
        """Drop all pairs, and what was learned about the queries."""
        self._keys: Floats = np.empty((0, 0), dtype=np.float32)
        self._compared: Floats = np.empty((0, 0), dtype=np.float32)
        self._values: Floats = np.empty((0, 0), dtype=np.float64)
        self._count = 0
        self._ready = 0  # so many rows of _compared are up to date
        self._scale = 0.0
        self._scale_count = 0  # with so many pairs the scale was chosen
        self._query_sum: Floats = np.zeros(0, dtype=np.float64)
        self._queries = 0

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Floats:
        """(l, n) float32, the keys as they were added."""
        return self._keys[: self._count]

    @property
    def values(self) -> Floats:
        """(l, m) float64."""
        return self._values[: self._count]

    @property
    def scale(self) -> float:
        """The scale d that the next answer uses.

        Raises:
            EmptyMemoryError: there are no pairs.
        """
        self._require_pairs()
        grown = self._count < PAIRS_TO_CHOOSE or self._count >= _REGROWTH * self._scale_count
        if self._count != self._scale_count and (grown or self._scale_count < PAIRS_TO_CHOOSE):
            self._scale = self.comparison.choose(self._prepared(), self.values)
            self._scale_count = self._count
        return self._scale

    def add(self, key: ArrayLike, value: ArrayLike) -> None:
        """Add a pair.

        Args:
            key: (n,) features.
            value: (m,) what to answer to them.

        Raises:
            ValueError: NaN, or another length than that of the pairs before.
        """
        new_key = finite("key", key, self._keys.shape[1] if self._count else None, np.float32)
        new_value = finite("value", value, self._values.shape[1] if self._count else None, np.float64)
        if self._count == len(self._keys):
            self._grow(new_key.size, new_value.size)
        self._keys[self._count] = new_key
        self._values[self._count] = new_value
        self._count += 1

    def answer(self, query: ArrayLike) -> tuple[Floats, Floats]:
        """The mixture of values for a query (n,): value (m,) and mixture coefficients (l,).

        Raises:
            EmptyMemoryError: there are no pairs.
            ValueError: NaN, or another length than that of the keys.
        """
        asked = self._query(query)
        mean = self._query_mean(asked) if self.comparison.centring else asked
        return self._ask(asked, mean)

    def novelty(self, key: ArrayLike, value: ArrayLike) -> float:
        """Norm of the difference between the answer to a key (n,) and the value (m,) that belongs to it.

        Infinite for an empty memory. It does not count as a query: a key is compared relative to the keys' mean.

        Raises:
            ValueError: NaN, or other lengths than those of the pairs.
        """
        if not self._count:
            return float("inf")
        asked = self._query(key)
        true = finite("value", value, self._values.shape[1], np.float64)
        predicted, _ = self._ask(asked, self._key_mean() if self.comparison.centring else asked)
        return float(np.linalg.norm(predicted - true))

    def save(self, path: Path | str) -> None:
        """Write the pairs as .npz, atomically.

        Raises:
            OSError: the folder does not exist, or cannot be written.
        """
        arrays = {
            "features": np.array(self.features),
            "kind_of_keys": np.array(self.comparison.kind),
            "centring": np.array(self.comparison.centring),
            "scale": np.array(np.nan if self.comparison.scale is None else self.comparison.scale),
            "keys": self.keys,
            "values": self.values,
        }
        write_arrays(Path(path), _KIND, arrays, compressed=False)

    @classmethod
    def load(cls, path: Path | str, features: str | None = None, comparison: Comparison | None = None) -> Self:
        """Read a memory that `save` wrote.

        Args:
            path: the file.
            features: the feature space in use; None accepts any.
            comparison: how to compare; None means as in the file.

        Raises:
            ArtifactError: the file is missing, cut off, of another kind, or its keys are of another feature space.
        """
        arrays = read_arrays(Path(path), _KIND)
        try:
            found = str(arrays["features"])
            if features not in (None, found):
                raise ArtifactError(f"{path} holds features of {found!r}; the extractor makes {features!r}")
            scale = float(arrays["scale"].astype(np.float64))
            kind = cast("KeyKind", str(arrays["kind_of_keys"]))
            stored = Comparison(kind, bool(arrays["centring"]), None if np.isnan(scale) else scale)
            memory = cls(found, comparison or stored)
            keys, values = arrays["keys"].astype(np.float32), arrays["values"].astype(np.float64)
            for key, value in zip(keys, values, strict=True):
                memory.add(key, value)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ArtifactError):
                raise
            raise ArtifactError(f"{path} does not hold a whole memory: {error}") from error
        return memory

    def _require_pairs(self) -> None:
        if not self._count:
            raise EmptyMemoryError("the memory is empty: add a pair before asking it")

    def _query(self, query: ArrayLike) -> Floats:
        self._require_pairs()
        return finite("query", query, self._keys.shape[1], np.float32)

    def _ask(self, query: Floats, mean: Floats) -> tuple[Floats, Floats]:
        return attention(self.comparison.prepare(query, mean), self._prepared(), self.values, self.scale)

    def _grow(self, n: int, m: int) -> None:
        """Double the room for pairs."""
        room = max(16, 2 * self._count)
        for name, width in (("_keys", n), ("_compared", n), ("_values", m)):
            old = getattr(self, name)
            new = np.empty((room, width), dtype=old.dtype)
            new[: self._count] = old.reshape(-1, width)[: self._count]
            setattr(self, name, new)

    def _key_mean(self) -> Floats:
        return np.asarray(self.keys.mean(axis=0))

    def _prepared(self) -> Floats:
        """(l, n) the keys as they are compared; with centring a new pair moves the mean, and thus all of them."""
        if self._ready < self._count:
            first, mean = (0, self._key_mean()) if self.comparison.centring else (self._ready, self._keys[0])
            self._compared[first : self._count] = self.comparison.prepare(self._keys[first : self._count], mean)
            self._ready = self._count
        return self._compared[: self._count]

    def _query_mean(self, query: Floats) -> Floats:
        """(n,) the running mean of the queries, this one included."""
        self._query_sum = query.astype(np.float64) if not self._queries else self._query_sum + query
        self._queries += 1
        mean = (_PRIOR * self._key_mean() + self._query_sum) / (_PRIOR + self._queries)
        return np.asarray(mean, dtype=np.float32)
