"""The origin of an agent's code: a swap takes what a launch has, and nothing else that could be imported.

Whoever may swap a role names a module. If that could be any, its code would run: that of a library with a command
in it, say. So it is a module of the launch's project, or of a package that the launch itself names. It is looked
for as an import would, but nothing is imported.
"""

import importlib.util
import os
from collections.abc import Collection, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Final

from agentspace.errors import SwapError

_INSTALLED: Final = ("site-packages", "dist-packages")


def package_of(spec: str) -> str:
    """The package, or module, at the top of what a spec such as ``agents.camera:Camera`` names."""
    return spec.partition(":")[0].partition(".")[0]


def check_origin(spec: str, project: Path, packages: Collection[str]) -> None:
    """Whether a swap may take this class, as far as that can be told from where its module lies.

    What is not there at all passes: to import it fails.

    Args:
        spec: Module and class.
        project: The folder of the launch, which is the first that is imported from.
        packages: Of the classes that the launch itself names.

    Raises:
        SwapError: It may not; names the place, and the valid ones.
    """
    name = spec.partition(":")[0]
    for found in _found(name):
        outside = [place for place in _places(found) if not _is_in(place, project)]
        if outside and package_of(spec) not in packages:
            others = sorted({package for package in packages if not _is_own(package, project)})
            also = f", or of {', '.join(others)}" if others else ""
            raise SwapError(
                f"{name!r} is not swapped in: it lies in {outside[0]}; a swap takes modules of {project}{also}"
            )


def _found(name: str) -> Iterator[ModuleSpec]:
    """A module and the packages that it is in, from the top, as far as they are found."""
    top, *rest = name.split(".")
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        found = None
    while found is not None:
        yield found
        if not rest:
            return
        # By its last name alone: for a folder without __init__.py its full name would need an imported parent.
        found = PathFinder.find_spec(rest.pop(0), list(found.submodule_search_locations or []))


def _places(found: ModuleSpec) -> list[str]:
    if found.has_location and found.origin is not None:
        return [found.origin]
    return list(found.submodule_search_locations or []) or [found.origin or "Python itself"]


def _is_in(place: str, project: Path) -> bool:
    """Whether a file or folder is one of a project's own."""
    if not os.path.isabs(place):  # noqa: PTH117  (what Python itself has is "frozen" or "built-in")
        return False
    try:
        inside = Path(os.path.abspath(place)).relative_to(project)  # noqa: PTH100  (links stay)
    except ValueError:
        return False
    return not set(_INSTALLED) & set(inside.parts)


def _is_own(package: str, project: Path) -> bool:
    return all(_is_in(place, project) for found in _found(package) for place in _places(found))
