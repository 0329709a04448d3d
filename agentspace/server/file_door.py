"""The door of a server for the processes of its own machine: a socket file, and the lines that begin there."""

import contextlib
import logging
import mmap
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agentspace.errors import AgentspaceError, LimitError
from agentspace.server.lines import LARGE_PIECE, NOTABLE, UNREAD, FileLine, Key
from agentspace.wire import descriptors
from agentspace.wire.from_server import CUT_OFF, Failed
from agentspace.wire.memory import NO_MEMORY

HANDSHAKE: Final = 10.0  #: seconds in which who has connected has introduced itself
HALF_OPEN: Final = 128  #: lines at most whose clients have not; of more, the oldest are cut off
BURST: Final = 64  #: messages taken from one line before time and the others get their turn
_TURN: Final = 0.004  # seconds in which messages of all lines are begun, but for the first of each
_LOOK: Final = 0.1  # seconds between two looks whether there is room again
_TOLD: Final = 1.0  # seconds between two lines in the log about who was cut off
_MUTE_KEPT: Final = 256  # processes
_LINGER: Final = 0.2  # seconds in which last answers may go out
_NONE: Final[set[int]] = set()
Handle = Callable[[FileLine, list[bytes]], None]
_log = logging.getLogger("agentspace.server")


class FileDoor:
    """Lets clients in, while there is room, and takes what they send.

    Args:
        path: Of the file, in a private folder; it stays.
        epoll: Is told what to wait for.
        budget: Bytes of what is no message yet, and of answers that wait, of all lines together.

    Raises:
        OSError: The file cannot be made.
        LimitError: There are too few file descriptors to begin with.
    """

    NUMBER: Final = 0

    def __init__(self, path: Path, epoll: select.epoll, budget: int) -> None:
        if not self._has_room:
            raise LimitError(descriptors.exhausted("the server"))
        self._ended: list[FileLine] = []
        self._budget = budget
        self._front = _listen(path)
        self._epoll = epoll
        self._front_fd = self._front.fileno()
        self._epoll.register(self._front, select.EPOLLIN)
        self._watched = True  # whether it is waited for clients
        self._looked = 0.0
        self._count = 0
        self._lines: dict[int, FileLine] = {}
        self._half_open: dict[FileLine, float] = {}  # with their deadlines, which grow
        self._busy: dict[FileLine, None] = {}  # may have sent more messages than had their turn
        self._notable: dict[FileLine, None] = {}  # hold much
        self._told, self._untold = 0.0, 0
        self._inbox = memoryview(mmap.mmap(-1, LARGE_PIECE))  # takes memory only as far as it is used
        self._mute: dict[int, None] = {}  # processes that were cut off as they said nothing

    @property
    def is_crowded(self) -> bool:
        """Whether new clients have to be told that there is no room soon."""
        return descriptors.left() <= descriptors.SPARE + descriptors.queue_size() + 4

    @property
    def is_busy(self) -> bool:
        """Whether messages, or ends of lines, are here that had no turn."""
        return bool(self._busy or self._ended)

    def attend(self, now: float) -> None:
        """Lets in who waits, if there is room; cuts off who does not say who it is; to be called in each turn."""
        while self._half_open:
            line, deadline = next(iter(self._half_open.items()))
            if line.open and not line.admitted:
                if now < deadline and len(self._half_open) <= HALF_OPEN:
                    break
                self._cut_mute(line)
            self._half_open.pop(line, None)
        if self._notable:
            self._keep_budget()
        if not self._watched and now - self._looked >= _LOOK:
            self._watch(True)

    def serve(self, events: list[tuple[int, int]], now: float, handle: Handle) -> set[int]:
        """Has the messages handled that have come, one by one; gives the descriptors that are not its own.

        Args:
            events: What has happened to descriptors.
            now: The time (s, monotonic).
            handle: Handles a message of a line; what is done with one comes before the next.
        """
        others = _NONE
        for fd, event in events:
            line = self._lines.get(fd)
            if line is not None:
                self._note(line, event)
            elif fd == self._front_fd:
                self._let_in(now)
            else:
                others = {*others, fd}
        share = _TURN / max(1, len(self._busy))
        for line in list(self._busy):
            try:
                self._take(line, handle, share)
            except AgentspaceError as error:  # it does not keep to the protocol
                self._cut(line, error)
            except MemoryError:
                line.stream.drop()
                self._cut(line, LimitError(NO_MEMORY))
        return others

    @property
    def has_ended(self) -> bool:
        """Whether lines were closed that `ended` has not given."""
        return bool(self._ended)

    def ended(self, most: int) -> list[FileLine]:
        """The lines that were closed, each once; so many at most."""
        ended = self._ended[:most]
        del self._ended[:most]
        for line in ended:
            if self._lines.get(line.fd) is line:
                del self._lines[line.fd]
            for known in (self._busy, self._half_open, self._notable):
                known.pop(line, None)
        return ended

    def close(self) -> None:
        """Lets nobody in any more; last answers go out."""
        self._watch(False)
        until = time.monotonic() + _LINGER
        waiting = [line for line in self._lines.values() if line.unread]
        while waiting and time.monotonic() < until:
            self._epoll.poll(0.01)
            for line in waiting:
                line.flush()
            waiting = [line for line in waiting if line.unread]
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._front.close()

    def _note(self, line: FileLine, event: int) -> None:
        """Something can be done at a line."""
        if event & select.EPOLLOUT:
            line.flush()
        if event != select.EPOLLOUT or line.unread <= UNREAD:
            self._busy[line] = None

    def _take(self, line: FileLine, handle: Handle, share: float) -> None:
        """Has the messages of a line handled that have their turn; what else it has sent waits in its socket.

        One at least: who is not heard at all would be taken for silent.
        """
        received, until = False, time.monotonic() + share
        for _ in range(BURST):
            frames = line.take() if line.is_read else None
            if frames is not None:
                handle(line, frames)
                if line.admitted and self._half_open:
                    self._half_open.pop(line, None)
                if time.monotonic() > until:
                    return
            elif received or line.paused or not line.receive():
                self._busy.pop(line, None)
                return
            else:
                received = True

    def _keep_budget(self) -> None:
        """Cuts off who holds most, while all together hold too much."""
        held = {line: line.held for line in self._notable if line.open and line.held > NOTABLE}
        self._notable.clear()
        self._notable.update(dict.fromkeys(held))
        while sum(held.values()) > self._budget:
            greediest = max(held, key=lambda line: (not line.admitted, held[line]))
            size = held.pop(greediest)
            why = f"what it has not finished or not read takes {size} bytes of the {self._budget} for all"
            greediest.stream.drop()
            self._cut(greediest, LimitError(why))

    def _cut_mute(self, line: FileLine) -> None:
        """Ends a line that has said nothing; of one process once in the log: ZeroMQ in an idle one comes again."""
        told = line.pid in self._mute
        self._mute.pop(line.pid, None)
        self._mute[line.pid] = None  # those that came last are the last
        if len(self._mute) > _MUTE_KEPT:
            del self._mute[next(iter(self._mute))]
        if told:
            line.close()
        else:
            why = f"it has not introduced itself within {HANDSHAKE:g} s, or too many have not"
            self._cut(line, LimitError(why))

    def _cut(self, line: FileLine, error: AgentspaceError) -> None:
        """Ends a line, and tells why, there if that is possible, and in the log."""
        now = time.monotonic()
        self._untold += 1
        if now - self._told >= _TOLD:
            more = f" (and {self._untold - 1} others)" if self._untold > 1 else ""
            _log.warning("cut off %s%s: %s", line.peer, more, error)
            self._told, self._untold = now, 0
        if line.stream.greeted:
            line.send([Failed(0, type(error).__name__, f"{CUT_OFF}{error}").pack()])
        line.close()

    def _let_in(self, now: float) -> None:
        while self._has_room:
            try:
                channel, _ = self._front.accept()
            except BlockingIOError:
                return
            except OSError:
                break  # this machine has no descriptor
            self._begin(channel, now + HANDSHAKE)
        self._looked = now
        self._watch(False)

    def _begin(self, channel: socket.socket, deadline: float) -> None:
        self._count += 1
        key: Key = (self.NUMBER, self._count.to_bytes(8, "big"))
        try:
            line = FileLine(channel, key, self._epoll, self._notable, self._busy, self._ended, self._inbox)
        except OSError:  # there is no memory for it
            channel.close()
            return
        self._lines[line.fd] = line
        self._half_open[line] = deadline

    @property
    def _has_room(self) -> bool:
        return descriptors.left() > descriptors.SPARE + descriptors.queue_size()

    def _watch(self, watched: bool) -> None:
        if watched and not self._watched:
            self._epoll.register(self._front, select.EPOLLIN)
        elif self._watched and not watched:
            self._epoll.unregister(self._front)
        self._watched = watched


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.setblocking(False)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o600)  # before anybody can connect
        listener.listen(descriptors.queue_size() - 1)
    except BaseException:
        listener.close()
        raise
    return listener
