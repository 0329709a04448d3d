"""One posture that was shown to the robot, and what the robot made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.arrays import Floats, Image
from models.measures import nmae

SHOWN, FRESH, COPIED = "shown", "fresh", "copied"


@dataclass(frozen=True)
class Trial:
    """A posture and its imitation.

    Attributes:
        kind: "shown" (acquired before), "fresh", or "copied" by a person.
        true: (10,) degrees, what a perfect imitation would be: the demonstrator's joints with the arms swapped.
        answer: (10,) degrees, the robot's joints.
        seen: What the camera saw.
        done: What the robot looks like then.
        settled: Whether both came to rest in time; else they were looked at while moving.
        seconds: From the command to the demonstrator until then.
        felt: Share of felt pairs in the answer, 0..1; None if that is not known.
    """

    kind: str
    true: Floats
    answer: Floats
    seen: Image
    done: Image
    settled: bool
    seconds: float
    felt: float | None = None

    @property
    def error(self) -> float:
        """NMAE of this posture, per cent."""
        return nmae(self.answer[None], self.true[None])

    def numbers(self) -> dict[str, Any]:
        """Everything but the pictures, as plain data."""
        return {
            "kind": self.kind,
            "error": self.error,
            "true": self.true.tolist(),
            "answer": self.answer.tolist(),
            "settled": self.settled,
            "seconds": self.seconds,
            "felt": self.felt,
        }


def of_kind(trials: Sequence[Trial], kind: str) -> list[Trial]:
    """The trials of one kind, in their order."""
    return [trial for trial in trials if trial.kind == kind]
