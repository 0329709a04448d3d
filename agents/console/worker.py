"""The background of the console: threads that write and read, so that a screen never waits for a space."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from agents.console.snapshot import Slots, Snapshot, take_snapshot
from agents.script.operation import Acts, Operation, Outcome, attempt
from agentspace import Space
from agentspace.errors import AgentspaceError

PERIOD: Final = 0.2
"""Seconds between two snapshots."""
RETRY: Final = 0.2
"""Seconds after which a stop is tried again that the space did not answer."""
BACKLOG: Final = 32
"""Actions that wait at most; a space that hangs shall not be flooded when it goes on."""
WISH: Final = 1.0
"""Seconds after which it is said again that somebody wants to see where the extractor looks."""
GRACE: Final = 1.0
"""Seconds that the threads get to come to their end."""
STOP: Final = "emergency stop"
LOOK: Final = "look"


class Worker:
    """Carries out actions, one after the other; the emergency stop at once, beside whatever hangs.

    Args:
        space: The robot's; used by several threads.
        operation: The actions.
        slots: The names of the slots that are shown.
        role: Of the operator; "" for none.
    """

    def __init__(self, space: Space, operation: Operation, slots: Slots, role: str = "") -> None:
        self.operation = operation
        self._space = space
        self._slots = slots
        self._role = role
        self._changed = threading.Condition()
        self._queue: deque[tuple[str, Acts]] = deque()
        self._began: float | None = None
        self._looked = time.monotonic()
        self._stops = 0
        self._looks = False
        self._wished = -math.inf
        self._unheard = ""  # why nobody hears the wish to see where the extractor looks
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._report: Callable[[Outcome], object] = lambda _: None

    def open(self, report: Callable[[Outcome], object], show: Callable[[Snapshot | str], object]) -> None:
        """Begins.

        Args:
            report: Is told the outcome of each action; by one of the worker's threads.
            show: Is given each snapshot, or the reason why there is none; by one of the worker's threads.
        """
        self._report = report
        self._start(self._work, "operator-actions")
        self._start(lambda: self._watch(show), "operator-view")

    def do(self, action: str, acts: Acts, newest: bool = False) -> None:
        """Carries out an action after those before it; returns at once.

        Args:
            action: Its name, for people.
            acts: Its writes.
            newest: Replaces an action of the same name that still waits.
        """
        with self._changed:
            if newest:
                self._queue = deque(item for item in self._queue if item[0] != action)
            full = len(self._queue) >= BACKLOG
            if not full:
                self._queue.append((action, acts))
            self._changed.notify()
        if full:
            self._report(Outcome(action, error=f"left out: {BACKLOG} actions wait for an answer of the space"))

    def stop(self) -> None:
        """Emergency stop: at once, in a thread of its own; tried again until the space answers."""
        with self._changed:
            self._stops += 1
            number = self._stops
        self._start(lambda: self._stop(number), "operator-stop")

    def release(self) -> None:
        """Ends an emergency stop, also one that is still being tried."""
        with self._changed:
            self._stops += 1
        self.do("release", self.operation.release())

    def look(self, on: bool) -> None:
        """Shows where the extractor looks, in place of what the camera sees, and asks it to tell; or no more."""
        self._looks, self._wished, self._unheard = on, -math.inf, ""
        if not on:
            self.do("look away", self.operation.look_away())

    @property
    def waiting(self) -> float:
        """Seconds for which the present action has been waiting for an answer."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def blind(self) -> float:
        """Seconds since the space last let itself be seen."""
        return time.monotonic() - self._looked

    def close(self) -> None:
        """Ends the threads; one that waits for a space which hangs is left behind."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        until = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _start(self, work: Callable[[], None], name: str) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed.is_set())
                if not self._queue:
                    return
                action, acts = self._queue.popleft()
                self._began = time.monotonic()
            self._report(attempt(self._space, action, acts))
            self._began = None

    def _stop(self, number: int) -> None:
        told = None
        while not self._closed.is_set() and number == self._stops:
            outcome = attempt(self._space, STOP, self.operation.stop())
            if outcome != told:
                self._report(outcome)
            if not outcome.error:
                return
            told = outcome
            self._closed.wait(RETRY)

    def _watch(self, show: Callable[[Snapshot | str], object]) -> None:
        while not self._closed.is_set():
            self._wish()
            try:
                snapshot = take_snapshot(self._space, self.operation, self._slots, self._role, self._looks)
                self._looked = time.monotonic()
                show(snapshot)
            except AgentspaceError as error:
                show(str(error))
            self._closed.wait(PERIOD)

    def _wish(self) -> None:
        """Says again that somebody wants to see where the extractor looks; it ends by itself with the console."""
        now = time.monotonic()
        if not self._looks or now - self._wished < WISH:
            return
        self._wished = now
        outcome = attempt(self._space, LOOK, self.operation.look())
        if not outcome.fine and str(outcome) != self._unheard:
            self._report(outcome)
        self._unheard = "" if outcome.fine else str(outcome)
