"""Orphans: what agents have started, and whose parents have ended; a launch ends them with itself.

A process in a session of its own and with an empty environment is found neither by its group nor by the mark of
its launch. So the kernel gives the supervisor the orphans among its descendants: PR_SET_CHILD_SUBREAPER, prctl(2).
"""

import contextlib
import ctypes
import os
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Final

from agentspace.supervise.guardian import Found

_PR_SET_CHILD_SUBREAPER: Final = 36


def adopt() -> None:
    """Has the kernel make this process the parent of all orphans among its descendants, from now on."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury(own: Collection[int]) -> None:
    """Takes note of the ends of orphans, so that the kernel can forget them.

    Args:
        own: The children that this process has started itself; others wait for their ends.
    """
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, os.WNOHANG)


def orphans(own: Collection[int]) -> list[Found]:
    """The orphans that live, and what they have started.

    Args:
        own: The children that this process has started itself: they, and what they have started, are none.
    """
    children: dict[int, list[Found]] = defaultdict(list)
    for entry in os.listdir("/proc"):  # noqa: PTH208  (names are enough)
        if entry.isdigit():
            with contextlib.suppress(OSError):
                status = Path("/proc", entry, "stat").read_bytes()
                state, parent, group = status[status.rindex(b")") + 2 :].split()[:3]
                if state not in (b"Z", b"X"):
                    children[int(parent)].append(Found(int(entry), int(group)))
    found = [child for child in children[os.getpid()] if child.pid not in own]
    for each in found:  # it grows while it is gone through
        found += children[each.pid]
    return found
