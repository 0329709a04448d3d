"""The messages that a server sends: answers, batches, orders of swaps, and memory that is given back."""

from collections.abc import Iterable
from typing import Any

import zmq

from agentspace.core.board import Board
from agentspace.core.change import Change
from agentspace.core.mailbox import Batch
from agentspace.core.role import State
from agentspace.core.seats import Dismiss, Reclaim, Resume, Suspend
from agentspace.errors import AgentspaceError
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.registry import Registry
from agentspace.wire import messages
from agentspace.wire.format import Message, pack_head, send
from agentspace.wire.parcel import Ref, Stored

_NO_REFS: list[Ref] = []


class Outbox:
    """Sends to the clients of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def deliver(self) -> None:
        """Sends what swaps order, and every batch that can go now."""
        now = self._registry.now
        for board in self._registry.boards.values():
            if board.swaps.orders:
                self._order(board)
            if board.ready:
                for to, batch in board.deliveries(now):
                    if isinstance(to, int):
                        self._show(board, to, batch)
                    else:
                        self._dispatch(board, to, batch)

    def send(self, connection: ClientConnection, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends a message, after what the client may fill again."""
        if connection.process.recycled:
            self.recycle(connection)
        send(connection.socket, connection.key[1], (message.pack(), *frames))

    def fail(self, socket: zmq.Socket[bytes], identity: bytes, call: int, error: AgentspaceError) -> None:
        """Tells a sender what is wrong with what it sent."""
        send(socket, identity, (messages.Failed(call, type(error).__name__, str(error)).pack(),))

    def recycle(self, connection: ClientConnection) -> None:
        """Tells a client which of its segments it may fill again."""
        process = connection.process
        segments = process.recycled[:]
        process.recycled.clear()
        self._registry.recycling.discard(process)
        send(connection.socket, connection.key[1], (messages.Recycle(segments).pack(),))

    def recycle_all(self) -> None:
        """Tells all clients that have not heard it which of their segments they may fill again."""
        for process in list(self._registry.recycling):
            if process.voice is not None:
                self.recycle(process.voice)

    def pack(self, process: ClientProcess, changes: Iterable[Change[Stored]]) -> tuple[list[Any], list[bytes]]:
        """The heads and frames with which changes go to a client."""
        heads, frames = [], []
        for change in changes:
            stored, refs, frame = change.value, _NO_REFS, b""
            if stored is not None:
                refs, frame = process.lend(stored) if stored.loans else (_NO_REFS, stored.data)
            heads.append(pack_head(change, self._registry.now, refs))
            frames.append(frame)
        return heads, frames

    def pack_state(
        self, process: ClientProcess, state: State[Stored] | None
    ) -> tuple[list[Any] | None, list[bytes]]:
        """A state as a message carries it, and its frame."""
        if state is None:
            return None, []
        refs, frame = process.lend(state.value)
        return [state.version, refs], [frame]

    def _order(self, board: Board[Stored]) -> None:
        """Tells parties what swaps order."""
        for connection, order in board.orders():
            match order:
                case Suspend():
                    self.send(connection, messages.BeginHandOver())
                case Resume():
                    kept, frames = self.pack_state(connection.process, order.state)
                    self.send(connection, messages.TakeOver(order.epoch, kept), frames)
                case Reclaim():
                    kept, frames = self.pack_state(connection.process, order.state)
                    self.send(connection, messages.TakeBack(order.epoch, kept), frames)
                case Dismiss():
                    self.send(connection, messages.Stopping())

    def _dispatch(self, board: Board[Stored], role: str, batch: Batch[Stored]) -> None:
        """Wakes the incarnation that acts in a role."""
        connection: ClientConnection = board.seats.acting[role]
        newest = [change for name, change in batch.changed.items() if name in batch.values]
        names = list(batch.changed)
        every: list[Any] = []
        heads, frames = self.pack(connection.process, newest)
        if batch.every:
            names = list(dict.fromkeys((*names, *(change.name for change in batch.every))))
            every, more = self.pack(connection.process, batch.every)
            frames += more
        self.send(connection, messages.Dispatch(batch.number, names, heads, every), frames)

    def _show(self, board: Board[Stored], number: int, batch: Batch[Stored]) -> None:
        """Sends a watcher its changes."""
        connection = self._registry.watchers[board.name, number]
        heads, frames = self.pack(connection.process, (*batch.changed.values(), *batch.every))
        self.send(connection, messages.Changes(batch.number, board.overflow(number), heads), frames)
