"""The generations of the original Agent-Space, told by the copy of it that lies with a program. Pure.

Each program has a copy of its own of one file, and they differ in what an agent prints and in what `triggered`
gives. So the copy is read, never run.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

FILE: Final = "agentspace.py"
PACKAGE: Final = "agentspace/__init__.py"
_MARK: Final = "senseSelectAct"  # every generation has it, and no other library
_MOST: Final = 1 << 20  # bytes of a copy
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)
_CLASS: Final = re.compile(r"^(?=class |if )", re.MULTILINE)  # where one begins, or what follows the last
_METHOD: Final = re.compile(r"^    def (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Generation:
    """The habits of one copy of the original.

    Attributes:
        says_start: An agent prints that it starts.
        says_stop: And that it stops, when it is told to.
        says_end: And that it stops, when its thread ends.
        sleeps_on: One that waits when it is told to stop is not woken, so it does not say that it ends.
        names_timer: `triggered` gives ``'__timer__'`` after a timer; else None.
        lists_names: `triggered` gives a list of all names since the last handler.
        ends_with_main: The threads of agents are daemons: the program ends with its main thread.
        hides_none: Who is told of values does not hear that None was written; else of the name alone.
        loops: An agent that sets `loopit` in `init` has a second thread, which calls `loop` again and again.
    """

    says_start: bool = False
    says_stop: bool = False
    says_end: bool = False
    sleeps_on: bool = False
    names_timer: bool = False
    lists_names: bool = False
    ends_with_main: bool = False
    hides_none: bool = False
    loops: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """The habits of a copy, by its source."""
        methods = _methods(text, "Agent")
        run, stop = methods.get("run", ""), methods.get("stop", "")
        return cls(
            says_start="print('starting agent'" in run,
            says_stop="print('stopping agent'" in stop,
            says_end="print('stopping agent'" in run,
            sleeps_on="if self.stopped" in methods.get("trigger", ""),
            names_timer="'__timer__'" in "".join(methods.values()),
            ends_with_main="daemon" in methods.get("__init__", ""),
            hides_none="value is not None" in _methods(text, "Space").get("write", ""),
            loops="self.loop()" in methods.get("looping", ""),
            lists_names="triggered_" in methods.get("triggered", "") and ".append(" in methods.get("trigger", ""),
        )


def copy_in(folder: Path) -> Path | None:
    """The copy of the original in a folder, a file or a package; None if there is none."""
    return next((file for file in (folder / PACKAGE, folder / FILE) if _MARK in source(file)), None)


def copy_on(path: Iterable[str]) -> Path | None:
    """The first copy of the original on a path, as Python would find it; None if there is none."""
    return next((copy for folder in path if (copy := copy_in(Path(folder)))), None)


def source(file: Path) -> str:
    """The text of a file, as far as it is one; "" if it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST).decode(errors="replace")
    except OSError:
        return ""


def _methods(text: str, name: str) -> dict[str, str]:
    """The bodies of the methods of a class in a copy, comments left out, all texts between single quotes."""
    begin = re.compile(rf"class {name}\b")
    body = next(filter(begin.match, _CLASS.split(text.replace('"', "'"))), "")
    parts = _METHOD.split(_COMMENT.sub("", body))
    return dict(zip(parts[1::2], parts[2::2], strict=True))
