"""One attention head at work: its part of the keys as they are compared, its scale, its means.

Of very many keys, those on a shortlist are compared exactly, after a scan of 128 numbers of each instead of
thousands: keys are projected onto the directions in which a sample of them differs most (principal components).
Postures have few degrees of freedom, so 128 directions keep what distinguishes neighbours. Random directions
(Johnson-Lindenstrauss) would need many more: their error is that of the whole norm, which the differences of
neighbours are far below.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.arrays import AnyFloats
from models.attention.heads import AttentionHead
from models.attention.interpolation import NEIGHBOURS, onwards
from models.attention.pairs import Pairs, Rows, Table
from models.attention.similarity import (
    FINER,
    PAIRS_TO_CHOOSE,
    Comparison,
    chosen,
    prediction_errors,
    softmax,
    strongest,
    unit,
)

_DIRECTIONS: Final = 128
_SAMPLE: Final = 256  # keys from which the directions are found
_LENGTH: Final = 128  # keys on a shortlist
_PRIOR: Final = 0.5  # weight of the mean of the keys in the running mean of the queries: soon in another scene
_STILL: Final = 0.125  # of the mean distance between two keys: by less, a query is not another one
_REGROWTH: Final = 1.1  # the scale is chosen anew when the memory has grown by a tenth
_PRODUCTS: Final = 1 << 17  # pairs that leave-one-out asks, times pairs that it compares them with, at most
_PROBES: Final = 128  # pairs whose errors decide on the scale when there are many; the older, the less they count
_RARELY: Final = 256  # of so many pairs, one is such a probe when as many have come again
_BATCH: Final = 256  # keys that are projected at once
_TINY: Final = 1e-12


class Shortlist:
    """Projected keys, which tell which ones are worth an exact comparison.

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
        count = min(_DIRECTIONS, *apart.shape)
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

    def find(self, queries: AnyFloats, order: Rows, length: int = _LENGTH) -> Rows:
        """Which pairs (b, c) are most similar to prepared queries (b, n).

        Args:
            queries: As keys are compared.
            order: Rows of the pairs.
            length: So many at most.
        """
        scores = self._table.dot(np.ascontiguousarray((queries @ self._basis).T))[order]
        count = min(length, len(order))
        return np.stack([np.argpartition(column, -count)[-count:] for column in scores.T])


@dataclass(frozen=True)
class Found:
    """The answer of one head.

    Attributes:
        value: (m,) its part of the value.
        picks: (k,) indices of the pairs that were compared.
        shares: (k,) how much each of them has to say; the sum is 1.
        closest: How similar the most similar of them is.
    """

    value: AnyFloats
    picks: Rows
    shares: AnyFloats
    closest: float


class Reader:
    """Compares queries with the pairs.

    Args:
        head: What it sees and answers.
        comparison: How.
        pairs: With what; it is told when they change.
    """

    def __init__(self, head: AttentionHead, comparison: Comparison, pairs: Pairs) -> None:
        self.head = head
        self.comparison = comparison
        self._pairs = pairs
        n = pairs.key_table.width if head.features is None else len(head.features)
        self._prepared = Table(n)
        self._sizes = Table(1)  # norms of prepared keys before they were divided by them; with a shortlist only
        self._shortlist: Shortlist | None = None
        self._candidates: AnyFloats = np.zeros(0)  # scales
        self._errors: AnyFloats = np.zeros(0)  # of each, in the last probes
        self._mean: AnyFloats = np.zeros(n, np.float32)  # of the keys
        self._current = False  # whether the prepared keys are relative to the mean of all present ones
        self._scale = 0.0
        self._chosen_for = 0  # with so many pairs the scale was chosen
        self._query_sum: AnyFloats = np.zeros(n, np.float64)
        self._queries = 0
        self._present: AnyFloats | None = None  # the query that the latest ones are like

    # --- pairs come and go

    def added(self, row: int, key: AnyFloats) -> None:
        """A pair (key (n,)) came into a row."""
        part = self.head.of(key)
        if self._shortlist is not None:
            self._enlist(row, part)
            return
        self._current = False
        if not self.comparison.centring:
            self._prepared.put(row, self.comparison.prepare(part, self._mean))
        if len(self._pairs) > self.comparison.exact:
            self._condense()

    def removed(self) -> None:
        """A pair went."""
        self._current = False

    def _condense(self) -> None:
        """From now on there is a shortlist; the mean of the keys stays as it is."""
        if self.comparison.scale is None:
            self._candidates, self._errors = self._leave_one_out(thorough=True)
        self._mean = self.head.of(self._pairs.mean)
        random = np.random.default_rng(0)
        sample = random.choice(self._pairs.order, min(_SAMPLE, len(self._pairs)), replace=False)
        parts = self.head.of(self._pairs.key_table.take(sample))
        self._shortlist = Shortlist.fit(self.comparison.prepare(parts, self._mean))
        for start, parts in self._batches():
            self._list(start, parts)
        self._prepared = Table(self._prepared.width)

    def _list(self, row: int, parts: AnyFloats) -> None:
        """Puts some keys (k, n), or one (n,), on the shortlist."""
        assert self._shortlist is not None
        relative = parts - self._mean if self.comparison.centring else parts
        sizes = np.linalg.norm(np.atleast_2d(relative), axis=1)
        self._sizes.put(row, sizes[:, None])
        self._shortlist.put(row, self.comparison.prepare(parts, self._mean))

    def _enlist(self, row: int, part: AnyFloats) -> None:
        """Puts a new key on the shortlist; some of them tell first how well the others would have answered."""
        count = len(self._pairs)
        if self.comparison.scale is None and count % max(1, count // _RARELY) == 0:
            picks, similarity = self._compare(
                self.comparison.prepare(part, self._mean)[None], self._pairs.order[:-1]
            )
            table, values = self._pairs.value_table, self.head.values
            known, true = table.take(self._pairs.order[picks[0]]), table.take(np.array([row]))
            arguments = (similarity, known[:, values], true[:, values], self._candidates, self.comparison.top)
            self._errors = self._errors + (prediction_errors(*arguments) - self._errors) / _PROBES
        self._list(row, part)

    def _refresh(self) -> None:
        """With centring a new pair moves the mean, and thus all prepared keys."""
        if self._current or self._shortlist is not None:
            return
        self._current = True
        if self.comparison.centring:
            self._mean = self.head.of(self._pairs.mean)
            for start, parts in self._batches():
                self._prepared.put(start, self.comparison.prepare(parts, self._mean))

    def _batches(self) -> Iterator[tuple[int, AnyFloats]]:
        """Its part of all keys: the first row and some keys (k, n), one after the other."""
        for start in range(0, len(self._pairs.key_table), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(self._pairs.key_table)))
            yield start, self.head.of(self._pairs.key_table.take(rows))

    # --- answers

    @property
    def plain(self) -> bool:
        """Whether similarities are cosines of whole, uncentred features."""
        return self.head.features is None and self.comparison.kind == "cosine" and not self.comparison.centring

    @property
    def nbytes(self) -> int:
        """Bytes that it has beside the pairs."""
        listed = 0 if self._shortlist is None else self._shortlist.nbytes
        return self._prepared.nbytes + self._sizes.nbytes + listed

    @property
    def scale(self) -> float:
        """The scale d that the next answer uses; there must be pairs."""
        if self._shortlist is not None:
            return self.comparison.scale or chosen(self._candidates, self._errors)
        self._refresh()
        count = len(self._pairs)
        grown = count < PAIRS_TO_CHOOSE or count >= _REGROWTH * self._chosen_for or count < self._chosen_for / 2
        if count != self._chosen_for and (grown or self._chosen_for < PAIRS_TO_CHOOSE):
            self._scale = self._choose()
            self._chosen_for = count
        return self._scale

    def ask(self, query: AnyFloats, counts: bool) -> Found:
        """Its answer to a query (n,).

        Args:
            query: All features.
            counts: Whether the query takes part in the running mean of the queries.
        """
        self._refresh()
        part = self.head.of(query)
        mean = self._query_mean(part) if counts and self.comparison.centring else self._mean
        prepared = self.comparison.prepare(part, mean)
        scale = self.scale
        picks, similarity = self._compare(prepared[None], self._pairs.order)
        shares = softmax(strongest(similarity[0], self.comparison.top) / scale)
        values = self._pairs.value_table.take(self._pairs.order[picks[0]])[:, self.head.values]
        value = shares @ values
        if self._interpolates:
            near = np.argsort(similarity[0])[-NEIGHBOURS:]
            keys = self._prepared_keys(self._pairs.order[picks[0][near]])
            value = value + onwards(prepared, keys, values[near], shares[near])
        return Found(value, picks[0], shares, float(similarity[0].max()))

    def _prepared_keys(self, rows: Rows) -> AnyFloats:
        """Some keys (k, n) as they are compared."""
        if self._shortlist is None:
            return self._prepared.take(rows)
        return self.comparison.prepare(self.head.of(self._pairs.key_table.take(rows)), self._mean)

    @property
    def _interpolates(self) -> bool:
        """Whether answers go on from the mixture: those of the original (raw keys) and centred ones do not."""
        usual = self.comparison.kind == "cosine" and not self.comparison.centring and not self.comparison.top
        return usual and self.head.joints and len(self._pairs) >= PAIRS_TO_CHOOSE

    def _compare(self, queries: AnyFloats, order: Rows) -> tuple[Rows, AnyFloats]:
        """Pairs (b, c) that may answer prepared queries (b, n), and how similar they are."""
        if self._shortlist is None:
            similarity = self._prepared.dot(np.ascontiguousarray(queries.T))[order].T
            return np.broadcast_to(np.arange(len(order)), similarity.shape), similarity
        picks = self._shortlist.find(queries, order)
        similar = [self._exactly(order[of], query) for of, query in zip(picks, queries, strict=True)]
        return picks, np.stack(similar)

    def _exactly(self, rows: Rows, query: AnyFloats) -> AnyFloats:
        """Similarities (k,) of some keys to a prepared query (n,), without preparing the keys."""
        keys = self._pairs.key_table.take(rows)
        products = keys @ self.head.whole(query, keys.shape[1])
        if self.comparison.centring:
            products -= self._mean @ query
        if self.comparison.kind == "cosine":
            products /= np.maximum(self._sizes.take(rows)[:, 0], _TINY)
        return np.asarray(products)

    def _query_mean(self, query: AnyFloats) -> AnyFloats:
        """(n,) the running mean of the queries before; while somebody stands still, it stays as it is."""
        if self._present is None or self._differ(query, self._present):
            if self._present is not None:
                self._query_sum = self._query_sum + self._present
                self._queries += 1
            self._present = query
        mean = (_PRIOR * self._mean + self._query_sum) / (_PRIOR + self._queries)
        return np.asarray(mean, np.float32)

    def _differ(self, one: AnyFloats, other: AnyFloats) -> bool:
        return 1.0 - float(unit(one) @ unit(other)) > _STILL * self._pairs.spread

    def _choose(self) -> float:
        if self.comparison.scale is not None:
            return self.comparison.scale
        if len(self._pairs) < PAIRS_TO_CHOOSE:
            return self.comparison.default_scale(self._prepared.take(self._pairs.order))
        scales, errors = self._leave_one_out()
        return chosen(scales, errors)

    def _leave_one_out(self, thorough: bool = False) -> tuple[AnyFloats, AnyFloats]:
        """Scales (k,) to choose from, and how well others predict a pair with each: any pair, or some of many.

        Finer scales than usual are tried if the finest usual one is the best of these, or always (`thorough`);
        otherwise their errors are infinite.
        """
        self._refresh()
        order, count = self._pairs.order, len(self._pairs)
        asked, most = np.arange(count), max(PAIRS_TO_CHOOSE, _PRODUCTS // count)
        if count > most:
            asked = np.sort(np.random.default_rng(count).choice(count, most, replace=False))
        keys = self._prepared.take(order[asked])
        _, similarity = self._compare(keys, order)
        others = np.where(np.arange(count) == asked[:, None], -np.inf, similarity)
        values = self._pairs.value_table.take(order)[:, self.head.values]
        scales = self.comparison.candidates(keys)
        errors = np.full(len(scales), np.inf)
        for part in (slice(FINER, None), slice(FINER)):
            if part.start or thorough or np.argmin(errors) == FINER:
                arguments = (others, values, values[asked], scales[part], self.comparison.top)
                errors[part] = prediction_errors(*arguments)
        return scales, errors
