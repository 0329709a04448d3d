"""Ends the processes of a launch when its supervisor is killed: nothing is left to burn CPU or hold a camera.

The guardian is a process in a session of its own, out of reach of Ctrl-C. It holds the reading end of a pipe whose
only writing end the supervisor holds, over which it learns of every process group. When the pipe closes without a
farewell, the supervisor is dead, however it died; then the guardian asks every process of the launch to end, and
kills what does not; the server comes last, so that it can clean up after the others.

It finds processes by their group, and by the run's mark in their environment: so also those that were being
started in that moment, and grandchildren that went into sessions of their own.

Run as a script by its path, without the package, it starts quickly and needs only the standard library.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MARK_VARIABLE: Final = "AGENTSPACE_LAUNCH"  #: in the environment of every process of a launch: its run and role
PATIENCE: Final = 1.5  #: seconds between SIGTERM and SIGKILL
KILL_PATIENCE: Final = 1.0  #: seconds after SIGKILL; what is left then hangs in the kernel
_LOOK: Final = 0.02  #: seconds between looks at what still lives
_FAREWELL: Final = "bye"


@dataclass(frozen=True)
class Found:
    """A process that is alive."""

    pid: int
    group: int


def mark(run: str, role: str) -> str:
    """The value of `MARK_VARIABLE` in the environment of a role's process and of all its descendants."""
    return f"{run} {role}"


def processes(groups: Iterable[int] = (), run: str = "", role: str = "") -> list[Found]:
    """Living processes of some groups, or with the mark of a run in their environment; zombies do not count.

    Args:
        groups: Process groups.
        run: Of a launch; "" for none.
        role: Only those of this role of the run; "" for all.
    """
    wanted, needle = set(groups), f"\0{MARK_VARIABLE}={mark(run, role)}{'' if not role else chr(0)}".encode()
    return [
        found
        for found in _living()
        if found.group in wanted or (run and found.pid != os.getpid() and needle in _environment(found.pid))
    ]


def _living() -> Iterator[Found]:
    for entry in os.listdir("/proc"):  # noqa: PTH208  (names are enough, and this may run in a hurry)
        if not entry.isdigit():
            continue
        try:
            status = Path("/proc", entry, "stat").read_bytes()
        except OSError:
            continue  # it has just ended
        state, _, group = status[status.rindex(b")") + 2 :].split()[:3]
        if state not in (b"Z", b"X"):
            yield Found(int(entry), int(group))


def _environment(pid: int) -> bytes:
    try:
        return b"\0" + Path("/proc", str(pid), "environ").read_bytes() + b"\0"
    except OSError:
        return b""


def kill(targets: Iterable[Found]) -> None:
    """Kills processes."""
    _signal(targets, signal.SIGKILL)


def end(find: Callable[[], list[Found]], patience: float = PATIENCE) -> int:
    """Asks processes to end and kills what does not; returns how many had to be killed.

    Args:
        find: The processes that are still alive.
        patience: Seconds before they are killed.
    """
    _signal(find(), signal.SIGTERM)
    deadline = time.monotonic() + patience
    while find() and time.monotonic() < deadline:
        time.sleep(_LOOK)
    stubborn = {found.pid for found in find()}
    deadline = time.monotonic() + KILL_PATIENCE
    while (left := find()) and time.monotonic() < deadline:
        kill(left)
        time.sleep(_LOOK)
    return len(stubborn)


def _signal(targets: Iterable[Found], number: int) -> None:
    for found in targets:
        try:
            os.kill(found.pid, number)
        except (ProcessLookupError, PermissionError):
            continue


@dataclass
class Guardian:
    """The supervisor's side: starts the guardian, and a new one when it was killed.

    Attributes:
        run: Of the launch.
        log: File to which the guardian adds a line when it had to act; None for none.
    """

    run: str
    log: Path | None = None
    _groups: dict[int, bool] = field(default_factory=dict)
    _process: "subprocess.Popen[str] | None" = None

    @property
    def pid(self) -> int:
        """Its process; 0 if there is none."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> int:
        """Starts it, or a new one, and tells it all groups; returns its pid."""
        self._dismiss()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self.run, str(self.log or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name != MARK_VARIABLE},
            start_new_session=True,
            text=True,
            bufsize=1,
        )
        for group, is_last in self._groups.items():
            self._tell(f"+ {group} {int(is_last)}")
        return self._process.pid

    def add(self, group: int, is_last: bool) -> None:
        """There is a new process group; the one that is last ends after all others."""
        self._groups[group] = is_last
        self._tell(f"+ {group} {int(is_last)}")

    def remove(self, group: int) -> None:
        """All processes of a group have ended."""
        self._groups.pop(group, None)
        self._tell(f"- {group}")

    def close(self) -> None:
        """Says farewell: everything has ended in order."""
        self._tell(_FAREWELL)
        self._dismiss()

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line + "\n")
        except (BrokenPipeError, ValueError):
            return  # it was killed: the supervisor starts a new one, which is told everything

    def _dismiss(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        self._process = None


def watch(lines: Iterable[str], run: str) -> str | None:
    """The guardian's work: follows the supervisor's lines, and cleans up when they stop without a farewell.

    Returns:
        What it did, or None when there was nothing to do.
    """
    groups: dict[int, bool] = {}
    for line in lines:
        if not line.endswith("\n"):
            break  # the supervisor died while it wrote
        word, *rest = line.split()
        if word == _FAREWELL:
            return None
        if word == "+":
            groups[int(rest[0])] = rest[1] == "1"
        else:
            groups.pop(int(rest[0]), None)
    last = {group for group, is_last in groups.items() if is_last}
    first = groups.keys() - last
    killed = end(lambda: [found for found in processes(first, run) if found.group not in last])
    killed += end(lambda: processes(last))
    return f"the supervisor died; its processes were ended, {killed} of them killed"


def main(run: str, log: str) -> None:
    """Runs the guardian of a launch."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    news = watch(sys.stdin, run)
    if news and log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} guardian * {news}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
