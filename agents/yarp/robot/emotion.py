"""The emotion interface of an iCub, `/emotion/in`: what clients ask of its face. Pure: messages are lists.

`set all hap` gives all of the face an expression, `set mou sad` the mouth only; `leb` and `reb` are the brows, and
`eli` are the lids, which this robot does not move. `set raw M0B` lights the rows of a part by their bits.

Source: emotionInterface of robotology/icub-main.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from agents.yarp.binding import Message, Vocab
from models.icub.face import Countenance, Face, FaceError, changed

_PARTS: Final[dict[str, Callable[[Face, Face], Face]]] = {
    "all": lambda _, wanted: wanted,
    "mou": lambda face, wanted: replace(face, mouth=wanted.mouth),
    "leb": lambda face, wanted: replace(face, left=wanted.left),
    "reb": lambda face, wanted: replace(face, right=wanted.right),
    "eli": lambda face, _: face,
}
"""The face after a part of it was set, by the name of the part."""
_RAW: Final[dict[str, Callable[[Face, int], Face]]] = {
    "M": lambda face, bits: replace(face, mouth=bits),
    "L": lambda face, bits: replace(face, left=bits),
    "R": lambda face, bits: replace(face, right=bits),
    "S": lambda face, _: face,
}
"""The same for bits, by the letter of the part."""


class Emotion:
    """The emotion interface of a face.

    Args:
        countenance: Of the robot; is changed by any thread.

    Attributes:
        shown: The last command that was obeyed; "" before the first.
    """

    def __init__(self, countenance: Countenance) -> None:
        self._countenance = countenance
        self.shown = ""

    def answer(self, request: Message) -> Message:
        """The reply to a request: `[ok]`, or `[fail]` and why."""
        try:
            match [str(word) for word in request]:
                case ["set", "raw", code]:
                    self._countenance.show(self._raw(code))
                case ["set", part, emotion] if part in _PARTS:
                    face = self._countenance.face()
                    self._countenance.show(_PARTS[part](face, changed(face, emotion)))
                case _:
                    valid = f"set {'|'.join(_PARTS)} EMOTION, or set raw LETTER and two digits"
                    raise FaceError(f"{request!r:.80} is not understood; valid: {valid}")
        except FaceError as error:
            return [Vocab("fail"), str(error)]
        self.shown = " ".join(map(str, request))
        return [Vocab("ok")]

    def _raw(self, code: str) -> Face:
        try:
            return _RAW[code[:1]](self._countenance.face(), int(code[1:], 16))
        except (KeyError, ValueError):
            raise FaceError(f"{code!r:.20} is no code; valid: {', '.join(_RAW)} and two digits, as M0B") from None
