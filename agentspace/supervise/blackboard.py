"""The blackboard as the supervisor sees it."""

import contextlib
import time
from collections.abc import Callable, Mapping, Set
from typing import Any, Final, TypeVar

from agentspace.client.account import SpaceAccount
from agentspace.client.link import Link
from agentspace.client.orders import Order, requested, take, tell
from agentspace.client.reports import SwapReport
from agentspace.client.space import RemoteSpace
from agentspace.core.life import LAUNCHES
from agentspace.core.values.value import valid_text
from agentspace.errors import AgentspaceError, SpaceUnreachableError
from agentspace.supervise.run_record import RunRecord
from agentspace.wire.address import Address, is_listening

_PATIENCE: Final = 1.0  #: seconds for an answer
_OLD: Final = 1.0  #: seconds after which an order that was seen is not taken without another look
_FRESH: Final = 0.03  #: seconds for which one look serves several questions
_UNASKED: Final = 2.0  #: seconds for which a server that gave no answer is asked nothing

T = TypeVar("T")


class Blackboard:
    """The blackboard as far as a supervisor needs it. No method blocks for long, and none raises.

    A server that hangs costs one answer's time, and is left alone for a while: the supervisor has processes to
    look after, and signals to obey. What was to be told meanwhile is told when it answers again.

    Args:
        address: Of the server.
        name: Of the launch; its report lies in the slot ``launch/NAME``.
        joins: The server is that of others, who start it again; else no answer waits for that, as nobody would.

    Attributes:
        logs: The folder with the logs of the launch, which the report names; "" if there is none.
        record: Is told what is seen; None if nothing is written down.
    """

    def __init__(self, address: Address, name: str, *, joins: bool = False) -> None:
        self._address = address
        self._name = name
        self._joins = joins
        self.logs = ""
        self.record: RunRecord | None = None
        self._space: RemoteSpace | None = None
        self._seen = SpaceAccount({})
        self._orders: list[Order] = []
        self._stops: dict[str, int] | None = None  # how often each role was asked to stop
        self._seen_at = float("-inf")
        self._asks_at = float("-inf")  # not before, as it gave no answer
        self._untold: dict[str, Callable[[RemoteSpace], object]] = {}  # for when it answers again

    def connect(self) -> bool:
        """Tries to reach the server; whether it answered. Called again and again until it does.

        One that does not listen yet is not waited for: it may end meanwhile.
        """
        self.close()
        if not is_listening(self._address):
            return False
        with contextlib.suppress(AgentspaceError):
            link = Link(self._address, "supervisor", 0.0, _PATIENCE, renews=self._joins)
            self._space = RemoteSpace(link, self._address.space)
            self._stops = None  # what was asked of others, before, is over
            self._asks_at = float("-inf")
        return self._space is not None

    def valid(self, slot: str) -> bool:
        """Whether a slot has a valid value."""
        return self._ask(lambda space: space.entry(slot) is not None, False)

    def role_state(self, role: str, pid: int) -> str | None:
        """State of a role if the process `pid` fills it, or did last; None if the space knows nothing of that.

        "starting", "running", "stopped", "failed", ...; "gone" if it fell silent, "left" if it hung up.
        """
        told = self._look().roles.get(role)
        if told is None or told.pid != pid:
            return None
        return "left" if told.state == "gone" and not told.told.get("silent") else told.state

    def is_heard(self, pid: int) -> bool:
        """Whether the process `pid` gives the server signs of life, though it may fill no role there yet."""
        server = self._look().server
        return server is not None and pid in server.heard

    def last_words(self, role: str, pid: int) -> str:
        """The last line of the error with which the process `pid` left a role; "" if it left without."""
        account = self._look()
        told, failure = account.roles.get(role), account.failures.get(role)
        if told is None or told.pid != pid or failure is None or failure.epoch != told.epoch:
            return ""
        return (failure.traceback.strip().splitlines() or [""])[-1]

    def exit_code(self, role: str, pid: int) -> int | None:
        """The exit code with which the process `pid`, which has left a role, wants to end; None if unknown."""
        told = self._look().roles.get(role)
        return None if told is None or told.pid != pid else told.exit_code

    def dead_letters(self, role: str) -> tuple[int, int]:
        """The number of dead letters of a role, and of those since it last handled a change."""
        told = self._look().told(f"dead_letters/{role}")
        return told.get("count", 0), told.get("in_a_row", 0)

    def stop_requested(self) -> Set[str]:
        """Roles that were asked to stop since the last call; ``*`` stands for the whole launch."""
        account = self._look()
        if account.server is not None and account.server.stop_requested:
            return {"*"}
        counts = {name: role.stops for name, role in account.roles.items()}
        before, self._stops = self._stops, counts
        return {name for name, count in counts.items() if before is not None and count > before.get(name, 0)}

    def orders(self) -> list[Order]:
        """The orders that nobody has taken yet."""
        self._look()
        return self._orders

    def take(self, order: Order) -> bool:
        """Takes an order; False if it was withdrawn, or is too old."""
        self._orders = [other for other in self._orders if other.ident != order.ident]
        if time.monotonic() - self._seen_at > _OLD:
            return False
        taken = self._ask(lambda space: take(space, order), False)
        if taken and self.record is not None:
            self.record.ordered(order.role, order.want)
        return taken

    def tell(self, order: Order) -> None:
        """Tells how far an order is that was taken."""
        self._tell(f"order {order.ident}", lambda space: tell(space, order))

    def swaps(self) -> Mapping[str, SwapReport]:
        """The last swap of each role."""
        return self._look().swaps

    def successor_lost(self, role: str, number: int, why: str) -> None:
        """Tells that a successor has ended, or could not be started."""
        self._tell(f"swap {number} of {role}", lambda space: space.successor_lost(role, number, why))

    def give_up(self, role: str) -> None:
        """Tells that the user has ended a role: what was kept of it is over, its next incarnation begins anew."""
        told = self._look().roles.get(role)
        if told is not None:
            epoch = told.epoch
            self._tell(f"end of {role}", lambda space: space.stop(role, epoch))

    def conduct(self, roles: list[str]) -> None:
        """Lets simulated time pass while these roles are there; they begin in this order."""
        self._tell("cast", lambda space: space.conduct(roles))

    def report(self, report: dict[str, Any]) -> None:
        """Shows the state of the launch to everybody."""
        if self.record is not None:
            self.record.lives(report)
        told = {**report, "logs": valid_text(self.logs)}
        self._tell("report", lambda space: space.write(LAUNCHES + self._name, told))

    def close(self) -> None:
        """Lets go of the server."""
        space, self._space = self._space, None
        self._untold.clear()
        if space is not None:
            space.close()

    def _look(self) -> SpaceAccount:
        if time.monotonic() - self._seen_at > _FRESH and self._ask(self._see, False):
            self._tell_rest()
        return self._seen

    def _see(self, space: RemoteSpace) -> bool:
        self._seen = SpaceAccount.told_by(space)
        self._orders = requested(space)
        self._seen_at = time.monotonic()
        if self.record is not None:
            self.record.see(self._seen, lambda slot: space.snapshot(slot).get(slot))
        return True

    def _ask(self, question: Callable[[RemoteSpace], T], otherwise: T) -> T:
        """The answer of the space; something else if it gives none, or gave none a moment ago."""
        if self._space is None or time.monotonic() < self._asks_at:
            return otherwise
        try:
            return question(self._space)
        except SpaceUnreachableError:
            self._asks_at = time.monotonic() + _UNASKED
        except AgentspaceError:
            pass
        return otherwise

    def _tell(self, what: str, deed: Callable[[RemoteSpace], object]) -> None:
        """Tells the space something; of what it could not be told under one name, the newest counts."""
        if self._space is not None:
            self._untold.pop(what, None)  # the newest comes last
            self._untold[what] = deed
            self._tell_rest()

    def _tell_rest(self) -> None:
        """Tells what is to be told, in its order, as far as the space answers."""
        while self._untold and time.monotonic() >= self._asks_at:
            what, deed = next(iter(self._untold.items()))
            self._ask(deed, None)
            if time.monotonic() >= self._asks_at:  # it was told, or refused
                del self._untold[what]
