"""Digests of what makes a result: source files and versions of packages."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType


@cache
def digest(modules: Sequence[ModuleType], packages: Sequence[str] = (), files: Sequence[Path] = ()) -> str:
    """16 hexadecimal digits that change when a source file, a version or a file does.

    Args:
        modules: Their source files; of a package, those of all modules in it.
        packages: Of the package index; one that is not installed counts as such.
        files: Others, with weights say.

    Raises:
        OSError: A file cannot be read.
    """
    found = hashlib.sha256()
    for source in (source for module in modules for source in _sources(module)):
        found.update(source.read_bytes())
    for name in packages:
        found.update(f"{name} {_version(name)}\n".encode())
    for path in files:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _sources(module: ModuleType) -> Iterator[Path]:
    own = Path(str(module.__file__))
    yield from sorted(own.parent.rglob("*.py")) if own.name == "__init__.py" else [own]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
