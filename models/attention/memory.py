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
relative to the running mean of those before (which starts as the mean of the keys with weight 0.5). What is asked
to measure novelty does not count, and a query that is like the last one counts as the same: a person who stands
still moves no mean.

A memory can have several *heads*, each for a part of features and values (`models.attention.heads`); between
joints they interpolate (`models.attention.interpolation`). Up to `Comparison.exact` pairs every key is compared;
of more, a shortlist is (`models.attention.reader`), so that 100 000 pairs answer at the rate of a camera. The mean
of the keys stays from then on as it is.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import AnyFloats
from models.attention import heads as attention_heads
from models.attention import text_pairs
from models.attention.heads import ONE
from models.attention.pairs import Pairs, Rows
from models.attention.reader import Found, Reader
from models.attention.similarity import Comparison, KeyKind, finite, softmax, strongest
from models.attention.uncertainty import Certainty, entropy, judge
from models.files.artifact import ArtifactError, read_arrays, write_arrays

UNKNOWN: Final = "unknown"
"""The space of features, or of values, that nobody has named."""
FILE: Final = "memory.npz"
"""The name of a memory in a folder of its own."""
_KIND: Final = "agentspace memory 1"  # of the files
_NEAREST: Final = 64  # pairs of each head's shortlist among which the nearest one is looked for


class EmptyMemoryError(LookupError):
    """A query was put to a memory without pairs."""


def attention(
    query: AnyFloats, keys: AnyFloats, values: AnyFloats, scale: float, top: int = 0
) -> tuple[AnyFloats, AnyFloats]:
    """A(q, K, V) and its mixture coefficients.

    Args:
        query: (n,) or (b, n).
        keys: (l, n), l >= 1.
        values: (l, m).
        scale: D > 0.
        top: So many of the most similar keys take part; 0 for all.

    Returns:
        The answer (m,) or (b, m), and the coefficients (l,) or (b, l).

    Raises:
        ValueError: Shapes that do not fit, no keys, or a scale that is not positive.
    """
    if keys.ndim != 2 or len(keys) == 0 or len(keys) != len(values) or query.shape[-1] != keys.shape[1]:
        raise ValueError(
            f"query {query.shape}, keys {keys.shape}, values {values.shape}; "
            "valid is (..., n), (l, n), (l, m) with l >= 1"
        )
    if not scale > 0:
        raise ValueError(f"scale is {scale}; valid is a positive number")
    mixture = softmax(strongest(query @ keys.T, top) / scale)
    return mixture @ values, mixture


@dataclass(frozen=True)
class Answer:
    """The answer of a memory to a query.

    Attributes:
        value: (m,) the mixture of values; joints are interpolated.
        mixture: (l,) coefficients; the mean over the heads.
        certainty: How sure it is.
    """

    value: AnyFloats
    mixture: AnyFloats
    certainty: Certainty


class Memory:
    """Pairs of (key, value) that can be added, forgotten, asked, saved and loaded.

    Args:
        features: See below.
        comparison: See below.
        heads: A name of `models.attention.heads`.
        space: See below.
        capacity: Pairs at most; 0 for any number. A pair that comes then takes the place of the one with the most
            similar value: what was learned elsewhere is not lost, however long the robot stays at one place.

    Attributes:
        features: Identifier of the feature space of the keys (`Extractor.identifier`); it travels with the file.
        comparison: How queries are compared with keys.
        heads: Name of the attention heads.
        space: Identifier of the space of the values: of which decoder they are latents; it travels, too.
        source: The file, or the files, that the pairs were loaded from, in words; "" if they were not.
    """

    def __init__(
        self,
        features: str = UNKNOWN,
        comparison: Comparison = Comparison(),  # noqa: B008
        heads: str = ONE,
        space: str = UNKNOWN,
        capacity: int = 0,
    ) -> None:
        if capacity < 0:
            raise ValueError(f"capacity is {capacity}; valid is a number of pairs, or 0 for any")
        self.features = features
        self.comparison = comparison
        self.heads = attention_heads.check(heads)
        self.space = space
        self.source = ""
        self._capacity = capacity
        self.forget()

    def forget(self) -> None:
        """Drop all pairs, and what was learned about the queries."""
        self._pairs = Pairs(0, 0)
        self._readers: tuple[Reader, ...] = ()

    def remove(self, index: int = -1) -> int:
        """Drop one pair.

        Args:
            index: Which, in the order in which they came; negative ones count from the end.

        Returns:
            The index, from 0.

        Raises:
            IndexError: There is no such pair.
        """
        place = index + len(self) if index < 0 <= index + len(self) else index
        self._pairs.remove(place)
        if not len(self):
            self.forget()
        for reader in self._readers:
            reader.removed()
        return place

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def keys(self) -> AnyFloats:
        """(l, n) float32, the keys as they were added; a copy."""
        return self._pairs.keys

    @property
    def values(self) -> AnyFloats:
        """(l, m) float64; a copy."""
        return self._pairs.values

    @property
    def nbytes(self) -> int:
        """Bytes of the pairs; what answers faster is not counted."""
        return self._pairs.nbytes

    @property
    def scale(self) -> float:
        """The scale d that the next answer of the first head uses.

        Raises:
            EmptyMemoryError: There are no pairs.
        """
        return self.scales[0]

    @property
    def scales(self) -> tuple[float, ...]:
        """The scale d of each head.

        Raises:
            EmptyMemoryError: There are no pairs.
        """
        self._require_pairs()
        return tuple(reader.scale for reader in self._readers)

    def add(self, key: ArrayLike, value: ArrayLike) -> int | None:
        """Add a pair; returns the index of the pair that had to go for it, if one had.

        Args:
            key: (n,) features.
            value: (m,) what to answer to them.

        Raises:
            ValueError: NaN, another length than that of the pairs before, or lengths that the heads cannot divide.
        """
        n, m = (self._pairs.key_table.width, self._pairs.value_table.width) if len(self) else (None, None)
        new_key, new_value = finite("key", key, n, np.float32), finite("value", value, m, np.float64)
        if n is None:
            self._begin(new_key.size, new_value.size)
        gone = None
        if self._capacity and len(self) >= self._capacity:
            gone = self._pairs.alike(new_value)
            self._pairs.remove(gone)
        row = self._pairs.add(new_key, new_value)
        for reader in self._readers:
            reader.added(row, new_key)
        return gone

    def answer(self, query: ArrayLike) -> tuple[AnyFloats, AnyFloats]:
        """The mixture of values for a query (n,): value (m,) and mixture coefficients (l,).

        Raises:
            EmptyMemoryError: There are no pairs.
            ValueError: NaN, or another length than that of the keys.
        """
        answer = self.ask(query)
        return answer.value, answer.mixture

    def ask(self, query: ArrayLike) -> Answer:
        """The same as `answer`, and how sure it is.

        Raises:
            EmptyMemoryError: There are no pairs.
            ValueError: NaN, or another length than that of the keys.
        """
        asked = self._query(query)
        found = [reader.ask(asked, counts=True) for reader in self._readers]
        mixture = np.zeros(len(self))
        for part in found:
            mixture[part.picks] += part.shares / len(found)
        first = found[0].closest if self._readers[0].plain else None
        nearest = self._pairs.cosines(asked, self._nearest(found)).max() if first is None else first
        entropies = [entropy(part.shares) for part in found]
        certainty = judge(1.0 - float(nearest), self._pairs.spread, len(self), entropies)
        return Answer(np.concatenate([part.value for part in found]), mixture, certainty)

    def novelty(self, key: ArrayLike, value: ArrayLike) -> float:
        """Norm of the difference between the answer to a key (n,) and the value (m,) that belongs to it.

        Infinite for an empty memory. It does not count as a query: a key is compared relative to the keys' mean.

        Raises:
            ValueError: NaN, or other lengths than those of the pairs.
        """
        if not len(self):
            return float("inf")
        asked = self._query(key)
        true = finite("value", value, self._pairs.value_table.width, np.float64)
        predicted = np.concatenate([reader.ask(asked, counts=False).value for reader in self._readers])
        return float(np.linalg.norm(predicted - true))

    def save(self, path: Path | str) -> None:
        """Write the pairs as .npz, atomically.

        Raises:
            OSError: The folder does not exist, or cannot be written.
        """
        comparison, scale = self.comparison, self.comparison.scale
        settings = {
            "features": self.features,
            "space": self.space,
            "heads": self.heads,
            "kind_of_keys": comparison.kind,
            "centring": comparison.centring,
            "scale": np.nan if scale is None else scale,
            "top": comparison.top,
            "exact": comparison.exact,
        }
        arrays = {name: np.array(value) for name, value in settings.items()}
        write_arrays(Path(path), _KIND, arrays | {"keys": self.keys, "values": self.values}, compressed=False)

    @classmethod
    def load(
        cls,
        path: Path | str,
        features: str | None = None,
        comparison: Comparison | None = None,
        heads: str | None = None,
        space: str | None = None,
        capacity: int = 0,
    ) -> Self:
        """Read a memory that `save` wrote, or the files of the original (`models.attention.text_pairs`).

        Args:
            path: The file; or the folder in which it is called memory.npz, or keys.npy and values.npy.
            features: The feature space in use; None accepts any.
            comparison: How to compare; None means as in the file.
            heads: The attention heads; None means as in the file.
            space: The space of the values in use; None accepts any. A file that does not tell is accepted, too.
            capacity: Pairs at most.

        Raises:
            ArtifactError: The file is missing, cut off, of another kind, or its keys or values are of another
                space.
        """
        file = Path(path)
        if file.is_dir() and (file / FILE).exists():
            file = file / FILE
        texts = text_pairs.find(file)
        if texts is not None:
            foreign = text_pairs.read(*texts)
            found = cls(features or UNKNOWN, comparison or Comparison(), heads or ONE, space or UNKNOWN, capacity)
            return found._fill(foreign.keys, foreign.values, foreign.told)
        if file.is_dir():
            raise ArtifactError(f"{file} has neither {FILE} in it nor keys.npy and values.npy")
        arrays = read_arrays(file, _KIND)
        try:
            compared, divided = comparison or _comparison(arrays), heads or str(arrays.get("heads", ONE))
            found = cls(str(arrays["features"]), compared, divided, str(arrays.get("space", UNKNOWN)), capacity)
            found._check_spaces(file, features, space)
            return found._fill(arrays["keys"], arrays["values"], str(file))
        except ArtifactError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{file} does not hold a whole memory: {error}") from error

    def _fill(self, keys: NDArray[Any], values: NDArray[Any], source: str) -> Self:
        """Takes the pairs of a file.

        Raises:
            ArtifactError: They are none.
        """
        self.source = source
        try:
            for key, value in zip(keys, values, strict=True):
                self.add(key, value)
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"{source} does not hold a whole memory: {error}") from error
        return self

    def _check_spaces(self, path: Path | str, features: str | None, space: str | None) -> None:
        if features not in (None, self.features):
            raise ArtifactError(f"{path} holds features of {self.features!r}; the extractor makes {features!r}")
        if self.space != UNKNOWN and space not in (None, UNKNOWN, self.space):
            raise ArtifactError(f"{path} holds values of {self.space!r}; the robot feels {space!r}")

    def _begin(self, n: int, m: int) -> None:
        divided = attention_heads.make(self.heads, self.features, n, m)
        self._pairs = Pairs(n, m)
        self._readers = tuple(Reader(head, self.comparison, self._pairs) for head in divided)

    def _nearest(self, found: list[Found]) -> Rows | None:
        """Rows among which the nearest key is; None for all."""
        if len(found[0].picks) == len(self):
            return None
        strongest_ones = [part.picks[np.argsort(part.shares)[-_NEAREST:]] for part in found]
        return self._pairs.order[np.unique(strongest_ones)]

    def _require_pairs(self) -> None:
        if not len(self):
            raise EmptyMemoryError("the memory is empty: add a pair before asking it")

    def _query(self, query: ArrayLike) -> AnyFloats:
        self._require_pairs()
        return finite("query", query, self._pairs.key_table.width, np.float32)


def spaces_of(path: Path) -> tuple[str, str]:
    """What keys and values of a memory are of, without reading all of it; `UNKNOWN` where it does not tell.

    Args:
        path: As for `Memory.load`.

    Raises:
        ArtifactError: It cannot be read, or is no memory.
    """
    if text_pairs.find(path) is not None and not (path / FILE).exists():
        return UNKNOWN, UNKNOWN
    file = path / FILE if path.is_dir() else path
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return str(arrays["features"]), str(arrays["space"]) if "space" in arrays else UNKNOWN
    except Exception:  # in zip, in the header of an array, of another kind
        found = Memory.load(path)  # says what is wrong
        return found.features, found.space


def _comparison(arrays: dict[str, NDArray[Any]]) -> Comparison:
    """How the pairs of a file were compared; files of older code do not tell all of it."""
    scale = float(arrays["scale"].astype(np.float64))
    kind = cast("KeyKind", str(arrays["kind_of_keys"]))
    usual = Comparison()
    top, exact = int(arrays.get("top", np.array(usual.top))), int(arrays.get("exact", np.array(usual.exact)))
    return Comparison(kind, bool(arrays["centring"]), None if np.isnan(scale) else scale, top, exact)
