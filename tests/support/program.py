"""A process whose lines tests wait for, and that is always ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from agentspace.agent.parent_process import PARENT_VARIABLE
from tests.support.eventually import eventually

PATIENCE = 30.0  # seconds in which a process on a busy machine has done what it must do
CLIENT = """
import os, sys, threading, time
import numpy as np
from agentspace import Agent, AgentspaceError, Refused, SlotName, Trigger
from agentspace.core.slot import Erase, Put
from agentspace.client.space import connect
from agentspace.agent.parent_process import die_with_parent
die_with_parent()
def say(*words): print(*words, flush=True)
def wait(): return sys.stdin.readline().strip()
space = connect(sys.argv[1], sys.argv[2], timeout=20)
"""


class Program:
    """A process of its own: what it prints is collected by line, and its end is awaited.

    Args:
        arguments: The command.
        folder: In which it runs.
        environment: Added to that of the tests.
    """

    def __init__(
        self,
        arguments: Iterable[str | Path],
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.lines: list[str] = []  # of stdout
        self.errors: list[str] = []  # lines of stderr
        self._used = 0
        self._open = 2  # streams that have not ended
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=folder,
            env={**os.environ, PARENT_VARIABLE: str(os.getpid()), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        outputs = (self._process.stdout, self.lines), (self._process.stderr, self.errors)
        self._readers = [threading.Thread(target=self._collect, args=output) for output in outputs]
        for reader in self._readers:
            reader.start()

    def expect(self, text: str, timeout: float = PATIENCE) -> str:
        """The next line of stdout that starts with a text.

        Raises:
            AssertionError: It did not come in time, or the process ended.
        """

        def found() -> bool:
            return any(line.startswith(text) for line in self.lines[self._used :]) or self._open < 2

        with self._changed:
            self._changed.wait_for(found, timeout)
            for number in range(self._used, len(self.lines)):
                if self.lines[number].startswith(text):
                    self._used = number + 1
                    return self.lines[number]
        raise AssertionError(f"no line {text!r}\n" + "\n".join([*self.lines, "-- stderr", *self.errors]))

    def expect_error(self, text: str, timeout: float = PATIENCE) -> str:
        """The first line of stderr with a text in it.

        Raises:
            AssertionError: It did not come in time, or the process ended.
        """

        def found() -> bool:
            return any(text in line for line in self.errors) or self._open < 2

        with self._changed:
            self._changed.wait_for(found, timeout)
            for line in self.errors:
                if text in line:
                    return line
        raise AssertionError(f"no {text!r} in stderr\n" + "\n".join([*self.errors, "-- stdout", *self.lines]))

    def say(self, line: str = "") -> None:
        """Gives the process a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end_input(self) -> None:
        """Closes its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal; after SIGSTOP it stands still."""
        if not self.ended:
            send(self.pid, number)

    def kill(self) -> None:
        """Kills it, and waits until it is gone."""
        self._process.kill()
        self.wait()

    def wait(self, timeout: float = PATIENCE) -> int:
        """Waits for its end; gives the exit code, or minus the signal that killed it."""
        code = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return code

    def close(self) -> None:
        """Ends it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _collect(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


def client(address: str, code: str, name: str = "client", folder: Path | None = None) -> Program:
    """A program with a connected `space`, `say(...)` and `wait()`; see `CLIENT`."""
    return Program([sys.executable, "-c", CLIENT + code, address, name], folder)


def send(pid: int, number: signal.Signals) -> bool:
    """Sends a signal to a process; whether there still was one. After SIGSTOP it stands still, all threads of it.

    The kernel stops a process only when one of its threads has got a turn to take the signal; on a busy machine
    the others go on until then.
    """
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    if number == signal.SIGSTOP:
        eventually(lambda: not _running(pid), PATIENCE)
    return True


def _running(pid: int) -> bool:
    """Whether any thread of a process does something still."""
    states = []
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            states.append(thread.read_text().rpartition(")")[2].split()[0])
    return not set(states) <= set("tTZX")  # stopped, traced, or dead: proc(5)


def command_of(process: psutil.Process) -> list[str]:
    """The words with which a process was started; none if it has ended, be it at this moment."""
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []
