"""Panels of a project: the ES modules in its folder ``agents/panels``."""

import hashlib
import os
import re
import time
from pathlib import Path
from typing import Final

FOLDER: Final = Path("agents", "panels")
FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.(js|css)")
HELPER: Final = re.compile(r"_[A-Za-z0-9_-]*\.(js|css)")  #: imported by panels, is none
_REST: Final = 1.0  #: seconds between two looks at the folders


class Panels:
    """The panels of some projects. A folder of another user is not served: its code would act in your name."""

    def __init__(self, project: Path | None = None) -> None:
        self._folders: dict[str, Path] = {}
        self._found: dict[str, str] = {}
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

    def all(self) -> dict[str, str]:
        """Where the page imports each panel from, by name, looked up once a second.

        Of two with one name the project that was added first has it.
        """
        if (now := time.monotonic()) - self._looked >= _REST:
            self._looked = now
            self._found = {}
            for key, folder in self._folders.items():
                for file in sorted(file for file in folder.glob("*.js") if FILE.fullmatch(file.name)):
                    self._found.setdefault(file.stem, f"/panels/{key}/{file.name}?{_mark(file)}")
        return self._found

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
