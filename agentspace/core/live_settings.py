"""The live settings of the roles of one space: who asks for a change, and what becomes of it."""

from collections.abc import Callable, Mapping
from typing import Any

from agentspace.core.account import Account
from agentspace.core.role import Role
from agentspace.core.swap_table import SwapTable
from agentspace.errors import ParameterError, SwapError


class LiveSettings:
    """Changes of settings, of all roles.

    Args:
        known: The role of a name.
        check: The role of a name, if an epoch fills it.
        swaps: Those that are under way.
        account: Of the space.
    """

    def __init__(
        self,
        known: Callable[[str], Role[Any]],
        check: Callable[[str, int], Role[Any]],
        swaps: SwapTable[Any],
        account: Account[Any],
    ) -> None:
        self._known = known
        self._check = check
        self._swaps = swaps
        self._account = account

    def ask(self, name: str, settings: Mapping[str, Any], now: float) -> tuple[int, dict[str, Any]]:
        """Asks for a change; returns its number and the values, which the host tells the incarnation.

        Raises:
            RoleNotFoundError: There is no such role.
            SwapError: It is being swapped.
            ParameterError: Nobody fills it, or it cannot take these values; nothing is changed.
        """
        role = self._known(name)
        if name in self._swaps.under_way:
            raise SwapError(f"role {name!r} is being swapped: set its parameters when that is over")
        if not role.filled:
            raise ParameterError(f"nobody fills role {name!r} ({role.state}): there is nobody to take settings")
        number = role.adjustments.ask(name, role.info, settings)
        self._account.tell_role(role, now)
        return number, role.adjustments.pending[number]

    def answered(self, name: str, epoch: int, number: int, error: str | None, now: float) -> None:
        """The incarnation has taken a change up, or could not.

        Raises:
            FencedError: It fills the role no more.
        """
        role = self._check(name, epoch)
        role.adjustments.answer(number, error, role.info)
        self._account.tell_role(role, now)
