"""The practice of an associator: pairs that are felt, for the features and values in use."""

from typing import Final, NamedTuple

import numpy as np

from models.attention.memory import UNKNOWN
from models.extractors.felt import FeltPairs, practise
from models.files.artifact import ArtifactError
from models.postures import decoders

_NOTHING: Final = FeltPairs(np.empty((0, 0), np.float32), np.empty((0, 0)))


class Practised(NamedTuple):
    """What practice gave.

    Attributes:
        pairs: None of them, if it gave nothing.
        problem: Why it gave nothing; "" if that is right.
    """

    pairs: FeltPairs = _NOTHING
    problem: str = ""


UNPRACTISED: Final = Practised()


class Practice:
    """Felt pairs, computed when they are wanted first; always the same ones, so that nobody has to keep them.

    Args:
        count: How many; 0 for none.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._kind = (UNKNOWN, UNKNOWN)
        self._found = UNPRACTISED

    def of(self, features: str, values: str) -> Practised:
        """The felt pairs of these spaces; none while nobody has said which they are."""
        if not self.count or UNKNOWN in (features, values):
            return UNPRACTISED
        if (features, values) != self._kind:
            self._kind, self._found = (features, values), self._practise(features, values)
        return self._found

    def _practise(self, features: str, values: str) -> Practised:
        try:
            return Practised(practise(features, decoders.of_space(values), self.count))
        except (ArtifactError, OSError, ValueError) as error:
            return Practised(problem=f"nothing is felt: {error}")
