"""What an inspector can do to a space: write, delete, stop, restart, swap. Each call has its own connection."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from agentspace.address import Address
from agentspace.client import RemoteSpace, connect
from agentspace.errors import AgentspaceError, ParameterError
from agentspace.inspect.observer import INSPECTOR
from agentspace.slot import Decision, Refused
from agentspace.value import Value

_PATIENCE = 5.0  #: seconds for an answer


class Commander:
    """Acts on a space in the name of a person.

    Every method blocks until it is done, and returns what there is to say about it.

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
            AgentspaceError: It did not succeed.
        """
        with self._connect() as space:
            swap = getattr(space, "swap", None)
            if swap is None:
                raise AgentspaceError(
                    "this version of agentspace cannot swap roles; stop the role and start another"
                )
            report = swap(role, spec or None, parse_settings(settings) or None)
        return _summary(role, report)

    def _connect(self) -> RemoteSpace:
        return connect(self._address, INSPECTOR, patience=_PATIENCE)


def parse_value(text: str, present: Value = None) -> Value:
    """The value that somebody typed: JSON, or text if it is not JSON.

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
    """The ``name=value`` pairs that somebody typed.

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


def _summary(role: str, report: Any) -> str:
    """One line on a swap, of its report.

    Raises:
        AgentspaceError: It was rolled back, or failed.
    """
    state, gap = getattr(report, "state", "done"), getattr(report, "gap", None)
    if state != "done":
        raise AgentspaceError(f"{role}: swap {state}: {getattr(report, 'reason', None) or 'no reason given'}")
    return f"swapped {role}" + (f", gap {1e3 * gap:.1f} ms" if isinstance(gap, float) else "")
