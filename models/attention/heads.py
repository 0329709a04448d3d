"""Attention heads: which features answer for which part of the values.

`one` head: all features answer for all values. `arms`: two heads; each sees a half of the feature map, or what is
said of one arm, and answers for the five joints of the arm that is there. Values are postures then (10 joints,
degrees: right arm, left arm), not latents: no decoder could mix two arms that are known apart. `auto`: arms if
that can be, else one. Between joints a head also interpolates (`models.attention.interpolation`).

Which half is which: the robot learns before a mirror, where its right arm is seen at the right of the picture.
What is meant for its right arm, somebody in front of it shows with the left one, which is at the right, too. So
the **right columns belong to the right arm** in both games. The column in the middle (of 7) belongs to neither.

Only some extractors make a map, or say where arms point: six numbers of a person's right arm, six of the left one,
as many again as they lie in the picture, and last whether anybody is there, which both heads see. Which ones can
be told from the identifier of the feature space:

| identifier | places | order |
|---|---|---|
| `efficientnet-lite0/...` | 7x7 | channel, row, column |
| `.../grid/...` (Vision Transformers) | 7x7 | row, column, channel |
| `hog/...` | 13x13 | row, column, channel |
| `blazepose/...` | none | arms |
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from numpy.typing import NDArray

_ARM: Final = 5  # joints of an arm
ONE, ARMS, AUTO = "one", "arms", "auto"
NAMES: Final = (ONE, ARMS, AUTO)
_MAPS: Final = (("efficientnet-lite0/*", 7, True), ("*/grid/*", 7, False), ("hog/*", 13, False))
"""Identifier, places in a row and in a column, whether the channel comes first."""
_POINTING: Final = "blazepose/*"
"""Identifiers of features that say where arms point."""
_LIMBS: Final = 6  # numbers for an arm


@dataclass(frozen=True)
class FeatureMap:
    """A square map of features.

    Attributes:
        channels: Features of one place.
        side: Rows, and columns.
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


def map_of(identifier: str, count: int) -> FeatureMap:
    """The map that features make.

    Args:
        identifier: Of the feature space.
        count: How many features there are.

    Raises:
        ValueError: They make none, or are of another number.
    """
    for pattern, side, channels_first in _MAPS:
        if fnmatchcase(identifier, pattern) and count % side**2 == 0:
            return FeatureMap(count // side**2, side, channels_first)
    valid = ", ".join(f"{pattern} ({side}x{side})" for pattern, side, _ in _MAPS)
    raise ValueError(f"the {count} features of {identifier!r} are no map of the picture; valid: {valid}")


@dataclass(frozen=True, eq=False)
class AttentionHead:
    """One attention.

    Attributes:
        name: For people.
        features: Indices of the features that it compares; None for all.
        values: Which part of the values it answers.
        joints: Whether these are joints, between which it interpolates; latents are not.
    """

    name: str
    features: NDArray[np.intp] | None
    values: slice
    joints: bool = False

    def of(self, keys: NDArray[np.floating]) -> NDArray[np.floating]:
        """Its part of keys (..., n)."""
        return keys if self.features is None else np.ascontiguousarray(keys[..., self.features])

    def whole(self, part: NDArray[np.floating], n: int) -> NDArray[np.floating]:
        """A vector (n,) with its part where it belongs, and zeros elsewhere."""
        if self.features is None:
            return part
        vector = np.zeros(n, part.dtype)
        vector[self.features] = part
        return vector


def make(name: str, identifier: str, n: int, m: int) -> tuple[AttentionHead, ...]:
    """The heads of a memory.

    Args:
        name: One of `NAMES`.
        identifier: Of the feature space.
        n: Length of a key.
        m: Length of a value.

    Raises:
        ValueError: There are no such heads, or not for these features and values.
    """
    if check(name) != ONE:
        try:
            return _arms(identifier, n, m)
        except ValueError:
            if name == ARMS:
                raise
    return (AttentionHead("all", None, slice(0, m), m == 2 * _ARM),)


def _arms(identifier: str, n: int, m: int) -> tuple[AttentionHead, ...]:
    if m != 2 * _ARM:
        raise ValueError(
            f"heads {ARMS!r} answer with {2 * _ARM} joints, right arm, left arm; the values have {m} numbers"
        )
    right, left = _sides(identifier, n)
    return (
        AttentionHead("right arm", right, slice(0, _ARM), True),
        AttentionHead("left arm", left, slice(_ARM, 2 * _ARM), True),
    )


def _sides(identifier: str, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the features for the robot's right arm, which people show with their left, and for its left."""
    if fnmatchcase(identifier, _POINTING) and n % (2 * _LIMBS) == 1:
        theirs = np.arange(n - 1).reshape(-1, 2, _LIMBS)
        return np.append(theirs[:, 1], n - 1), np.append(theirs[:, 0], n - 1)
    found = map_of(identifier, n)
    half = found.side // 2
    return found.columns(found.side - half, found.side), found.columns(0, half)


def check(name: str) -> str:
    """The name, if it is one.

    Raises:
        ValueError: It is not; the message lists the valid ones.
    """
    if name not in NAMES:
        raise ValueError(f"heads is {name!r}; valid are {', '.join(map(repr, NAMES))}")
    return name
