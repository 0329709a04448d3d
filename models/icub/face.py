"""The face of the iCub: rows of red LEDs for brows and mouth, which shine through the cover of its head.

What is lit in which expression is as in the robot's emotion interface: each part has a number, its bits are rows.
The rows of a brow, from bit 0: bent down to the nose, the arch, bent up to the nose, raised. Those of the mouth:
its outer corners up, its inner corners up, lips apart, lips together, inner corners down, outer corners down.

Source of the codes: app/faceExpressions/conf/emotions.ini of robotology/icub-main.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

SYLLABLE: Final = 0.2
"""Seconds for which the mouth of a robot that talks is open, or closed."""


class FaceError(ValueError):
    """There is no such expression; the message names those that there are."""


@dataclass(frozen=True)
class Face:
    """The rows of LEDs that are lit, one bit each.

    Attributes:
        left: Of the robot's left brow, 0..15.
        right: Of its right brow, 0..15.
        mouth: 0..63.
    """

    left: int = 0
    right: int = 0
    mouth: int = 0

    def rows(self) -> Iterator[tuple[str, int]]:
        """The lit rows: their part, and their number."""
        for part, bits in (("left", self.left), ("right", self.right), ("mouth", self.mouth)):
            yield from ((part, row) for row in range(8) if bits >> row & 1)


DARK: Final = Face()
"""No LED is lit; so the robot looks until somebody gives it an expression."""
EMOTIONS: Final = {
    "neu": Face(0x02, 0x02, 0x08),
    "hap": Face(0x02, 0x02, 0x0B),
    "sad": Face(0x02, 0x02, 0x38),
    "sur": Face(0x08, 0x08, 0x16),
    "ang": Face(0x01, 0x01, 0x38),
    "evi": Face(0x01, 0x01, 0x0B),
    "shy": Face(0x04, 0x04, 0x38),
    "cun": Face(0x04, 0x01, 0x38),
}
"""The faces by their names in the emotion interface."""
MOUTHS: Final = {"ta1": 0x08, "ta2": 0x16}
"""Mouths of a robot that talks, closed and open; its brows stay as they are."""
TALKING: Final = "talking"
EXPRESSIONS: Final = {
    "neutral": "neu",
    "happy": "hap",
    "surprised": "sur",
    "sad": "sad",
    "angry": "ang",
    "evil": "evi",
    "shy": "shy",
    "cunning": "cun",
    TALKING: "ta2",
}
"""The name in the emotion interface of each expression; who talks has `ta1` and `ta2` in turns."""


def check_expression(value: object) -> str:
    """The value, if it is an expression.

    Raises:
        FaceError: It is none.
    """
    if not isinstance(value, str) or value not in EXPRESSIONS:
        raise FaceError(f"{value!r:.60} is no expression; valid: {', '.join(EXPRESSIONS)}")
    return value


def syllable(seconds: float) -> str:
    """The mouth, "ta2" or "ta1" in turns, of a robot that has been talking for so long."""
    return "ta1" if int(seconds / SYLLABLE) % 2 else "ta2"


def changed(face: Face, emotion: str) -> Face:
    """The face after the emotion interface was told an emotion, or a mouth.

    Raises:
        FaceError: There is none of that name.
    """
    if emotion in MOUTHS:
        return replace(face, mouth=MOUTHS[emotion])
    if emotion not in EMOTIONS:
        raise FaceError(f"{emotion!r:.60} is no emotion; valid: {', '.join((*EMOTIONS, *MOUTHS))}")
    return EMOTIONS[emotion]


class Countenance:
    """The face of a robot over time: it stays as it was told last, and who talks moves the mouth."""

    def __init__(self) -> None:
        self._face = DARK
        self._talks_since: float | None = None

    def ask(self, expression: object, now: float) -> None:
        """Takes on an expression; `now` in seconds.

        Raises:
            FaceError: There is none of that name.
        """
        name = EXPRESSIONS[check_expression(expression)]
        if expression != TALKING:
            self.tell(name)
        elif self._talks_since is None:
            self._talks_since = now

    def tell(self, emotion: str) -> None:
        """Takes on what the emotion interface calls so.

        Raises:
            FaceError: There is none of that name.
        """
        self.show(changed(self._face, emotion))

    def show(self, face: Face) -> None:
        """Takes on a face."""
        self._face, self._talks_since = face, None

    def face(self, now: float = 0.0) -> Face:
        """The face; `now` in seconds of the clock of `ask`."""
        since = self._talks_since
        if since is None:
            return self._face
        return changed(self._face, syllable(now - since))
