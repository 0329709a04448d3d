"""Jobs: what takes longer than others should wait, done a little in each turn of the server.

While a job of a connection is under way, nothing else that it sends is read, and what is to be sent to it waits:
so everything keeps its order. All others are served in between. A job is a generator; its steps are short.
"""

import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Final

from agentspace.server.clients import ClientConnection

SLICE: Final = 0.001  #: seconds that are spent in one turn, and what a step takes longer


class Jobs:
    """The jobs of all connections; in each turn one of them goes on.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._left = SLICE  # of the time that may be spent in this turn (s)
        self._working: deque[ClientConnection] = deque()
        self._chores = 0  # turns since which it is looked at
        self.chore: Generator[None] | None = None  #: what the server has to do for itself

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._working) or self.chore is not None

    @property
    def unserved(self) -> int:
        """Bytes of messages that came from other machines and wait behind jobs."""
        return sum(each.size for connection in self._working for each in connection.unserved)

    def new_turn(self) -> None:
        """A turn of the server begins: there is time again."""
        self._left = SLICE

    def begin(self, connection: ClientConnection, steps: Generator[None], size: int = 0) -> None:
        """Begins a job that a message asks for; often it is done at once, of many in one turn a step of each.

        Args:
            connection: Whose job it is; it has none.
            steps: What is to be done.
            size: Bytes of the message.
        """
        if not self._spend(steps):
            self.put_off(connection, steps, size)

    def put_off(self, connection: ClientConnection, steps: Generator[None], size: int = 0) -> None:
        """Does something for a connection soon, after what waits there already."""
        if not connection.queue:
            connection.line.pause(size)
            self._working.append(connection)
        connection.queue.append(steps)

    def go_on(self, now: float) -> ClientConnection | None:
        """Goes on with one job, or with the chore in each second turn.

        Args:
            now: The time (s): who has a job is not silent.

        Returns:
            A connection that has no job any more, if there is one.
        """
        if self.chore is not None and (not self._working or self._is_turn_of_chore()):
            if self._spend(self.chore):
                self.chore = None
            return None
        connection = self._working.popleft()
        connection.process.silent_since = now
        queue, job = connection.queue, connection.queue[0]
        if not isinstance(job, tuple) and self._spend(job):
            queue.popleft()
            self._say(connection)
        if queue:
            self._working.append(connection)
            return None
        connection.line.resume()
        return connection

    def say(self, connection: ClientConnection) -> None:
        """Sends what waits behind the job of a connection, which has not said anything yet."""
        if connection.queue:
            job = connection.queue.popleft()
            self._say(connection)
            connection.queue.appendleft(job)

    def _say(self, connection: ClientConnection) -> None:
        queue = connection.queue
        while queue and isinstance(message := queue[0], tuple):
            queue.popleft()
            connection.line.send(message)

    def drop(self, connection: ClientConnection) -> None:
        """A connection has ended: what it has begun is not done."""
        if not connection.queue:
            return
        self._working.remove(connection)
        for steps in connection.queue:
            if not isinstance(steps, tuple):
                steps.close()
        connection.queue.clear()
        connection.unserved.clear()

    def _is_turn_of_chore(self) -> bool:
        self._chores += 1
        return bool(self._chores % 2)

    def _spend(self, steps: Generator[None]) -> bool:
        """Spends what is left of the slice on a job, a step at least; says whether it is done."""
        since = self._clock()
        until = since + self._left
        is_done = all(self._clock() < until for _ in steps)
        self._left -= self._clock() - since
        return is_done
