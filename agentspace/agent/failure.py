"""The headline of a failure: what it says, what was perhaps meant, and where in the user's code it happened."""

import os
import traceback
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Final

from agentspace.core.values.value import valid_text

_LIBRARY: Final = str(Path(__file__).parents[1]) + os.sep
_LONGEST: Final = 300  #: characters of what an error says


def headline(error: BaseException, agent: object) -> str:
    """The error of an agent in one line.

    >>> headline(ValueError("no such camera"), None)
    'ValueError: no such camera'
    """
    said = (traceback.format_exception_only(type(error), error)[-1].strip().splitlines() or [""])[-1]
    place = place_of(error)
    if isinstance(error, SyntaxError):
        place = _short(error.filename or "") + (f":{error.lineno}" if error.lineno else "")
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    line = " ".join(filter(None, (said + hint(error, agent), f"({place})" if place else "")))
    return valid_text(line)


def place_of(error: BaseException) -> str:
    """FILE:LINE of the innermost line of the user's own code; empty if there is none."""
    found = ""
    for frame, line in _frames(error.__traceback__):
        file = frame.tb_frame.f_code.co_filename
        installed = "site-packages" in file or file.startswith(("<", _LIBRARY)) or "lib/python3" in file
        if not installed:
            found = f"{_short(file)}:{line}"
    return found


def hint(error: BaseException, agent: object) -> str:
    """What was perhaps meant, as the end of the line: a name of the agent's without ``self.``, or misspelt."""
    name = getattr(error, "name", None)
    if not isinstance(name, str):
        return ""
    if isinstance(error, NameError) and hasattr(type(agent), name):
        return f": write self.{name}"
    if isinstance(error, AttributeError) and error.obj is agent and agent is not None:
        near = get_close_matches(name, [known for known in dir(agent) if not known.startswith("_")], n=1)
        return f": did you mean {near[0]!r}?" if near and "Did you mean" not in str(error) else ""
    return ""


def _frames(trace: TracebackType | None) -> Iterator[tuple[TracebackType, int]]:
    while trace is not None:
        yield trace, trace.tb_lineno
        trace = trace.tb_next


def _short(file: str) -> str:
    """The path as seen from here, if it lies here."""
    here = f"{Path.cwd()}{os.sep}"
    return file.removeprefix(here)
