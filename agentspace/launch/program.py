"""A program of the original Agent-Space in a launch file: its file, and what it gets on its command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from agentspace.core.setting import Data
from agentspace.errors import suggest
from agentspace.launch.expression import written

_OF_CLASSES: Final = ("params", "slots")  # what a class has, and no program
_OF_PROGRAMS: Final = {  # what a program has, and no class; and what that has instead
    "arguments": ("arguments are those of a program", "params"),
    "translate": ("only what a program says is translated", "slots"),
}
_FEWEST: Final = 2  # words
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
    return tuple(map(written, _of_programs(entry, "arguments", ())))


def translations_of(entry: ProgramEntry) -> tuple[str, ...]:
    """The translations of a program's slots, as its command takes them: ``camera=rgb``, ``mode=acquire,use``."""
    given = _of_programs(entry, "translate", {})
    for slot, how in given.items():
        if not isinstance(how, str) and len(how) < _FEWEST:
            entry.complain(f"{slot!r} is translated to {_FEWEST} words or more, for 0, 1, ...", "translate", slot)
    return tuple(f"{slot}={how if isinstance(how, str) else ','.join(how)}" for slot, how in given.items())


def _of_programs(entry: ProgramEntry, key: str, default: Data) -> Data:
    """What an entry says; complains of a class that says it."""
    given = entry.data.get(key, default)
    if given and not entry.is_program:
        what, instead = _OF_PROGRAMS[key]
        entry.complain(f"{what}; a class has {instead!r}", key, key=True)
    return given
