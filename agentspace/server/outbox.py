"""The messages that a server sends: answers, batches, orders of swaps, and memory that is given back."""

import itertools
import logging
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final

import msgpack

from agentspace.core.board import Board
from agentspace.core.change import Batch, Change
from agentspace.core.role import State
from agentspace.core.seats import Dismiss, Reclaim, Resume, Suspend
from agentspace.core.slot import AT_ONCE
from agentspace.errors import AgentspaceError
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.lines import ClientLine
from agentspace.server.registry import Registry
from agentspace.wire import from_server
from agentspace.wire.codec import encode
from agentspace.wire.format import Message, PackedList, pack_head, pack_long
from agentspace.wire.memory import NO_MEMORY
from agentspace.wire.parcel import Ref, Stored

PORTION: Final = 1 << 14  #: heads, or names, in one message; more go in portions
MANY: Final = 256  #: changes that are told at once; more take their time
_AT_ONCE: Final = 64  # of these, in one step; and batches that are handed out in one turn
_LARGE: Final = 1 << 20  # bytes of a value that is not copied at once
_NO_REFS: list[Ref] = []
_pack = msgpack.packb
_log = logging.getLogger("agentspace.server")


class Outbox:
    """Sends to the clients of a registry.

    Attributes:
        is_behind: Whether there are batches that can go, but not in this turn.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.is_behind = False

    def due(self, until: float) -> float:
        """The time at which something happens to a space by itself (s); a later one counts as `until`."""
        for board in self._registry.boards.values():
            deadline = board.next_deadline(AT_ONCE)
            if deadline is not None and deadline < until:
                until = deadline
        return until

    def deliver(self) -> None:
        """Sends what swaps order, and the batches that can go now: the first of them, if they are very many."""
        now, left = self._registry.now, _AT_ONCE
        self.is_behind = False
        for board in self._registry.boards.values():
            if board.swaps.orders:
                self._order(board)
            if board.ready:
                for to, batch in board.deliveries(now):
                    self._hand_out(board, to, batch)
                    left -= 1
                    if left <= 0:
                        self.is_behind = True
                        return

    def delivering(self) -> Generator[None]:
        """The steps after which all batches have gone that can."""
        while self.is_behind:
            yield
            self.deliver()

    def deliver_collected(self, space: str, role: str) -> None:
        """Sends a role what QUIET triggers have collected."""
        self.deliver()

    def send(self, connection: ClientConnection, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends a message, after what the client may fill again."""
        if connection.process.recycled:
            self.recycle(connection)
        _send(connection, (message.pack(), *frames))

    def echo(self, connection: ClientConnection, message: Message) -> None:
        """Sends an answer that tells of no change: only that what came before it was heard."""
        self.send(connection, message)

    def part(self, connection: ClientConnection, message: Message) -> None:
        """Sends the last answer to a connection that is about to end."""
        self.send(connection, message)

    def fail(self, line: ClientLine, call: int, error: AgentspaceError) -> None:
        """Tells a sender what is wrong with what it sent."""
        line.send((from_server.Failed(call, type(error).__name__, str(error)).pack(),))

    def recycle(self, connection: ClientConnection) -> None:
        """Tells a client which of its segments it may fill again."""
        process = connection.process
        segments = process.recycled[:]
        process.recycled.clear()
        self._registry.recycling.discard(process)
        _send(connection, (from_server.Recycle(segments).pack(),))

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
                refs, frame = process.lend(stored) if stored.fillings else (_NO_REFS, stored.data)
            heads.append(pack_head(change, self._registry.now, refs))
            frames.append(frame)
        return heads, frames

    def telling(
        self,
        connection: ClientConnection,
        kind: type[Message],
        first: Sequence[Any],
        *changes: Iterable[Change[Stored]],
    ) -> Generator[None]:
        """The steps in which changes go to a client, however many there are: of very many, in portions.

        Args:
            connection: To the client; this is its job.
            kind: Of the message.
            first: Its first fields.
            changes: For each further field the changes whose heads it has; their frames follow.
        """
        process, names, frames, lent = connection.process, list[str](), list[bytes](), list[int]()
        fields = yield from _packing_all(first)
        try:
            for number, some in enumerate(changes):
                heads = PackedList()
                for change in some:
                    if not number and len(frames) >= PORTION:
                        yield from self._portioning(connection, names, heads, frames)
                        heads, names, frames = PackedList(), [], []
                    stored, refs, frame = change.value, _NO_REFS, b""
                    if stored is not None:
                        if stored.fillings and not process.borrows(stored):
                            yield from stored.inlining()
                        refs, frame = process.lend(stored)
                        lent += [ref[0] for ref in refs]
                    heads.add(pack_head(change, self._registry.now, refs))
                    names.append(change.name)
                    frames.append(frame)
                    if not len(frames) % _AT_ONCE:
                        yield
                fields.append(heads.packed())
                yield
            yield from self._keeping(names)
            frames.insert(0, pack_long(kind, fields))
            yield
            yield from connection.line.sending(frames)
        except GeneratorExit:  # it did not arrive
            process.release(lent)
            raise

    def _portioning(
        self, connection: ClientConnection, names: list[str], heads: PackedList, frames: list[bytes]
    ) -> Generator[None]:
        """The steps in which a portion of what a client is told goes."""
        yield from self._keeping(names)
        yield from connection.line.sending([pack_long(from_server.Portion, (_pack([]), heads.packed())), *frames])

    def clearing(self, connection: ClientConnection) -> Generator[None]:
        """The steps after which all has gone to a client that was said before."""
        yield from ()

    def _keeping(self, names: list[str]) -> Generator[None]:
        """The steps after which these slots may be shown."""
        yield from ()

    def _put_off(self, connection: ClientConnection, steps: Generator[None]) -> None:
        """Tells a client something that takes long, after what was said before."""
        self._registry.jobs.put_off(connection, _or_cut_off(connection, steps))

    def takes_long(self, process: ClientProcess, batch: Batch[Stored]) -> bool:
        """Whether a batch cannot be told to a client at once."""
        if len(batch.changed) + len(batch.every) > MANY:
            return True
        return not process.shares and any(map(self.is_large, itertools.chain(batch.changed.values(), batch.every)))

    def is_large(self, change: Change[Stored]) -> bool:
        """Whether a value has to be copied for a client that shares no memory, and that takes long."""
        return change.value is not None and bool(change.value.fillings) and change.value.size > _LARGE

    def pack_state(
        self, process: ClientProcess, state: State[Stored] | None
    ) -> tuple[list[Any] | None, list[bytes]]:
        """A state as a message carries it, and its frame."""
        if state is None:
            return None, []
        refs, frame = process.lend(state.value)
        return [state.version, refs], [frame]

    def send_settings(self, connection: ClientConnection, number: int, settings: dict[str, Any]) -> None:
        """Tells an incarnation of a change of its settings, if there is one."""
        if settings:
            self.send(connection, from_server.Settings(number), [encode(settings)])

    def _order(self, board: Board[Stored]) -> None:
        """Tells parties what swaps order."""
        for connection, order in board.orders():
            match order:
                case Suspend():
                    self.send(connection, from_server.BeginHandOver())
                case Resume():
                    self.send_settings(connection, 0, board.roles[order.role].adjustments.given)
                    kept, frames = self.pack_state(connection.process, order.state)
                    self.send(connection, from_server.TakeOver(order.epoch, kept), frames)
                case Reclaim():
                    kept, frames = self.pack_state(connection.process, order.state)
                    self.send(connection, from_server.TakeBack(order.epoch, kept), frames)
                case Dismiss():
                    self.send(connection, from_server.Stopping())

    def _hand_out(self, board: Board[Stored], to: str | int, batch: Batch[Stored]) -> None:
        """Sends a batch; a connection for which there is no memory is cut off: what it missed waits for it."""
        try:
            if isinstance(to, int):
                self._show(board, to, batch)
            else:
                self._dispatch(board, to, batch)
        except MemoryError:
            seats: dict[str, ClientConnection] = board.seats.acting
            _cut_off(self._registry.watchers[board.name, to] if isinstance(to, int) else seats[to])

    def _dispatch(self, board: Board[Stored], role: str, batch: Batch[Stored]) -> None:
        """Wakes the incarnation that acts in a role."""
        connection: ClientConnection = board.seats.acting[role]
        if self.takes_long(connection.process, batch):
            self._put_off(connection, self._dispatching(connection, batch))
            return
        newest = [change for name, change in batch.changed.items() if name in batch.values]
        names = list(batch.changed)
        every: list[Any] = []
        heads, frames = self.pack(connection.process, newest)
        if batch.every:
            names = list(dict.fromkeys((*names, *(change.name for change in batch.every))))
            every, more = self.pack(connection.process, batch.every)
            frames += more
        self.send(connection, from_server.Dispatch(batch.number, batch.lost, names, heads, every), frames)

    def _dispatching(self, connection: ClientConnection, batch: Batch[Stored]) -> Generator[None]:
        """The steps of a dispatch of many changes."""
        yield from batch.tracing()
        changed = iter(batch.changed)
        for _ in range(PORTION, len(batch.changed), PORTION):
            some = yield from _packing([*itertools.islice(changed, PORTION)])
            yield from connection.line.sending([pack_long(from_server.Portion, (some, _pack([])))])
        names = [*changed]
        names += dict.fromkeys(change.name for change in batch.every if change.name not in batch.changed)
        newest = (change for name, change in batch.changed.items() if name in batch.values)
        first = batch.number, batch.lost, names
        yield from self.telling(connection, from_server.Dispatch, first, newest, batch.every)

    def _show(self, board: Board[Stored], number: int, batch: Batch[Stored]) -> None:
        """Sends a watcher its changes."""
        connection = self._registry.watchers[board.name, number]
        if self.takes_long(connection.process, batch):
            first = batch.number, board.overflow(number)
            changes = itertools.chain(batch.changed.values(), batch.every)
            self._put_off(connection, self.telling(connection, from_server.Changes, first, changes))
            return
        heads, frames = self.pack(connection.process, (*batch.changed.values(), *batch.every))
        self.send(connection, from_server.Changes(batch.number, board.overflow(number), heads), frames)


def _packing(items: list[Any]) -> Generator[None, None, bytes]:
    """The steps in which a long list is packed; returns it."""
    made = PackedList()
    for count, item in enumerate(items, 1):
        made.add(item)
        if not count % MANY:
            yield
    return made.packed()


def _packing_all(fields: Sequence[Any]) -> Generator[None, None, list[bytes]]:
    """The steps in which fields are packed, of which some may be long lists."""
    packed = list[bytes]()
    for field in fields:
        packed.append((yield from _packing(field)) if isinstance(field, list) else _pack(field))
    return packed


def _or_cut_off(connection: ClientConnection, steps: Generator[None]) -> Generator[None]:
    """Steps; the connection that they are for is cut off if there is no memory for them, or they fail."""
    try:
        yield from steps
    except MemoryError:
        _cut_off(connection)
    except Exception:
        _log.exception("internal error")
        _cut_off(connection, "it could not be told what it follows")


def _cut_off(connection: ClientConnection, why: str = NO_MEMORY) -> None:
    _log.warning("cut off %s (%s): %s", connection.process.name, connection.line.peer, why)
    connection.line.close()


def _send(connection: ClientConnection, message: tuple[bytes, ...]) -> None:
    """Sends a message, after those that wait there, and after what is under way."""
    if connection.queue:
        connection.queue.append(message)
    else:
        connection.line.send(message)
