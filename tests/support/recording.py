"""Collecting what happens to slots while a test goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agentspace import Entry, Kind, Space, Trigger


@contextmanager
def recording(space: Space, mask: str) -> Iterator[list[Entry]]:
    """A list that grows by each value written to the slots under a mask, until the block ends."""
    seen: list[Entry] = []
    watch = space.watch(mask, Trigger.EVERY)

    def follow() -> None:
        seen.extend(entry for entry in watch if entry.kind is Kind.WRITTEN)

    thread = threading.Thread(target=follow, name=f"recording-{mask}")
    thread.start()
    try:
        yield seen
    finally:
        watch.close()
        thread.join()
