"""Digests of what makes a result: source files and versions of packages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


@cache
def digest(modules: Sequence[str], packages: Sequence[str] = (), files: Sequence[Path] = ()) -> str:
    """16 hexadecimal digits that change when a source file, a version or a file does.

    Args:
        modules: Names of modules; nothing of them is executed.
        packages: Of the package index; one that is not installed counts as such.
        files: Others, with weights say.

    Raises:
        ModuleNotFoundError: There is no such module.
        OSError: A file cannot be read.
    """
    found = hashlib.sha256()
    for name in modules:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no module {name!r}")
        found.update(Path(spec.origin).read_bytes())
    for name in packages:
        found.update(f"{name} {_version(name)}\n".encode())
    for path in files:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
