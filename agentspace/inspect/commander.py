"""Changes of a space by an inspector: write, delete, start, stop, restart, swap.

Each call has its own connection.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from agentspace.client.account import SpaceAccount
from agentspace.client.orders import Order, Want, give
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.change import Decision, Refused
from agentspace.core.values.shown import parse_value, to_array
from agentspace.core.values.value import Value
from agentspace.errors import AgentspaceError, ParameterError
from agentspace.inspect.observer import INSPECTOR
from agentspace.wire.address import Address

_PATIENCE: Final = 5.0  #: seconds for an answer
_LEAST: Final = 0.05  #: the same for an order whose time is nearly over


class Commander:
    """Acts on a space in the name of a person.

    Every method blocks until it is done, and returns a line about it.

    Args:
        address: Of the space.
        within: Seconds in which an order without a time of its own is to be confirmed, or is dropped.
    """

    def __init__(self, address: Address, within: float | None = None) -> None:
        self._address = address
        self._within = within

    def write(self, name: str, text: str, priority: str = "", validity: str = "") -> str:
        """Writes a value: JSON or text; as an array if the slot has one now.

        Raises:
            AgentspaceError: It was refused, or a number is not one.
        """
        strength, lasts = _number("priority", priority) or 0.0, _number("validity", validity)
        with self._connect() as space:
            entry = space.entry(name)
            value = value_of(text, entry.value if entry else None)
            return _told(space.write(name, value, lasts, strength), "wrote")

    def delete(self, name: str, priority: str = "", validity: str = "") -> str:
        """Empties a slot; with a validity holds it empty.

        Raises:
            AgentspaceError: It was refused, or a number is not one.
        """
        strength, lasts = _number("priority", priority) or 0.0, _number("validity", validity)
        with self._connect() as space:
            return _told(space.delete(name, strength, lasts), "deleted")

    def stop(self, role: str, until: float | None = None) -> str:
        """Asks a role to end, before a time (s, `time.monotonic`) or not at all."""
        with self._connect(until) as space:
            known = SpaceAccount.of(space).everybody.get(role)
            if known is None or not known.launch or known.filled:
                space.stop(role)
                return f"asked {role} to stop"
        self._order(Want.STOP, role, until)
        return f"{role} is stopped, and does not start by itself"

    def start(self, role: str, until: float | None = None, begun: Callable[[], None] = lambda: None) -> str:
        """Starts a role of a launch now, whatever happened to it before; one that runs goes on.

        Args:
            role: The role.
            until: When its supervisor must have taken the order (s, `time.monotonic`); else it is not done.
            begun: Is called when it has.

        Raises:
            RoleOrderError: It is of no launch, nobody took the order, or it failed.
        """
        return f"{role} runs, pid {self._order(Want.START, role, until, begun).pid}"

    def restart(self, role: str, until: float | None = None, begun: Callable[[], None] = lambda: None) -> str:
        """Ends the process of a role and starts another one, which begins anew; see `start`."""
        return f"{role} runs, pid {self._order(Want.RESTART, role, until, begun).pid}"

    def swap(
        self,
        role: str,
        spec: str = "",
        settings: str | Mapping[str, Any] = "",
        until: float | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> str:
        """Swaps a role while the rest goes on: the same class with the code as it is now, or another one.

        Args:
            role: The role.
            spec: Module and class; empty for the same.
            settings: By name; or ``name=value`` pairs, with spaces between them.
            until: When it must have begun (s, `time.monotonic`); else it is not done.
            begun: Is called when it has.

        Raises:
            SwapError: It was rolled back, or cannot be done.
        """
        made = parse_settings(settings) if isinstance(settings, str) else settings
        with self._connect(until) as space:
            report = space.swap(role, spec or None, made or None, progress=lambda report: begun())
        return f"swapped {role}" + (f", gap {1e3 * report.gap:.1f} ms" if report.gap is not None else "")

    def _order(
        self, want: Want, role: str, until: float | None, begun: Callable[[], None] = lambda: None
    ) -> Order:
        until = self._due(until)
        with self._reach(until) as space:
            return give(space, role, want, until=until, begun=begun)

    def _connect(self, until: float | None = None) -> RemoteSpace:
        until = self._due(until)
        space = self._reach(until)
        return space if until is None else space.until(until)

    def _due(self, until: float | None) -> float | None:
        """When an order must have been accepted."""
        return time.monotonic() + self._within if until is None and self._within is not None else until

    def _reach(self, until: float | None) -> RemoteSpace:
        left = _PATIENCE if until is None else until - time.monotonic()
        return connect(self._address, INSPECTOR, patience=min(_PATIENCE, max(_LEAST, left)))


def value_of(text: str, present: Value = None) -> Value:
    """The value of a typed text, see `parse_value`; a list becomes an array if the slot holds one now.

    Raises:
        ParameterError: It is no JSON although it begins like it, or cannot be an array of that type.
    """
    value = parse_value(text)
    if isinstance(present, np.ndarray) and isinstance(value, list):
        return to_array(value, present.dtype)
    return value


def parse_settings(text: str) -> dict[str, str]:
    """The ``name=value`` pairs of a typed text.

    Raises:
        ParameterError: One is none.
    """
    found = {}
    for pair in text.split():
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise ParameterError(f"{pair!r} is not a setting: write name=value")
        found[name] = value
    return found


def _number(what: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"{what} {text!r} is not a number") from None


def _told(decision: Decision, done: str) -> str:
    if isinstance(decision, Refused):
        raise AgentspaceError(str(decision))
    return f"{done} {decision.name}, revision {decision.revision}"
