"""Which source files the roles of a space have, and when they are saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentspace.errors import AgentspaceError, RoleNotFoundError, suggest
from agentspace.space import Space

DEBOUNCE = 200  #: milliseconds in which several changes of a file are one: editors write more than once


def sources(space: Space, role: str | None = None) -> dict[str, Path]:
    """The source file of a role, or of all roles that have one on this machine.

    Raises:
        RoleNotFoundError: There is no such role; the error lists them.
        AgentspaceError: It has no file here.
    """
    prefix = "_/roles/"
    infos = {name.removeprefix(prefix): entry.value for name, entry in space.snapshot(f"{prefix}*").items()}
    if role is not None and role not in infos:
        raise RoleNotFoundError(f"there is no role {role!r}: {suggest(role, sorted(infos))}")
    found = {name: _file(info) for name, info in infos.items() if role in (None, name)}
    files = {name: file for name, file in found.items() if file is not None}
    if not files:
        raise AgentspaceError(
            f"{'no role' if role is None else f'role {role!r}'} has its source file on this machine"
        )
    return files


def changes(files: Mapping[str, Path]) -> Iterator[list[str]]:
    """The roles whose files were saved, whenever some were; the first list is empty: from then on it watches.

    Watches the folders: an editor that saves atomically puts another file into the place of the old one.

    Raises:
        AgentspaceError: The library that watches is not installed.
    """
    try:
        from watchfiles import Change, watch
    except ImportError:
        raise AgentspaceError("to watch files, install: pip install 'agentspace[tools]'") from None
    roles: dict[Path, list[str]] = {}
    for role, file in files.items():
        roles.setdefault(file, []).append(role)
    folders = sorted({str(file.parent) for file in roles})

    def wanted(change: Change, path: str) -> bool:
        return change is not Change.deleted and Path(path).resolve() in roles

    saved = watch(
        *folders,
        watch_filter=wanted,
        debounce=DEBOUNCE,
        recursive=False,
        rust_timeout=DEBOUNCE,
        yield_on_timeout=True,
    )
    begun = False
    for batch in saved:
        if batch or not begun:
            begun = True
            yield sorted({role for _, path in batch for role in roles[Path(path).resolve()]})


def _file(info: Any) -> Path | None:
    """The file of the class that an incarnation says it has, if it is here."""
    module = str(info.get("class", "")).partition(":")[0]
    if not module or "project" not in info:
        return None
    stem = Path(info["project"]).joinpath(*module.split("."))
    for file in (stem.with_suffix(".py"), stem / "__init__.py"):
        if file.is_file():
            return file.resolve()
    return None
