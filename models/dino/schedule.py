"""Numbers that change in the course of a training: rates, weights, temperatures, momentum.

Sources: Loshchilov and Hutter, SGDR, arXiv 1608.03983 (half a cosine); Goyal et al., Accurate, large minibatch
    SGD, arXiv 1706.02677 (linear warm-up; the rate grows with the batch); DINO, arXiv 2104.14294, "Implementation
    details".
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A number that goes to `peak` in a straight line, then to `end` by half a cosine.

    Attributes:
        peak: After the warm-up.
        end: At the last step.
        steps: How many steps there are.
        warmup: So many steps of them are warm-up.
        start: At step 0, if there is a warm-up.
    """

    peak: float
    end: float
    steps: int
    warmup: int = 0
    start: float = 0.0

    def at(self, step: int) -> float:
        """The number at a step, 0 <= step; after the last one it stays."""
        if step < self.warmup:
            return self.start + (self.peak - self.start) * step / self.warmup
        rest = max(1, self.steps - 1 - self.warmup)
        part = min(1.0, (step - self.warmup) / rest)
        return self.end + 0.5 * (self.peak - self.end) * (1.0 + math.cos(math.pi * part))
