"""Whether anything grows: a robot under a varied load, with onlookers, for an hour.

    python -m tests.soak [--minutes 60] [--period 5] [--out build/soak]

A launch of six roles: bursts of numbers that two of them take with EVERY, pictures in shared memory, names that
nobody has seen before. An inspector with a page attached, a recorder, guests that come and go, by `kill -9` too, a
swap every fifteen seconds. Memory, file descriptors and shared memory are measured from outside; latency is
what the agents tell. Writes samples.json and soak.png; Ctrl-C ends it before its time. Exits with 1 if something
grows after the first sixth, or something went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from tests.soak.constellation import Soak
from tests.soak.plot import plot
from tests.soak.verdict import Sample, judge

WARM_UP = 1 / 6  # of the time


def main() -> int:
    """Runs the soak and prints its verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--period", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    seconds = 60 * options.minutes
    options.out.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has them ignored
        signal.signal(number, signal.default_int_handler)
    with Soak() as soak:
        soak.run(seconds, options.period, _tell)
    warm_up = WARM_UP * soak.samples[-1].time
    growths = judge(soak.samples, warm_up)
    found = {
        "minutes": soak.samples[-1].time / 60,
        "cores": os.cpu_count(),
        "faults": soak.faults,
        "growth": [{**growth._asdict(), "grows": growth.grows} for growth in growths],
        "samples": [{"time": sample.time, **sample.values} for sample in soak.samples],
    }
    (options.out / "samples.json").write_text(json.dumps(found))
    plot(soak.samples, warm_up, options.out / "soak.png")
    print(*growths, *soak.faults, sep="\n")
    return int(bool(soak.faults) or any(growth.grows for growth in growths))


def _tell(sample: Sample) -> None:
    values = sample.values
    memory = sum(value for name, value in values.items() if name.startswith("memory/"))
    print(
        f"{sample.time / 60:5.1f} min  {memory:6.1f} MB, server {values['memory/server']:.1f} MB, "
        f"{values['descriptors/server']:.0f} descriptors, {values['segments/size']:.1f} MB shared, "
        f"load {values['machine/load']:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
