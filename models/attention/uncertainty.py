"""How sure an answer is, and whether what is seen is like anything that was learned.

Two numbers say how sure an answer is: `distance`, 1 - cosine between the query and the nearest key (0: the same
picture), and `effective`, exp(H) with H the entropy of the mixture coefficients: so many pairs speak.

A picture is **unknown** if its nearest key is more than `FACTOR` times farther away than two keys are from each
other on average (`Pairs.spread`). That is known from the memory alone, before the first query, and hardly depends
on how many pairs there are. (Distances of keys to their nearest neighbours were tried, too: their quantiles shrink
while the memory grows, and no factor is good for 10 and for 100 pairs.) The cosine is that of whole, uncentred
features, whatever the answer is computed with: centring makes strange scenes look alike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.arrays import AnyFloats

FACTOR: Final = 2.7
"""Between what was measured on pictures of robots and people in changed scenes (up to 2.4 from 10 pairs on) and of
covered lenses, noise, walls and rooms without anybody (at least 3.2)."""
_ALIKE: Final = 1e-6  # a smaller spread is rounding: all keys are the same
LEAST: Final = 5
"""With fewer pairs nothing is unknown: how far they are from each other says little."""


@dataclass(frozen=True)
class Certainty:
    """How sure an answer is.

    Attributes:
        distance: 1 - cosine between the query and the nearest key, 0..2.
        threshold: Distance from which the query is unknown; None for too few pairs.
        entropy: Of the mixture coefficients, divided by that of equal ones, 0..1; the mean over the heads.
        effective: Exp(entropy), in pairs.
    """

    distance: float
    threshold: float | None
    entropy: float
    effective: float

    @property
    def known(self) -> bool:
        """Whether the query is like something that was learned."""
        return self.threshold is None or self.distance <= self.threshold


def entropy(shares: AnyFloats) -> float:
    """Entropy of coefficients (k,) that sum to 1, in nats."""
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def judge(distance: float, spread: float, count: int, entropies: list[float]) -> Certainty:
    """The certainty of an answer.

    Args:
        distance: 1 - cosine to the nearest key.
        spread: Mean of 1 - cosine between two keys.
        count: How many pairs there are.
        entropies: Of the coefficients of each head, nats.
    """
    mean = float(np.mean(entropies))
    normal = mean / float(np.log(count)) if count > 1 else 0.0
    threshold = FACTOR * spread if count >= LEAST and spread > _ALIKE else None
    return Certainty(max(0.0, distance), threshold, normal, float(np.exp(mean)))
