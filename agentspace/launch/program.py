"""A program of the original Agent-Space in a launch file: its file, and what it gets on its command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from agentspace.core.setting import Data
from agentspace.errors import suggest
from agentspace.launch.expression import written

_OF_CLASSES: Final = ("params", "slots")  # what a class has, and no program
_MOST: Final = 50  # files that are offered


class ProgramEntry(Protocol):
    """An entry of a launch file.

    Attributes:
        data: What it says.
    """

    data: Mapping[str, Data]

    @property
    def is_program(self) -> bool:
        """Whether it is a program."""

    def complain(self, message: str, *way: str | int, key: bool = False) -> None:
        """Notes a problem at a place inside of it."""


def program_of(entry: ProgramEntry, project: Path) -> Path:
    """The file of a program; complains if there is none, or of what only classes have."""
    for name in _OF_CLASSES:
        if name in entry.data:
            entry.complain(f"a program has no {name}; what it gets are 'arguments'", name, key=True)
    name = str(entry.data["program"])
    file = project / name
    if not file.is_file():
        valid = [str(path.relative_to(project)) for path in sorted(file.parent.glob("*.py"))[:_MOST]]
        entry.complain(f"there is no program {name!r} in {project}; {suggest(name, valid)}", "program")
    return file


def words_of(entry: ProgramEntry) -> tuple[str, ...]:
    """What a program gets on its command line; complains of a class that is given some."""
    given = entry.data.get("arguments", ())
    if given and not entry.is_program:
        entry.complain("arguments are those of a program; a class has 'params'", "arguments", key=True)
    return tuple(map(written, given))
