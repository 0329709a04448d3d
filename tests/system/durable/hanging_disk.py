"""Runs a server whose disk hangs as long as a file is there: `hanging_disk.py FILE python -m agentspace ...`."""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path
from typing import Any

from agentspace.store.file import StoreFile


def main() -> None:
    """Lets each writing of a store wait, then runs what follows in the command."""
    hangs, keep = Path(sys.argv[1]), StoreFile.keep

    def wait(self: StoreFile, *arguments: Any, **more: Any) -> None:
        while hangs.exists():
            time.sleep(0.01)
        keep(self, *arguments, **more)

    StoreFile.keep = wait  # type: ignore[method-assign]  # nothing else makes a disk hang
    sys.argv = sys.argv[4:]
    runpy.run_module("agentspace", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
