"""The code of a role as the disk of this machine has it: whether that is what its process runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agentspace.client.reports import RoleAccount
from agentspace.core.values.code import code_of, digest


@dataclass(frozen=True)
class DiskCode:
    """The files of a role's code, as they are on the disk now.

    Attributes:
        files: What they hold: a digest each, by the path in the project; "" for one that is not there.
        changed: Those that hold something else than what the process runs.
        missing: Those that are not there.
    """

    files: Mapping[str, str]
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The hash that a process would tell which runs them."""
        return code_of(self.files)

    @property
    def differs(self) -> bool:
        """Whether the process runs another code."""
        return bool(self.changed or self.missing)

    def to_dict(self) -> dict[str, Any]:
        """Both as JSON can say it."""
        return {"code_on_disk": self.code, "stale": self.differs}


UNKNOWN: Final = {"code_on_disk": None, "stale": None}  #: the same of a code that cannot be compared


def on_disk(role: RoleAccount) -> DiskCode | None:
    """The files of a role's code on this disk; None if it runs elsewhere, or has not told what it runs."""
    if not (role.sources and role.project) or role.host != os.uname().nodename:
        return None
    files = {path: read_digest(Path(role.project, path)) for path in role.sources}
    changed = tuple(path for path, found in files.items() if found and found != role.sources[path])
    return DiskCode(files, changed, tuple(path for path, found in files.items() if not found))


def marked(code: str, disk: DiskCode | None) -> str:
    """The code of a process for people: with ``*`` if the disk has another, with ``?`` if that cannot be told."""
    return code and code + ("?" if disk is None else "*" if disk.differs else "")


def read_digest(file: Path) -> str:
    """The digest of a file; "" if there is none that can be read."""
    try:
        return digest(file.read_bytes()) if file.is_file() else ""
    except (OSError, ValueError):  # a name that no file can have
        return ""
