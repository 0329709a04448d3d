"""The disturbances of an examination: when the robot did not do what its agents commanded, and what that cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agents.script.heed import Hindrance


@dataclass
class Interruption:
    """A time for which the examination waited.

    Attributes:
        why: Stopped, paused, overridden or silent.
        slot: Which says so.
        holder: Of the slot; "" if nobody holds it.
        priority: With which it is held.
        at: Seconds from the beginning of the examination.
        seconds: How long; None while it lasts.
        refused: How many writes were refused meanwhile, to all slots.
    """

    why: str
    slot: str
    holder: str
    priority: float
    at: float
    seconds: float | None = None
    refused: int = 0


class Disturbances:
    """Takes notes of what disturbs an examination.

    Args:
        now: When it begins (s).
        refusals: How many writes of each slot were refused until then.

    Attributes:
        interruptions: In their order; the last one may last.
        left_out: How many confirmations led to no pair, by reason.
        tried_again: How many postures were shown once more.
    """

    def __init__(self, now: float = 0.0, refusals: Mapping[str, int] | None = None) -> None:
        self.interruptions: list[Interruption] = []
        self.left_out: Counter[str] = Counter()
        self.tried_again = 0
        self._began = now
        self._before = Counter(refusals or {})
        self._counted = sum(self._before.values())  # when the last interruption began

    @property
    def present(self) -> Interruption | None:
        """The interruption that lasts; None if there is none."""
        last = self.interruptions[-1] if self.interruptions else None
        return last if last is not None and last.seconds is None else None

    def begin(self, hindrance: Hindrance, now: float, refusals: Mapping[str, int]) -> None:
        """An interruption begins; the refusals so far belong to what was before."""
        self.count(refusals)
        at = round(now - self._began, 3)
        self.interruptions.append(Interruption(str(hindrance.why), *hindrance[1:], at=at))

    def end(self, now: float) -> float:
        """The interruption ends; returns how long it was (s)."""
        present = self.present
        if present is None:
            return 0.0
        length = now - self._began - present.at
        present.seconds = round(length, 3)
        return length

    def count(self, refusals: Mapping[str, int]) -> None:
        """Adds what was refused since the last interruption began to it; a space tells that a second later."""
        total = sum(refusals.values())
        if self.interruptions:
            self.interruptions[-1].refused += max(0, total - self._counted)
        self._counted = total

    def hear(self, answer: Any) -> None:
        """Takes note of a confirmation that led to no pair for a reason that lies outside of the memory."""
        word = answer.get("left_out") if isinstance(answer, dict) else None
        if isinstance(word, str):
            self.left_out[word] += 1

    def refused(self, refusals: Mapping[str, int]) -> dict[str, int]:
        """How many writes of each slot were refused since the beginning."""
        return {slot: count - self._before[slot] for slot, count in refusals.items() if count > self._before[slot]}

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "interruptions": [asdict(each) for each in self.interruptions],
            "left_out": dict(self.left_out),
            "tried_again": self.tried_again,
        }
