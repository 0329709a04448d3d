"""The boards of one process: boards by name, one lock, and the batches that wait to be picked up."""

import threading
from collections.abc import Callable
from typing import Final

from agentspace.core.board import Board
from agentspace.core.mailbox import Batch
from agentspace.core.seats import Dismiss, Reclaim, Resume, Suspend
from agentspace.core.value import Value, freeze, size_of

PUBLISH_PERIOD: Final = 1.0  #: seconds


class Boards:
    """The boards of one process, and its threads that wait.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self.inbox: dict[tuple[str, str | int], Batch[Value]] = {}
        self._boards: dict[str, Board[Value]] = {}
        self._published = clock()

    def board(self, name: str) -> Board[Value]:
        """The board of a space; made when it is first named."""
        with self.changed:
            if name not in self._boards:
                self._boards[name] = Board(name, freeze, size_of)
            return self._boards[name]

    def step(self) -> float:
        """Lets time pass on all boards and moves what is ready to the inboxes; returns the time (s)."""
        now = self.clock()
        publish = now - self._published >= PUBLISH_PERIOD
        if publish:
            self._published = now
        for board in self._boards.values():
            board.advance(now)
            if publish:
                board.publish(now)
        self.deliver(now)
        return now

    def deliver(self, now: float) -> None:
        """Moves batches to the inboxes, and does to sessions what swaps order."""
        for board in self._boards.values():
            if board.swaps.orders:
                self.changed.notify_all()
            for session, order in board.orders():
                match order:
                    case Suspend():
                        session.handing_over = True
                    case Resume() | Reclaim():
                        session.act(order.epoch, order.state)
                    case Dismiss():
                        session.dismissed = True
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
            left = min([until, self._published + PUBLISH_PERIOD, *deadlines]) - now
            self.changed.wait(max(left, 0.0))
