"""The orders of a page: to write and delete slots, to stop and swap roles. Checked here, not in the page."""

from typing import Any

import numpy as np

from agentspace.core.change import Decision, Refused
from agentspace.core.space import Space
from agentspace.core.value import Value
from agentspace.errors import AgentspaceError
from agentspace.inspect.commander import Commander, parse_value

Order = dict[str, Any]


class OrderError(AgentspaceError, ValueError):
    """A page asked for something that is not possible; says why."""


class Orders:
    """Carries out what pages ask for; every call blocks, and may come from any thread.

    Args:
        space: To write into.
        commander: Stops and swaps roles.
        read_only: Refuse everything that changes anything.
    """

    def __init__(self, space: Space, commander: Commander, read_only: bool = False) -> None:
        self.read_only = read_only
        self._space = space
        self._commander = commander

    def carry_out(self, order: Order) -> dict[str, Any]:
        """The outcome of an order: ``ok``, and a ``message`` for people."""
        try:
            kinds = {"write": self._write, "delete": self._delete, "stop": self._stop, "swap": self._swap}
            if (kind := _text(order, "do")) not in kinds:
                raise OrderError(f"{kind!r} is no order; there are: {', '.join(kinds)}")
            if self.read_only:
                raise OrderError("this inspector was started with --read-only")
            return {"ok": True, "message": kinds[kind](order)}
        except (AgentspaceError, TypeError, ValueError) as error:
            return {"ok": False, "message": str(error)}

    def _write(self, order: Order) -> str:
        slot, value = _text(order, "slot"), order.get("value")
        if "text" in order:  # a person typed it
            value = parse_value(_text(order, "text"), self._space.read(slot))
        value = _array(value, order.get("dtype"))
        validity, priority, delay = (_number(order, key) for key in ("validity", "priority", "delay"))
        return _decided(self._space.write(slot, value, validity, priority or 0.0, delay or 0.0))

    def _delete(self, order: Order) -> str:
        priority, validity = _number(order, "priority"), _number(order, "validity")
        return _decided(self._space.delete(_text(order, "slot"), priority or 0.0, validity))

    def _stop(self, order: Order) -> str:
        role = _text(order, "role")
        if "*" in role:
            raise OrderError("name one role")
        return self._commander.stop(role)

    def _swap(self, order: Order) -> str:
        return self._commander.swap(*(_text(order, key) for key in ("role", "spec", "settings")))


def _decided(decision: Decision) -> str:
    if isinstance(decision, Refused):
        raise OrderError(str(decision))
    return f"revision {decision.revision}"


def _array(value: Value, dtype: Any) -> Value:
    """The value, as an array if a dtype is given."""
    if not dtype:
        return value
    if not isinstance(dtype, str):
        raise OrderError(f"dtype is a text such as float32, not {dtype!r:.60}")
    try:
        return np.array(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise OrderError(f"that is no array of {dtype}: {error}") from None


def _text(order: Order, key: str) -> str:
    found = order.get(key)
    if not isinstance(found, str):
        raise OrderError(f"{key!r} is a text, not {found!r:.60}")
    return found


def _number(order: Order, key: str) -> float | None:
    found = order.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise OrderError(f"{key!r} is a number, not {found!r:.60}")
    return float(found)
