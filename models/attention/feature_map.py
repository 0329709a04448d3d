"""Where in the picture features are: the places of a feature map, and which features belong to some of them.

Only some extractors make a map. Which one can be told from the identifier of the feature space:

| identifier | places | order |
|---|---|---|
| `efficientnet-lite0/...` | 7x7 | channel, row, column |
| `.../grid/...` (Vision Transformers) | 7x7 | row, column, channel |
| `hog/...` | 13x13 | row, column, channel |
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MAPS: Final = (("efficientnet-lite0/*", 7, True), ("*/grid/*", 7, False), ("hog/*", 13, False))
"""Identifier, places in a row and in a column, whether the channel comes first."""


@dataclass(frozen=True)
class FeatureMap:
    """A square map of features.

    Attributes:
        channels: features of one place.
        side: rows, and columns.
        channels_first: (channel, row, column); otherwise (row, column, channel).
    """

    channels: int
    side: int
    channels_first: bool

    def columns(self, first: int, end: int) -> NDArray[np.intp]:
        """Indices of the features in the columns from `first` to before `end`; 0 is at the left of the picture."""
        shape = (self.side, self.side)
        every = np.arange(self.channels * self.side**2)
        if self.channels_first:
            return every.reshape(self.channels, *shape)[:, :, first:end].ravel()
        return every.reshape(*shape, self.channels)[:, first:end].ravel()


def of(identifier: str, count: int) -> FeatureMap:
    """The map that features make.

    Args:
        identifier: of the feature space.
        count: how many features there are.

    Raises:
        ValueError: they make none, or are of another number.
    """
    for pattern, side, channels_first in _MAPS:
        if fnmatchcase(identifier, pattern) and count % side**2 == 0:
            return FeatureMap(count // side**2, side, channels_first)
    valid = ", ".join(f"{pattern} ({side}x{side})" for pattern, side, _ in _MAPS)
    raise ValueError(f"the {count} features of {identifier!r} are no map of the picture; valid: {valid}")
