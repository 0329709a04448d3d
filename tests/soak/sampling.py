"""What processes hold, as Linux tells it: memory, file descriptors, threads, shared memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MEGA: Final = 1e6


def memory(pid: int) -> dict[str, float]:
    """What a process occupies (MB): its own, with files and shared memory in part (`pss`), or in whole (`rss`).

    Raises:
        OSError: It has ended.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    size = {name: 1024 * int(rest.split()[0]) / MEGA for name, _, rest in (line.partition(":") for line in lines)}
    return {"memory": size["Pss_Anon"], "pss": size["Pss"], "rss": size["Rss"]}


def threads(pid: int) -> int:
    """The number of threads of a process.

    Raises:
        OSError: It has ended.
    """
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors(pid: int) -> tuple[int, dict[int, int]]:
    """The number of open file descriptors of a process, without those of memory files; and their sizes, by inode.

    Raises:
        OSError: It has ended.
    """
    others, shared = 0, {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            if str(link.readlink()).startswith("/memfd:"):
                info = link.stat()
                shared[info.st_ino] = info.st_size
            else:
                others += 1
    return others, shared


def sample(processes: Mapping[str, int]) -> dict[str, float]:
    """What processes hold: ``memory/NAME``, ``descriptors/NAME``, and so on; ``segments/...`` of them all.

    Raises:
        OSError: One has ended.
    """
    values: dict[str, float] = {}
    segments: dict[int, int] = {}
    for name, pid in processes.items():
        others, shared = descriptors(pid)
        segments |= shared
        values |= {f"{kind}/{name}": size for kind, size in memory(pid).items()}
        values[f"descriptors/{name}"] = others
        values[f"threads/{name}"] = threads(pid)
    return {**values, "segments/count": len(segments), "segments/size": sum(segments.values()) / MEGA}
