"""A server whose spaces outlive it: its registry, what it sends, and the keeper of its store.

The rule is that of `agentspace.core.durable.cuts`; here it meets a file. Whoever is answered, or is shown a
durable change, hears of it when it is kept. While the store cannot be written (its disk is full, say) the spaces
go on, nobody waits, and whoever writes a durable slot is told that it is not kept.
"""

import logging
import operator
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from agentspace.core.board import Board, Floors
from agentspace.core.durable.board import DurableBoard, reserved
from agentspace.core.durable.cuts import Cuts, ForgottenSpace, SpaceCut
from agentspace.core.space import DEFAULT_SPACE
from agentspace.core.spaces import MAX_SPACES
from agentspace.errors import AgentspaceError, StoreError
from agentspace.server.clients import ClientConnection
from agentspace.server.outbox import Outbox
from agentspace.server.registry import Registry, plain
from agentspace.store.file import StoreFile
from agentspace.store.writer import Cut, StoreWriter
from agentspace.wire import from_server
from agentspace.wire.format import Message
from agentspace.wire.parcel import Stored
from agentspace.wire.segments import segments_of

AGAIN: Final = 1.0  #: seconds until a store that could not be written is tried again
_LOOKED_UP: Final = 1024  # slots at once
_MESSAGE: Final = 1024  # bytes that a message takes without its frames
_SHOWN: Final = 3  # places of damage that an error tells
_ACCEPTED: Final = 2  # fields of a decision on what was accepted
_OF_ROLES: Final = (
    from_server.Joined,
    from_server.TakeOver,
    from_server.TakeBack,
    from_server.Done,
    from_server.Numbered,
)

_log = logging.getLogger("agentspace.server")


class DurableRegistry(Registry):
    """The state of a server whose spaces outlive it."""

    def __init__(self, cuts: Cuts, *registry: Any) -> None:
        self.cuts = cuts
        self.store: dict[str, Any] = {}  #: what is told of it
        self.has_gone: Callable[[ClientConnection], None] = lambda _: None  #: is told whose connection has ended
        super().__init__(*registry)

    def _new_board(self, name: str, floors: Floors) -> Board[Stored]:
        return DurableBoard(name, self.cuts, self.stored, operator.attrgetter("size"), plain, floors)

    def hang_up(
        self, connection: ClientConnection, why: str = "its connection ended", *, silent: bool = False
    ) -> None:
        """A connection has ended: nothing is held for it."""
        super().hang_up(connection, why, silent=silent)
        self.has_gone(connection)

    def _account(self) -> dict[str, Any]:
        return {**super()._account(), "store": self.store}


class Held(NamedTuple):
    """A message that waits until a cut is kept; or a job that says something, and waits behind others."""

    cut: int
    message: Message | Generator[None]
    frames: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return _MESSAGE + sum(map(len, self.frames))


class DurableOutbox(Outbox):
    """Sends to the clients of a server whose spaces outlive it: what shows a change once that is kept.

    Args:
        registry: Of the server.
    """

    def __init__(self, registry: DurableRegistry) -> None:
        super().__init__(registry)
        self._cuts = registry.cuts
        self._held: dict[ClientConnection, deque[Held]] = {}
        registry.has_gone = self._let_go

    def send(self, connection: ClientConnection, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends a message, or holds it, and all that come after it on its connection."""
        cut = self._cut_of(message)
        queue = self._held.get(connection)
        if queue is None and cut <= self._cuts.kept:
            super().send(connection, self._true(message), frames)
            return
        self._hold(connection, Held(cut, message, tuple(frames)))

    def echo(self, connection: ClientConnection, message: Message) -> None:
        """Sends an answer that tells of no change: it waits for no cut, but in its turn."""
        if connection in self._held:
            self._hold(connection, Held(0, message))
        else:
            super().send(connection, message)

    def part(self, connection: ClientConnection, message: Message) -> None:
        """Sends the last answer to a connection that is about to end; what waits for it goes nowhere."""
        self._let_go(connection)
        super().send(connection, message)

    def release(self) -> None:
        """Sends what waited for what is kept now; all, if nothing can be kept."""
        for connection, queue in list(self._held.items()):
            while queue and (self._cuts.broken or queue[0].cut <= self._cuts.kept):
                held = queue.popleft()
                connection.line.keep_back(-held.size)
                if isinstance(held.message, Message):
                    super().send(connection, self._true(held.message), held.frames)
                else:
                    super()._put_off(connection, held.message)
            if not queue:
                del self._held[connection]

    def clearing(self, connection: ClientConnection) -> Generator[None]:
        """The steps after which all has gone to a client that was said before."""
        while connection in self._held:
            yield
        self._registry.jobs.say(connection)

    def _keeping(self, names: list[str]) -> Generator[None]:
        """The steps after which these slots may be shown."""
        cut = 0
        for at in range(0, len(names), _LOOKED_UP):
            cut = max(cut, self._cuts.wait_for(names[at : at + _LOOKED_UP]))
            yield
        while cut > self._cuts.kept and not self._cuts.broken:
            yield

    def _put_off(self, connection: ClientConnection, steps: Generator[None]) -> None:
        """Tells a client something that takes long, after what was said before."""
        if connection in self._held:
            self._hold(connection, Held(0, steps))
        else:
            super()._put_off(connection, steps)

    def _hold(self, connection: ClientConnection, held: Held) -> None:
        """Lets something wait; a client that asks for more and more meanwhile is not read any more."""
        self._held.setdefault(connection, deque()).append(held)
        connection.line.keep_back(held.size)

    def _let_go(self, connection: ClientConnection) -> None:
        """Nobody will get what waits for a client: it does not have what it was lent with it."""
        for held in self._held.pop(connection, ()):
            connection.line.keep_back(-held.size)
            if isinstance(held.message, Message):
                connection.process.release(segments_of(held.message))
            else:
                held.message.close()

    def _cut_of(self, message: Message) -> int:
        """The number of the cut that a message has to wait for; 0 for none."""
        match message:
            case from_server.Decided():
                return self._cuts.wait_for(decision[0] for decision in message.decisions)
            case from_server.Dispatch():
                return self._cuts.wait_for(message.names)
            case from_server.Entries() | from_server.Changes():
                return self._cuts.wait_for(head[0] for head in message.heads)
        return self._cuts.wait_for_roles if isinstance(message, _OF_ROLES) else 0

    def _true(self, message: Message) -> Message:
        """The message; while nothing can be kept, no answer says that a durable write was carried out."""
        if not self._cuts.broken or not isinstance(message, from_server.Decided):
            return message
        names = [decision[0] for decision in message.decisions if len(decision) == _ACCEPTED]
        lost = [name for name in names if self._cuts.covers(name)]
        if not lost or len(names) < len(message.decisions):  # of a handler's writes only refusals are told
            return message
        text = f"{', '.join(map(repr, lost))} is in the space, but not kept: the store cannot be written"
        return from_server.Failed(message.call, StoreError.__name__, text)


class Keeper:
    """Keeps what outlives the server in its store.

    Args:
        path: Of the store.
        masks: Of the durable slots.
        clock: Monotonic seconds.
        parts: Of the registry.

    Attributes:
        registry: Of the server, with what was kept.
        outbox: Of the server.
        bell: A file descriptor that is readable when `attend` has something to do.

    Raises:
        StoreError: It is none, is damaged or in use, or cannot be written.
        SlotNameError: A mask is none.
    """

    def __init__(self, path: Path, masks: Sequence[str], clock: Callable[[], float], parts: Sequence[Any]) -> None:
        self._cuts = Cuts(masks)
        self._clock = clock
        self._again = 0.0  # when it is tried again (s)
        self._forgotten: dict[str, ForgottenSpace] = {}  # since the last cut
        self._floors: Floors | None = None  # of new spaces, as they were written last
        self.registry = DurableRegistry(self._cuts, *parts)
        self.outbox = DurableOutbox(self.registry)
        self._file = StoreFile(path)
        try:
            self._restore()
            self._tell(None)
            self.registry.board(DEFAULT_SPACE)
            self._file.keep(self._collect())  # that it can be written shows before anybody counts on it
        except BaseException:
            self._file.close()
            raise
        self._cuts.keep(self._cuts.number - 1)
        self._writer = StoreWriter(self._file)
        self.bell = self._writer.done

    def begin(self) -> None:
        """Begins to keep what has changed, if nothing is being written."""
        if self._writer.under_way is not None or not self._cuts.has_news:
            return
        if not self._cuts.broken or self._clock() >= self._again:
            self._writer.begin(self._collect())

    def attend(self) -> None:
        """A cut was written, or could not be: whoever waits hears of it."""
        cut, error = self._writer.outcome()
        if error is None:
            if self._cuts.broken:
                _log.warning("the store can be written again; everything is kept")
                self._tell(None)
            self._cuts.broken = False
            self._cuts.keep(self._cuts.number - 1)
        else:
            if not self._cuts.broken:
                _log.error("%s; the space goes on, and nothing is kept until that works", error)
                self._tell(error)
            self._cuts.broken = True
            self._again = self._clock() + AGAIN
            self._take_back(cut)
        self.outbox.release()

    def close(self) -> None:
        """Keeps what is left, and where numbers go on."""
        self._writer.close()
        self._take_back(self._writer.under_way or ())  # written or not: once more
        try:
            self._file.keep(self._collect(last=True), clean=True)
            self._cuts.keep(self._cuts.number - 1)
        except AgentspaceError as error:
            _log.error("%s: what has changed since it was written last is lost", error)
        self.outbox.release()
        self._file.close()

    def _take_back(self, cut: Cut) -> None:
        self._floors = None
        self._forgotten = {each.space: each for each in cut if isinstance(each, ForgottenSpace)} | self._forgotten
        for space in cut:
            board = self.registry.boards.get(space.space)
            if isinstance(board, DurableBoard) and isinstance(space, SpaceCut):
                board.take_back(space)
        self._cuts.has_news = True

    def _collect(self, *, last: bool = False) -> Cut:
        number, boards = self._cuts.take(), self.registry.boards.values()
        cuts = [board.cut(number, last=last) for board in boards if isinstance(board, DurableBoard)]
        forgotten, self._forgotten = [*self._forgotten.values()], {}
        return [*forgotten, *self._new_spaces(last=last), *(cut for cut in cuts if cut is not None)]

    def _new_spaces(self, *, last: bool) -> list[SpaceCut[Stored]]:
        """Where numbers of new spaces begin after the end of this server: those of one may not be kept by then."""
        floors = self.registry.boards.floors
        floors = floors if last else reserved(floors)
        if floors == self._floors:
            return []
        self._floors = floors
        return [SpaceCut("", floors, {}, {}, frozenset(), {})]

    def _forget(self, name: str, floors: Floors | None) -> None:
        self._forgotten[name] = ForgottenSpace(name, None if floors is None else reserved(floors))
        self._cuts.has_news = True

    def _restore(self) -> None:
        contents = self._file.read()
        if contents.damage:
            places = "; ".join(contents.damage[:_SHOWN])
            raise StoreError(
                f"the store {self._file.path} is damaged ({places}); `agentspace store {self._file.path}` tells "
                "what of it can be read, and saves that"
            )
        boards = self.registry.boards
        boards.floors, boards.note = contents.floors, self._forget
        for name, saved in contents.spaces.items():
            boards.remember(name, saved.floors)
            if (saved.slots or saved.roles) and len(boards) < MAX_SPACES:
                board = boards.board(name)
                self.registry.count(saved.values())
                if isinstance(board, DurableBoard):
                    board.restore(saved, self.registry.now)

    def _tell(self, error: AgentspaceError | None) -> None:
        durable = [mask.text for mask in self._cuts.masks]
        failed = None if error is None else str(error)
        self.registry.store = {"file": str(self._file.path), "durable": durable, "failed": failed}
