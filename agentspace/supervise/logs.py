"""The logs of a launch: on the console with the role before each line, and in files."""

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, TextIO

MERGED: Final = "launch"  #: name of the file with all lines, and of the launch itself among the roles
_LONGEST: Final = 1 << 20  #: bytes; a line that is longer is cut there
_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  #: ANSI foreground colours, without red and grey
_BOLD: Final = 1


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what is written there: on terminals, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@dataclass
class Lines:
    """Cuts a stream of bytes into lines."""

    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now. Of a progress bar that rewrites its line only the last state counts."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        if len(rest) > _LONGEST:
            lines, rest = [*lines, rest], bytearray()
        self._rest = rest
        return [_text(line) for line in lines]

    def flush(self) -> list[str]:
        """The rest at the end."""
        rest, self._rest = self._rest, bytearray()
        return [_text(rest)] if rest else []


def _text(line: bytearray) -> str:
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", errors="replace")


class Log:
    """Writes lines to the console and into the files of one run: `<role>.log` each, and `launch.log` for all.

    A console or a disk that fails is given up: the robot goes on.
    """

    def __init__(
        self,
        names: Iterable[str],
        console: TextIO | None = None,
        folder: Path | None = None,
    ) -> None:
        """Opens nothing yet.

        Args:
            names: Of the roles, in the order of their colours.
            console: Where people look; None for nowhere.
            folder: For the files; None for no files.
        """
        self._console = console
        self._folder = folder
        self._colour = console is not None and wants_colour(console)
        roles = list(dict.fromkeys(names))
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(roles)}
        self._width = max(map(len, [MERGED, *roles]))
        self._lines: dict[str, Lines] = {}
        self._files: dict[str, BinaryIO] = {}

    @property
    def file(self) -> Path | None:
        """The file with all lines, if there is one."""
        return None if self._folder is None else self._folder / f"{MERGED}.log"

    def feed(self, name: str, data: bytes) -> None:
        """Takes what a process said."""
        for line in self._lines.setdefault(name, Lines()).feed(data):
            self._write(name, "|", line)

    def flush(self, name: str) -> None:
        """The process has ended: writes its last line, even without its end."""
        for line in self._lines.setdefault(name, Lines()).flush():
            self._write(name, "|", line)

    def say(self, name: str, text: str) -> None:
        """Adds a line of the supervisor about a role, or about the launch."""
        self._write(name, "*", text)

    def close(self) -> None:
        """Closes the files."""
        for name in list(self._lines):
            self.flush(name)
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._files.clear()

    def _write(self, name: str, mark: str, text: str) -> None:
        self._print(name, mark, text)
        now = time.time()
        stamp = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}"
        self._store(MERGED, f"{stamp} {name:{self._width}} {mark} {text}")
        if name != MERGED:
            self._store(name, text if mark == "|" else f"{stamp} {mark} {text}")

    def _print(self, name: str, mark: str, text: str) -> None:
        if self._console is None:
            return
        prefix = f"{name:{self._width}} {mark}"
        if self._colour:
            prefix = f"\x1b[{self._colours.get(name, _BOLD)}m{prefix}\x1b[0m"
        line = f"{prefix} {text}\n"
        try:
            encoding = self._console.encoding or "utf-8"
            self._console.write(line.encode(encoding, errors="backslashreplace").decode(encoding))
            self._console.flush()
        except (OSError, ValueError):  # the terminal is gone
            self._console = None

    def _store(self, name: str, line: str) -> None:
        if self._folder is None:
            return
        try:
            if name not in self._files:
                path = self._folder / f"{name}.log"
                path.parent.mkdir(parents=True, exist_ok=True)
                self._files[name] = path.open("ab", buffering=0)
            self._files[name].write(line.encode() + b"\n")
        except OSError as error:
            self._folder = None
            self._print(MERGED, "*", f"no more log files: {error}")


def new_run(runs: Path, name: str) -> Path:
    """Makes the folder for the files of a run, `<name>-<date>-<time>`, and points `latest` to it.

    Raises:
        OSError: It cannot be made.
    """
    runs.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while (folder := runs / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    folder.mkdir()
    link = runs / f".latest-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(runs / "latest")
    return folder


def open_log(names: Iterable[str], runs: Path, run_name: str, console: TextIO | None = None) -> Log:
    """A log for a run, on the console and, where that is possible, in files."""
    console = sys.stderr if console is None else console
    try:
        return Log(names, console, new_run(runs, run_name))
    except OSError as error:
        log = Log(names, console)
        log.say(MERGED, f"no log files: {error}")
        return log
