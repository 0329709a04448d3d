"""What reads bytes, each reader as a function of bytes: it may raise nothing but what its documentation says."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import files, wire


class Target(NamedTuple):
    """A reader under attack.

    Attributes:
        read: Gives bytes to the reader, and asserts what has to hold of what it makes of them.
        refusals: The errors with which it may refuse them.
    """

    read: Callable[[bytes], None]
    refusals: tuple[type[Exception], ...]

    def __call__(self, data: bytes) -> bool:
        """Whether the reader took the bytes; any other error than a refusal comes through."""
        try:
            self.read(data)
        except self.refusals:
            return False
        return True


def _of_a_file(read: Callable[[Path], None], name: str) -> Callable[[bytes], None]:
    """A reader of files as a reader of bytes; the file lies in memory, if the machine has a place for that."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="as-fuzz-", dir=memory if memory.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, name)
    path.touch(0o600)  # as keys have to be

    def read_bytes(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    return read_bytes


TARGETS = {
    **{name: Target(*found) for name, found in wire.READERS.items()},
    **{name: Target(_of_a_file(read, file), errors) for name, (read, file, errors) in files.READERS.items()},
}
