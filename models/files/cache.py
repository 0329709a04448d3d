"""The folder where what can be made or fetched again is kept."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The cache folder that all programs of a user share: $XDG_CACHE_HOME/agentspace, else ~/.cache/agentspace."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "agentspace"
