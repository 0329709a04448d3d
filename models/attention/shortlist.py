"""Which of very many keys are worth an exact comparison: a scan of 128 numbers of each instead of thousands.

Keys are projected onto the directions in which a sample of them differs most (principal components). Postures have
few degrees of freedom, so 128 directions keep what distinguishes neighbours. Random directions
(Johnson-Lindenstrauss) would need many more: their error is that of the whole norm, which the differences of
neighbours are far below.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np

from models.arrays import AnyFloats
from models.attention.table import Rows, Table

DIRECTIONS: Final = 128
SAMPLE: Final = 256
"""Keys from which the directions are found."""
LENGTH: Final = 128
"""Keys that are compared exactly."""


class Shortlist:
    """Projected keys.

    Args:
        mean: (n,) of the sample.
        basis: (n, r), orthonormal columns.
    """

    def __init__(self, mean: AnyFloats, basis: AnyFloats) -> None:
        self._mean = mean
        self._basis = basis
        self._table = Table(basis.shape[1])

    @classmethod
    def fit(cls, sample: AnyFloats) -> Self:
        """One whose directions are those of a sample (s, n) of prepared keys."""
        mean = sample.mean(axis=0)
        apart = sample - mean
        count = min(DIRECTIONS, *apart.shape)
        strengths, vectors = np.linalg.eigh(apart @ apart.T)
        strongest = vectors[:, ::-1][:, :count]
        scales = np.sqrt(np.maximum(strengths[::-1][:count], 1e-12))
        return cls(mean, np.asarray(apart.T @ (strongest / scales), np.float32))

    @property
    def nbytes(self) -> int:
        """Bytes of the projected keys."""
        return self._table.nbytes

    def put(self, row: int, keys: AnyFloats) -> None:
        """Take prepared keys, one (n,) or some (k, n), into the rows from `row` on."""
        self._table.put(row, (keys - self._mean) @ self._basis)

    def find(self, queries: AnyFloats, order: Rows, length: int = LENGTH) -> Rows:
        """Which pairs (b, c) are most similar to prepared queries (b, n).

        Args:
            queries: as keys are compared.
            order: rows of the pairs.
            length: so many at most.
        """
        scores = self._table.dot(np.ascontiguousarray((queries @ self._basis).T))[order]
        count = min(length, len(order))
        return np.stack([np.argpartition(column, -count)[-count:] for column in scores.T])
