"""The roles whose code on the disk is another than what they run, as it comes to rest there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from agentspace.client.account import ROLES, SpaceAccount
from agentspace.client.disk import DiskCode, on_disk, read_digest
from agentspace.client.reports import RoleAccount
from agentspace.core.space import Space

LOOK: Final = 0.25  #: seconds between two looks; what is the same in two of them is at rest
_SETTLED: Final = ("running", "failed", "gone")  #: states in which a role is not about to run something else


class Changed(NamedTuple):
    """A role whose code on the disk is another than what it runs.

    Attributes:
        role: Its name.
        fault: Why nothing can run that: a file is not there, or cannot be compiled; "" if it may go well.
    """

    role: str
    fault: str = ""


class Watcher:
    """Compares what roles run with what the disk has. Content counts, not when it came there, nor how.

    Attributes:
        files: The files of each role that runs here, at the last look.
    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, str] = {}  # the code on the disk, at the last look
        self._told: dict[str, str] = {}  # the one that was told last, as long as it differs

    def look(self, roles: Mapping[str, RoleAccount]) -> list[Changed]:
        """The roles whose code on the disk has come to rest as another one since the last look."""
        disks = {name: disk for name, role in roles.items() if (disk := on_disk(role)) is not None}
        self.files = {name: tuple(disk.files) for name, disk in disks.items()}
        found = []
        for name, disk in disks.items():
            role = roles[name]
            state = _state(role, disk)
            at_rest, self._seen[name] = self._seen.get(name) == state, state
            if not disk.differs:
                self._told.pop(name, None)
            elif at_rest and self._told.get(name) != state and role.state in _SETTLED:
                self._told[name] = state
                found.append(Changed(name, _fault(role, disk)))
        return found


def roles_of(space: Space, role: str | None = None) -> dict[str, RoleAccount]:
    """A role, if there is one of that name; or all roles."""
    roles = SpaceAccount.of_slots(space.snapshot(f"{ROLES}*").values()).roles
    return {name: told for name, told in roles.items() if role in (None, name)}


def _state(role: RoleAccount, disk: DiskCode) -> str:
    """The state of the disk, with the files around those that differ: a successor may need them."""
    if not disk.differs:
        return disk.code
    folders = {Path(role.project, path).parent for path in disk.files}
    around = {str(file): read_digest(file) for folder in folders for file in folder.glob("*.py")}
    return DiskCode({**around, **disk.files}).code


def _fault(role: RoleAccount, disk: DiskCode) -> str:
    gone = [path for path in disk.missing if not Path(role.project, _other_form(path)).is_file()]
    own = role.spec.partition(":")[0].replace(".", "/")
    if gone and (not disk.changed or {f"{own}.py", f"{own}/__init__.py"} & set(gone)):
        return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} not there"
    for file in (Path(role.project, path) for path in disk.changed):
        try:
            compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        except SyntaxError as error:
            return f"{file}:{error.lineno}: {error.msg}"
        except (OSError, ValueError) as error:
            return f"{file}: {error}"
    return ""


def _other_form(path: str) -> str:
    """A module may become a package, and a package a module."""
    stem = path.removesuffix(".py")
    return f"{stem.removesuffix('/__init__')}.py" if stem.endswith("/__init__") else f"{stem}/__init__.py"
