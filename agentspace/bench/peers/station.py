"""A program of the benchmark, seen from inside: it obeys orders until the connection to the benchmark ends.

So it ends when the benchmark does, however that ends, and lets go of what it holds.
"""

import contextlib
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agentspace.bench.peers.payloads import stamp_of
from agentspace.bench.peers.shared_memory import mapped, remove

CONTROL: Final = "control"  #: the socket in the folder of the benchmark
_LOOK: Final = 0.002  #: seconds between two looks
Handler = Callable[[dict[str, Any]], object]


class Station:
    """Its end of the control connection.

    Args:
        folder: Of the benchmark.
        name: Its own.
        number: Which of its kind it is, from 0.
        program: The module that programs like this one run.
    """

    def __init__(self, folder: Path, name: str, number: int, program: str) -> None:
        self.folder, self.name, self.number, self.program = folder, name, number, program
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(folder / CONTROL))
        self._closing: list[Callable[[], object]] = []
        self._heard: list[tuple[int, int]] = []
        self._say({"name": name})

    def finally_do(self, close: Callable[[], object]) -> None:
        """At the end it does this, the last first."""
        self._closing.append(close)

    def aside(self, work: Callable[[], object]) -> None:
        """Does something that blocks in a thread of its own; the program ends when that fails."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._say({"error": f"{type(error).__name__}: {error}"})
                raise

        threading.Thread(target=run, daemon=True).start()

    def ready(self) -> None:
        """Says that it can be used."""
        self._say({"ready": self.name})

    def heard(self, payload: Any) -> None:
        """A message has arrived."""
        now = time.monotonic_ns()
        self._heard.append((stamp_of(payload), now))

    def collect(self, last: int, patience: float) -> list[tuple[int, int]]:
        """What was heard since it was asked before, each as (stamp, ns that it took).

        Args:
            last: It waits for the message with this stamp (ns).
            patience: No longer than these seconds.
        """
        until = time.monotonic() + patience
        while time.monotonic() < until and not (self._heard and self._heard[-1][0] >= last):
            time.sleep(_LOOK)
        heard, self._heard = self._heard, []
        return [(stamp, now - stamp) for stamp, now in heard]

    def obey(self, handle: Handler) -> None:
        """Answers orders, one after the other, until the process ends."""
        orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(orders,), daemon=True).start()
        while True:
            order = json.loads(orders.get())
            try:
                answer: dict[str, Any] = {"answer": handle(order)}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            self._say(answer)

    def _listen(self, orders: "queue.SimpleQueue[str]") -> None:
        """Takes orders until the connection ends; then the process ends, whatever it does."""
        with contextlib.suppress(OSError), self._socket.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                orders.put(line)
        shared = mapped(os.getpid())
        for close in reversed(self._closing):
            with contextlib.suppress(Exception):
                close()
        remove(shared)
        os._exit(0)

    def _say(self, data: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the benchmark has ended
            self._socket.sendall(json.dumps(data).encode() + b"\n")
