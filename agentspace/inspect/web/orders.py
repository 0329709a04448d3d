"""What a page may ask for: to write and delete slots, to stop, restart and swap roles. Checked here, not in the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from agentspace.errors import AgentspaceError
from agentspace.slot import Decision
from agentspace.space import Space
from agentspace.value import Value

Order = dict[str, Any]
Answer = dict[str, Any]


class OrderError(AgentspaceError, ValueError):
    """A page asked for something that is not possible; says why."""


class Orders:
    """Carries out what pages ask for; every call blocks, and may come from any thread.

    Args:
        space: To act on.
        read_only: Refuse everything that changes anything.
    """

    def __init__(self, space: Space, read_only: bool = False) -> None:
        self.read_only = read_only
        self._space = space
        self._kinds: dict[str, Callable[[Order], Answer]] = {
            "write": self._write,
            "delete": self._delete,
            "stop": self._stop,
            "swap": self._swap,
        }

    def carry_out(self, order: Order) -> Answer:
        """What became of an order: ``ok``, and a ``message`` for people."""
        try:
            kind = self._kinds.get(_text(order, "do"))
            if kind is None:
                raise OrderError(f"{order.get('do')!r} is no order; there are: {', '.join(self._kinds)}")
            if self.read_only:
                raise OrderError("this inspector was started with --read-only")
            return kind(order)
        except (AgentspaceError, TypeError, ValueError) as error:
            return {"ok": False, "message": str(error)}

    def _write(self, order: Order) -> Answer:
        value = _value(order)
        validity, priority, delay = (_number(order, key) for key in ("validity", "priority", "delay"))
        return _decided(self._space.write(_text(order, "slot"), value, validity, priority or 0.0, delay or 0.0))

    def _delete(self, order: Order) -> Answer:
        priority, validity = _number(order, "priority"), _number(order, "validity")
        return _decided(self._space.delete(_text(order, "slot"), priority or 0.0, validity))

    def _stop(self, order: Order) -> Answer:
        role = _text(order, "role")
        if "*" in role:
            raise OrderError("name one role")
        self._space.stop(role)
        return {"ok": True, "message": f"{role} was asked to stop"}

    def _swap(self, order: Order) -> Answer:
        swap = getattr(self._space, "swap", None)
        if swap is None:
            raise OrderError("this version cannot swap")
        spec, settings = order.get("spec") or None, order.get("settings") or None
        if not (isinstance(spec, str | None) and isinstance(settings, dict | None)):
            raise OrderError("a swap takes a spec MODULE:CLASS and settings {name: value}")
        report = swap(_text(order, "role"), spec, settings)
        return {"ok": True, "message": str(report)}


def _decided(decision: Decision) -> Answer:
    return {"ok": bool(decision), "message": f"revision {decision.revision}" if decision else str(decision)}


def _value(order: Order) -> Value:
    """The value to write: ``value`` as JSON has it, or ``text`` that a person typed; an array if ``dtype`` says so."""
    value = order.get("value")
    if "text" in order:
        value = _typed(_text(order, "text"), bool(order.get("plain")))
    dtype = order.get("dtype")
    if not dtype:
        return value
    if not isinstance(dtype, str):
        raise OrderError(f"dtype is a text such as float32, not {dtype!r}")
    try:
        return np.array(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise OrderError(f"that is no array of {dtype}: {error}") from None


def _typed(text: str, plain: bool) -> Value:
    """What a person typed: JSON, or text if it is no JSON."""
    if plain:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


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
