"""The errors of agentspace, all under one root, each carrying the data of what went wrong.

AgentspaceError
└── LaunchError (also a ValueError): a launch file that cannot be run, with every problem found in it
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class AgentspaceError(Exception):
    """Root of all errors that agentspace raises on purpose."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a launch file, and where.

    Attributes:
        file: the file as a user would write it, or "command line".
        line: 1-based; 0 when the problem has no place in a file.
        column: 1-based; 0 when the problem has no place in a file.
        message: what is wrong, the bad value, and the valid ones.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class LaunchError(AgentspaceError, ValueError):
    """A launch file that cannot be run. Nothing was started.

    Attributes:
        problems: everything that is wrong, in the order of the files.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def suggest(bad: str, valid: Iterable[str]) -> str:
    """The end of an error message: the nearest valid name, and all of them.

    >>> suggest("clas", ["class", "params"])
    "did you mean 'class'? Valid: class, params"
    """
    names = [str(name) for name in valid]
    if not names:
        return "there is none to choose from"
    near = get_close_matches(bad, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}Valid: {', '.join(names)}"
