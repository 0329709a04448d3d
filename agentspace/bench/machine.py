"""The machine on which was measured, and how much others used it: on a busy one, figures are worth little."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

PACKAGES: Final = ("agentspace", "numpy", "pyzmq", "msgpack")  #: whose versions are always told
BUSY: Final = 0.1  #: share of all cores that others may use on a machine that is called quiet
_LOOK: Final = 0.5  #: seconds


@dataclass(frozen=True)
class Machine:
    """What was measured on.

    Attributes:
        processor: Its model.
        cores: That this process may use.
        memory: Bytes.
        kernel: Its name and version.
        python: Its implementation and version.
        packages: Versions by name.
        date: The day (ISO).
    """

    processor: str
    cores: int
    memory: int
    kernel: str
    python: str
    packages: dict[str, str]
    date: str

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        return (
            f"{self.processor}, {self.cores} cores, {self.memory / (1 << 30):.0f} GiB; {self.kernel}; "
            f"{self.python}; {versions}"
        )


@dataclass(frozen=True)
class Traffic:
    """How much others use a machine.

    Attributes:
        load: The load average of the last minute.
        others: The share of all cores that processes have used which are none of ours, from 0 to 1.
    """

    load: float
    others: float

    @property
    def quiet(self) -> bool:
        """Whether the figures can be trusted."""
        return self.others < BUSY


def this_machine(packages: Sequence[str] = ()) -> Machine:
    """Where this runs, with the versions of more packages, of those that are installed."""
    return Machine(
        processor(Path("/proc/cpuinfo")) or platform.machine(),
        len(os.sched_getaffinity(0)),
        psutil.virtual_memory().total,
        f"{platform.system()} {platform.release()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        {name: found for name in (*PACKAGES, *packages) if (found := _version(name))},
        time.strftime("%Y-%m-%d"),
    )


def processor(cpuinfo: Path) -> str:
    """The model of the first processor in a file like /proc/cpuinfo; "" if it is not told."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def traffic(seconds: float = _LOOK) -> Traffic:
    """How much others use the machine, watched for some seconds in which we do nothing."""
    before, own = _busy(), _own()
    time.sleep(seconds)
    used = _busy() - before - (_own() - own)
    share = used / seconds / (psutil.cpu_count() or 1)
    return Traffic(round(os.getloadavg()[0], 2), round(min(1.0, max(0.0, share)), 3))


def _busy() -> float:
    """Seconds that all cores together have worked, since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def _own() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
