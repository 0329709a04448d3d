"""Reading the logs of runs: lines with their time and role, and what is added to them."""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agentspace.supervise.logs import MERGED, Lines

_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+[+-][\d:]+) (\S+) +([|*])(?: (.*))?")
_STAMP: Final = re.compile(r"-(\d{8})-(\d{6})(?:-(\d+))?$")
_CHUNK: Final = 1 << 20
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class LogLine:
    """A line of a log.

    Attributes:
        at: When it was written (s since 1970).
        role: Whose it is: a role, "server" or "launch".
        by_launch: The supervisor says it, of the role; else the role's process did.
        text: What was said.
    """

    at: float
    role: str
    by_launch: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON can say it."""
        when = datetime.fromtimestamp(self.at).astimezone().isoformat(timespec="milliseconds")
        return {"time": when, "role": self.role, "by": "launch" if self.by_launch else "role", "text": self.text}


@dataclass
class LogTail:
    """The lines of a run's merged log, and those that are added to it.

    Attributes:
        folder: Of the run.
    """

    folder: Path
    _lines: Lines = field(default_factory=Lines)
    _place: int = 0
    _file: tuple[int, int] | None = None  # device and number of the file that is read
    _last: LogLine | None = None

    @property
    def file(self) -> Path:
        """The file that is read."""
        return self.folder / f"{MERGED}.log"

    def next(self) -> Iterator[LogLine]:
        """The lines that are new since the last call. One that was replaced or cut is read from its beginning."""
        try:
            with self.file.open("rb") as file:
                info = os.fstat(file.fileno())
                if (info.st_dev, info.st_ino) != self._file or info.st_size < self._place:
                    self._file, self._place, self._lines = (info.st_dev, info.st_ino), 0, Lines()
                file.seek(self._place)
                while data := file.read(_CHUNK):
                    self._place += len(data)
                    for text in self._lines.feed(data):
                        yield self._read(text)
        except FileNotFoundError:
            return  # it is being replaced, or not there yet

    def rest(self) -> Iterator[LogLine]:
        """The last line, without its end."""
        for text in self._lines.flush():
            yield self._read(text)

    def _read(self, text: str) -> LogLine:
        found = _LINE.fullmatch(text)
        try:
            at = datetime.fromisoformat(found[1]).timestamp() if found else None
        except ValueError:  # a line that only looks like one
            at = None
        if found is None or at is None:  # what was said had several lines
            before = self._last or LogLine(0.0, MERGED, True, "")
            return LogLine(before.at, before.role, before.by_launch, text)
        self._last = LogLine(at, found[2], found[3] == "*", found[4] or "")
        return self._last


def launch_of(folder: Path) -> str:
    """The launch of a run, as the name of its folder says: ``NAME-DATE-TIME``, of a second run then ``...-2``."""
    return _STAMP.sub("", folder.name)


def run_began(folder: Path) -> datetime | None:
    """When a run began, as the name of its folder says: ``NAME-DATE-TIME``; None if it says nothing."""
    found = _STAMP.search(folder.name)
    try:
        return datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S") if found else None
    except ValueError:
        return None


def runs_in(folder: Path) -> list[Path]:
    """The runs in a folder, the oldest first."""
    try:
        paths = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
    dated = [(began, _number(path), path) for path in paths if (began := run_began(path))]
    return [path for _, _, path in sorted(dated)]


def _number(folder: Path) -> int:
    """The number of a run among those of its second."""
    found = _STAMP.search(folder.name)
    return int(found[3] or 1) if found else 1


def span(text: str) -> float | None:
    """The seconds that a span such as ``30s``, ``5m``, ``1h30m``, ``2d`` means; None if it is none."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def moment(text: str, now: float | None = None) -> float:
    """The time (s since 1970) that a text means: a span before now, a time of today, or a date.

    Raises:
        ValueError: It means none; says what does.
    """
    now = time.time() if now is None else now
    before = span(text)
    if before is not None:
        return now - before
    today = datetime.fromtimestamp(now)
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            clock = datetime.strptime(text, form)
        except ValueError:
            continue
        found = today.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
        return (found if found <= today else found - timedelta(days=1)).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ValueError(
            f"{text!r} is no time: write a span such as 30s, 5m, 2h, 1d, a time such as 14:05, "
            "or a date such as 2026-11-29T14:05"
        ) from None


def dump(line: LogLine) -> str:
    """The line as one of JSON."""
    return json.dumps(line.to_dict(), ensure_ascii=False)
