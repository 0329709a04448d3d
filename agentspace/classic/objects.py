"""The objects of a program, by the slots that they are in: within one process, what is read is what was written.

The original hands values on by reference. Here a slot has a value; beside it, a process keeps the object that it
has written, or made of what others wrote, for as long as the slot has that revision.
"""

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from agentspace.classic.translation import Translation
from agentspace.core.values.value import MAX_DEPTH, Value, valid_text
from agentspace.errors import ValueTypeError

_OPAQUE: Final = "opaque"  # the key that marks the stand-in for an object that no slot holds
_STAND_IN: Final = frozenset({_OPAQUE, "text", "pid"})
_log = logging.getLogger("agentspace.classic")
_LONGEST: Final = 200  # characters that tell of it
_SAME: Final[dict[type, Callable[[Any], Any]]] = {  # as a value of the type itself, whatever a class of it does
    int: lambda item: int.__add__(item, 0),
    float: lambda item: float.__mul__(item, 1.0),
    str: lambda item: str.__add__(item, ""),
    bytes: lambda item: bytes.__add__(item, b""),
}


class Objects:
    """The objects of one process, by slot.

    Attributes:
        translations: Of what slots hold, where the program says it in another way.
    """

    def __init__(self) -> None:
        self.translations: Mapping[str, Translation] = {}
        self._known: dict[str, tuple[int, Any]] = {}
        self._told: set[str] = set()  # types of which nobody can read any
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        os.register_at_fork(after_in_child=self._locks.clear)  # which threads hold that there are none of there

    def lock(self, slot: str) -> threading.RLock:
        """What whoever writes the slot holds until its object is kept."""
        return self._locks[slot]

    def keep(self, slot: str, revision: int, item: object) -> None:
        """The slot has this object, under this revision."""
        self._known[slot] = revision, item

    def get(self, slot: str) -> tuple[int, Any] | None:
        """The last object that the slot had here, with its revision."""
        return self._known.get(slot)

    def drop(self, slot: str) -> None:
        """The slot is empty."""
        self._known.pop(slot, None)

    def clear(self) -> None:
        """The server is another one, which begins to count anew."""
        self._known.clear()

    def told(self, slot: str, item: Any) -> Any:
        """What others get of this process's object."""
        translation = self.translations.get(slot)
        return item if translation is None else translation.told(item)

    def received(self, slot: str, value: Value) -> Any:
        """What this process makes of another one's value; None if it stands for what only that one has."""
        if type(value) is not dict or value.keys() != _STAND_IN:
            translation = self.translations.get(slot)
            return writable(value if translation is None else translation.heard(value))
        kind = str(value[_OPAQUE])
        if kind not in self._told:
            self._told.add(kind)
            _log.warning("an object %s of process %s cannot be read here: no slot holds such", kind, value["pid"])
        return None


def plainest(item: Any, depth: int = 0) -> Value:
    """An object of types that were derived from Python's own, such as a named tuple, in these; others as they are.

    >>> from collections import OrderedDict
    >>> plainest([OrderedDict(x=1)])
    [{'x': 1}]

    Raises:
        ValueTypeError: It is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise ValueTypeError(f"it is nested deeper than {MAX_DEPTH}")
    if isinstance(item, dict):
        return {key: plainest(value, depth + 1) for key, value in item.items()}
    if isinstance(item, list | tuple):
        items = [plainest(value, depth + 1) for value in item]
        return items if isinstance(item, list) else tuple(items)
    for kind, same in _SAME.items():
        if isinstance(item, kind) and not isinstance(item, bool | np.generic):
            return same(item)
    return item


def stand_in(item: object) -> dict[str, Value]:
    """What a slot gets in place of an object that it cannot hold."""
    kind = type(item)
    return {_OPAQUE: f"{kind.__module__}.{kind.__qualname__}", "text": _text(item), "pid": os.getpid()}


def writable(value: Any) -> Any:
    """A value that was read, with arrays that can be painted on: copies, where they could not."""
    if isinstance(value, np.ndarray):
        return value if value.flags.writeable else value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(writable, value))
    if type(value) is dict:
        return {key: writable(item) for key, item in value.items()}
    return value


def _text(item: Any) -> str:
    try:
        shape = getattr(item, "shape", None)  # of a tensor, whose text takes long
        return valid_text(str(item) if shape is None else f"of shape {tuple(shape)}")[:_LONGEST]
    except Exception:  # of somebody's own
        return ""
