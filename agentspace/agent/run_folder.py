"""The folder of a run: what a launch, or an agent that was started alone, leaves behind, and what it was.

The file `run.json` in it says which code ran with which arguments and libraries, so that its results can be judged
and made again.
"""

import fcntl
import json
import os
import platform
import re
import subprocess
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from agentspace.version import __version__

RUN_FOLDER: Final = "AGENTSPACE_RUN_FOLDER"
"""The environment variable by which a launch tells its processes their folder."""
RECORD: Final = "run.json"
_GIT_PATIENCE: Final = 5.0  #: seconds for an answer of git


def new_run(runs: Path, name: str) -> Path:
    """Makes the folder for the files of a run, `<name>-<date>-<time>`, and points `latest` to it.

    Raises:
        OSError: It cannot be made.
    """
    runs.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('/', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while True:
        folder = runs / (stem if number == 1 else f"{stem}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            break
        number += 1
    link = runs / f".latest-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(runs / "latest")
    return folder


def hold(folder: Path) -> int | None:
    """Holds a run's folder, so that nobody takes it for one that is over; None if somebody holds it.

    The kernel lets go when the descriptor that this returns is closed, whatever ends its process.
    """
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def run_folder(project: Path, name: str) -> Path:
    """The folder of this run: that of the launch; else one of its own in the project's `runs/`, made now.

    Raises:
        OSError: It cannot be made.
    """
    told = os.environ.get(RUN_FOLDER)
    if told:
        folder = Path(told)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = new_run(project / "runs", name)
    hold(folder)  # until this process ends
    write_record(folder, {"name": name, **facts(project)})
    return folder


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes `run.json` in one piece.

    Raises:
        OSError: It cannot be written.
    """
    new = folder / f".{RECORD}-{os.getpid()}"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=2, default=str) + "\n")
    new.replace(folder / RECORD)


def facts(project: Path) -> dict[str, Any]:
    """The circumstances of a run: when, where, with which code and which libraries."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "command": sys.argv,
        "project": str(project),
        "git": _git(project),
        "versions": _versions(),
    }


def _git(project: Path) -> dict[str, Any] | None:
    """The commit of a work tree, and whether something in it differs; None if it is none, or git cannot say."""
    commit = _ask_git(project, "rev-parse", "HEAD")
    changes = _ask_git(project, "status", "--porcelain", "--", ".", ":(exclude)runs")
    if commit is None or changes is None:
        return None
    return {"commit": commit.strip(), "dirty": bool(changes.strip())}


def _ask_git(project: Path, *words: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(project), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_PATIENCE,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return answer.stdout


def _versions() -> dict[str, str]:
    """Of Python, this library, and what it may need as far as that is installed; nothing of it is imported."""
    found = {"python": platform.python_version(), "agentspace": __version__}
    for wanted in metadata.requires("agentspace") or () if _installed("agentspace") else ():
        name = re.split(r"[^A-Za-z0-9._-]", wanted, maxsplit=1)[0]
        if (version := _installed(name)) is not None:
            found[name] = version
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
