"""The handover of memories that are too large for a message: in a file, which the successor reads and removes."""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents.memory.memories import Memories

FILE: Final = "file"
AT_ONCE: Final = 16 << 20
"""Bytes of a memory that is kept for a successor with every change of it."""
AT_MOST: Final = 256 << 20
"""Bytes of a memory that is kept at all, and that a message to a successor has; a larger one goes in a file."""


class HandoverFile:
    """The file of an agent that may have a successor; it is not written again while nothing has changed."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._revision = -1

    def state(self, memories: Memories) -> dict[str, Any]:
        """The state of the memories: as it is, or in a file if it is too large for a message.

        Raises:
            OSError: There is no room for it.
        """
        return self.write(memories) if memories.nbytes > AT_MOST else memories.state()

    def write(self, memories: Memories) -> dict[str, Any]:
        """The state of the memories as `Memories.state` gives it, with the pairs in a file.

        Raises:
            OSError: There is no room for it.
        """
        if self._revision != memories.revision or not Path(self._state[FILE]).exists():
            self.remove()
            self._state, self._revision = _write(memories.state()), memories.revision
        return self._state

    def remove(self) -> None:
        """Removes the file, if no successor has taken it."""
        if self._revision >= 0:
            Path(self._state[FILE]).unlink(missing_ok=True)


def _write(state: dict[str, Any]) -> dict[str, Any]:
    arrays = {
        f"{number}.{name}": np.asarray(value)
        for number, part in enumerate(state["memories"])
        for name, value in part.items()
    }
    handle, path = tempfile.mkstemp(prefix="agentspace-memory-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except BaseException:
        Path(path).unlink()
        raise
    return {**state, "memories": len(state["memories"]), FILE: path}


def read_handover(state: dict[str, Any]) -> dict[str, Any]:
    """A state whose pairs are in a file, with its pairs; the file is removed. Any other is given back as it is.

    Raises:
        OSError: The file is gone: it is on another machine, or was taken already.
    """
    if FILE not in state:
        return state
    path = Path(state[FILE])
    with np.load(path, allow_pickle=False) as arrays:
        memories = [
            {
                "features": str(arrays[f"{number}.features"]),
                "values_of": str(arrays[f"{number}.values_of"]),
                "keys": arrays[f"{number}.keys"],
                "values": arrays[f"{number}.values"],
            }
            for number in range(state["memories"])
        ]
    path.unlink(missing_ok=True)
    return {**state, "memories": memories}
