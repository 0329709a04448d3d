"""The caller of a handler: a connection that a message came from, and what a server does for it."""

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple

from agentspace.core.board import Board
from agentspace.core.slot import Erase, Put
from agentspace.errors import FencedError
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.outbox import Outbox
from agentspace.server.registry import Registry
from agentspace.wire.format import Message
from agentspace.wire.parcel import Stored


class Caller(NamedTuple):
    """A connection that a message came from, at the server that it came to."""

    connection: ClientConnection
    process: ClientProcess
    registry: Registry
    outbox: Outbox

    def board(self, space: str) -> Board[Stored]:
        """The board of a space."""
        return self.registry.board(space)

    def filling(self, message: Any) -> Board[Stored]:
        """The board that a message of an incarnation is about: its process fills the role that it names.

        Raises:
            FencedError: It does not, whatever epoch it names: after a restart of the server epochs begin anew.
        """
        board = self.registry.boards.get(message.space) or self.registry.board(message.space)
        acting = board.seats.acting.get(message.role)
        if acting is None or acting.process is not self.process:
            board.roles.check(message.role, message.epoch)
            raise FencedError(f"epoch {message.epoch} of role {message.role!r} is not of this process")
        return board

    def check_room(self, space: str, acts: Sequence[Put[Stored] | Erase] = (), role: str = "") -> None:
        """Whether what has come, and does not fit, can stay in place of what slots hold, and of what a role keeps.

        Raises:
            LimitError: It cannot.
        """
        share = self.process.share
        self.registry.let_go()
        board = self.registry.boards.get(space)
        if board is None:
            share.check()
            return
        changes = [board.read(name, self.registry.now) for name in {act.name for act in acts}]
        values = [change.value for change in changes if change is not None]
        known = board.roles.get(role)
        values += [known.kept.value] if known is not None and known.kept is not None else []
        share.check(value.replaceable for value in values if value is not None)

    def answer(self, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends the answer."""
        self.outbox.send(self.connection, message, frames)

    def answer_last(self, message: Message) -> Generator[None] | None:
        """Sends the answer when all have heard what there is to hear; a job, if that takes longer."""
        if not self.outbox.is_behind:
            self.outbox.send(self.connection, message)
            return None
        return self._answering_last(message)

    def echo_last(self, message: Message) -> Generator[None] | None:
        """Sends an answer that tells of no change, when all have heard what there is to hear."""
        if not self.outbox.is_behind:
            self.outbox.echo(self.connection, message)
            return None
        return self._echoing_last(message)

    def _echoing_last(self, message: Message) -> Generator[None]:
        yield from self.outbox.delivering()
        self.outbox.echo(self.connection, message)

    def _answering_last(self, message: Message) -> Generator[None]:
        yield from self.outbox.delivering()
        self.answer(message)
