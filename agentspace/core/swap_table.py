"""The swaps of one space: which are under way, and what their parties are to be told. Pure, like the board."""

from collections.abc import Callable
from typing import Any, Generic

from agentspace.core.change import V
from agentspace.core.role import Role, State
from agentspace.core.seats import Order
from agentspace.core.setting import is_reference
from agentspace.core.swap import Step, Swap, Wish
from agentspace.core.values.introduction import PROGRAM
from agentspace.core.values.names import why_long
from agentspace.errors import FencedError, SwapError


class SwapTable(Generic[V]):
    """The swaps of one space.

    Args:
        make: The role of a name; made if there is none.
        known: The role of a name, or an error that lists those that there are.
        show: Shows where a swap is.

    Attributes:
        orders: What the parties are to be told; the host empties it.
        is_silent: Whether the incarnation that fills a role gives no sign of life; the host says.
        under_way: The swaps that are not over, by role.
        count: The number of the last swap.
    """

    def __init__(
        self,
        make: Callable[[str], Role[V]],
        known: Callable[[str], Role[V]],
        show: Callable[[Swap[V], float], None],
    ) -> None:
        self.orders: list[Order[V]] = []
        self.is_silent: Callable[[str], bool] = lambda role: False
        self._make = make
        self._known = known
        self._show = show
        self.under_way: dict[str, Swap[V]] = {}  # by role
        self.count = 0

    def request(self, name: str, wish: Wish, now: float) -> int:
        """Asks for another incarnation of a role; who supervises it starts one that then calls `stand_by`.

        Returns:
            The number of the swap.

        Raises:
            RoleNotFoundError: There is no such role.
            SwapError: It is being swapped already, its class has too long a name, or a secret is in plain text.
        """
        role = self._known(name)
        if wish.spec is not None and (why := why_long(wish.spec)):
            raise SwapError(why)
        for secret in _names(role.info.get("secrets")) & wish.settings.keys():
            if not is_reference(wish.settings[secret]):
                raise SwapError(
                    f"{secret!r} of role {name!r} is secret, and a swap is shown to all: "
                    "give {file: PATH} or {env: NAME}"
                )
        return self._begin(role, wish, now).number

    def expect(self, name: str) -> None:
        """A launch knows this role, though nobody has filled it yet: a swap of it may be asked for."""
        self._make(name)

    def stand_by(self, name: str, number: int, info: dict[str, Any], now: float, *, fresh: bool = False) -> int:
        """A successor is there: it will take the role over when it is prepared.

        Args:
            name: The role.
            number: Of the swap that was asked for; 0 for one of its own.
            info: What it says of itself.
            now: The time (s).
            fresh: In a swap of its own, it takes over no state.

        Raises:
            SwapError: The role is being swapped already, or that swap is over.
        """
        swap = self._numbered(name, number) if number else self._begin(self._make(name), Wish(fresh=fresh), now)
        if swap.step is not Step.REQUESTED:
            raise SwapError(f"swap {number} of role {name!r} has its successor already")
        swap.stand_by(info, now)
        self._settle(swap, now)
        return swap.number

    def prepared(self, name: str, number: int, info: dict[str, Any], now: float) -> None:
        """The successor is prepared: its predecessor hands over to it.

        Raises:
            SwapError: That swap is over.
        """
        swap = self._numbered(name, number)
        if swap.step is not Step.PREPARE:
            raise SwapError(f"swap {number} of role {name!r} is at {swap.step}, not at {Step.PREPARE}")
        swap.prepared(info, now)
        self._settle(swap, now)

    def successor_lost(self, name: str, number: int, why: str, now: float) -> None:
        """The successor has ended, or cannot be started; of no account once it acts, or when the swap is over."""
        swap = self.under_way.get(name)
        if swap is not None and swap.number == number:
            swap.successor_lost(why, now)
            self._settle(swap, now)

    def handed_over(
        self, name: str, epoch: int, step: Step, state: State[V] | None, error: str | None, now: float
    ) -> None:
        """The predecessor has done a step of handing over, or could not.

        Raises:
            FencedError: It fills the role no more.
        """
        role = self._known(name)
        if role.epoch != epoch or not role.filled:
            raise FencedError(
                f"epoch {epoch} does not fill role {name!r}, which is epoch {role.epoch} ({role.state})"
            )
        swap = self.under_way.get(name)
        if swap is None:
            return
        if error is None:
            swap.handed_over(step, state, now)
        else:
            swap.failed_to_hand_over(error, now)
        self._settle(swap, now)

    def predecessor_lost(self, name: str, now: float) -> None:
        """An incarnation that rested has ended."""
        self._tell(name, now, lambda swap: swap.predecessor_lost(now))

    def running(self, name: str, now: float) -> None:
        """The incarnation that fills the role has finished `init`."""
        self._tell(name, now, lambda swap: swap.running(now))

    def handled(self, name: str, now: float) -> None:
        """A handler of the role has ended well."""
        self._tell(name, now, lambda swap: swap.handled(now))

    def vacated(self, name: str, why: str, now: float) -> None:
        """The incarnation that filled the role does so no more."""
        self._tell(name, now, lambda swap: swap.vacated(why, now))

    def roll_back(self, name: str, why: str, now: float) -> None:
        """Ends the role's swap, if there is one."""
        self._tell(name, now, lambda swap: swap.roll_back(why, now))

    def advance(self, now: float) -> None:
        """Lets time pass: ends what takes too long."""
        for swap in [swap for swap in self.under_way.values() if swap.deadline <= now]:
            swap.due(now, self.is_silent(swap.role.name))
            self._settle(swap, now)

    def next_deadline(self) -> float | None:
        """The time at which `advance` has something to do next (s)."""
        return min((swap.deadline for swap in self.under_way.values()), default=None)

    def _begin(self, role: Role[V], wish: Wish, now: float) -> Swap[V]:
        swap = self.under_way.get(role.name)
        if swap is not None:
            raise SwapError(f"role {role.name!r} is being swapped already: swap {swap.number} is at {swap.step}")
        program = role.info.get(PROGRAM)
        if role.filled and isinstance(program, str):
            raise SwapError(
                f"role {role.name!r} is of the program {program:.200}, whose agents are threads of one process: "
                "it cannot be swapped alone; restart the program"
            )
        self.count += 1
        swap = Swap(self.count, role, wish, now)
        self._show(swap, now)  # which fails if the wish is not what a slot holds
        self.under_way[role.name] = swap
        return swap

    def _numbered(self, name: str, number: int) -> Swap[V]:
        swap = self.under_way.get(name)
        if swap is None or swap.number != number:
            raise SwapError(f"swap {number} of role {name!r} is over")
        return swap

    def _tell(self, name: str, now: float, what: Callable[[Swap[V]], None]) -> None:
        swap = self.under_way.get(name)
        if swap is not None:
            what(swap)
            self._settle(swap, now)

    def _settle(self, swap: Swap[V], now: float) -> None:
        """Passes on what the parties are to be told, and shows where the swap is."""
        self.orders += swap.orders
        swap.orders.clear()
        if swap.over:
            self.under_way.pop(swap.role.name, None)
        self._show(swap, now)


def _names(told: Any) -> set[str]:
    """The names in what a role says of itself, which may be anything."""
    return {name for name in told if isinstance(name, str)} if isinstance(told, list) else set()
