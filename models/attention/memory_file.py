"""Files of memories: what is in them, written and read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from models.attention.heads import ONE
from models.attention.similarity import Comparison, KeyKind
from models.files.artifact import ArtifactError, read_arrays, write_arrays

UNKNOWN: Final = "unknown"
"""The space of features, or of values, that nobody has named."""
_KIND: Final = "agentspace memory 1"


@dataclass(frozen=True, eq=False)
class MemoryFile:
    """What is in a file; `models.attention.memory.Memory` says what it means.

    Attributes:
        features: identifier of the space of the keys.
        space: identifier of the space of the values; files of older code do not tell it.
        heads: name of the attention heads.
        comparison: how queries are compared with keys.
        keys: (l, n) float32.
        values: (l, m).
    """

    features: str
    space: str
    heads: str
    comparison: Comparison
    keys: NDArray[Any]
    values: NDArray[Any]

    def write(self, path: Path) -> None:
        """Write it as .npz, atomically.

        Raises:
            OSError: the folder does not exist, or cannot be written.
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
        write_arrays(path, _KIND, arrays | {"keys": self.keys, "values": self.values}, compressed=False)

    @classmethod
    def read(cls, path: Path, features: str | None = None, space: str | None = None) -> MemoryFile:
        """Read what `write` wrote.

        Args:
            path: the file.
            features: the feature space in use; None accepts any.
            space: the space of the values in use; None accepts any. A file that does not tell is accepted, too.

        Raises:
            ArtifactError: the file is missing, cut off, of another kind, or its keys or values are of another
                space.
        """
        arrays = read_arrays(path, _KIND)
        try:
            file = cls(
                str(arrays["features"]),
                str(arrays.get("space", UNKNOWN)),
                str(arrays.get("heads", ONE)),
                _comparison(arrays),
                arrays["keys"],
                arrays["values"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path} does not hold a whole memory: {error}") from error
        if features not in (None, file.features):
            raise ArtifactError(f"{path} holds features of {file.features!r}; the extractor makes {features!r}")
        if file.space != UNKNOWN and space not in (None, UNKNOWN, file.space):
            raise ArtifactError(f"{path} holds values of {file.space!r}; the robot feels {space!r}")
        return file


def _comparison(arrays: dict[str, NDArray[Any]]) -> Comparison:
    """How the pairs were compared; files of older code do not tell all of it."""
    scale = float(arrays["scale"].astype(np.float64))
    kind = cast("KeyKind", str(arrays["kind_of_keys"]))
    usual = Comparison()
    top, exact = int(arrays.get("top", np.array(usual.top))), int(arrays.get("exact", np.array(usual.exact)))
    return Comparison(kind, bool(arrays["centring"]), None if np.isnan(scale) else scale, top, exact)
