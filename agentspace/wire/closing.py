"""Closing shared memory: the last descriptor frees it, which takes 0.3 ms for each MiB, and that no server has."""

import contextlib
import functools
import os
import threading
from queue import SimpleQueue
from typing import Final

_LARGE: Final = 2 << 20  # bytes that are freed elsewhere


def close(descriptor: int, size: int) -> None:
    """Closes a descriptor of so many bytes of shared memory; of many, in a moment."""
    if size >= _LARGE:
        with contextlib.suppress(RuntimeError):  # no thread can be started
            _inbox().put(descriptor)
            return
    os.close(descriptor)


@functools.cache
def _inbox() -> SimpleQueue[int]:
    """What a thread closes."""
    inbox: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=_work, args=(inbox,), name="closing", daemon=True).start()
    return inbox


def _work(inbox: SimpleQueue[int]) -> None:
    while True:
        os.close(inbox.get())  # others run meanwhile
