"""The whole loop, from a picture of the simulated robot to the joint targets that answer it, as the demo runs.

    python tests/benchmarks/loop.py [--pictures 600] [--set decoder=free ...] [--busy 2] [--json]
    python tests/benchmarks/loop.py --turns 8 --of threads=1 threads=2

`launch/mirror.yaml` runs without a window: thirteen processes, two of which draw robots, 30 pictures per second
each. The robot learns ten pairs; then, while it imitates, each value of four slots is looked at: how long after
the picture it was written. The times are the server's, so that what this program takes does not count. The camera
passes the picture on, the extractor makes features of it, the associator a latent, the generator joint targets.

p50, p99, best  from the picture to the value of this slot, ms; the last line is the loop
step            what the slot's writer adds to the p50 of the line before, ms
cores           how many cores the writer's process used meanwhile

`--busy` lets so many other processes compute beside it. What else the machine does counts, too: `--turns` compares
settings of the extractor (`--of backend=onnx backend=onnx-int8`) by swapping it in the running launch, again and
again; each turn answers a share of the pictures. Read the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agentspace import Kind, Trigger  # noqa: E402
from agentspace.client.space import RemoteSpace, connect  # noqa: E402
from agentspace.wire.address import parse  # noqa: E402
from tests.support.eventually import eventually  # noqa: E402
from tests.support.program import Program  # noqa: E402

WRITERS = {"camera": "camera", "features": "extractor", "act": "associator", "joints": "generator"}
PATIENCE = 180.0  # seconds until it has learned its pairs
WARM = 30  # pictures at the begin that do not count
LOOK = 0.05  # seconds


class Loop:
    """The slots of a loop, and how old their values were when they were written (ms)."""

    def __init__(self, space: RemoteSpace) -> None:
        self.ages: dict[str, list[float]] = {slot: [] for slot in WRITERS}
        self._watches = {slot: space.watch(slot, Trigger.EVERY) for slot in WRITERS}
        self._processes = {
            slot: psutil.Process(space.read(f"_/roles/{role}")["pid"]) for slot, role in WRITERS.items()
        }

    def see(self, pictures: int) -> None:
        """Looks at the slots until so many pictures were answered."""
        while len(self.ages["joints"]) < pictures:
            for slot, watch in self._watches.items():
                # a value that a timer repeats comes from no picture
                written = [each for each in watch.next(LOOK) or () if each.kind is Kind.WRITTEN and each.latency]
                self.ages[slot] += [1e3 * each.latency for each in written]

    def used(self) -> dict[str, float]:
        """Seconds of a processor that each writer has used."""
        return {slot: sum(process.cpu_times()[:2]) for slot, process in self._processes.items()}


def measured(
    pictures: int, settings: list[str], turns: int, of: list[str]
) -> dict[str, list[list[dict[str, Any]]]]:
    """Launches the constellation, and ends it when so many pictures were answered: rows, by setting and turn."""
    with tempfile.TemporaryDirectory(prefix="as-") as folder:
        command = [sys.executable, "-m", "agentspace", "launch", "launch/mirror.yaml", *settings, f"out={folder}"]
        environment = {"AGENTSPACE_RUN": folder, "AGENTSPACE_SPACE": "loop"}
        with Program(command, ROOT, environment):
            address = parse(f"ipc://{folder}/loop/server.sock")
            with connect(address, "loop", timeout=60.0) as space:
                eventually(lambda: space.read("mode", None) == "use", PATIENCE)
                found: dict[str, list[list[dict[str, Any]]]] = {each: [] for each in of or [""]}
                for _ in range(turns):
                    for setting, rows in found.items():
                        if setting:
                            swap = [sys.executable, "-m", "agentspace", "swap", "extractor", setting]
                            subprocess.run(
                                swap, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True
                            )
                        rows.append(turn(space, pictures // turns))
                return found


def turn(space: RemoteSpace, pictures: int) -> list[dict[str, Any]]:
    loop = Loop(space)
    loop.see(WARM)
    begin, before = time.monotonic(), loop.used()
    loop.see(WARM + pictures)
    took, after = time.monotonic() - begin, loop.used()
    cores = {slot: (after[slot] - before[slot]) / took for slot in WRITERS}
    return [row(slot, ages[WARM:], cores[slot]) for slot, ages in loop.ages.items()]


def row(slot: str, ages: list[float], cores: float) -> dict[str, Any]:
    p50, p99 = np.percentile(ages, [50, 99])
    times = {"p50": float(p50), "p99": float(p99), "best": min(ages)}
    return {"slot": slot, "writer": WRITERS[slot], "count": len(ages), **times, "cores": cores}


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Other processes that compute all the time."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'slot':10} {'writer':12} {'count':>6} {'p50':>7} {'p99':>7} {'best':>7} {'step':>7} {'cores':>6}")
    before = 0.0
    for each in rows:
        times = (each["p50"], each["p99"], each["best"], each["p50"] - before)
        print(f"{each['slot']:10} {each['writer']:12} {each['count']:6}", end=" ")
        print(*(f"{ms:7.2f}" for ms in times), f"{each['cores']:6.2f}")
        before = each["p50"]


def compare(found: dict[str, list[list[dict[str, Any]]]]) -> None:
    """Medians over the turns, and the ratio of each setting to the first, of the same turn."""
    first = next(iter(found.values()))
    print(f"{'setting':24} {'slot':10} {'p50':>7} {'ratio':>6} {'cores':>6}")
    for setting, turns in found.items():
        for place, slot in enumerate(WRITERS):
            p50, cores = (statistics.median(rows[place][what] for rows in turns) for what in ("p50", "cores"))
            pairs = zip(turns, first, strict=True)
            ratio = statistics.median(rows[place]["p50"] / base[place]["p50"] for rows, base in pairs)
            print(f"{setting:24} {slot:10} {p50:7.2f} {ratio:6.2f} {cores:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=600, help="that are answered (%(default)s)")
    parser.add_argument("--set", nargs="*", default=[], help="arguments of the launch, such as decoder=free")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside it (%(default)s)")
    parser.add_argument("--turns", type=int, default=1, help="so often each setting of --of (%(default)s)")
    parser.add_argument("--of", nargs="*", default=[], help="settings of the extractor to compare")
    parser.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with busy(chosen.busy):
        settings = ["pairs=10", "shown=10", "fresh=400", *chosen.set]
        found = measured(chosen.pictures, settings, chosen.turns, chosen.of)
    if chosen.json:
        print(json.dumps({"cpus": os.cpu_count(), "load": load, "busy": chosen.busy, "turns": found}))
        return
    print(f"{os.cpu_count()} cores, load {load:.1f} before, {chosen.busy} others compute; milliseconds")
    if chosen.of:
        compare(found)
    else:
        for rows in found[""]:
            show(rows)


if __name__ == "__main__":
    main()
