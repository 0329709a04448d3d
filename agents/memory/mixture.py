"""The mixture of pairs in an answer, as it is told."""

from dataclasses import asdict
from typing import Any, Final

import numpy as np

from models.arrays import AnyFloats
from models.attention.memory import Answer

STRONGEST: Final = 8
"""That many pairs are told of more than can be told."""


def strongest(mixture: AnyFloats) -> dict[str, Any]:
    """The pairs that speak most, the strongest first, and their shares.

    Args:
        mixture: (pairs,) shares, more than `STRONGEST`.
    """
    found = np.argpartition(mixture, -STRONGEST)[-STRONGEST:]
    ordered = found[np.argsort(-mixture[found])]
    return {"pairs": ordered.tolist(), "shares": mixture[ordered].tolist()}


def told(answer: Answer, felt: int) -> dict[str, Any]:
    """How sure an answer is, as a slot value; the first `felt` pairs of its mixture are felt ones."""
    certainty = answer.certainty
    share = min(1.0, float(answer.mixture[:felt].sum()))
    return {"known": certainty.known, **asdict(certainty), "felt": share}
