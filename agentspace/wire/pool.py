"""Large arrays at their writer: a pool of segments of shared memory, filled again when nobody holds them."""

import fcntl
import mmap
import os
import threading
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


class Pool:
    """The segments that one process writes into; thread-safe.

    Args:
        limit: Bytes at most.

    Attributes:
        era: Counts the servers that were lost: what refers to one of them is of no use after it.
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
        self._idle: set[int] = set()  # free since `trim` was called last, or before

    def put(self, array: Array) -> Place | None:
        """Copies an array into a segment; None if the pool is exhausted."""
        segment = self._take(array.nbytes)
        if segment is None:
            return None
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        np.copyto(np.ndarray(array.shape, array.dtype, buffer=segment.memory, order=order), array)
        return segment.place

    def lend(self, nbytes: int) -> tuple[Place, mmap.mmap] | None:
        """A segment to be filled, and its memory; None if the pool is exhausted."""
        segment = self._take(nbytes)
        return None if segment is None else (segment.place, segment.memory)

    def pin(self, number: int, pin: Callable[[], object]) -> None:
        """A segment is not filled again while a weak reference, to what looks at it, is alive."""
        with self._lock:
            if number in self.used:
                self.used[number].pin = pin

    def _take(self, nbytes: int) -> _Own | None:
        capacity = max(SMALLEST, 1 << (nbytes - 1).bit_length())
        with self._lock:
            self._unpin()
            free = self._free.get(capacity)
            segment = free.pop() if free else self._make(capacity)
            if segment is not None:
                self.used[segment.number] = segment
                self._idle.discard(segment.number)
            return segment

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
            self._unpin()
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
