"""Following the slots of a local space."""

from collections.abc import Iterator

from agentspace.core.board import Board
from agentspace.core.change import Batch, Change, Kind
from agentspace.core.role import State
from agentspace.core.space import Entry, Wake
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.value import Value, copy_containers, freeze
from agentspace.local.boards import Boards


class LocalWatch:
    """See `Watch`."""

    def __init__(self, boards: Boards, board: Board[Value], number: int) -> None:
        self._boards = boards
        self._board = board
        self._number = number
        self._unseen: int | None = None
        self._open = True
        self._overflow = 0

    @property
    def overflow(self) -> int:
        """The number of changes that were lost because this watcher was too slow."""
        with self._boards.changed:
            return self._board.overflow(self._number) if self._open else self._overflow

    def next(self, timeout: float | None = None) -> list[Entry] | None:
        """The next changes; the first call gives the present content."""
        with self._boards.changed:
            if self._unseen is not None:
                self._board.seen(self._number, self._unseen)
            until = FOREVER if timeout is None else self._boards.clock() + timeout
            batch = self._boards.wait((self._board.name, self._number), until, lambda: self._open)
            if batch is None:
                return None
            self._unseen = batch.number
            now = self._boards.clock()
            return [entry_of(change, now) for change in (*batch.changed.values(), *batch.every)]

    def __iter__(self) -> Iterator[Entry]:
        while (entries := self.next()) is not None:
            yield from entries

    def close(self) -> None:
        """Ends watching."""
        with self._boards.changed:
            self._overflow, self._open = self.overflow, False
            self._board.unwatch(self._number)
            self._boards.inbox.pop((self._board.name, self._number), None)
            self._boards.changed.notify_all()

    def __enter__(self) -> "LocalWatch":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def entry_of(change: Change[Value], now: float) -> Entry:
    """A change as its reader sees it."""
    return Entry.of(change, now, copy_containers(change.value))


def frozen_state(state: State[Value] | None) -> State[Value] | None:
    """The state, cut off from who keeps it."""
    return None if state is None else State(state.version, freeze(state.value))


def wake_of(batch: Batch[Value], now: float) -> Wake:
    """The wake-up of an agent at this time (s)."""
    values = {
        name: (change.value, change.valid_to) if change.kind is Kind.WRITTEN else None
        for name, change in batch.changed.items()
        if name in batch.values
    }
    every = tuple(entry_of(change, now) for change in batch.every)
    names = dict.fromkeys((*batch.changed, *(change.name for change in batch.every)))
    return Wake(tuple(names), every, lost=batch.lost, number=batch.number, values=values)
