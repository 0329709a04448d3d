"""Pairs as the original keeps them: `keys.npy` and `values.npy`, which are text in spite of their ending.

`numpy.savetxt` wrote them, a row for each pair. They do not say of which features and of which decoder they are:
they must be those that are in use.
"""

import io
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.files.artifact import ArtifactError
from models.files.sniffing import ARRAY, TEXT, sniff

KEYS: Final = "keys"
VALUES: Final = "values"
SUFFIXES: Final = (".npy", ".txt", ".csv")
"""Endings of such files; the original has the first."""


class TextPairs(NamedTuple):
    """The pairs of two files.

    Attributes:
        keys: (l, n) float32.
        values: (l, m) float64.
        told: Which files these are, and of what kind.
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float64]
    told: str


def find(path: Path) -> tuple[Path, Path] | None:
    """The files of keys and values that a path means: a folder with both, or one of the two; None for neither."""
    if path.is_dir():
        return next((pair for suffix in SUFFIXES if (pair := _files(path, suffix))[0].exists()), None)
    if path.suffix not in SUFFIXES:
        return None
    for mine, other in ((KEYS, VALUES), (VALUES, KEYS)):
        if mine in path.stem:
            beside = path.with_name(path.name.replace(mine, other, 1))
            return (path, beside) if mine == KEYS else (beside, path)
    return None


def read(keys: Path, values: Path) -> TextPairs:
    """Reads both files, as text or as NumPy arrays.

    Raises:
        ArtifactError: One is missing, is neither, or has a word that is no number; or they do not fit each other.
    """
    (first, kind), (second, other) = _read(keys), _read(values)
    if len(first) != len(second):
        raise ArtifactError(f"{keys} has {len(first)} rows, {values.name} has {len(second)}; each pair is one row")
    kinds = "text, as numpy.savetxt writes it" if kind == other == TEXT else f"{kind} and {other}"
    return TextPairs(first.astype(np.float32), second, f"{keys} and {values.name} ({kinds})")


def _files(folder: Path, suffix: str) -> tuple[Path, Path]:
    return folder / f"{KEYS}{suffix}", folder / f"{VALUES}{suffix}"


def _read(path: Path) -> tuple[NDArray[np.float64], str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read: {error.strerror}; keys and values lie beside each other"
        ) from error
    kind = sniff(content)
    if kind == TEXT:
        return _parse(path, content), kind
    if kind != ARRAY:
        raise ArtifactError(
            f"{path} is {kind}; keys and values are text of numpy.savetxt, or one NumPy array each"
        )
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False).astype(np.float64)
    except Exception as error:  # its header, its size, its type
        raise ArtifactError(f"{path} is a NumPy array that cannot be read: {error}") from error
    if array.ndim != 2:
        raise ArtifactError(f"{path} has the shape {array.shape}; valid is (pairs, numbers)")
    return array, kind


def _parse(path: Path, content: bytes) -> NDArray[np.float64]:
    """Rows of numbers, with spaces or commas between them."""
    rows: list[list[float]] = []
    for number, line in enumerate(content.decode().splitlines(), 1):
        words = line.partition("#")[0].replace(",", " ").split()
        try:
            row = [float(word) for word in words]
        except ValueError as error:
            raise ArtifactError(f"{path} is text, but not rows of numbers: line {number}: {error}") from error
        if row and rows and len(row) != len(rows[0]):
            raise ArtifactError(f"{path}: line {number} has {len(row)} numbers, the first row {len(rows[0])}")
        rows += [row] if row else []
    return np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.empty((0, 0))
