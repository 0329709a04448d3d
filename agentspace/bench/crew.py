"""The processes of the benchmark: started, asked, and always ended; nothing of them is left."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from agentspace.agent.parent_process import PARENT_VARIABLE, SAFE_PATH
from agentspace.bench.peers.shared_memory import mapped, remove
from agentspace.bench.peers.station import CONTROL
from agentspace.errors import AgentspaceError

_PATIENCE: Final = 60.0  #: seconds for whatever is asked of a program
_END: Final = 2.0  #: seconds to end in


class BenchmarkError(AgentspaceError):
    """A program of the benchmark failed; the message says which, and why."""


class Crew:
    """Some programs that stay up together, in a folder of their own. A context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="agentspace-bench-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / CONTROL))
        self._listener.listen(1024)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stations: list[subprocess.Popen[bytes]] = []  # of these, those that end when nobody orders
        self._named: dict[str, socket.socket] = {}
        self._lines: dict[str, Iterator[str]] = {}
        self._log = (self.folder / "log").open("wb")

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self, words: Sequence[str]) -> int:
        """Starts a program with this Python, as ``python -m WORDS``; gives its pid."""
        own = {PARENT_VARIABLE: str(os.getpid()), "XDG_CONFIG_HOME": str(self.folder)}
        with _undisturbed():  # or a process would not be known
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                env={**os.environ, **SAFE_PATH, **own},
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C is for the benchmark, which ends them in its order
            )
            self._processes.append(process)
        return process.pid

    def station(self, peer: str, part: str, number: int = 0) -> str:
        """Starts a program that obeys orders; gives its name."""
        self.start(["agentspace.bench.program", str(self.folder), peer, part, str(number)])
        self._stations.append(self._processes[-1])
        return f"{peer}/{part}/{number}"

    def await_ready(self, names: Sequence[str]) -> None:
        """Waits until stations are ready, in whichever order.

        Raises:
            BenchmarkError: One failed, or is not ready in time.
        """
        until = time.monotonic() + _PATIENCE
        while missing := [name for name in names if name not in self._named]:
            self._listener.settimeout(max(0.01, until - time.monotonic()))
            try:
                met, _ = self._listener.accept()
            except TimeoutError:
                raise BenchmarkError(f"{missing[0]} does not come{self._said()}") from None
            met.settimeout(_PATIENCE)
            lines = iter(met.makefile("r", encoding="utf-8"))
            name = self._next(lines, "a program")["name"]
            self._named[name], self._lines[name] = met, lines
        for name in names:
            self._next(self._lines[name], name)

    def tell(self, name: str, **order: Any) -> None:
        """Gives a station an order; its answer is to be awaited."""
        with contextlib.suppress(OSError):  # that it is gone is told by `answer`
            self._named[name].sendall(json.dumps(order).encode() + b"\n")

    def answer(self, name: str) -> Any:
        """The answer to an order.

        Raises:
            BenchmarkError: It failed, or does not answer in time.
        """
        return self._next(self._lines[name], name)["answer"]

    def ask(self, name: str, **order: Any) -> Any:
        """An order and its answer."""
        self.tell(name, **order)
        return self.answer(name)

    def ask_all(self, names: Sequence[str], **order: Any) -> list[Any]:
        """The same order to several at once."""
        for name in names:
            self.tell(name, **order)
        return [self.answer(name) for name in names]

    def close(self) -> None:
        """Ends all, whatever they do, within seconds; Ctrl-C waits for that."""
        with _undisturbed():
            self._end()

    def _end(self) -> None:
        shared = set[Path]().union(*(mapped(process.pid) for process in self._processes))
        self._listener.close()
        for met in self._named.values():
            with contextlib.suppress(OSError):
                met.shutdown(socket.SHUT_RDWR)
            met.close()
        _await(self._stations, _END)
        self._signal(signal.SIGTERM)
        _await(self._processes, _END)
        self._signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()
        remove(shared)  # of those that had to be killed
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _next(self, lines: Iterator[str], name: str) -> dict[str, Any]:
        try:
            data: dict[str, Any] = json.loads(next(lines))
        except (StopIteration, OSError, ValueError):
            raise BenchmarkError(f"{name} ended, or does not answer{self._said()}") from None
        if "error" in data:
            raise BenchmarkError(f"{name}: {data['error']}")
        return data

    def _said(self) -> str:
        """The last line of what the programs have printed."""
        lines = (self.folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line for line in lines if line.strip()]
        return f"; last words: {said[-1]}" if said else ""


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until this is over.

    Raises:
        KeyboardInterrupt: One came.
    """
    came: list[int] = []
    numbers = signal.SIGINT, signal.SIGTERM
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _await(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    """Waits for their ends, no longer than that."""
    until = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
