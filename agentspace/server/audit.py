"""The audit log of a server: who did what, from where, and whether it was allowed.

Lines of JSON in a file beside the socket, which only its user may read. It has all that matters for who was in
charge: keys that come or are refused, joins, leaves, swaps, stops, settings, orders, who conducts simulated time
and begins to drive it, and whatever was refused for want of a right or of a seat; not reads and writes. A flood is
counted, not written; of two full files the older one goes; a disk that fails costs lines, which are counted too,
and nothing else.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MOST: Final = 4 << 20  #: bytes of a file; there are two at most
RATE: Final = 20.0  #: lines per second, of what was accepted and of what was refused each
BURST: Final = 200  #: lines that may come at once
_LONGEST: Final = 200  #: characters of a text
_AGAIN: Final = 1.0  #: seconds after which a disk that failed is tried again


@dataclass(slots=True)
class _Budget:
    """How many lines may be written now, and how many were not."""

    left: float = BURST
    since: float = 0.0
    left_out: int = 0

    def spend(self, now: float) -> bool:
        """Whether one more line may be written."""
        self.left = min(BURST, self.left + RATE * (now - self.since))
        self.since = now
        if self.left < 1.0:
            self.left_out += 1
            return False
        self.left -= 1.0
        return True


@dataclass(slots=True)
class Audit:
    """Writes the log.

    Attributes:
        file: Where; None: nowhere.
        clock: Seconds, monotonic.
        most: Bytes of a file.
    """

    file: Path | None = None
    clock: Callable[[], float] = time.monotonic
    most: int = MOST
    _budgets: dict[bool, _Budget] = field(default_factory=lambda: {True: _Budget(), False: _Budget()})
    _descriptor: int = -1
    _size: int = 0
    _retry: float = 0.0

    def note(self, what: str, who: dict[str, Any], about: dict[str, Any], why: str | None = None) -> None:
        """Notes something that was done, or refused.

        Args:
            what: Is done.
            who: Does it.
            about: To what.
            why: It is refused; None: it is not.
        """
        if self.file is None:
            return
        now, budget = self.clock(), self._budgets[why is None]
        if now < self._retry:
            budget.left_out += 1
            return
        if not budget.spend(now):
            return
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "ok": why is None, "what": what, **who, **about}
        line |= ({} if why is None else {"why": why}) | ({"left_out": budget.left_out} if budget.left_out else {})
        text = json.dumps({name: _short(value) for name, value in line.items()}) + "\n"
        try:
            self._write(text.encode())
            budget.left_out = 0
        except OSError:  # the disk is full: the robot goes on
            budget.left_out += 1
            self._retry = now + _AGAIN
            self.close()

    def close(self) -> None:
        """Closes the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, line: bytes) -> None:
        if self._descriptor >= 0 and self._size + len(line) > self.most and self.file is not None:
            self.close()
            self.file.replace(self.file.with_name(self.file.name + ".1"))
        if self._descriptor < 0:
            self._open()
        written = os.write(self._descriptor, line)
        self._size += written
        if written < len(line):
            os.ftruncate(self._descriptor, self._size - written)  # no half lines
            raise OSError("no space left for a whole line")

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(str(self.file), flags, 0o600)
        os.fchmod(self._descriptor, 0o600)
        self._size = os.fstat(self._descriptor).st_size


def _short(value: Any) -> Any:
    """A value, if it is a number, or the beginning of its text."""
    return value if isinstance(value, int | float | None) else str(value)[:_LONGEST]
