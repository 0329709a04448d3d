"""The boards of one process: boards by name, one lock, and the batches that wait to be picked up."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from agentspace.core.account import BEAT
from agentspace.core.board import Board, Floors
from agentspace.core.change import Batch
from agentspace.core.seats import Dismiss, Order, Reclaim, Resume, Suspend
from agentspace.core.spaces import Spaces
from agentspace.core.values.value import Value, freeze, size_of

_FATES: Final = ("_/errors/", "_/roles/")  #: slots that tell how a role fares


class Boards:
    """The boards of one process, and its threads that wait.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self.inbox: dict[tuple[str, str | int], Batch[Value]] = {}
        self._boards: Spaces[Value] = Spaces(self._make_board)
        self._published = clock()
        self._failures: dict[str, Exception] = {}  # of agents, by role, that nobody has seen
        self._host = {"server": os.urandom(16).hex(), "pid": os.getpid()}

    def await_turn(self) -> None:
        """Who joins may begin at once: time is never simulated here."""

    def board(self, name: str) -> Board[Value]:
        """The board of a space; made when it is first named."""
        with self.changed:
            return self._boards.board(name)

    def _make_board(self, name: str, floors: Floors) -> Board[Value]:
        board: Board[Value] = Board(name, freeze, size_of, floors=floors)
        board.account.host = self._host
        board.account.beat(self.clock())
        return board

    def failed(self, role: str, failure: Exception) -> None:
        """An agent has failed: who uses the space is to hear of it."""
        with self.changed:
            failure.add_note(f"(in the agent that filled role {role!r})")
            self._failures.setdefault(role, failure)

    def seen(self, name: str) -> None:
        """A slot is read: who reads how a role fares has seen its failure."""
        for prefix in _FATES:
            if name.startswith(prefix):
                self._failures.pop(name.removeprefix(prefix), None)

    def tell_failure(self) -> None:
        """Raises the first failure that nobody has seen, once."""
        with self.changed:
            found = next(iter(self._failures), None)
            if found is not None:
                raise self._failures.pop(found)

    def step(self) -> float:
        """Lets time pass on all boards and moves what is ready to the inboxes; returns the time (s)."""
        now = self.clock()
        publish = now - self._published >= BEAT
        if publish:
            self._published = now
        for board in self._boards.values():
            board.advance(now)
            if publish:
                board.publish(now)
        if publish:
            self._boards.sweep(now)
        self.deliver(now)
        return now

    @contextmanager
    def turn(self) -> Iterator[float]:
        """The turn of one thread: time has passed (s), and what comes of the block is delivered at its end."""
        with self.changed:
            now = self.step()
            yield now
            self.deliver(now)

    def deliver(self, now: float) -> None:
        """Moves batches to the inboxes, and does to sessions what swaps order."""
        for board in self._boards.values():
            if board.swaps.orders:
                self.changed.notify_all()
            for session, order in board.orders():
                _tell(session, order, board)
            for delivery in board.deliveries(now):
                self.inbox[board.name, delivery.to] = delivery.batch
                self.changed.notify_all()

    def wait(self, key: tuple[str, str | int], until: float, wanted: Callable[[], bool]) -> Batch[Value] | None:
        """The batch for an address, once there is one; None when the time comes or it is no longer wanted."""
        while True:
            now = self.step()
            if not wanted():  # asked first: the batch may be for a successor
                return None
            batch = self.inbox.pop(key, None)
            if batch is not None or now >= until:
                return batch
            deadlines = [d for d in (board.next_deadline() for board in self._boards.values()) if d is not None]
            left = min([until, self._published + BEAT, *deadlines]) - now
            self.changed.wait(max(left, 0.0))


def _tell(session: Any, order: Order[Value], board: Board[Value]) -> None:
    """Does to a session what a swap orders."""
    match order:
        case Suspend():
            session.handing_over = True
        case Resume():
            session.ask(0, board.roles[order.role].adjustments.given)
            session.act(order.epoch, order.state)
        case Reclaim():
            session.act(order.epoch, order.state)
        case Dismiss():
            session.dismissed = True
