"""Large arrays by reference: shared memory on one machine, as the server and its readers see it.

The writer copies an array once, into a segment of its `Pool`, and sends a descriptor. The server keeps the
segment open and counts who holds it; a reader maps it and gets a read-only view without a copy. When neither a
slot, nor a queue, nor a reader's view holds a segment any more, the server hands it back to the writer's pool.
What a while was not used is let go, by each of the three for itself: so the memory of a peak comes back.

Segments are anonymous (memfd): they have no name in /dev/shm and are opened through ``/proc/PID/fd/N``, the
writer's by the server, the server's by the readers. The kernel frees them with the last process that holds them.
They are sealed against shrinking, and the server checks that: no writer can make a reader fault.
"""

import fcntl
import mmap
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from agentspace.core.values.budget import Budget, Share
from agentspace.core.values.value import Array
from agentspace.errors import ConnectionLostError, LimitError, ProtocolError
from agentspace.wire import closing, descriptors
from agentspace.wire.holding import Holding, Lent
from agentspace.wire.pool import MAX_SEGMENTS, SEALS, UNUSED

MAPPED_LIMIT: Final = 256 << 20  #: bytes of segments that a reader keeps mapped


class Segment:
    """A writer's segment as the server keeps it open; all of it counts in the writer's share of the budget."""

    __slots__ = ("_memory", "fd", "ident", "number", "share", "size")

    def __init__(self, ident: int, number: int, fd: int, size: int, share: Share) -> None:
        self.share = share
        share.take(size)
        self.ident = ident
        self.number = number
        self.fd = fd
        self.size = size
        self._memory: mmap.mmap | None = None

    def __del__(self) -> None:
        self.share.give(self.size)

    def view(self, nbytes: int) -> Array:
        """Its first bytes, read-only."""
        if self._memory is None:
            try:
                self._memory = mmap.mmap(self.fd, self.size, prot=mmap.PROT_READ)
            except OSError:  # no descriptor left, of which mmap needs one
                return np.frombuffer(_content(self.fd, nbytes), np.uint8)
        return np.ndarray((nbytes,), np.uint8, buffer=self._memory)


class Copied(Segment):
    """The bytes of a segment for which there was no descriptor."""

    __slots__ = ("_bytes",)

    def __init__(self, content: bytes, share: Share) -> None:
        super().__init__(0, 0, -1, len(content), share)
        self._bytes = content

    def view(self, nbytes: int) -> Array:
        """Its first bytes, read-only."""
        return np.frombuffer(self._bytes, np.uint8, nbytes)


class Filling:
    """One filling of a segment. Its holders share this object; when the last one lets go, that is recycled."""

    __slots__ = ("_ended", "nbytes", "segment")

    def __init__(self, segment: Segment, nbytes: int, ended: Callable[[Segment], None]) -> None:
        self.segment = segment
        self.nbytes = nbytes
        self._ended = ended

    def view(self, nbytes: int) -> Array:
        """The payload's bytes, read-only.

        Raises:
            ProtocolError: It has another size.
        """
        if nbytes != self.nbytes:
            raise ProtocolError(f"a payload has {self.nbytes} bytes, not {nbytes}")
        return self.segment.view(nbytes)

    def __del__(self) -> None:
        self._ended(self.segment)


class Ledger:
    """The segments of one writing process, as the server sees them.

    Args:
        pid: The process.
        recycle: Is told the number of a segment that the writer may fill again.
        idents: Gives every segment of the server an identifier of its own.
        share: In which its segments count.
    """

    def __init__(
        self, pid: int, recycle: Callable[[int], None], idents: Callable[[], int], share: Share | None = None
    ) -> None:
        self.pid = pid
        self._recycle = recycle
        self._idents = idents
        self._share = share or Budget().share(f"pid {pid}")
        self._segments: dict[int, Segment] = {}
        self._lent: set[int] = set()
        self._used: set[int] = set()  # since `trim` was called last
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes of shared memory that are open."""
        return sum(segment.size for segment in self._segments.values())

    def borrow(self, number: int, fd: int, size: int, nbytes: int) -> Filling:
        """Takes note of a segment that the writer filled.

        Raises:
            ProtocolError: There is no such segment, it is too small, not sealed, or still in use.
            LimitError: There are too many, or there is no file descriptor even to copy it.
        """
        if number in self._lent:
            raise ProtocolError(f"segment {number} is still in use")
        if not 0 <= nbytes <= size:
            raise ProtocolError(f"{nbytes} bytes do not fit into a segment of {size}")
        segment = self._segments.get(number)
        if segment is None:
            if len(self._segments) >= MAX_SEGMENTS:
                raise LimitError(f"a client has {MAX_SEGMENTS} segments of shared memory at most")
            if descriptors.for_segments() <= 0:
                return self._copy(number, fd, size, nbytes)
            try:
                own = self._open(fd, size)
            except LimitError:  # the machine has none
                return self._copy(number, fd, size, nbytes)
            segment = self._segments[number] = Segment(self._idents(), number, own, size, self._share)
        if nbytes > segment.size:
            raise ProtocolError(f"{nbytes} bytes do not fit into segment {number} of {segment.size}")
        self._lent.add(number)
        self._used.add(number)
        return Filling(segment, nbytes, self._end)

    def trim(self) -> None:
        """Closes the segments that nobody has held since this was called last; the next use opens them again."""
        self._close(self._segments.keys() - self._lent - self._used)
        self._used = set(self._lent)

    def let_go(self) -> None:
        """Closes the segments that nobody holds now."""
        self._close(self._segments.keys() - self._lent)

    def close(self) -> None:
        """The writer is gone: frees what nobody holds now, the rest when it is let go."""
        self._closed = True
        self._recycle = _tell_nobody  # not the writer, which holds this ledger: a circle keeps both
        self.let_go()

    def _close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            segment = self._segments.pop(number)
            closing.close(segment.fd, segment.size)

    def _copy(self, number: int, fd: int, size: int, nbytes: int) -> Filling:
        """The bytes themselves, because there is no descriptor to keep; the writer may fill the segment again."""
        with descriptors.RESERVE.lent():
            own = self._open(fd, size)
            try:
                content = _content(own, nbytes)
            finally:
                os.close(own)
        self._recycle(number)
        return Filling(Copied(content, self._share), nbytes, lambda _: None)

    def _end(self, segment: Segment) -> None:
        self._lent.discard(segment.number)
        if self._closed:
            if self._segments.pop(segment.number, None) is not None:
                closing.close(segment.fd, segment.size)
        else:
            self._recycle(segment.number)

    def _open(self, fd: int, size: int) -> int:
        try:
            own = os.open(f"/proc/{self.pid}/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if descriptors.are_short(error):
                raise LimitError(descriptors.exhausted("the server", error)) from None
            raise ProtocolError(f"cannot open segment: {error}") from None
        try:
            sealed = fcntl.fcntl(own, fcntl.F_GET_SEALS) & SEALS == SEALS
        except OSError:
            sealed = False
        if not sealed or not 0 < size <= os.fstat(own).st_size:
            os.close(own)
            raise ProtocolError("not a sealed segment of that size")
        return own


def _tell_nobody(segment: int) -> None:
    """The writer of a segment is gone."""


def _content(fd: int, nbytes: int) -> bytes:
    """The first bytes of a segment.

    Raises:
        ProtocolError: It has fewer.
    """
    parts, at = list[bytes](), 0
    while at < nbytes:
        part = os.pread(fd, nbytes - at, at)
        if not part:
            raise ProtocolError(f"a segment has {at} bytes, not {nbytes}")
        parts.append(part)
        at += len(part)
    return b"".join(parts)


class Mapper:
    """Maps the server's segments into a reader; thread-safe.

    Args:
        pid: The server's.
        limit: Bytes that stay mapped, beside what views need.
    """

    def __init__(self, pid: int, limit: int = MAPPED_LIMIT) -> None:
        self._pid = pid
        self._limit = limit
        self._lock = threading.Lock()
        self._mapped: OrderedDict[int, tuple[mmap.mmap, float]] = OrderedDict()  # and when it was looked at
        self._size = 0

    def view(self, holding: Holding, index: int, nbytes: int) -> Array:
        """The bytes of the holding's payload `index`, read-only, without a copy.

        Raises:
            ProtocolError: There is no such payload, it has another size or cannot be opened.
            LimitError: There is no file descriptor even to copy it.
            ConnectionLostError: The server has ended.
        """
        if not 0 <= index < len(holding.segments):
            raise ProtocolError(f"payload {index} of {len(holding.segments)}")
        ident, fd, size, length = holding.segments[index]
        if length != nbytes or nbytes > size:
            raise ProtocolError(f"payload {index} has {length} bytes, not {nbytes}")
        buffer: mmap.mmap | bytes
        try:
            buffer = self._memory(ident, fd, size)
        except OSError:  # no descriptor left, or no memory to map it
            buffer = self._copy(fd, nbytes)
        view = np.ndarray.__new__(Lent, (nbytes,), np.uint8, buffer=buffer)
        view.holding, view.index = holding, index
        return view

    def trim(self) -> None:
        """Unmaps what was not looked at for a while, if no view needs it."""
        with self._lock:
            self._drop(time.monotonic())

    def close(self) -> None:
        """Unmaps what no view needs."""
        with self._lock:
            self._mapped.clear()
            self._size = 0

    def _memory(self, ident: int, fd: int, size: int) -> mmap.mmap:
        with self._lock:
            now = time.monotonic()
            memory, _ = self._mapped.pop(ident, (None, now))
            if memory is None:
                memory = self._map(fd, size)
                self._size += size
                self._drop(now)
            self._mapped[ident] = memory, now
            return memory

    def _drop(self, now: float) -> None:
        while self._mapped and (self._size > self._limit or now - next(iter(self._mapped.values()))[1] > UNUSED):
            _, (oldest, _) = self._mapped.popitem(last=False)  # unmapped with its last view
            self._size -= len(oldest)

    def _map(self, fd: int, size: int) -> mmap.mmap:
        own = self._open(fd)
        try:
            return mmap.mmap(own, size, prot=mmap.PROT_READ)
        finally:
            os.close(own)

    def _copy(self, fd: int, nbytes: int) -> bytes:
        """The bytes themselves: for that, the one descriptor is enough that was kept."""
        try:
            with descriptors.RESERVE.lent():
                own = self._open(fd)
                try:
                    return _content(own, nbytes)
                finally:
                    os.close(own)
        except OSError as error:
            if descriptors.are_short(error):
                raise LimitError(descriptors.exhausted("this process", error)) from None
            if not os.path.exists(f"/proc/{self._pid}/fd"):  # noqa: PTH110  (as the kernel shows it, no path)
                raise ConnectionLostError("the server has ended, and with it what it had lent") from None
            raise ProtocolError(f"cannot open the payload: {error}") from None

    def _open(self, fd: int) -> int:
        return os.open(f"/proc/{self._pid}/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
