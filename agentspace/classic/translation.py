"""What a program of the original says in another way than the space that it shares with new agents.

Its pictures are BGR, those of new agents RGB; its modes are numbers, theirs words. A translation is of one slot,
and goes both ways. ``agentspace classic --translate camera=rgb --translate mode=acquire,use PROGRAM``
"""

import logging
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any, Final, Protocol

import numpy as np

from agentspace.classic.naming import slot_of
from agentspace.errors import ParameterError

RGB: Final = "rgb"
VALID: Final = f"'{RGB}', or two or more different words with commas between them, as acquire,use"
_COLOURS: Final = (3, 4)  # channels of a picture that has any, with transparency or without
_log = logging.getLogger("agentspace.classic")


class Translation(Protocol):
    """Of what one slot holds."""

    def told(self, item: Any) -> Any:
        """The program's object, as all others get it."""

    def heard(self, value: Any) -> Any:
        """The value of others, as the program gets it."""


class Channels:
    """Pictures with their first and third channels exchanged: copies. What has no such channels stays as it is."""

    def told(self, item: Any) -> Any:
        """RGB of BGR."""
        if not isinstance(item, np.ndarray) or item.ndim < 3 or item.shape[-1] not in _COLOURS:
            return item
        swapped = np.empty_like(item, order="C", subok=False)
        swapped[...] = item
        swapped[..., 0], swapped[..., 2] = item[..., 2], item[..., 0]
        return swapped

    heard = told


class Words:
    """Numbers as words: 0 is the first. What is none of them stays as it is, which is told once.

    Args:
        slot: For the message.
        words: In the order of their numbers.
    """

    def __init__(self, slot: str, words: Sequence[str]) -> None:
        self._slot = slot
        self._words = tuple(words)
        self._has_told = False

    def told(self, item: Any) -> Any:
        """The word of a number."""
        named: dict[Any, str] = dict(enumerate(self._words))
        return named[item] if isinstance(item, Number) and item in named else self._as_it_is(item)

    def heard(self, value: Any) -> Any:
        """The number of a word."""
        if isinstance(value, str) and value in self._words:
            return self._words.index(value)
        return self._as_it_is(value)

    def _as_it_is(self, value: Any) -> Any:
        if value is not None and not self._has_told:
            self._has_told = True
            words = ", ".join(f"{number} {word}" for number, word in enumerate(self._words))
            _log.warning("slot %r has %.80r, which stays as it is; translated are %s", self._slot, value, words)
        return value


def translations(given: Iterable[str]) -> dict[str, Translation]:
    """The translations by slot, each given as ``SLOT=rgb`` or ``SLOT=WORD,WORD,...``.

    >>> sorted(translations(["camera=rgb", "mode=acquire,use"]))
    ['camera', 'mode']

    Raises:
        ParameterError: One is none of these, or a slot has two.
    """
    found: dict[str, Translation] = {}
    for text in given:
        name, equals, how = text.rpartition("=")
        if not equals:
            raise ParameterError(f"{text!r} is no translation: give SLOT=HOW, where HOW is {VALID}")
        if slot_of(name) in found:
            raise ParameterError(f"the slot {name!r} has two translations; give one")
        found[slot_of(name)] = _translation(name, how)
    return found


def _translation(name: str, how: str) -> Translation:
    words = [word.strip() for word in how.split(",")]
    if words == [RGB]:
        return Channels()
    if len(words) < 2 or not all(words) or len(set(words)) < len(words):
        raise ParameterError(f"{how!r} is no translation of {name!r}; valid: {VALID}")
    return Words(name, words)
