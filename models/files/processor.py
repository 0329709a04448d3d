"""The processor of this machine: its name, and what it can multiply."""

import platform
from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")
_BYTES: Final = frozenset({"avx512_vnni", "avx_vnni"})


def name(cpuinfo: Path = _CPUINFO) -> str:
    """What the processor calls itself."""
    return next(iter(_said("model name", cpuinfo)), platform.machine())


def multiplies_bytes(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether it has instructions that multiply bytes and add the products up in 32 bits (VNNI).

    Without them onnxruntime adds up in 16 bits, where sums of an x86 processor may overflow. On other systems than
    Linux nobody says, and so it is not known.
    """
    return any(_BYTES & set(flags.split()) for flags in _said("flags", cpuinfo))


def _said(what: str, cpuinfo: Path) -> list[str]:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return [value.strip() for key, _, value in pairs if key.strip() == what]
