"""The budget of memory for values: how much of it each party may take.

Pure. What a value takes counts from its arrival until nobody holds it any more: no slot, no queue, no reader. A
party may have as much as is left for all others: half of the budget if it is alone, a third if another one does
the same. So whoever fills slots without end leaves others room for theirs. A value counts as soon as it is here,
whether there is room for it or not; it is for the host to let it go then.
"""

import math
from collections.abc import Iterable
from typing import Final
from weakref import WeakValueDictionary

from agentspace.errors import LimitError

OVERHEAD: Final = 512  #: bytes that a value takes besides its own: its slot, what is known of its writing


class Budget:
    """The budget of one host.

    Args:
        limit: Bytes.

    Attributes:
        limit: Bytes.
        held: Bytes that all values take.
    """

    def __init__(self, limit: float = math.inf) -> None:
        self.limit = limit
        self.held = 0
        self._shares: WeakValueDictionary[str, Share] = WeakValueDictionary()

    def share(self, name: str) -> "Share":
        """The share of a party; it is known as long as the party or a value of it is here."""
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = Share(self, name)
        return share


class Share:
    """The share of one party in a budget.

    Args:
        budget: The budget.
        name: Of the party.

    Attributes:
        held: Bytes that its values take.
    """

    __slots__ = ("__weakref__", "_budget", "_name", "held")

    def __init__(self, budget: Budget, name: str) -> None:
        self._budget = budget
        self._name = name
        self.held = 0

    def take(self, size: int) -> None:
        """A value of so many bytes is here."""
        self.held += size
        self._budget.held += size

    def give(self, size: int) -> None:
        """A value of so many bytes is here no more."""
        self.held -= size
        self._budget.held -= size

    @property
    def fits(self) -> bool:
        """Whether it has no more than is left for all others."""
        return self.held + self._budget.held <= self._budget.limit

    def check(self, replaced: Iterable[tuple["Share | None", int]] = ()) -> None:
        """Whether what has come can stay.

        Args:
            replaced: The values in whose places it comes: whose share they count in, and their bytes.

        Raises:
            LimitError: It cannot.
        """
        if self.fits:
            return
        own = others = 0
        for share, size in replaced:
            own += size if share is self else 0
            others += size if share is not None else 0
        held, total, limit = self.held - own, self._budget.held - others, self._budget.limit
        if held + total > limit:
            raise LimitError(
                f"no room for values: with this, those of {self._name} take {_mebi(held)}, all together "
                f"{_mebi(total)} of the {_mebi(limit)} that this server has for them; nobody may have more than "
                "is left for others"
            )


def _mebi(size: float) -> str:
    return f"{size / (1 << 20):.1f} MiB"
