"""Threads for what would hold up the event loop, so that neither a picture nor a swap keeps a write waiting."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

_WRITES, _SWAPS, _PICTURES = 4, 4, 1  #: threads


class Workers:
    """Three pools.

    Attributes:
        writes: For orders that are done at once, an emergency stop among them.
        swaps: For swaps, which may take a minute.
        pictures: For compressing.
    """

    def __init__(self) -> None:
        self.writes = ThreadPoolExecutor(_WRITES, "inspector-write")
        self.swaps = ThreadPoolExecutor(_SWAPS, "inspector-swap")
        self.pictures = ThreadPoolExecutor(_PICTURES, "inspector-picture")

    def of(self, order: dict[str, Any]) -> Executor:
        """Where an order is carried out."""
        return self.swaps if order.get("do") == "swap" else self.writes

    def close(self) -> None:
        """Begins nothing more."""
        for pool in (self.writes, self.swaps, self.pictures):
            pool.shutdown(wait=False, cancel_futures=True)
