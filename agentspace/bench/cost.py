"""What a process costs, as the kernel counts it: processor time in nanoseconds, memory, file descriptors."""

import contextlib
import os
from pathlib import Path


def processor_time(pid: int) -> float:
    """The processor time (s) of all threads of a process since it began.

    That of /proc/PID/stat comes in hundredths of a second, which is thousands of writes.
    """
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has just ended
            total += int(path.read_text(encoding="ascii").split()[0])
    return total / 1e9


def resident(pid: int) -> int:
    """The memory (bytes) that a process has and does not share with files."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    """How many files, sockets and the like it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  (a count, not paths)
