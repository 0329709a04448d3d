"""A memory that is too large for a message: left for a successor in a file, which it reads and removes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents.memory.recollection import Recollection

FILE: Final = "file"


class Bequest:
    """The file of an agent that may have successors; it is not written again while nothing has changed."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._revision = -1

    def leave(self, recollection: Recollection) -> dict[str, Any]:
        """What `Recollection.state` gives, with the pairs in a file.

        Raises:
            OSError: There is no room for it.
        """
        if self._revision != recollection.revision or not Path(self._state[FILE]).exists():
            self.withdraw()
            self._state, self._revision = leave(recollection.state()), recollection.revision
        return self._state

    def withdraw(self) -> None:
        """Removes the file, if nobody has taken it."""
        if self._revision >= 0:
            Path(self._state[FILE]).unlink(missing_ok=True)


def leave(state: dict[str, Any]) -> dict[str, Any]:
    """Writes what `Recollection.state` gave into a temporary file; returns where it is.

    Raises:
        OSError: There is no room for it.
    """
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


def take(state: dict[str, Any]) -> dict[str, Any]:
    """What `leave` was given; its file is removed. Anything else is given back as it is.

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
