"""The rights of a key: verbs, each over the slots or roles under a mask.

Pure. A right is written `VERB` or `VERB:MASK`, such as ``write:arm/*``; one without a mask is for everything, the
space's own slots (``_/...``) included, which no mask covers that does not begin with ``_``.
"""

import fnmatch
import functools
import re
from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self

from agentspace.core.values.masks import Mask
from agentspace.core.values.names import MAX_NAME
from agentspace.errors import RightsError, SlotNameError, suggest

_TOKEN: Final = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)  # as fnmatch has them


class Verb(StrEnum):
    """What a key may be allowed to do."""

    READ = "read"  #: slots
    WRITE = "write"  #: slots: write and delete
    TRIGGER = "trigger"  #: hear of changes of slots: attach and watch
    ACT = "act"  #: fill roles
    SWAP = "swap"  #: roles
    STOP = "stop"  #: roles; without a mask, the server too
    OPERATE = "operate"  #: roles: set live parameters, start, restart; be their launch

    @classmethod
    def _missing_(cls, value: object) -> "Verb":
        raise RightsError(f"{value!r:.40} is nothing that a key may do; {suggest(str(value), cls)}")


class Need(NamedTuple):
    """A right that a message needs.

    Attributes:
        verb: What is done.
        target: To which slot, mask of slots, or role; None: to everything.
    """

    verb: Verb
    target: str | None

    def __str__(self) -> str:
        return str(self.verb) if self.target is None else f"{self.verb}:{self.target}"


class Right(NamedTuple):
    """A right that a key has.

    Attributes:
        verb: What may be done.
        mask: To which slots or roles; None: to everything.
    """

    verb: Verb
    mask: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The right that `VERB` or `VERB:MASK` means.

        Raises:
            RightsError: It is none; names the verbs that there are.
        """
        verb, colon, mask = text.partition(":")
        try:
            return cls(Verb(verb), Mask(mask).text if colon else None)
        except SlotNameError as error:
            raise RightsError(f"{text!r} is no right: {error}") from None

    def __str__(self) -> str:
        return str(self.verb) if self.mask is None else f"{self.verb}:{self.mask}"

    def covers(self, need: Need) -> bool:
        """Whether who has it may do that."""
        if self.verb is not need.verb:
            return False
        return self.mask is None or (need.target is not None and covers(self.mask, need.target))


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of the holder of a key.

    Attributes:
        name: The name of the key.
        all: Its rights.
    """

    name: str
    all: tuple[Right, ...]

    @property
    def full(self) -> bool:
        """Whether they are all that there are."""
        return all(Right(verb) in self.all for verb in Verb)

    def allow(self, need: Need) -> bool:
        """Whether one of them covers a need."""
        return any(right.covers(need) for right in self.all)

    def why_not(self, need: Need) -> str:
        """Why a need is refused, in words."""
        has = ", ".join(str(right) for right in self.all if right.verb is need.verb) or f"no right to {need.verb}"
        what = "everything" if need.target is None else repr(need.target)
        return f"key {self.name!r} may not {need.verb} {what}: it needs {need}, and has {has}"


def full_rights(name: str) -> Rights:
    """All rights."""
    return Rights(name, tuple(map(Right, Verb)))


@functools.lru_cache(4096)
def covers(granted: str, asked: str) -> bool:
    """Whether a mask covers each name that another mask, or name, covers; in doubt it does not.

    The granted one is followed over the tokens of the asked one: its ``*`` takes any of them, ``?`` each that
    stands for one character, a set the characters in it.
    """
    if not 0 < len(asked) <= MAX_NAME or (asked[0] == "_" and granted[0] != "_"):
        return False
    pattern = _TOKEN.findall(granted)
    reached = _onward(pattern, {0})
    for token in _TOKEN.findall(asked):
        stay = {place for place in reached if pattern[place : place + 1] == ["*"]}
        step = {place + 1 for place in reached - stay if place < len(pattern) and _takes(pattern[place], token)}
        reached = _onward(pattern, stay | step)
    return len(pattern) in reached


def _onward(pattern: list[str], places: Set[int]) -> set[int]:
    """The places, and those behind the stars that they stand before: a star may stand for nothing."""
    reached = set(places)
    for place in sorted(places):
        while pattern[place : place + 1] == ["*"]:
            place += 1  # noqa: PLW2901  (onward)
            reached.add(place)
    return reached


def _takes(granted: str, asked: str) -> bool:
    """Whether a token that is no star takes all that another one stands for."""
    if asked == "*":
        return False
    return granted in ("?", asked) or (len(asked) == 1 and asked != "?" and fnmatch.fnmatchcase(asked, granted))
