"""Large arrays by reference: pooled shared memory on one machine.

The writer copies an array once, into a segment of its `Pool`, and sends a descriptor. The server keeps the
segment open and counts who holds it; a reader maps it and gets a read-only view without a copy. When neither a
slot, nor a queue, nor a reader's view holds a segment any more, the server hands it back to the writer's pool.

Segments are anonymous (memfd): they have no name in /dev/shm and are opened through ``/proc/PID/fd/N``, the
writer's by the server, the server's by the readers. So the kernel frees them with the last process that holds
them, whatever killed it: nothing can leak. They are sealed against shrinking, and the server checks that, so
that no writer can make a reader fault.
"""

import contextlib
import fcntl
import mmap
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from agentspace.core.value import Array
from agentspace.errors import LimitError, ProtocolError

SMALLEST: Final = 64 * 1024
POOL_LIMIT: Final = 1 << 30  #: bytes of one writer; beyond it arrays travel inside the messages
MAX_SEGMENTS: Final = 256  #: of one writer; each costs two descriptors (mmap has its own), there and at the server
MAPPED_LIMIT: Final = 256 << 20  #: bytes of segments that a reader keeps mapped
AVAILABLE: Final = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
_SEALS: Final = sum(getattr(fcntl, name, 0) for name in ("F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_SEAL"))


@dataclass(slots=True)
class _Own:
    """A segment that this process made."""

    number: int
    fd: int
    memory: mmap.mmap


class Pool:
    """The segments that one process writes into; thread-safe.

    Args:
        limit: Bytes at most.
    """

    def __init__(self, limit: int = POOL_LIMIT) -> None:
        self.limit = limit
        self.size = 0
        self._lock = threading.Lock()
        self._count = 0
        self._used: dict[int, _Own] = {}
        self._free: dict[int, list[_Own]] = {}

    def put(self, array: Array) -> tuple[int, int, int] | None:
        """Copies an array into a segment.

        Returns:
            The segment's number, its file descriptor and its size in bytes; None if the pool is exhausted.
        """
        capacity = max(SMALLEST, 1 << (array.nbytes - 1).bit_length())
        with self._lock:
            free = self._free.get(capacity)
            segment = free.pop() if free else self._make(capacity)
            if segment is None:
                return None
            self._used[segment.number] = segment
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        np.copyto(np.ndarray(array.shape, array.dtype, buffer=segment.memory, order=order), array)
        return segment.number, segment.fd, capacity

    def view(self, number: int, nbytes: int) -> Array:
        """The content of a segment that is in use: a copy, read-only."""
        with self._lock:
            copy = np.frombuffer(self._used[number].memory, np.uint8, nbytes).copy()
        copy.flags.writeable = False
        return copy

    def recycle(self, number: int) -> None:
        """Nobody holds the segment any more."""
        with self._lock:
            segment = self._used.pop(number, None)
            if segment is not None:
                self._free.setdefault(len(segment.memory), []).append(segment)

    def abandon(self) -> None:
        """Lets go of what is in use: the server that would give it back is gone. Readers that hold it keep it."""
        with self._lock:
            for segment in self._used.values():
                self._let_go(segment)
            self._used.clear()

    def close(self) -> None:
        """Lets go of all segments; readers that hold one keep it."""
        self.abandon()
        with self._lock:
            for segment in [segment for free in self._free.values() for segment in free]:
                self._let_go(segment)
            self._free.clear()

    def _let_go(self, segment: _Own) -> None:
        self.size -= len(segment.memory)
        with contextlib.suppress(BufferError):
            segment.memory.close()
        os.close(segment.fd)

    def _make(self, capacity: int) -> _Own | None:
        count = len(self._used) + sum(map(len, self._free.values()))
        if not AVAILABLE or self.size + capacity > self.limit or count >= MAX_SEGMENTS:
            return None
        try:
            fd = os.memfd_create("agentspace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return None
        try:
            os.ftruncate(fd, capacity)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            memory = mmap.mmap(fd, capacity)
        except OSError:
            os.close(fd)
            return None
        self.size += capacity
        self._count += 1
        return _Own(self._count, fd, memory)


class Segment:
    """A writer's segment as the server keeps it open."""

    __slots__ = ("_memory", "fd", "ident", "number", "size")

    def __init__(self, ident: int, number: int, fd: int, size: int) -> None:
        self.ident = ident
        self.number = number
        self.fd = fd
        self.size = size
        self._memory: mmap.mmap | None = None

    def view(self, nbytes: int) -> Array:
        """Its first bytes, read-only."""
        if self._memory is None:
            self._memory = mmap.mmap(self.fd, self.size, prot=mmap.PROT_READ)
        return np.ndarray((nbytes,), np.uint8, buffer=self._memory)


class Loan:
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
    """

    def __init__(self, pid: int, recycle: Callable[[int], None], idents: Callable[[], int]) -> None:
        self.pid = pid
        self._recycle = recycle
        self._idents = idents
        self._segments: dict[int, Segment] = {}
        self._lent: set[int] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes of shared memory that are open."""
        return sum(segment.size for segment in self._segments.values())

    def borrow(self, number: int, fd: int, size: int, nbytes: int) -> Loan:
        """Takes note of a segment that the writer filled.

        Raises:
            ProtocolError: There is no such segment, it is too small, not sealed, or still in use.
            LimitError: There are too many.
        """
        if number in self._lent:
            raise ProtocolError(f"segment {number} is still in use")
        if not 0 <= nbytes <= size:
            raise ProtocolError(f"{nbytes} bytes do not fit into a segment of {size}")
        segment = self._segments.get(number)
        if segment is None:
            if len(self._segments) >= MAX_SEGMENTS:
                raise LimitError(f"a client has {MAX_SEGMENTS} segments of shared memory at most")
            segment = self._segments[number] = Segment(self._idents(), number, self._open(fd, size), size)
        if nbytes > segment.size:
            raise ProtocolError(f"{nbytes} bytes do not fit into segment {number} of {segment.size}")
        self._lent.add(number)
        return Loan(segment, nbytes, self._end)

    def close(self) -> None:
        """The writer is gone: frees what nobody holds now, the rest when it is let go."""
        self._closed = True
        for number in [number for number in self._segments if number not in self._lent]:
            os.close(self._segments.pop(number).fd)

    def _end(self, segment: Segment) -> None:
        self._lent.discard(segment.number)
        if self._closed:
            if self._segments.pop(segment.number, None) is not None:
                os.close(segment.fd)
        else:
            self._recycle(segment.number)

    def _open(self, fd: int, size: int) -> int:
        try:
            own = os.open(f"/proc/{self.pid}/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise ProtocolError(f"cannot open segment: {error}") from None
        try:
            sealed = fcntl.fcntl(own, fcntl.F_GET_SEALS) & _SEALS == _SEALS
        except OSError:
            sealed = False
        if not sealed or not 0 < size <= os.fstat(own).st_size:
            os.close(own)
            raise ProtocolError("not a sealed segment of that size")
        return own


class _Lent(np.ndarray[Any, Any]):
    """The bytes of a payload; every view of them keeps this object, and with it the holding, alive."""

    holding: "Holding"


class Holding:
    """The payloads of one message at its reader; they are let go when it and all views of its arrays are gone."""

    __slots__ = ("__weakref__", "_release", "segments")

    def __init__(self, refs: list[tuple[int, int, int, int]], release: Callable[[list[int]], None]) -> None:
        self.segments = refs
        self._release = release

    def __del__(self) -> None:
        self._release([ident for ident, _, _, _ in self.segments])


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
        self._mapped: OrderedDict[int, mmap.mmap] = OrderedDict()
        self._size = 0

    def view(self, holding: Holding, index: int, nbytes: int) -> Array:
        """The bytes of the holding's payload `index`, read-only, without a copy.

        Raises:
            ProtocolError: There is no such payload, it has another size or cannot be opened.
        """
        if not 0 <= index < len(holding.segments):
            raise ProtocolError(f"payload {index} of {len(holding.segments)}")
        ident, fd, size, length = holding.segments[index]
        if length != nbytes or nbytes > size:
            raise ProtocolError(f"payload {index} has {length} bytes, not {nbytes}")
        view = np.ndarray.__new__(_Lent, (nbytes,), np.uint8, buffer=self._memory(ident, fd, size))
        view.holding = holding
        return view

    def close(self) -> None:
        """Unmaps what no view needs."""
        with self._lock:
            self._mapped.clear()
            self._size = 0

    def _memory(self, ident: int, fd: int, size: int) -> mmap.mmap:
        with self._lock:
            memory = self._mapped.get(ident)
            if memory is None:
                memory = self._mapped[ident] = self._map(fd, size)
                self._size += size
                while self._size > self._limit and len(self._mapped) > 1:
                    _, oldest = self._mapped.popitem(last=False)  # unmapped with its last view
                    self._size -= len(oldest)
            return memory

    def _map(self, fd: int, size: int) -> mmap.mmap:
        try:
            own = os.open(f"/proc/{self._pid}/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ProtocolError(f"cannot open the payload: {error}") from None
        try:
            return mmap.mmap(own, size, prot=mmap.PROT_READ)
        finally:
            os.close(own)
