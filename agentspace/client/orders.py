"""Orders to the supervisor of a role, as data: the slot ``orders/ROLE``.

A person writes an order there; it expires by itself. The supervisor takes it, by a write of higher priority,
and writes there what came of it. An order that nobody took in time is withdrawn, with a priority between the
two. So one of both is refused, or comes too late, which the revision tells: an order is never carried out after
its giver was told that it would not be, and never twice.
"""

import math
import os
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from agentspace.client.account import SpaceAccount
from agentspace.client.reports import RoleAccount
from agentspace.client.space import RemoteSpace
from agentspace.core.change import Kind, Written
from agentspace.core.life import ORDERS
from agentspace.core.space import Entry, Space
from agentspace.core.values.plain import as_dict
from agentspace.errors import LateError, RoleNotFoundError, RoleOrderError, suggest

TAKE: Final = 5.0  #: seconds in which a supervisor that lives has taken an order
RENEWED: Final = 5.0  #: seconds after which it says again that it is at it
_HELD: Final = 15.0  #: seconds for which that counts
_LEAST: Final = 0.001  #: seconds for which an order stands
_SHOWN: Final = 5.0  #: seconds for which it is shown what came of it


class Want(StrEnum):
    """A wish about a role."""

    START = "start"
    RESTART = "restart"
    STOP = "stop"


class OrderState(StrEnum):
    """A place in the life of an order."""

    REQUESTED = "requested"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"


class Order(NamedTuple):
    """An order, and how far it is.

    Attributes:
        role: What it is about.
        want: What is to be done.
        ident: Tells it from all others.
        state: How far it is.
        pid: Of the process that fills the role in the end; None if there is none.
        reason: Why it failed.
        priority: With which it was given.
        revision: Of its slot, when it was read.
        expires: When it runs out (s, `time.monotonic`), unless it is taken.
    """

    role: str
    want: Want
    ident: str
    state: OrderState = OrderState.REQUESTED
    pid: int | None = None
    reason: str = ""
    priority: float = 0.0
    revision: int = 0
    expires: float = math.inf

    @classmethod
    def of(cls, entry: Entry | None) -> Self | None:
        """The order that a slot holds; None if it holds none."""
        told = as_dict(entry.value) if entry is not None and entry.kind is Kind.WRITTEN else {}
        if entry is None or not told:
            return None
        try:
            want, state = Want(told.get("do", "")), OrderState(told.get("state", ""))
        except ValueError:
            return None  # anybody can write there
        role, pid = entry.name.removeprefix(ORDERS), told.get("pid")
        who = str(told.get("id", ""))
        given = entry.priority - (state is not OrderState.REQUESTED)
        return cls(role, want, who, state, pid, str(told.get("reason", "")), given, entry.revision)

    def lasting(self, entry: Entry, now: float) -> Self:
        """The same, with the time when its slot runs out, if it was asked for at this one."""
        return self if entry.time_left is None else self._replace(expires=now + entry.time_left)

    def told(self) -> dict[str, Any]:
        """The order as its slot holds it."""
        about = {"id": self.ident, "do": str(self.want), "state": str(self.state)}
        return {**about, "pid": self.pid, "reason": self.reason}


def requested(space: Space) -> list[Order]:
    """The orders that nobody has taken yet."""
    now = time.monotonic()
    orders = [(Order.of(entry), entry) for entry in space.snapshot(f"{ORDERS}*").values()]
    return [order.lasting(entry, now) for order, entry in orders if order and order.state is OrderState.REQUESTED]


def take(space: Space, order: Order) -> bool:
    """Takes an order; False if it was withdrawn, replaced, or ran out: an empty slot would take any write."""
    slot, strength = ORDERS + order.role, order.priority + 1
    if time.monotonic() >= order.expires:
        return False
    taking = space.until(order.expires) if isinstance(space, RemoteSpace) and order.expires < math.inf else space
    try:
        decision = taking.write(slot, order._replace(state=OrderState.TAKEN).told(), _HELD, strength)
    except LateError:
        return False
    if isinstance(decision, Written) and decision.revision == order.revision + 1:
        return True
    if decision:
        space.delete(slot, strength)
    return False


def tell(space: Space, order: Order) -> None:
    """Tells how far an order is that was taken."""
    lasts = _HELD if order.state is OrderState.TAKEN else _SHOWN
    space.write(ORDERS + order.role, order.told(), lasts, order.priority + 1)


def give(
    space: Space,
    role: str,
    want: Want,
    timeout: float = 30.0,
    *,
    until: float | None = None,
    begun: Callable[[], None] = lambda: None,
) -> Order:
    """Gives an order to the supervisor of a role, and waits for what comes of it.

    Args:
        space: Where the role is.
        role: A role of a launch.
        want: What is to be done.
        timeout: Seconds.
        until: When it must have been taken (s, `time.monotonic`), else it is not done; by default after `TAKE`.
        begun: Is called when it has been taken.

    Returns:
        The order, done.

    Raises:
        RoleNotFoundError: There is no such role; the error lists them.
        RoleOrderError: The role belongs to no launch, nobody took the order, or it was not done in time.
        LateError: It could not even be given before `until`.
    """
    account = SpaceAccount.of(space)
    known = check_supervised(account, role, want)
    slot = ORDERS + role
    with space.watch(slot) as changes:
        changes.next(0)
        order = _place(space, Order(role, want, os.urandom(8).hex()), until)
        began, taken = time.monotonic(), False
        patience = min(timeout, TAKE) if until is None else until - began
        while (left := began + (timeout if taken else patience) - time.monotonic()) > 0:
            for entry in changes.next(left) or ():
                news = Order.of(entry)
                if news is None or not _is_told_of(order, news, taken):
                    continue
                if not taken and news.state in (OrderState.TAKEN, OrderState.DONE):
                    taken = True
                    begun()
                if news.state is OrderState.DONE:
                    return news
        if taken or not space.delete(slot, order.priority + 0.5):
            raise RoleOrderError(f"{want} of {role!r} has begun, but is not over after {timeout:g} s")
    supervisor = account.launches[known.launch].pid
    raise RoleOrderError(
        f"nobody took the order to {want} {role!r} within {patience:.2g} s; it is withdrawn: "
        f"does the supervisor of launch {known.launch!r}, pid {supervisor}, still run?"
    )


def _is_told_of(order: Order, news: Order, taken: bool) -> bool:
    """Whether a change of its slot tells of an order.

    Raises:
        RoleOrderError: It failed, or another one took its place.
    """
    if news.ident != order.ident and taken:
        return False
    if news.ident != order.ident:
        raise RoleOrderError(f"{order.want} of {order.role!r} was not done: another order, {news.want}, followed")
    if news.state is OrderState.FAILED:
        raise RoleOrderError(f"{order.want} of {order.role!r} failed: {news.reason}")
    return True


def check_supervised(account: SpaceAccount, role: str, want: Want) -> RoleAccount:
    """The role, if a launch has it.

    Raises:
        RoleNotFoundError: There is no such role; the error lists them.
        RoleOrderError: It belongs to no launch, or to a program; says how it is done then.
    """
    known = account.everybody.get(role)
    if known is None:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(account.everybody))}")
    if known.launch:
        return known
    if why := account.why_not_alone(role):
        raise RoleOrderError(f"{want}: {why}")
    by_hand = f"agentspace agent {known.spec or 'MODULE:CLASS'} --role {role}"
    if known.filled:
        how = f"replace it by hand, {by_hand} --replace" if want is Want.RESTART else "it runs already"
    else:
        how = f"start it by hand, {by_hand}"
    raise RoleOrderError(f"role {role!r} belongs to no launch that could {want} it: {how}")


def _place(space: Space, order: Order, until: float | None) -> Order:
    """Writes an order into its slot, in place of one that is over.

    One that must be taken before a time runs out by itself then, also while its giver or the server hangs.
    """
    slot = ORDERS + order.role
    held = space.snapshot(slot).get(slot)
    present = Order.of(held)
    if present is not None and present.state in (OrderState.REQUESTED, OrderState.TAKEN):
        raise RoleOrderError(f"role {order.role!r} has an order already, which is not over: {present.want}")
    order = order._replace(priority=0.0 if held is None else held.priority)
    lasts = TAKE + 1.0
    if until is not None:
        lasts = max(_LEAST, until - time.monotonic())
        space = space.until(until) if isinstance(space, RemoteSpace) else space
    decision = space.write(slot, order.told(), lasts, order.priority)
    if not decision:
        raise RoleOrderError(f"the order to {order.want} {order.role!r} is refused: {decision}")
    return order
