"""The tie of a child process to its supervisor: it does not outlive it."""

import contextlib
import ctypes
import os
import select
import signal
import threading
import time
from typing import Final

PARENT_VARIABLE: Final = "AGENTSPACE_PARENT"  #: pid of the supervisor, in the environment of what it starts
_PR_SET_PDEATHSIG: Final = 1  #: prctl(2)


def die_with_parent(grace: float = 0.0) -> None:
    """Makes this process end when the supervisor that started it dies; does nothing when none did.

    Call it first thing in a process, from the main thread. Children that it starts do not inherit this.

    Args:
        grace: Seconds to go on living; the server waits until the agents are gone.
    """
    text = os.environ.pop(PARENT_VARIABLE, "")
    if not text:
        return
    parent = int(text)
    if grace:
        threading.Thread(target=_outlive, args=(parent, grace), name="parent-watch", daemon=True).start()
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)


def _outlive(parent: int, grace: float) -> None:
    # Linux 6.18 says "no such file", not "no such process", of one that ends at this very moment.
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        descriptor = os.pidfd_open(parent)
        if os.getppid() == parent:
            select.select([descriptor], [], [])
        os.close(descriptor)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGTERM)
