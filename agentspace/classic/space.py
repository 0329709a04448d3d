"""The space of the original Agent-Space, in its three generations: one object that all of them find.

``Space.read`` and ``Space.write`` are the first, ``space[name]`` and ``space(default=0)[name]`` the second,
``space.attach_trigger(name, agent, Trigger.NAMES)`` the third. A write that is refused says nothing; a slot of
which None was written is empty, and free for everybody.
"""

import contextlib
import itertools
import math
import sys
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol, SupportsFloat

from agentspace.classic.naming import slot_of, space_named, unnamed_space
from agentspace.classic.newcomers import NEWCOMERS
from agentspace.classic.objects import Objects, plainest, stand_in
from agentspace.classic.program import current
from agentspace.core.change import Decision
from agentspace.core.space import Entry, Session
from agentspace.errors import LimitError, ValueTypeError

_SHORTEST: Final = 1e-9  #: seconds of what is over at once
_MOST: Final = sys.float_info.max
_LARGEST: Final = math.nextafter(_MOST, 0.0)  # the highest priority of a number, infinity too
_NORMAL: Final = type("Normal", (), {"value": 0})  # a trigger without a name
_made: Final = itertools.count(1)  # spaces without a name
_LOOKS: Final = 3  # at a slot that this process writes meanwhile
OBJECTS: Final = Objects()  #: of this process


class Follower(Protocol):
    """An agent that is told of each value of a slot.

    Attributes:
        stopping: It ends.
    """

    stopping: bool

    def note(self, slot: str, revision: int, item: object) -> None:
        """This process has written a slot."""


FOLLOWERS: Final[list[Follower]] = []  #: of values, in this process


class Attaches(Protocol):
    """An agent, as far as a space needs it."""

    def _attach(self, slot: str, name: Hashable, kind: object) -> None:
        """Wakes it when something is written to a slot, which the program calls by a name."""


class Adaptor:
    """A way to read and write a space: with a default, with validity and priority."""

    def __init__(
        self, space: "ClassicSpace", default: Any, validity: SupportsFloat, priority: SupportsFloat
    ) -> None:
        self._space = space
        self._default = default
        self._validity, self._priority = validity, priority

    def __getitem__(self, name: Hashable) -> Any:
        return self._space.read(name, self._default)

    def __setitem__(self, name: Hashable, value: Any) -> None:
        self._space.write(name, value, self._validity, self._priority)


class ClassicSpace:
    """A space as programs of the original know it; all of them are one named space of a server.

    Args:
        prefix: Of the slots of a space with a name of its own.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getitem__(self, name: Hashable) -> Any:
        return self.read(name, None)

    def __setitem__(self, name: Hashable, value: Any) -> None:
        self.write(name, value)

    def __call__(self, default: Any = None, validity: SupportsFloat = 0, priority: SupportsFloat = 1.0) -> Adaptor:
        """A way to read with a default, and to write with validity (s, 0 for ever) and priority."""
        return Adaptor(self, default, validity, priority)

    def read(self, name: Hashable, dflt: Any = None) -> Any:
        """The value of a slot, or the default if it is empty."""
        slot = slot_of(name, self._prefix)
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
        self, name: Hashable, value: Any, validity: SupportsFloat = 0.0, priority: SupportsFloat = 0.0
    ) -> None:
        """Writes a value at once, if the slot is empty, or held with no higher priority.

        Args:
            name: The slot.
            value: Anything; None empties the slot.
            validity: Seconds; 0 for ever.
            priority: Accepted if at least that of the value that the slot has.

        Raises:
            TypeError: Validity or priority is no number, where the original finds out.
        """
        NEWCOMERS.await_mine()
        slot = slot_of(name, self._prefix)
        strength, lasts = _priority(slot, priority), _validity(validity)
        if strength is None:
            return
        if value is None:
            _empty(slot, strength)
            return

        def put(session: Session) -> Decision:
            told = OBJECTS.told(slot, value)
            with contextlib.suppress(ValueTypeError, LimitError):
                return session.write(slot, told, lasts, strength)
            with contextlib.suppress(ValueTypeError, LimitError):
                return session.write(slot, plainest(told), lasts, strength)
            return session.write(slot, stand_in(value), lasts, strength)

        _carry_out(slot, put, value)

    def attach_trigger(self, name: Hashable, agent: Attaches, type: object = _NORMAL) -> None:  # noqa: A002  (its name)
        """Wakes an agent when something is written to a slot."""
        agent._attach(slot_of(name, self._prefix), name, type)

    register = attach_trigger


class ClassicSpaces(ClassicSpace):
    """What programs import as ``Space``: the space of the first generation; of the second, the spaces by name."""

    def __getitem__(self, name: Hashable) -> "ClassicSpace":
        return ClassicSpace(space_named(name) if name != "" else "")

    def __call__(self, *_: object, **__: object) -> Any:
        """A space of its own, as the copies make one."""
        return ClassicSpace(unnamed_space(next(_made)))


def _receive(slot: str, entry: Entry, default: Any) -> Any:
    """What another process wrote, as this one has it from now on."""
    item = OBJECTS.received(slot, entry.value)
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
        _tell(slot, decision, value)


def _tell(slot: str, decision: Decision, value: Any) -> None:
    for follower in FOLLOWERS:
        follower.note(slot, decision.revision, value)  # type: ignore[union-attr]  # it was accepted


def _empty(slot: str, priority: float) -> None:
    """Empties a slot; who follows it is woken, also if it was empty."""

    def delete(session: Session) -> Decision:
        is_empty = session.entry(slot) is None
        return session.delete(slot, priority, _SHORTEST if is_empty else None)

    with OBJECTS.lock(slot):
        decision = current().ask(delete)
        if decision:
            OBJECTS.drop(slot)
            _tell(slot, decision, None)


def _validity(seconds: Any) -> float | None:
    """How long a value lasts (s): 0 is for ever; what was over before, or is no time (nan), is over at once."""
    if seconds == 0:
        return None
    lasts = float(seconds + 0.0)  # as the original adds the time; what is no number raises the same
    return (lasts if lasts < _MOST else None) if lasts > _SHORTEST else _SHORTEST


def _priority(slot: str, priority: Any) -> float | None:
    """The priority of a write; None if it is refused, as it can be compared with none (nan), and the slot has one.

    An empty slot takes it, and keeps it against everybody.

    Raises:
        TypeError: It is no number, and the slot has one.
    """
    if type(priority) in (int, float) and -_MOST <= priority <= _LARGEST:
        return float(priority)
    try:
        has_place = bool(priority >= 0.0 or priority < 0.0)
    except TypeError:
        has_place = False
    if has_place:
        return float(min(max(priority, -_MOST), _LARGEST))
    held = current().ask(lambda session: session.entry(slot))
    if held is None:
        return _MOST
    held.priority <= priority  # noqa: B015  (it may raise, as there)
    return None


space: Final = ClassicSpace()  #: what programs import
Space: Final = ClassicSpaces()  #: the same
