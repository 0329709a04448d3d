"""Large arrays at their writer: a pool of segments of shared memory, filled again when nobody holds them."""

import fcntl
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from agentspace.core.values.value import Array

SMALLEST: Final = 64 * 1024
POOL_LIMIT: Final = 1 << 30  #: bytes of one writer; beyond it arrays travel inside the messages
MAX_SEGMENTS: Final = 256  #: of one writer; each costs two descriptors (mmap has its own), there and at the server
UNUSED: Final = 10.0  #: seconds; what was not used for so long, or for twice that at most, is let go
AVAILABLE: Final = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
Place = tuple[int, int, int]  #: a segment: its number, its file descriptor, its size in bytes
SEALS: Final = sum(getattr(fcntl, name, 0) for name in ("F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_SEAL"))


@dataclass(slots=True)
class _Own:
    """A segment that this process made."""

    number: int
    fd: int
    memory: mmap.mmap
    pin: Callable[[], object] = lambda: None  #: gives what this process still looks at it with; None: nothing

    @property
    def place(self) -> Place:
        """As its pool tells it."""
        return self.number, self.fd, len(self.memory)


class Filled:
    """A segment that its writer fills: free again when nobody has this any more, unless its content has gone.

    Args:
        pool: That it is of.

    Attributes:
        number: Of the segment; 0: there is none yet.
        gone: Whether the server may have heard of it: then it says when the segment is free.
    """

    __slots__ = ("_dropped", "gone", "number")

    def __init__(self, pool: "Pool") -> None:
        self._dropped = pool.dropped
        self.number = 0
        self.gone = False

    def __del__(self) -> None:
        if self.number and not self.gone:
            self._dropped.append(self.number)  # at any moment, in any thread: so without the lock


class Pool:
    """The segments that one process writes into; thread-safe.

    Args:
        limit: Bytes at most.

    Attributes:
        era: Counts the servers that were lost: what refers to one of them is of no use after it.
        dropped: Segments that were filled, and have not gone to the server.
    """

    def __init__(self, limit: int = POOL_LIMIT) -> None:
        self.era = 0
        self.limit = limit
        self.size = 0
        self._lock = threading.Lock()
        self._count = 0
        self.used: dict[int, _Own] = {}  #: none that was filled for a server that is gone
        self._free: dict[int, list[_Own]] = {}  # by size; those that were used last are the last
        self._pinned: list[_Own] = []  # nobody else holds them
        self.dropped: deque[int] = deque()
        self._idle: set[int] = set()  # free since `trim` was called last, or before

    def put(self, array: Array, filled: Filled | None = None) -> Place | None:
        """Copies an array into a segment, noted in `filled`; None if the pool is exhausted."""
        segment = self._take(array.nbytes, filled)
        if segment is None:
            return None
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        np.copyto(np.ndarray(array.shape, array.dtype, buffer=segment.memory, order=order), array)
        return segment.place

    def lend(self, nbytes: int, filled: Filled | None = None) -> tuple[Place, mmap.mmap] | None:
        """A segment to be filled, noted in `filled`, and its memory; None if the pool is exhausted."""
        segment = self._take(nbytes, filled)
        return None if segment is None else (segment.place, segment.memory)

    def pin(self, number: int, pin: Callable[[], object]) -> None:
        """A segment is not filled again while a weak reference, to what looks at it, is alive."""
        with self._lock:
            if number in self.used:
                self.used[number].pin = pin

    def _take(self, nbytes: int, filled: Filled | None) -> _Own | None:
        capacity = max(SMALLEST, 1 << (nbytes - 1).bit_length())
        with self._lock:
            self._collect()
            free = self._free.setdefault(capacity, [])
            if not free:
                made = self._make(capacity)
                if made is None:
                    return None
                free.append(made)
            segment = free[-1]
            if filled is not None:
                filled.number = segment.number
            self.used[segment.number] = segment  # no call from here to its end: a signal's error would lose it
            del free[-1]
            self._idle.discard(segment.number)
            return segment

    def _collect(self) -> None:
        """What was filled for nothing, and what nobody here looks at any more, is free."""
        while self.dropped:
            segment = self.used.pop(self.dropped.popleft(), None)
            if segment is not None:
                self._pinned.append(segment)
        self._unpin()

    def view(self, number: int, nbytes: int) -> Array:
        """The content of a segment that is in use: a copy, read-only."""
        with self._lock:
            copy = np.frombuffer(self.used[number].memory, np.uint8, nbytes).copy()
        copy.flags.writeable = False
        return copy

    def recycle(self, number: int) -> None:
        """Nobody holds the segment any more."""
        with self._lock:
            segment = self.used.pop(number, None)
            if segment is not None:
                self._pinned.append(segment)
                self._unpin()

    def _unpin(self) -> None:
        """What nobody here looks at any more is free."""
        pinned, self._pinned = self._pinned, []
        for segment in pinned:
            free = segment.pin() is None
            (self._free.setdefault(len(segment.memory), []) if free else self._pinned).append(segment)

    def trim(self) -> None:
        """Lets go of the segments that were free ever since this was called last."""
        with self._lock:
            self._collect()
            for size, free in list(self._free.items()):
                for segment in free:
                    if segment.number in self._idle:
                        self._let_go(segment)
                self._free[size] = [segment for segment in free if segment.number not in self._idle]
            self._idle = {segment.number for free in self._free.values() for segment in free}

    def abandon(self) -> None:
        """Lets go of what is in use: the server that would give it back is gone. Readers that hold it keep it."""
        with self._lock:
            self.era += 1
            for segment in self.used.values():
                self._let_go(segment)
            self.used.clear()

    def close(self) -> None:
        """Lets go of all segments; readers that hold one keep it."""
        self.abandon()
        with self._lock:
            for segment in [*self._pinned, *(segment for free in self._free.values() for segment in free)]:
                self._let_go(segment)
            self._pinned.clear()
            self._free.clear()

    def _let_go(self, segment: _Own) -> None:
        """Its memory is unmapped with the last array that lies in it: closed, that would lie nowhere."""
        self.size -= len(segment.memory)
        os.close(segment.fd)

    def _make(self, capacity: int) -> _Own | None:
        count = len(self.used) + len(self._pinned) + sum(map(len, self._free.values()))
        if not AVAILABLE or self.size + capacity > self.limit or count >= MAX_SEGMENTS:
            return None
        try:
            fd = os.memfd_create("agentspace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return None
        try:
            os.ftruncate(fd, capacity)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
            memory = mmap.mmap(fd, capacity)
        except OSError:
            os.close(fd)
            return None
        self.size += capacity
        self._count += 1
        return _Own(self._count, fd, memory)
