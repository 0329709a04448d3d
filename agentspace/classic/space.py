"""The space of the original Agent-Space, in its three generations: one object that all of them find.

``Space.read`` and ``Space.write`` are the first, ``space[name]`` and ``space(default=0)[name]`` the second,
``space.attach_trigger(name, agent, Trigger.NAMES)`` the third. A write that is refused says nothing; a slot of
which None was written is empty, and free for everybody.
"""

import math
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol, SupportsFloat

from agentspace.classic.naming import slot_of
from agentspace.classic.objects import Objects, stand_in
from agentspace.classic.program import current
from agentspace.core.change import Decision
from agentspace.core.space import Entry, Session
from agentspace.errors import LimitError, ValueTypeError

_SHORTEST: Final = 1e-9  #: seconds of what is over at once
_MOST: Final = sys.float_info.max
_LOOKS: Final = 3  # at a slot that this process writes meanwhile
OBJECTS: Final = Objects()  #: of this process


class Follower(Protocol):
    """Who is told of each value of a slot."""

    def follows_values(self, slot: str) -> bool:
        """Whether it is."""

    def expect(self, slot: str, revision: int, item: object) -> None:
        """What it will be told of is this very object."""


FOLLOWERS: Final[list[Follower]] = []  #: of values, in this process


class Attaches(Protocol):
    """An agent, as far as a space needs it."""

    def _attach(self, name: object, kind: object) -> None:
        """Wakes it when something is written to a slot."""


class Adaptor:
    """A way to read and write a space: with a default, with validity and priority."""

    def __init__(
        self, space: "ClassicSpace", default: Any, validity: SupportsFloat, priority: SupportsFloat
    ) -> None:
        self._space = space
        self._default = default
        self._validity, self._priority = validity, priority

    def __getitem__(self, name: object) -> Any:
        return self._space.read(name, self._default)

    def __setitem__(self, name: object, value: Any) -> None:
        self._space.write(name, value, self._validity, self._priority)


class ClassicSpace:
    """A space as programs of the original know it; all of them are one named space of a server.

    Args:
        prefix: Of the slots of a space with a name of its own.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getitem__(self, name: object) -> Any:
        return self.read(name, None)

    def __setitem__(self, name: object, value: Any) -> None:
        self.write(name, value)

    def __call__(self, default: Any = None, validity: SupportsFloat = 0, priority: SupportsFloat = 1.0) -> Adaptor:
        """A way to read with a default, and to write with validity (s, 0 for ever) and priority."""
        return Adaptor(self, default, validity, priority)

    def read(self, name: object, dflt: Any = None) -> Any:
        """The value of a slot, or the default if it is empty."""
        slot = self._prefix + slot_of(name)
        found = None
        for _ in range(_LOOKS):
            found = current().ask(lambda session: session.entry(slot))
            if found is None or found.value is None:
                return dflt
            with OBJECTS.lock(slot):
                known = OBJECTS.get(slot)
                if known is None or known[0] < found.revision:
                    return _receive(slot, found, dflt)
                if known[0] == found.revision:
                    return known[1]
        return dflt if found is None else _receive(slot, found, dflt)

    def write(
        self, name: object, value: Any, validity: SupportsFloat = 0.0, priority: SupportsFloat = 0.0
    ) -> None:
        """Writes a value at once, if the slot is empty, or held with no higher priority.

        Args:
            name: The slot.
            value: Anything; None empties the slot.
            validity: Seconds; 0 for ever.
            priority: Accepted if at least that of the value that the slot has.
        """
        slot, strength = self._prefix + slot_of(name), _priority(priority)
        if value is None:
            _empty(slot, strength)
            return
        lasts = _validity(validity)

        def put(session: Session) -> Decision:
            try:
                return session.write(slot, value, lasts, strength)
            except (ValueTypeError, LimitError):
                return session.write(slot, stand_in(value), lasts, strength)

        _carry_out(slot, put, value)

    def attach_trigger(self, name: object, agent: Attaches, type: object = None) -> None:  # noqa: A002  (its name)
        """Wakes an agent when something is written to a slot."""
        agent._attach(f"{self._prefix}{name}" if self._prefix else name, type)

    register = attach_trigger


class ClassicSpaces(ClassicSpace):
    """What programs import as ``Space``: the space of the first generation; of the second, the spaces by name."""

    def __getitem__(self, name: object) -> "ClassicSpace":
        return ClassicSpace(f"{slot_of(name)}/" if name else "")

    def __call__(self, *_: object, **__: object) -> Any:
        """A space, made as the copies make theirs."""
        return ClassicSpace()


def _receive(slot: str, entry: Entry, default: Any) -> Any:
    """What another process wrote, as this one has it from now on."""
    item = OBJECTS.received(entry.value)
    if item is None:
        return default
    if isinstance(item, bool | int | float | str):
        OBJECTS.drop(slot)
    else:
        OBJECTS.keep(slot, entry.revision, item)
    return item


def _carry_out(slot: str, act: Callable[[Session], Decision], value: Any) -> None:
    with OBJECTS.lock(slot):
        decision = current().ask(act)
        if not decision:
            return
        OBJECTS.keep(slot, decision.revision, value)  # type: ignore[union-attr]  # it was accepted
        for follower in FOLLOWERS:
            if follower.follows_values(slot):
                follower.expect(slot, decision.revision, value)  # type: ignore[union-attr]  # the same


def _empty(slot: str, priority: float) -> None:
    """Empties a slot; who follows it is woken, also if it was empty."""

    def delete(session: Session) -> Decision:
        is_empty = session.entry(slot) is None
        return session.delete(slot, priority, _SHORTEST if is_empty else None)

    with OBJECTS.lock(slot):
        if current().ask(delete):
            OBJECTS.drop(slot)


def _validity(seconds: SupportsFloat | None) -> float | None:
    """How long a value lasts (s): for ever, if it is 0; what was over before is over at once."""
    lasts = 0.0 if seconds is None else float(seconds)
    if lasts in (0.0, math.inf):
        return None
    return max(lasts, _SHORTEST) if lasts < _MOST else None


def _priority(priority: SupportsFloat | None) -> float:
    strength = 0.0 if priority is None else float(priority)
    return min(max(strength, -_MOST), _MOST)


space: Final = ClassicSpace()  #: what programs import
Space: Final = ClassicSpaces()  #: the same
