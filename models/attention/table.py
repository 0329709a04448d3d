"""A matrix that grows row by row without being copied: rows lie in blocks of some 16 MB."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

BLOCK: Final = 16 << 20
"""Bytes of a block."""


class Table:
    """Rows of the same width.

    Args:
        width: numbers in a row.
        dtype: of the numbers.
    """

    def __init__(self, width: int, dtype: type[np.floating] = np.float32) -> None:
        self.width = width
        self._dtype = np.dtype(dtype)
        self._each = max(16, BLOCK // max(1, width * self._dtype.itemsize))
        self._blocks: list[NDArray[Any]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of the rows that are there."""
        return self._count * self.width * self._dtype.itemsize

    def put(self, row: int, vectors: NDArray[Any]) -> None:
        """Write rows from `row` on (one (width,), or some (k, width)); those just after the last are new."""
        for vector in np.atleast_2d(vectors):
            block, place = divmod(row, self._each)
            if block == len(self._blocks):
                self._blocks.append(np.empty((self._each, self.width), self._dtype))
            self._blocks[block][place] = vector
            row += 1
        self._count = max(self._count, row)

    def take(self, rows: Rows) -> NDArray[Any]:
        """Some rows (k, width), copied."""
        found = np.empty((len(rows), self.width), self._dtype)
        blocks, places = np.divmod(rows, self._each)
        for block in np.unique(blocks):
            here = blocks == block
            found[here] = self._blocks[block][places[here]]
        return found

    def dot(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Products of all rows with a vector (width,) or with columns (width, k): (rows,) or (rows, k)."""
        products = np.empty((self._count, *vectors.shape[1:]), np.result_type(self._dtype, vectors.dtype))
        for start in range(0, self._count, self._each):
            block = self._blocks[start // self._each][: self._count - start]
            np.dot(block, vectors, out=products[start : start + len(block)])
        return products
