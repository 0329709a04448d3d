"""A memory that is too large for a message: left for a successor in a file, which it reads and removes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

FILE: Final = "file"


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
