"""The slots of a space in the memory of one process: reading, writing, following them."""

import threading

from numpy.typing import DTypeLike

from agentspace.agent.runner import Runner
from agentspace.core.board import Board
from agentspace.core.change import Decision, Writer
from agentspace.core.mailbox import Trigger
from agentspace.core.slot import Erase, Put
from agentspace.core.space import Entry
from agentspace.core.values.loan import Blank, Form, Loan, Shape
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import check_name
from agentspace.core.values.value import Value, freeze
from agentspace.local.boards import Boards
from agentspace.local.watch import LocalWatch, entry_of


class LocalSlots:
    """The slots of a space in this process, as one writer sees them."""

    def _start(self, name: str, boards: Boards, writer: Writer) -> None:
        self.name = name
        self._boards = boards
        self._writer = writer
        self._raises = False
        self._threads: list[tuple[threading.Thread, Runner]] = []

    @property
    def _board(self) -> Board[Value]:
        """Asked for each time: it may have been forgotten meanwhile, if it was empty."""
        return self._boards.board(self.name)

    def read(self, name: str, default: Value = None) -> Value:
        """The value of a slot while it is valid, else the default."""
        entry = self.entry(name)
        return default if entry is None else entry.value

    def entry(self, name: str) -> Entry | None:
        """The value with everything known of it; None if the slot is empty."""
        self._hear_of_failures(check_name(name))
        with self._boards.changed:
            now = self._boards.step()
            change = self._board.read(name, now)
            self._board.note_read(name, self._writer.role)
            return None if change is None else entry_of(change, now)

    def write(
        self, name: str, value: Value, validity: float | None = None, priority: float = 0.0, delay: float = 0.0
    ) -> Decision:
        """Writes at once; see `Space.write`."""
        return self._apply(Put(name, value, validity, priority, delay)._replace(value=freeze(value)))

    def loan(
        self,
        name: str,
        shape: Shape,
        dtype: DTypeLike,
        validity: float | None = None,
        priority: float = 0.0,
        delay: float = 0.0,
    ) -> Loan[Decision]:
        """An array to be filled, and then written; see `Space.loan`."""
        put, form = Put(name, None, validity, priority, delay), Form.of(shape, dtype)
        return Loan(lambda: self.blank(form), lambda blank: self._apply(put._replace(value=blank.finish())))

    def blank(self, form: Form) -> Blank:
        """An array to be filled, of which `commit` takes what its `finish` gives."""
        return Blank(form)

    def delete(self, name: str, priority: float = 0.0, validity: float | None = None) -> Decision:
        """Empties a slot; see `Space.delete`."""
        return self._apply(Erase(name, priority, validity))

    def snapshot(self, mask: str = "*") -> dict[str, Entry]:
        """All slots under a mask that something holds now."""
        self._hear_of_failures("_/errors/" if str(mask).startswith("_") else str(mask))
        with self._boards.changed:
            now = self._boards.step()
            changes = [slot.change for slot in self._board.snapshot(mask, now)]
            return {change.name: entry_of(change, now) for change in changes if change is not None}

    def watch(self, mask: str = "*", kind: Trigger = Trigger.NORMAL) -> LocalWatch:
        """Follows the slots under a mask."""
        with self._boards.changed:
            follows = self._board.watch(mask, Trigger(kind), {}, self._boards.step())
            if Mask(mask).exact:
                self._board.note_read(mask, self._writer.role)
            return LocalWatch(self._boards, self._board, follows)

    def _hear_of_failures(self, name: str) -> None:
        """Before a slot is read."""
        if not name.startswith("_"):
            self._boards.tell_failure()
        self._boards.seen(name)

    def _apply(self, act: Put[Value] | Erase) -> Decision:
        with self._boards.turn() as now:
            return self._board.apply(act, self._writer, now)
