"""Room on a disk, taken before it is needed, so that a recording whose disk is full can still be ended well."""

from __future__ import annotations

import ctypes
import errno

_STEP = 8 << 20  # bytes that are taken at once, where there are so many
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE: takes blocks, leaves the length of the file
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Room:
    """The room of a file.

    Args:
        descriptor: Of the file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._until = 0  # so far it reaches
        self._works = True

    def reach(self, end: int) -> bool:
        """Whether the file can grow to an end (bytes); true where the file system cannot tell."""
        return end <= self._until or self._take(end + _STEP) or self._take(end)

    def _take(self, end: int) -> bool:
        error = allocate(self._descriptor, self._until, end - self._until) if self._works else 0
        if error == 0:
            self._until = end
        elif error not in _FULL:
            self._works = False
        return error not in _FULL


def allocate(descriptor: int, start: int, length: int) -> int:
    """Takes room for a part of a file; gives the number of the error, 0 if there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_int(_KEEP_SIZE), ctypes.c_int64(start), ctypes.c_int64(length))
    failed: int = library.fallocate64(ctypes.c_int(descriptor), *arguments)
    return ctypes.get_errno() if failed else 0
