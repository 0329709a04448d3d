"""Panels of a project: the ES modules in its folder ``agents/panels``."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

FOLDER = Path("agents", "panels")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.(js|css)")
HELPER = re.compile(r"_[A-Za-z0-9_-]*\.(js|css)")  #: imported by panels, is none


_REST = 1.0  #: seconds between two looks at the folders


class Panel(NamedTuple):
    """One panel: its name, and where the page imports it from."""

    name: str
    url: str


class Panels:
    """The panels of some projects. A folder of another user is not served: its code would act in your name."""

    def __init__(self, project: Path | None = None) -> None:
        self._folders: dict[str, Path] = {}
        self._found: list[Panel] = []
        self._looked = -_REST
        if project is not None:
            self.add(project)

    def add(self, project: Path) -> None:
        """Serves the panels of a project, if it has any."""
        folder = (project / FOLDER).absolute()
        key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        if key not in self._folders and folder.is_dir() and folder.stat().st_uid in (os.getuid(), 0):
            self._folders[key] = folder
            self._looked = -_REST

    def all(self) -> list[Panel]:
        """The panels, looked up once a second; of two with one name the project that was added first has it."""
        if (now := time.monotonic()) - self._looked >= _REST:
            self._looked = now
            self._found = self._look()
        return self._found

    def _look(self) -> list[Panel]:
        found: dict[str, Panel] = {}
        for key, folder in self._folders.items():
            files = sorted(file for file in folder.glob("*.js") if FILE.fullmatch(file.name))
            for file in files:
                found.setdefault(file.stem, Panel(file.stem, f"/panels/{key}/{file.name}?{_mark(file)}"))
        return list(found.values())

    def file(self, key: str, name: str) -> Path | None:
        """The file that a URL names; None if there is none that is served."""
        folder = self._folders.get(key)
        if folder is None or not (FILE.fullmatch(name) or HELPER.fullmatch(name)):
            return None
        path = folder / name
        return path if path.is_file() and path.resolve().parent == folder.resolve() else None


def _mark(file: Path) -> str:
    """Changes with the file, so that the page imports it anew."""
    try:
        return f"{file.stat().st_mtime_ns:x}"
    except OSError:
        return "0"
