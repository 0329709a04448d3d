"""The tie of a child process to its supervisor: it does not outlive it."""

import contextlib
import ctypes
import os
import select
import signal
import threading
import time
from pathlib import Path
from types import MappingProxyType
from typing import Final

SAFE_PATH: Final = MappingProxyType({"PYTHONSAFEPATH": "agentspace"})
"""For the environment of a child: a file ``agentspace.py`` in its folder does not take the library's place."""
PARENT_VARIABLE: Final = "AGENTSPACE_PARENT"  #: pid of the supervisor, in the environment of what it starts
_PR_SET_PDEATHSIG: Final = 1  #: prctl(2)


def die_with_parent(grace: float = 0.0) -> None:
    """Makes this process end when the supervisor that started it dies; does nothing when none did.

    Call it first thing in a process, from the main thread. Children that it starts do not inherit this.

    Args:
        grace: Seconds to go on living; the server waits until the agents are gone.
    """
    text = os.environ.pop(PARENT_VARIABLE, "")
    if not text:
        return
    parent = int(text)
    if grace:
        threading.Thread(target=_outlive, args=(parent, grace), name="parent-watch", daemon=True).start()
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)


def _outlive(parent: int, grace: float) -> None:
    # Linux 6.18 says "no such file", not "no such process", of one that ends at this very moment.
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        descriptor = os.pidfd_open(parent)
        if os.getppid() == parent:
            select.select([descriptor], [], [])
        os.close(descriptor)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGTERM)


def own_environment() -> dict[str, str]:
    """The environment, for a child in which no ``agentspace.py`` on PYTHONPATH takes the library's place."""
    found = dict(os.environ)
    folders = [folder for folder in found.pop("PYTHONPATH", "").split(os.pathsep) if folder]
    if folders := [folder for folder in folders if not (Path(folder) / "agentspace.py").is_file()]:
        found["PYTHONPATH"] = os.pathsep.join(folders)
    return found


def forget_safe_path() -> None:
    """What this process starts itself finds its modules as usual."""
    for name, value in SAFE_PATH.items():
        if os.environ.get(name) == value:
            del os.environ[name]


def shadow(project: Path) -> Path | None:
    """The first file in a project with the name of this library, or of one that it uses; None if there is none."""
    library = Path(__file__).parents[1] / "__init__.py"
    files = [file for name in ("agentspace", *_USED) for file in _modules(project, name)]
    return next((file for file in files if file.is_file() and file.resolve() != library), None)


def _modules(project: Path, name: str) -> tuple[Path, Path]:
    return project / f"{name}.py", project / name / "__init__.py"


_USED: Final = ("click", "jsonschema", "msgpack", "numpy", "psutil", "rich", "yaml", "zmq")
_IN_PLACE: Final = "this file has the name of a library, and it is not certain which of them is used: rename it"
_COPY: Final = (
    "this is a copy of the original Agent-Space: run the programs beside it, as they are, with `agentspace "
    "classic PROGRAM`; agents of this library want another folder, or this file renamed"
)
_MARK: Final = b"senseSelectAct"  # which only the original has


def in_place(file: Path) -> str:
    """What is to be said of a file that `shadow` has found."""
    try:
        is_copy = file.name == "agentspace.py" and _MARK in file.read_bytes()
    except OSError:
        is_copy = False
    return _COPY if is_copy else _IN_PLACE
