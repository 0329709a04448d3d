"""File descriptors: how many this process has left, and what is said when it has none.

ZeroMQ ends the process that runs out of them, so whoever is about to need some asks here first.
"""

import contextlib
import errno
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentspace.errors import LimitError

SPARE: Final = 10  #: descriptors that a server keeps for other things than clients and segments


def limit() -> int:
    """How many descriptors this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def left() -> int:
    """How many more it may open."""
    try:
        return limit() - _count()
    except OSError:
        return 0


def queue_size() -> int:
    """How many clients may wait until a server lets them in."""
    return 64 if limit() >= 1024 else 4


def for_segments() -> int:
    """How many more a server may open for segments: not those that it keeps for clients who come in later."""
    return left() - (SPARE + 3 * queue_size() + 8)


def need(count: int) -> None:
    """Makes sure that so many can be opened now.

    Raises:
        LimitError: They cannot.
    """
    found = list[int]()
    try:
        for _ in range(count):
            found.append(os.eventfd(0, os.EFD_CLOEXEC))
    except OSError as error:
        raise LimitError(exhausted("this process", error)) from None
    finally:
        for fd in found:
            os.close(fd)


def are_short(error: Exception) -> bool:
    """Whether something failed (OSError, ZMQError) because this process, or the machine, has none left."""
    return getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE)


def exhausted(who: str, error: Exception | None = None) -> str:
    """What is said of somebody who has none left, or whose machine has none: the error that came of it tells."""
    if getattr(error, "errno", None) == errno.ENFILE:
        return f"this machine has no file descriptors left for {who}; raise `sysctl fs.file-max`"
    return f"{who} has no file descriptors left (limit {limit()}); raise it with `ulimit -n` before it is started"


def _count() -> int:
    """How many are open; they are not listed if it can be helped, which takes long when there are thousands."""
    told = Path("/proc/self/fd").stat().st_size  # 0 before Linux 6.2
    return told or len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208  (one is for looking)


class Spare:
    """One descriptor that is kept, so that something can still be opened for a moment when there is no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = -1

    def keep(self) -> None:
        """Takes it, if it can be had and is not there."""
        with self._lock:
            self._keep()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lets go of it for a while."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            try:
                yield
            finally:
                self._keep()

    def _keep(self) -> None:
        if self._fd < 0:
            with contextlib.suppress(OSError):
                self._fd = os.eventfd(0, os.EFD_CLOEXEC)


RESERVE: Final = Spare()
"""Of this process."""
