"""Modules that this process has loaded, of which a program has its own: ``queue.py`` beside it, say.

In a process that begins with the program, ``import queue`` finds that file: the folder of a program comes first.
Here the library was first. It keeps what it has, and imports nothing later; the program finds its own.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

_FROM_THE_START: Final = ("built-in", "frozen")  # which no folder comes before
_KEPT: Final = ("__main__", "encodings", "agentspace")  # the last has its place taken by the original's names


def give_way(folder: Path) -> None:
    """From now on, an import of a module that lies in a folder finds that."""
    try:
        there = {file.name.partition(".")[0] for file in folder.iterdir()}
    except OSError:
        return
    for name in there.intersection(sys.modules).difference(_KEPT):
        if _is_before(folder, name, sys.modules[name]):
            for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                del sys.modules[loaded]


def _is_before(folder: Path, name: str, loaded: ModuleType) -> bool:
    """Whether an import would find another module in a folder than the one that is loaded."""
    spec, own = getattr(loaded, "__spec__", None), PathFinder.find_spec(name, [str(folder)])
    if own is None or own.origin is None:  # the latter is a folder of no package, which comes last
        return False
    return spec is None or (spec.origin not in _FROM_THE_START and spec.origin != own.origin)
