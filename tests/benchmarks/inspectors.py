"""What inspectors cost those whom they look at: the demo with and without five of them, in turn.

    python tests/benchmarks/inspectors.py [--count 5] [--seconds 15] [--rounds 3] [--json]

`launch/mirror.yaml` runs with a goal that it does not reach. In turn, nobody looks on, and five dashboards do
(`agentspace inspect`, 160x48, each in a terminal of its own). In each turn the rate of the joint targets and the
time from the camera's picture to them are taken from the space. Ratios tell more than times: machines drift.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import platform
import pty
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentspace import Trigger, connect
from agentspace.client.space import RemoteSpace

PROJECT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 120.0  # seconds
SETTLING = 6.0  # seconds in which inspectors start


class Inspector:
    """A dashboard in a terminal of its own, whose output somebody takes."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentspace", "inspect"],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(terminal)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self._master, 1 << 16):
                pass

    def close(self) -> None:
        """Ends it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        os.close(self._master)


@contextlib.contextmanager
def demo(environment: dict[str, str]) -> Iterator[RemoteSpace]:
    """The demo while it learns: many postures, one after the other."""
    with tempfile.TemporaryDirectory() as out:
        arguments = ["pairs=10000", "patience=3600", f"out={out}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "agentspace", "launch", "launch/mirror.yaml", *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(f"ipc://{environment['AGENTSPACE_RUN']}/bench/server.sock", timeout=PATIENCE) as space:
                until = time.monotonic() + PATIENCE
                while not space.read("pairs") and time.monotonic() < until:
                    time.sleep(0.2)
                yield space
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def measure(space: RemoteSpace, seconds: float) -> dict[str, float]:
    """Pictures that led to features, per second, and the time from picture to features (ms)."""
    ages: list[float] = []
    began = time.monotonic()
    with space.watch("features", Trigger.EVERY) as changes:
        changes.next(PATIENCE)
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0:
            ages += [1e3 * entry.latency for entry in changes.next(left) or () if entry.kind == "written"]
    span = time.monotonic() - began
    return {"rate": len(ages) / span, "p50": statistics.median(ages), "p90": statistics.quantiles(ages, n=10)[-1]}


def main() -> None:
    """Measures in turn and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"alone": [], "watched": []}
    with tempfile.TemporaryDirectory(prefix="as-") as run:
        environment = {**os.environ, "AGENTSPACE_RUN": run, "AGENTSPACE_SPACE": "bench"}
        with demo(environment) as space:
            for _ in range(options.rounds):
                found["alone"].append(measure(space, options.seconds))
                inspectors = [Inspector(environment) for _ in range(options.count)]
                try:
                    time.sleep(SETTLING)
                    found["watched"].append(measure(space, options.seconds))
                finally:
                    for inspector in inspectors:
                        inspector.close()
    report(found, options.count, options.json)


def report(found: dict[str, list[dict[str, float]]], count: int, as_json: bool) -> None:
    """Prints medians over the rounds, and their ratio."""
    keys = ("rate", "p50", "p90")
    medians: dict[str, Any] = {
        name: {key: statistics.median(turn[key] for turn in turns) for key in keys}
        for name, turns in found.items()
    }
    medians["ratio"] = {key: medians["watched"][key] / medians["alone"][key] for key in keys}
    if as_json:
        print(json.dumps({**medians, "turns": found, "inspectors": count, "load": os.getloadavg()}))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {count} inspectors")
    print(f"{'':10}{'features/s':>12}{'p50 ms':>10}{'p90 ms':>10}")
    for name, row in medians.items():
        print(f"{name:10}{row['rate']:12.2f}{row['p50']:10.2f}{row['p90']:10.2f}")


if __name__ == "__main__":
    main()
