"""Pairs of (key, value) in the order in which they came: added and taken out without moving the others.

They lie in tables that grow row by row without being copied: rows lie in blocks of some 16 MB.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import AnyFloats

Rows = NDArray[np.intp]

_TINY: Final = 1e-12
BLOCK: Final = 16 << 20
"""Bytes of a block."""


class Table:
    """Rows of the same width.

    Args:
        width: Numbers in a row.
        dtype: Of the numbers.
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


class Pairs:
    """Keys (l, n) float32 and values (l, m) float64.

    A pair lies in a row of the tables; `order` says in which. A row that became free is used again, so that taking
    one of 100 000 pairs out moves nothing.

    Args:
        n: Length of a key.
        m: Length of a value.
    """

    def __init__(self, n: int, m: int) -> None:
        self.key_table = Table(n)
        self.value_table = Table(m, np.float64)
        self.norm_table = Table(1)
        self._order: Rows = np.empty(16, np.intp)
        self._count = 0
        self._spare: list[int] = []
        self._key_sum: AnyFloats = np.zeros(n, np.float64)
        self._unit_sum: AnyFloats = np.zeros(n, np.float64)

    def __len__(self) -> int:
        return self._count

    @property
    def order(self) -> Rows:
        """(l,) the row of each pair."""
        return self._order[: self._count]

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return len(self) * (4 * self.key_table.width + 8 * self.value_table.width)

    @property
    def keys(self) -> AnyFloats:
        """(l, n) float32, as they were added; a copy."""
        return self.key_table.take(self.order)

    @property
    def values(self) -> AnyFloats:
        """(l, m) float64; a copy."""
        return self.value_table.take(self.order)

    @property
    def mean(self) -> AnyFloats:
        """(n,) float32, the mean of the keys."""
        return np.asarray(self._key_sum / max(1, len(self)), np.float32)

    @property
    def spread(self) -> float:
        """Mean distance (1 - cosine) between two keys; 0 for fewer than two.

        The sum of all cosines is the squared norm of the sum of the unit vectors: no pair of keys is compared.
        """
        count = len(self)
        if count < 2:
            return 0.0
        cosines = float(self._unit_sum @ self._unit_sum) - count
        return max(0.0, 1.0 - cosines / (count * (count - 1)))

    def add(self, key: AnyFloats, value: AnyFloats) -> int:
        """Append a pair; returns its row."""
        row = self._spare.pop() if self._spare else len(self.key_table)
        norm = float(np.linalg.norm(key))
        self.key_table.put(row, key)
        self.value_table.put(row, value)
        self.norm_table.put(row, np.array([norm]))
        if self._count == len(self._order):
            self._order = np.resize(self._order, 2 * self._count)
        self._order[self._count] = row
        self._count += 1
        self._key_sum += key
        self._unit_sum += key / max(norm, _TINY)
        return row

    def remove(self, index: int) -> None:
        """Take a pair out.

        Raises:
            IndexError: There is no such pair.
        """
        if not 0 <= index < len(self):
            valid = f"0 to {len(self) - 1}" if len(self) else "none: there are no pairs"
            raise IndexError(f"there is no pair {index}; valid: {valid}")
        row = int(self.order[index])
        key = self.key_table.take(self.order[index : index + 1])[0].astype(np.float64)
        self._key_sum -= key
        self._unit_sum -= key / max(float(np.linalg.norm(key)), _TINY)
        self._order[index : self._count - 1] = self._order[index + 1 : self._count]
        self._count -= 1
        self._spare.append(row)

    def alike(self, value: AnyFloats) -> int:
        """The pair whose value (m,) is nearest to this one."""
        return int(np.argmin(np.linalg.norm(self.values - value, axis=1)))

    def cosines(self, query: AnyFloats, rows: Rows | None = None) -> AnyFloats:
        """Cosines (k,) between a query (n,) and the keys of some rows, or of all pairs in their order."""
        unit = np.asarray(query / max(float(np.linalg.norm(query)), _TINY), np.float32)
        if rows is None:
            products, norms = self.key_table.dot(unit)[self.order], self.norm_table.take(self.order)[:, 0]
        else:
            products, norms = self.key_table.take(rows) @ unit, self.norm_table.take(rows)[:, 0]
        return np.asarray(products / np.maximum(norms, _TINY))
