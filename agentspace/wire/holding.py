"""What a reader holds of the server's segments: as long as it looks at them, they are not filled again."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final, Protocol

import numpy as np

from agentspace.core.values.value import Array
from agentspace.errors import ProtocolError

_MOST_TOLD: Final = 4096  # segments in one message


class Lent(np.ndarray[Any, Any]):
    """The bytes of a payload; every view of them keeps this object, and with it the holding, alive.

    Attributes:
        holding: All payloads of the message.
        index: Which one of them it is.
    """

    holding: "Holding"
    index: int

    @classmethod
    def whole(cls, array: Array) -> "Lent | None":
        """The payload that an array has all bytes of, in their order; None if there is none."""
        base: Any = array
        while isinstance(base, np.ndarray) and not isinstance(base, cls):
            base = base.base
        if not isinstance(base, cls) or base.nbytes != array.nbytes:
            return None
        return base if array.flags.forc and _address(array) == _address(base) else None


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


class ReturnWay:
    """The way on which a server hears that segments are not looked at any more.

    On each connection, messages arrive in their order. So what a message without an answer has passed on is
    released on the same one, after it; a connection that ended leaves that to the others.

    Attributes:
        idents: The segments.
    """

    __slots__ = ("_others", "idents")

    def __init__(self) -> None:
        self.idents: deque[int] = deque()
        self._others: deque[int] | None = None

    def extend(self, idents: Iterable[int]) -> None:
        """They are to be told."""
        (self.idents if self._others is None else self._others).extend(idents)

    def end(self, others: deque[int]) -> None:
        """From now on the others tell."""
        self._others = others
        others.extend(self.idents)
        self.idents.clear()


def told_now(idents: deque[int]) -> list[int]:
    """Of the segments that are to be told those that one message tells; any thread may add others meanwhile."""
    return [idents.popleft() for _ in range(min(len(idents), _MOST_TOLD))]


ANSWERED: Final = ReturnWay()
"""In place of a way: nothing is released before the answer is there."""


class Sight(Protocol):
    """What makes the segments of one server visible."""

    def view(self, holding: "Holding", index: int, nbytes: int) -> Array:
        """The bytes of the holding's payload `index`, read-only."""


class Holding:
    """The payloads of one message at its reader; they are let go when it and all views of its arrays are gone.

    Args:
        refs: The payloads.
        released: The segments of their server that are to be told to it.
        era: Of the pool, whose servers it counts: which one has lent them.
        sight: Makes the segments of that server visible here; None: nobody looks.
    """

    __slots__ = ("__weakref__", "_era", "_released", "_sight", "segments")

    def __init__(
        self,
        refs: list[tuple[int, int, int, int]],
        released: deque[int],
        era: int = 0,
        sight: Sight | None = None,
    ) -> None:
        self.segments = refs
        self._released: deque[int] | ReturnWay = released
        self._era = era
        self._sight = sight

    def view(self, index: int, nbytes: int) -> Array:
        """The bytes of a payload, read-only.

        Raises:
            ProtocolError: There is no such payload, or it cannot be opened.
        """
        if self._sight is None:
            raise ProtocolError("the value has no payloads")
        return self._sight.view(self, index, nbytes)

    def goes_on(self, era: int, way: ReturnWay) -> bool:
        """Whether a message to the server may refer to its payloads: on that way, it is then told of their end."""
        if self._era != era:
            return False
        if way is not ANSWERED and self._released is not way:
            if isinstance(self._released, ReturnWay):
                return False  # it was passed on with another connection
            self._released = way
        return True

    def __del__(self) -> None:
        self._released.extend([ident for ident, _, _, _ in self.segments])
