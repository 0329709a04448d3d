"""The logs of a launch: on the console with the role before each line, and in files."""

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from agentspace.agent.run_folder import hold, new_run
from agentspace.core.values.shown import logged

MERGED: Final = "launch"  #: name of the file with all lines, and of the launch itself among the roles
COMPLAINT: Final = "agentspace: "  #: begins the line in which a command says why it failed
_COMPLAINT_SHOWN: Final = 300  #: characters
_LONGEST: Final = 1 << 20  #: bytes; a line that is longer is cut there
_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  #: ANSI foreground colours, without red and grey
_BOLD: Final = 1


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what is written there: on terminals, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def colours_of(names: Iterable[str]) -> dict[str, int]:
    """The colour of each role, as ANSI numbers them."""
    roles = [name for name in dict.fromkeys(names) if name != MERGED]
    return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(roles)}


def coloured(text: str, colour: int | None) -> str:
    """The text in a colour; bold for None."""
    return f"\x1b[{_BOLD if colour is None else colour}m{text}\x1b[0m"


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


@dataclass
class LogFile:
    """A file of lines, which goes on when a disk that failed takes them again.

    Attributes:
        path: Of the file; its folder is made.
        missing: The number of lines that were not written.
    """

    path: Path
    missing: int = 0
    _file: BinaryIO | None = None
    _is_torn: bool = False  # its last line was not written to its end

    def add(self, line: str) -> None:
        """Adds a line.

        Raises:
            OSError: The disk does not take it.
        """
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                opened = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self._file = os.fdopen(opened, "ab", buffering=0)
            rest = b"\n" * self._is_torn + line.encode(errors="backslashreplace") + b"\n"
            while rest:
                rest = rest[self._file.write(rest) :]
                self._is_torn = bool(rest)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Closes it; it is opened again for the next line."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


class Log:
    """Writes lines to the console and into the files of one run: `<role>.log` each, and `launch.log` for all.

    A console that fails is given up; files that a disk does not take go on when it does so again, and say what is
    missing: the robot goes on. In a swap two processes of one role speak; each
    has its own unfinished line and its own complaint.
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
        self._colours = colours_of(roles)
        self._width = max(map(len, [MERGED, *roles]))
        self._lines: dict[tuple[str, str], Lines] = {}  # by role and process
        self._files: dict[str, LogFile] = {}
        self._is_incomplete = False  # people were told that files are not written
        self._complaints: dict[tuple[str, str], str] = {}  # by role and process
        self._held = None if folder is None else hold(folder)

    @property
    def file(self) -> Path | None:
        """The file with all lines, if there is one."""
        return None if self._folder is None else self._folder / f"{MERGED}.log"

    @property
    def folder(self) -> Path | None:
        """The folder with the files of this run, if there is one."""
        return self._folder

    def feed(self, name: str, data: bytes, process: str = "") -> None:
        """Takes what a process said.

        Args:
            name: Its role.
            data: The bytes.
            process: Tells it from others of the role.
        """
        for line in self._lines.setdefault((name, process), Lines()).feed(data):
            self._hear(name, line, process)

    def flush(self, name: str, process: str = "") -> None:
        """The process has ended: writes its last line, even without its end."""
        for line in self._lines.pop((name, process), Lines()).flush():
            self._hear(name, line, process)

    def take_complaint(self, name: str, process: str = "") -> str:
        """The last line of a process in which a command said why it failed, once; "" if there is none."""
        return self._complaints.pop((name, process), "")

    def say(self, name: str, text: str) -> None:
        """Adds a line of the supervisor about a role, or about the launch."""
        self._write(name, "*", text)

    def close(self) -> None:
        """Closes the files."""
        for name, process in list(self._lines):
            self.flush(name, process)
        for name, file in self._files.items():
            with contextlib.suppress(OSError):
                self._tell_missing(name, file)
            file.close()
        self._files.clear()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _hear(self, name: str, line: str, process: str) -> None:
        if line.startswith(COMPLAINT):
            self._complaints[name, process] = line.removeprefix(COMPLAINT)[:_COMPLAINT_SHOWN]
        self._write(name, "|", line)

    def _write(self, name: str, mark: str, text: str) -> None:
        self._print(name, mark, text)
        stamp = _stamp()
        self._store(MERGED, f"{stamp} {name:{self._width}} {mark} {text}")
        if name != MERGED:
            self._store(name, text if mark == "|" else f"{stamp} {mark} {text}")

    def _print(self, name: str, mark: str, text: str) -> None:
        if self._console is None:
            return
        prefix = f"{name:{self._width}} {mark}"
        if self._colour:
            prefix = coloured(prefix, self._colours.get(name))
        line = f"{prefix} {logged(text, self._colour)}\n"
        try:
            encoding = self._console.encoding or "utf-8"
            self._console.write(line.encode(encoding, errors="backslashreplace").decode(encoding))
            self._console.flush()
        except (OSError, ValueError):  # the terminal is gone
            self._console = None

    def _store(self, name: str, line: str) -> None:
        if self._folder is None:
            return
        file = self._files.setdefault(name, LogFile(self._folder / f"{name}.log"))
        try:
            self._tell_missing(name, file)
            file.add(line)
        except OSError as error:
            file.missing += 1
            if not self._is_incomplete:
                self._is_incomplete = True
                self._print(MERGED, "*", f"log files are incomplete from now on: {error}")

    def _tell_missing(self, name: str, file: LogFile) -> None:
        """Says in a file how many of its lines are missing, if any are, now that it can be written again."""
        if not file.missing:
            return
        told = f"lines missing here, which the disk did not take: {file.missing}"
        file.add(f"{_stamp()} {MERGED:{self._width}} * {told}" if name == MERGED else f"{_stamp()} * {told}")
        file.missing = 0
        if self._is_incomplete:
            self._is_incomplete = False
            self._print(MERGED, "*", "log files are written again; they tell how many lines are missing")


def _stamp() -> str:
    """The time of a line."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def open_log(names: Iterable[str], runs: Path, run_name: str, console: TextIO | None = None) -> Log:
    """A log for a run, on the console and, where that is possible, in files."""
    console = sys.stderr if console is None else console
    try:
        return Log(names, console, new_run(runs, run_name))
    except OSError as error:
        log = Log(names, console)
        log.say(MERGED, f"no log files: {error}")
        return log
