"""The files in /dev/shm that a process has mapped: some libraries leave them there when a process just ends."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SHARED: Final = Path("/dev/shm")  # noqa: S108  (where shared memory has its names)
_FIELDS: Final = 6  #: of a line of /proc/PID/maps; the last is the path


def mapped(pid: int) -> set[Path]:
    """Those of a process; none if it has ended."""
    with contextlib.suppress(OSError):
        return in_maps(Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace"))
    return set()


def in_maps(text: str) -> set[Path]:
    """Those in the text of a file /proc/PID/maps.

    >>> in_maps("7f00-7f01 rw-s 00000000 00:1a 12 /dev/shm/1.zenoh")
    {PosixPath('/dev/shm/1.zenoh')}
    """
    fields = [line.split(maxsplit=_FIELDS - 1) for line in text.splitlines()]
    paths = {Path(words[-1]) for words in fields if len(words) == _FIELDS}
    return {path for path in paths if path.parent == SHARED}


def remove(paths: Iterable[Path]) -> None:
    """Removes those that are still there."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
