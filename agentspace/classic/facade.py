"""The module that takes the name of the original: ``agentspace`` in a program, and ``PACKAGE.agentspace``.

The library's own modules keep theirs, so they go on to be found.
"""

import importlib
import sys
import threading
import time
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from agentspace.classic import Agent, Space, SpaceAdaptor, Trigger, space
from agentspace.classic.agent import set_generation
from agentspace.classic.generation import Generation, copy_in, source

NAME: Final = "agentspace"
_NAMES: Final = {
    "Agent": Agent,
    "Space": Space,
    "SpaceAdaptor": SpaceAdaptor,
    "Trigger": Trigger,
    "space": space,
    "threading": threading,  # which `from agentspace import *` gives, too
    "time": time,
}


class _Facade(ModuleType):
    """The original's names, and behind them those of this library."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_library, name)


_library: Final[ModuleType] = sys.modules[NAME]


class _Copies(MetaPathFinder, Loader):
    """Finds the names of the original where a package of the program has its copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The facade, if that is a copy of the original."""
        parent, _, name = fullname.rpartition(".")
        if name != NAME or not parent:
            return None
        copies = [copy for folder in path or () if (copy := copy_in(Path(folder)))]
        if not copies:
            return None
        set_generation(Generation.of(source(copies[0])))
        return ModuleSpec(fullname, self, origin=str(copies[0]))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module of its own, with the same names."""
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Has them."""
        vars(module).update(_NAMES)


def put_up(folder: Path) -> None:
    """From now on, a program in a folder imports the names of the original."""
    copy = copy_in(folder)
    if copy is not None:
        set_generation(Generation.of(source(copy)))
    facade = _Facade(NAME, _library.__doc__)
    facade.__path__ = _library.__path__
    facade.__spec__ = _library.__spec__
    vars(facade).update(_NAMES)
    sys.modules[NAME] = facade
    sys.meta_path.insert(0, _Copies())
    importlib.invalidate_caches()
