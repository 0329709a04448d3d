"""The orders of a page: to write and delete slots, to start, restart, stop and swap roles.

They are checked here, not in the page.

An order has a time until which it counts. It is compared here, and by the server of the space: what waited in a
process that hung is dropped when that wakes up, for the page has said by then that nothing was done.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from agentspace.client.space import RemoteSpace
from agentspace.core.change import Decision, Refused
from agentspace.core.space import Space
from agentspace.core.values.value import Value
from agentspace.errors import AgentspaceError
from agentspace.inspect.commander import Commander, value_of

Order = dict[str, Any]


class Terms(NamedTuple):
    """The terms of an order.

    Attributes:
        until: When it must have been accepted (s, `time.monotonic`); later it is dropped. None: it always counts.
        begun: Is called when one that takes long has been accepted.
    """

    until: float | None = None
    begun: Callable[[], None] = lambda: None


class OrderError(AgentspaceError, ValueError):
    """A page asked for something that is not possible; says why."""


class Orders:
    """Carries out what pages ask for; every call blocks, and may come from any thread.

    Args:
        space: To write into.
        commander: Starts, restarts, stops and swaps roles.
        read_only: Refuse everything that changes anything.
    """

    def __init__(self, space: Space, commander: Commander, read_only: bool = False) -> None:
        self.read_only = read_only
        self._space = space
        self._commander = commander

    def carry_out(self, order: Order, terms: Terms | None = None) -> dict[str, Any]:
        """The outcome of an order: ``ok``, and a ``message`` for people."""
        terms = terms or Terms()
        try:
            if terms.until is not None and (late := time.monotonic() - terms.until) > 0:
                raise OrderError(f"it came {late:.1f} s after its time, so nothing was done")
            kinds = {"write": self._write, "delete": self._delete, "stop": self._stop, "swap": self._swap,
                     "start": self._start, "restart": self._restart}  # fmt: skip
            if (kind := _text(order, "do")) not in kinds:
                raise OrderError(f"{kind!r} is no order; there are: {', '.join(kinds)}")
            if self.read_only:
                raise OrderError("this inspector was started with --read-only")
            return {"ok": True, "message": kinds[kind](order, terms)}
        except (AgentspaceError, TypeError, ValueError) as error:
            return {"ok": False, "message": str(error)}

    def _in_time(self, terms: Terms) -> Space:
        """The space, for orders under these terms."""
        if terms.until is None or not isinstance(self._space, RemoteSpace):
            return self._space
        return self._space.until(terms.until)

    def _write(self, order: Order, terms: Terms) -> str:
        slot, value = _text(order, "slot"), order.get("value")
        if "text" in order:  # a person typed it
            value = value_of(_text(order, "text"), self._space.read(slot))
        value = _array(value, order.get("dtype"))
        validity, priority, delay = (_number(order, key) for key in ("validity", "priority", "delay"))
        return _decided(self._in_time(terms).write(slot, value, validity, priority or 0.0, delay or 0.0))

    def _delete(self, order: Order, terms: Terms) -> str:
        priority, validity = _number(order, "priority"), _number(order, "validity")
        return _decided(self._in_time(terms).delete(_text(order, "slot"), priority or 0.0, validity))

    def _stop(self, order: Order, terms: Terms) -> str:
        role = _text(order, "role")
        if "*" in role:
            raise OrderError("name one role")
        return self._commander.stop(role, terms.until)

    def _start(self, order: Order, terms: Terms) -> str:
        return self._commander.start(_text(order, "role"), terms.until, terms.begun)

    def _restart(self, order: Order, terms: Terms) -> str:
        return self._commander.restart(_text(order, "role"), terms.until, terms.begun)

    def _swap(self, order: Order, terms: Terms) -> str:
        role, spec, settings = _text(order, "role"), _text(order, "spec"), order.get("settings", "")
        if not isinstance(settings, str | dict):
            raise OrderError(f"'settings' are values by name, or a text of name=value, not {settings!r:.60}")
        return self._commander.swap(role, spec, settings, terms.until, terms.begun)


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
