"""The module that takes the name of the original: ``agentspace`` in a program, and ``PACKAGE.agentspace``.

The library's own modules keep theirs, so they go on to be found.
"""

import ast
import contextlib
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
from agentspace.classic.generation import Generation, copy_in, copy_on, source

NAME: Final = "agentspace"
_NAMES: Final = {
    "Agent": Agent,
    "Space": Space,
    "SpaceAdaptor": SpaceAdaptor,
    "Trigger": Trigger,
    "space": space,
    "threading": threading,  # which `from agentspace import *` gives, too, whatever copy it has
    "time": time,
}


class _Facade(ModuleType):
    """The original's names, and behind them those of this library.

    Which copy of the original the program would have found is seen when it asks for a name first: until then it
    may have changed its path.
    """

    def __getattr__(self, name: str) -> object:
        if "Agent" not in vars(self) and (name == "__all__" or not name.startswith("__")):
            self._take_after(copy_on(sys.path))
        if name in vars(self):
            return vars(self)[name]
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_library, name)

    def _take_after(self, copy: Path | None) -> None:
        """Has the names of a copy, and its agents those habits."""
        if copy is not None:
            set_generation(Generation.of(source(copy)))
            vars(self).update(_imports_of(copy))
        vars(self).update(_NAMES)


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
        vars(module).update(_imports_of(Path(str(module.__spec__ and module.__spec__.origin))))
        vars(module).update(_NAMES)


def _imports_of(copy: Path) -> dict[str, object]:
    """What a copy imports itself, which ``from agentspace import *`` gives too: `time`, `Enum`, ..."""
    found: dict[str, object] = {}
    with contextlib.suppress(SyntaxError, ValueError):
        for statement in ast.parse(source(copy)).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                with contextlib.suppress(Exception):  # what is not there, the copy would miss
                    exec(compile(ast.Module([statement], []), str(copy), "exec"), found)  # noqa: S102
    found.pop("__builtins__", None)
    return found


def put_up() -> None:
    """From now on, the program imports the names of the original."""
    facade = _Facade(NAME, _library.__doc__)
    facade.__path__ = _library.__path__
    facade.__spec__ = _library.__spec__
    sys.modules[NAME] = facade
    sys.meta_path.insert(0, _Copies())
    importlib.invalidate_caches()
