"""Lets the wall clock of a process jump: `time.time` is that of the machine plus what a shared file says.

The machine's clock is everybody's, and a time namespace moves only the monotonic one. Python code that asks for
the wall clock, which is all of the product, gets the shifted one; what C libraries ask for is not shifted.
"""

from __future__ import annotations

import mmap
import os
import struct
import time


def _shift(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123  (pathlib is not imported so early)
        shared = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    true_time, true_ns = time.time, time.time_ns

    def shift() -> float:
        offset: float = struct.unpack("d", shared[:8])[0]
        return offset

    time.time = lambda: true_time() + shift()
    time.time_ns = lambda: true_ns() + int(shift() * 1e9)


if "AGENTSPACE_CHAOS_CLOCK" in os.environ:
    _shift(os.environ["AGENTSPACE_CHAOS_CLOCK"])
