"""A wish to learn: somebody confirmed that what is seen and what is felt belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentspace import Entry


@dataclass(frozen=True)
class Confirmation:
    """A confirmation that waits for a picture taken after it.

    Attributes:
        value: What was written as the confirmation; the answer to it repeats this.
        time: When it was written (s, monotonic).
    """

    value: Any
    time: float

    @classmethod
    def of(cls, change: Entry, now: float) -> Confirmation:
        """The confirmation that a slot brought."""
        return cls(change.value, now - change.age)

    def precedes(self, features: Entry, now: float) -> bool:
        """Whether the picture that led to these features was taken after the confirmation."""
        return now - features.age - features.latency >= self.time

    def answer(self, pairs: int, novelty: float | None = None, reason: str = "") -> dict[str, Any]:
        """What became of it, as a slot value.

        Args:
            pairs: How many the memory holds now.
            novelty: How far the memory's answer was from the truth; None if there was no answer.
            reason: Why no pair was added; "" if one was.
        """
        return {"confirm": self.value, "added": not reason, "novelty": novelty, "pairs": pairs, "reason": reason}
