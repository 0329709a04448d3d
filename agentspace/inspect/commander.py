"""Changes of a space by an inspector: write, delete, stop, restart, swap. Each call has its own connection."""

import json
from typing import Final

import numpy as np

from agentspace.client.space import RemoteSpace, connect
from agentspace.core.change import Decision, Refused
from agentspace.core.value import Value
from agentspace.errors import AgentspaceError, ParameterError
from agentspace.inspect.observer import INSPECTOR
from agentspace.wire.address import Address

_PATIENCE: Final = 5.0  #: seconds for an answer


class Commander:
    """Acts on a space in the name of a person.

    Every method blocks until it is done, and returns a line about it.

    Args:
        address: Of the space.
    """

    def __init__(self, address: Address) -> None:
        self._address = address

    def write(self, name: str, text: str, priority: str = "", validity: str = "") -> str:
        """Writes a value: JSON, or text if it is not JSON; as an array if the slot has one now.

        Raises:
            AgentspaceError: It was refused, or a number is not one.
        """
        strength, lasts = _number("priority", priority) or 0.0, _number("validity", validity)
        with self._connect() as space:
            entry = space.entry(name)
            value = parse_value(text, entry.value if entry else None)
            return _told(space.write(name, value, lasts, strength), "wrote")

    def delete(self, name: str, priority: str = "", validity: str = "") -> str:
        """Empties a slot; with a validity holds it empty.

        Raises:
            AgentspaceError: It was refused, or a number is not one.
        """
        strength, lasts = _number("priority", priority) or 0.0, _number("validity", validity)
        with self._connect() as space:
            return _told(space.delete(name, strength, lasts), "deleted")

    def stop(self, role: str) -> str:
        """Asks a role to end."""
        with self._connect() as space:
            space.stop(role)
        return f"asked {role} to stop"

    def swap(self, role: str, spec: str = "", settings: str = "") -> str:
        """Swaps a role while the rest goes on: the same class with the code as it is now, or another one.

        Args:
            role: The role.
            spec: Module and class; empty for the same.
            settings: ``name=value`` pairs, with spaces between them.

        Raises:
            SwapError: It was rolled back, or cannot be done.
        """
        with self._connect() as space:
            report = space.swap(role, spec or None, parse_settings(settings) or None)
        return f"swapped {role}" + (f", gap {1e3 * report.gap:.1f} ms" if report.gap is not None else "")

    def _connect(self) -> RemoteSpace:
        return connect(self._address, INSPECTOR, patience=_PATIENCE)


def parse_value(text: str, present: Value = None) -> Value:
    """The value of a typed text: JSON, or text if it is not JSON.

    Args:
        text: What was typed.
        present: What the slot holds now; if it is an array, so is what is made of a list or number.

    Raises:
        ParameterError: It cannot be an array of that type.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(present, np.ndarray) and isinstance(value, list):
        try:
            return np.array(value, dtype=present.dtype)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{text!r} is no array of {present.dtype}: {error}") from None
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
