"""The supervisor's part in orders: it takes each one once, carries it out, and tells what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agentspace.client.orders import RENEWED, Order, OrderState, Want
from agentspace.core.life import ALIVE, LifeState
from agentspace.supervise.blackboard import Blackboard
from agentspace.supervise.host import Host
from agentspace.supervise.lifecycle import Action, Lifecycle


@dataclass
class SupervisedOrders:
    """The orders of a launch.

    Attributes:
        lives: The life of each role.
        holds: Whether a swap decides who fills a role.
        host: Tells the time.
        blackboard: Where orders are.
        do: Does what a life asks for.
        give_up: Is told of a role that its user has ended.
        say: Tells people (role, what happened).
    """

    lives: Mapping[str, Lifecycle]
    holds: Callable[[str], bool]
    host: Host
    blackboard: Blackboard
    do: Callable[[Lifecycle, Action | None], None]
    give_up: Callable[[str], None]
    say: Callable[[str, str], None]
    _open: dict[str, Order] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)  # when each was last told of

    def watch(self, closed: str) -> None:
        """Takes orders, and tells what came of those that were taken.

        Args:
            closed: Why nothing is started any more; "" if it still is.
        """
        for order in self.blackboard.orders():
            if order.role in self.lives and self.blackboard.take(order):
                self._answer(order.role, OrderState.FAILED, f"another order, {order.want}, followed")
                self._carry_out(order, closed)
        for role in list(self._open):
            self._follow(role, closed)

    def _carry_out(self, order: Order, closed: str) -> None:
        role, now = order.role, self.host.now()
        self._open[role], self._told[role] = order._replace(state=OrderState.TAKEN), now
        life = self.lives[role]
        if self.holds(role):
            self._answer(role, OrderState.FAILED, "it is being swapped")
        elif order.want is Want.STOP:
            self.give_up(role)
            self.do(life, life.stop_for_good(now))
        elif not closed:
            self.say(role, f"{order.want} on request")
            if order.want is Want.RESTART:
                self.give_up(role)
            self.do(life, life.start_now(now) if order.want is Want.START else life.restart_now(now))

    def _follow(self, role: str, closed: str) -> None:
        order, life = self._open[role], self.lives[role]
        if order.want is Want.STOP:
            if life.state not in ALIVE:
                self._answer(role, OrderState.DONE)
        elif closed:
            self._answer(role, OrderState.FAILED, closed)
        elif life.state == LifeState.RUNNING and not life.is_restarting:
            self._answer(role, OrderState.DONE)
        elif life.is_final:
            self._answer(role, OrderState.FAILED, f"{life.state}: {life.reason}")
        elif life.state == LifeState.BACKOFF and not life.is_restarting:
            self._answer(role, OrderState.FAILED, f"{life.reason}; its launch tries again")
        elif self.host.now() >= self._told[role] + RENEWED:
            self._told[role] = self.host.now()
            self.blackboard.tell(order)

    def _answer(self, role: str, state: OrderState, reason: str = "") -> None:
        """An order is over."""
        order = self._open.pop(role, None)
        if order is not None:
            del self._told[role]
            self.blackboard.tell(order._replace(state=state, pid=self.lives[role].pid, reason=reason))
