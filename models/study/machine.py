"""On what something was timed."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Machine:
    """A machine, at one moment.

    Attributes:
        processor: What it calls itself.
        cores: That this process may use.
        load: How many processes wanted to run in the last minute, on average.
        versions: Of what counts.
    """

    processor: str
    cores: int
    load: float
    versions: str

    @classmethod
    def now(cls) -> Self:
        """This one."""
        names = [f"{name} {version(name)}" for name in ("numpy", "onnxruntime")]
        cores = len(os.sched_getaffinity(0))
        return cls(
            _processor(), cores, os.getloadavg()[0], f"Python {platform.python_version()}, {', '.join(names)}"
        )

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, load {self.load:.1f} before; {self.versions}"

    def plain(self) -> dict[str, Any]:
        """For `json`."""
        return asdict(self)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
