"""What ``agentspace classic`` is to run: a file, the folder of one, or a module, found as Python finds it."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final, NamedTuple

from agentspace.errors import ProgramError

_MAIN: Final = "__main__"
_OF_FOLDER: Final = (f"{_MAIN}.py", "main.py")  # what is run of a folder: the first is Python's rule
_LAUNCHES: Final = (".yaml", ".yml")
_HOW: Final = "name a program as for python: a file, its folder, or -m MODULE"


class Script(NamedTuple):
    """A program to be run.

    Attributes:
        file: Its main file.
        folder: Where its imports begin: the first entry of ``sys.path``.
        name: The first of its arguments.
        spec: Of its main module, if it is run as a module.
    """

    file: Path
    folder: Path
    name: str
    spec: ModuleSpec | None = None

    def code(self) -> CodeType:
        """What is run.

        Raises:
            ProgramError: It cannot be read, or is no text.
            SyntaxError: It is no Python.
        """
        try:
            source = self.file.read_bytes()
        except OSError as error:
            raise ProgramError(f"cannot read {self.file}: {error.strerror or error}; {_HOW}") from None
        if b"\0" in source:
            raise ProgramError(f"{self.file} is no Python program, but bytes that no text has; {_HOW}")
        return compile(source, str(self.file), "exec", dont_inherit=True)

    def main_module(self) -> ModuleType:
        """The module in which it is run, with what Python tells a main module of itself."""
        main = ModuleType(_MAIN)
        vars(main).update(__file__=str(self.file), __builtins__=sys.modules["builtins"], __cached__=None)
        if self.spec is not None:
            vars(main).update(__spec__=self.spec, __loader__=self.spec.loader, __package__=self.spec.parent)
        return main


def script_of(program: str) -> Script:
    """The program that a file is, or that lies in a folder.

    Raises:
        ProgramError: There is none.
    """
    path = Path(program)
    if path.is_dir():
        file = next((path / name for name in _OF_FOLDER if (path / name).is_file()), None)
        if file is None:
            raise ProgramError(f"there is no {' and no '.join(_OF_FOLDER)} in the folder {path}: name the file")
        return Script(Path(os.path.abspath(file)), path.resolve(), program)  # noqa: PTH100  (links stay)
    if not path.exists():
        raise ProgramError(f"there is no {program!r} in {Path.cwd()}{_what_it_may_be(program)}")
    if path.suffix in _LAUNCHES:
        raise ProgramError(f"{path} is no program: a launch file is run with `agentspace launch {path}`")
    return Script(path.absolute(), path.resolve().parent, program)


def script_of_module(module: str, paths: Sequence[str] | None = None) -> Script:
    """The program that a module is, as for ``python -m``; nothing of it is imported yet.

    Args:
        module: Its name, or that of a package with a ``__main__``.
        paths: Where it is looked for; by default from the present folder on.

    Raises:
        ProgramError: There is none.
    """
    here = Path.cwd()
    spec = _spec_of(module, [str(here), *sys.path] if paths is None else list(paths))
    if spec is not None and spec.submodule_search_locations is not None:
        spec = PathFinder.find_spec(f"{module}.{_MAIN}", list(spec.submodule_search_locations))
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ProgramError(
            f"there is no module {module!r} that can be run, neither in {here} nor on Python's path"
        )
    return Script(Path(spec.origin), here, spec.origin, spec)


def _spec_of(module: str, paths: list[str]) -> ModuleSpec | None:
    spec, name = None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, paths)
        if spec is None:
            return None
        paths = list(spec.submodule_search_locations or ())
    return spec


def _what_it_may_be(program: str) -> str:
    """What somebody may have meant by what is no file."""
    if ":" in program:
        return ": an agent of this library is run with `agentspace agent MODULE:CLASS`"
    return f"; {_HOW}"
