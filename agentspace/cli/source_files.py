"""The source files of the roles of a space, and when they are saved."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from agentspace.client.account import RoleAccount, SpaceAccount
from agentspace.core.space import Space
from agentspace.errors import AgentspaceError, RoleNotFoundError, suggest

LOOK: Final = 500  #: milliseconds between two looks whether there are other files to watch
DEBOUNCE: Final = 200  #: milliseconds in which several changes of a file are one: editors write more than once


def sources(space: Space, role: str | None = None) -> dict[str, Path]:
    """The source file of a role, or of all roles that have one on this machine.

    Raises:
        RoleNotFoundError: There is no such role; the error lists them.
        AgentspaceError: It has no file here.
    """
    roles = SpaceAccount.told_by(space).roles
    if role is not None and role not in roles:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(roles))}")
    found = {name: _file(told) for name, told in roles.items() if role in (None, name)}
    files = {name: file for name, file in found.items() if file is not None}
    if not files:
        raise AgentspaceError(
            f"{'no role' if role is None else f'role {role!r}'} has its source file on this machine"
        )
    return files


def changes(find: Callable[[], Mapping[str, Path]]) -> Iterator[tuple[list[str], Mapping[str, Path]]]:
    """The roles whose files were saved, whenever some were, with the files of all that are watched.

    When there are others to watch, a list comes that is empty; so the first is: from then on it watches. What it
    watches are the folders: an editor that saves atomically puts another file into the place of the old one.

    Args:
        find: The files to watch, by role; asked again and again, as roles come and are swapped to other classes.

    Raises:
        AgentspaceError: The library that watches is not installed.
    """
    try:
        from watchfiles import Change, watch
    except ImportError:
        raise AgentspaceError("to watch files, install: pip install 'agentspace[tools]'") from None

    def is_saved(change: Change, path: str) -> bool:
        return change is not Change.deleted and Path(path).resolve() in files.values()

    while True:
        files = find()
        folders = sorted({str(file.parent) for file in files.values()})
        options: dict[str, Any] = {"debounce": DEBOUNCE, "recursive": False, "rust_timeout": LOOK}
        told = False
        for batch in watch(*folders, watch_filter=is_saved, yield_on_timeout=True, **options):
            saved = {Path(path).resolve() for _, path in batch}
            if batch or not told:
                told = True
                yield sorted(role for role, file in files.items() if file in saved), files
            if find() != files:
                break


def _file(role: RoleAccount) -> Path | None:
    """The file of the class that an incarnation says it has, if it is here."""
    module = role.spec.partition(":")[0]
    if not module or not role.project:
        return None
    stem = Path(role.project).joinpath(*module.split("."))
    for file in (stem.with_suffix(".py"), stem / "__init__.py"):
        if file.is_file():
            return file.resolve()
    return None
