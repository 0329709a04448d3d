"""The code that a process runs: the sources of its project, compiled from what the disk has at their import.

Python keeps what it has compiled, and takes it for the source as long as size and time of modification, in whole
seconds, are the same: after `cp -p`, `rsync -t` or two saves within a second it runs what was there before. So the
modules of a project are compiled anew by each process; installed packages, the standard library and this one are
loaded from Python's caches as ever.
"""

import os
import sysconfig
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Final

from agentspace.core.values.code import digest
from agentspace.core.values.value import flaw

PROJECT_VARIABLE: Final = "AGENTSPACE_PROJECT"  #: the project of an agent, in the environment of what it starts
_INSTALLED: Final = ("/site-packages/", "/dist-packages/")  #: folders of packages, wherever they are
_NOT_OURS: Final = tuple(
    f"{os.path.realpath(folder)}/" for folder in (Path(__file__).parents[1], sysconfig.get_path("stdlib"))
)
_from_cache: Final = SourceFileLoader.get_code


class Sources:
    """The sources that this process has compiled.

    Attributes:
        projects: The folders whose modules are compiled from their source.
        digests: What was compiled, by absolute path.
        compiled: The number of times that a source was compiled.
    """

    def __init__(self) -> None:
        self.projects: list[Path] = []
        self.digests: dict[str, str] = {}
        self.compiled = 0

    def follow(self, project: Path) -> None:
        """Has modules of a project compiled from what is on the disk, from now on."""
        if not self.projects:
            setattr(SourceFileLoader, "get_code", _get_code)  # noqa: B010  (mypy forbids to assign a method)
        if project not in self.projects:
            self.projects.append(project)

    def owns(self, path: str) -> bool:
        """Whether a file is one of a project's own."""
        if any(folder in path for folder in _INSTALLED) or os.path.realpath(path).startswith(_NOT_OURS):
            return False
        return any(_inside(path, project) for project in self.projects)

    def of(self, project: Path) -> dict[str, str]:
        """The sources of a project that were compiled: a digest each, by the path in the project."""
        found = {_inside(path, project): one for path, one in self.digests.items()}
        return {path: one for path, one in found.items() if path and not flaw(path)}


sources: Final = Sources()  #: of this process


def _get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
    """Takes the place of a method of Python's loader; what is not of a project is left to that."""
    path = os.path.abspath(self.get_filename(fullname))  # noqa: PTH100  (links stay)
    if not sources.owns(path):
        return _from_cache(self, fullname)
    source = self.get_data(path)
    sources.digests[path] = digest(source)
    sources.compiled += 1
    return self.source_to_code(source, path)


def _inside(path: str, project: Path) -> str:
    """The path of a file in a project, which links may lead into or out of; "" if it is not there."""
    folders = (os.path.abspath(project), os.path.realpath(project))  # noqa: PTH100  (links stay)
    for each in (path, os.path.realpath(path)):
        for folder in folders:
            if each.startswith(os.path.join(folder, "")):  # noqa: PTH118  (the root has its separator already)
                return os.path.relpath(each, folder)
    return ""
