"""``make fuzz TARGET=... MINUTES=...``: attacks a reader for long, on all cores; keeps what fails in the corpus.

Each core has a process of its own: guided by what it reaches, or with ``--plain`` by nothing (and faster). They
share what they find. The target ``server`` is a live server, see `tests.fuzz.live_server`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import corpus, live_server
from tests.fuzz.targets import TARGETS

TOLD = 10.0  # seconds between two lines
LIMITS = ("-timeout=20", "-rss_limit_mb=1000", "-max_len=65536", "-reload=1", "-print_final_stats=1")
SERVER = "server"


class Worker:
    """A process that attacks, started again when it has found something.

    Args:
        target: What.
        folder: Where the inputs are; what fails is written beside it.
        number: Tells it from the others.
        plain: It is guided by nothing.
    """

    def __init__(self, target: str, folder: Path, number: int, plain: bool) -> None:
        self._command = [
            sys.executable,
            "-m",
            "tests.fuzz.plain" if plain else "tests.fuzz.guided",
            target,
            str(folder),
        ]
        self._limits = [] if plain else [f"-artifact_prefix={folder.parent}/", *LIMITS]
        self._log = folder.with_name(f"log-{number}")
        self._number, self._starts, self._before, self._plain = number, 0, 0, plain
        self.failures = 0
        self._start()

    @property
    def inputs(self) -> int:
        """How many it has tried."""
        return self._before + self._now()

    def attend(self) -> None:
        """Starts it again if it has ended."""
        if self._process.poll() is not None:
            self._before += self._now()
            self.failures += 1
            print("".join(self._log.read_text(errors="replace").splitlines(keepends=True)[-25:]), flush=True)
            self._start()

    def end(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()

    def _start(self) -> None:
        self._starts += 1
        more = [str(1000 * self._number + self._starts)] if self._plain else self._limits
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*self._command, *more], stdout=log, stderr=log)

    def _now(self) -> int:
        found = re.findall(rb"^#(\d+)\t", self._log.read_bytes(), re.MULTILINE)
        return int(found[-1]) if found else 0


def shortest(target: str, data: bytes) -> bytes:
    """The input without what its failure does not need."""
    kind = failure(target, data)
    size = len(data) // 2
    while kind and size:
        for place in range(0, len(data), size):
            shorter = data[:place] + data[place + size :]
            if failure(target, shorter) == kind:
                data = shorter
                break
        else:
            size //= 2
    return data


def failure(target: str, data: bytes) -> str:
    """What goes wrong with an input; "" if nothing."""
    try:
        TARGETS[target](data)
    except Exception as error:
        return f"{type(error).__name__}: {error}".partition(":")[0]
    return ""


def attack(target: str, minutes: float, cores: int, plain: bool) -> int:
    """Attacks a target; gives the number of inputs that failed, which are in the corpus now."""
    until, told, kept = time.monotonic() + 60 * minutes, time.monotonic(), set[Path]()
    with tempfile.TemporaryDirectory(prefix="as-fuzz-") as place:
        folder = Path(place, "inputs")
        folder.mkdir()
        for number, data in enumerate(corpus.read(target)):
            (folder / f"seed-{number}").write_bytes(data)
        workers = [Worker(target, folder, number, plain) for number in range(cores)]
        while time.monotonic() < until:
            time.sleep(1.0)
            for worker in workers:
                worker.attend()
            for path in {*Path(place).glob("*-*")} - kept - {*Path(place).glob("log-*")}:
                kept.add(path)
                data = shortest(target, path.read_bytes())
                corpus.keep(target, data, failure(target, data) or path.name.partition("-")[0])
            if time.monotonic() - told > TOLD:
                told = time.monotonic()
                inputs, spent = sum(worker.inputs for worker in workers), 60 * minutes - (until - told)
                print(f"{spent:6.0f} s: {inputs} inputs, {inputs / spent:.0f}/s, {len(kept)} failed", flush=True)
        for worker in workers:
            worker.end()
        print(f"{sum(worker.inputs for worker in workers)} inputs, {len(kept)} failed")
    return len(kept)


def main() -> int:
    """Attacks what the command line says; the exit code is 1 if something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, SERVER])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    if given.target == SERVER:
        return live_server.main(given.minutes)
    plain = given.plain or importlib.util.find_spec("atheris") is None
    return int(attack(given.target, given.minutes, given.cores, plain) > 0)


if __name__ == "__main__":
    sys.exit(main())
