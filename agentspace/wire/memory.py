"""The memory of a server: how much of its machine it lets values and messages take.

The least counts of what the machine has, what the server's group of processes may have (cgroup), and what it may
have itself (``ulimit -v``). Of that a half is for values, a quarter at most for messages that are on their way.
"""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

MOST_LINES: Final = 512 << 20  #: bytes of messages that are not complete, and of answers that wait, of all lines
NO_MEMORY: Final = "the server has no memory left for that"
_LEAST: Final = 16 << 20  # bytes for values, however little there is
_SPARE: Final = 64 << 20  # bytes of addresses that threads and libraries take after the start
_CGROUP: Final = Path("/sys/fs/cgroup")
_OF_GROUP: Final = ("memory.max", "memory.limit_in_bytes")  # version 2, and 1


class Memory(NamedTuple):
    """The bytes that a server lets others take.

    Attributes:
        values: For values, in its own memory and in shared memory.
        lines: For messages that are not complete, and answers that wait, of the clients of its machine.
    """

    values: int
    lines: int


def share_of(available: int, values: int | None = None) -> Memory:
    """What of so many bytes is for what; a number for values may be given."""
    return Memory(max(_LEAST, available // 2) if values is None else values, min(MOST_LINES, available // 4))


def available() -> int:
    """The bytes that this process may take, all in all."""
    return max(4 * _LEAST, min(_of_machine(), *_of_groups(), _of_process()))


def _of_machine() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_process() -> int:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return _of_machine()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return limit - pages * os.sysconf("SC_PAGE_SIZE") - _SPARE


def _of_groups() -> Iterator[int]:
    """The limits of the groups of processes that this one is in; those that are not shown here limit nothing."""
    yield _of_machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds in ("", "memory"):
                yield from limits(_CGROUP / kinds, path)


def limits(root: Path, path: str) -> Iterator[int]:
    """The limits of a group and of those that it is in.

    Args:
        root: Where groups are shown.
        path: Of the group.
    """
    group = root / path.strip("/")
    for folder in (group, *group.parents):
        for name in _OF_GROUP:
            with contextlib.suppress(OSError, ValueError):  # "max", or it is not shown here
                yield int((folder / name).read_text())
        if folder == root:
            return
