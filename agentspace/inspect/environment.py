"""The environment on this machine: versions of packages, and whether installed ones can be imported."""

import contextlib
import ctypes.util
import importlib.metadata
import importlib.util
import operator
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agentspace.version import NOT_INSTALLED, __version__

PROBES: Final = ("cv2", "mujoco", "onnxruntime", "sounddevice")
"""Modules that need libraries of the system; they are tried in a process of its own, if they are installed."""
NEEDED: Final = {"mujoco": ("OSMesa", "EGL"), "sounddevice": ("portaudio",)}
"""Libraries of the system of which an installed module needs one when it works."""
_PATIENCE: Final = 60.0  #: seconds for one import
_HOLDS: Final = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_CLAUSE: Final = re.compile(r"(>=|<=|==|!=|<|>)\s*([\d.]+)")
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)")


@dataclass(frozen=True)
class Environment:
    """The findings on this machine.

    Attributes:
        version: Of agentspace here.
        unfit: Packages in a version that is not supported: name, version, what is supported.
        broken: Modules that are installed but cannot be imported, and why.
        lacking: Modules that are installed, each with the libraries of which it needs one and has none.
        mistakes: Of agents' classes: the role, what is wrong, and whether that is sure.
        lacks: What agents that have failed lack with their settings, by role.
    """

    version: str = __version__
    unfit: tuple[tuple[str, str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    lacking: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mistakes: tuple[tuple[str, str, bool], ...] = ()
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def look_around(probes: tuple[str, ...] = PROBES) -> Environment:
    """Looks; trying imports takes some seconds."""
    failures = ((name, _import_error(name)) for name in probes if _installed(name))
    broken = tuple((name, why) for name, why in failures if why)
    lacking = tuple(
        (name, libraries)
        for name, libraries in NEEDED.items()
        if _installed(name) and not any(map(ctypes.util.find_library, libraries))
    )
    return Environment(__version__, tuple(_unfit()), broken, lacking)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _import_error(module: str) -> str:
    """Why a module cannot be imported, in one line; empty if it can."""
    try:
        command = [sys.executable, "-c", f"import {module}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"the import takes longer than {_PATIENCE:g} s"
    why = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    return why if done.returncode else ""


def _unfit() -> list[tuple[str, str, str]]:
    """Installed packages in versions that agentspace does not support; those not installed do not matter."""
    found = []
    asked = [] if __version__ == NOT_INSTALLED else importlib.metadata.requires("agentspace") or []
    for name, wanted in (parts.groups() for parts in map(_REQUIREMENT.match, asked) if parts):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed = importlib.metadata.version(name)
            if not fits(installed, wanted.strip()):
                found.append((name, installed, wanted.strip()))
    return found


def fits(installed: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``>=1.2,<3``.

    >>> fits("2.10", ">=2.9,<3"), fits("3.0", ">=2.9,<3")
    (True, False)
    """
    have = _numbers(installed)
    return all(_HOLDS[relation](have, _numbers(bound)) for relation, bound in _CLAUSE.findall(wanted))


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part]  # type: ignore[index]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
