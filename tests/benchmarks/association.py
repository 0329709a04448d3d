"""How long a memory of many pairs takes to answer and to learn, how much room it needs, how near it is to exact.

    python tests/benchmarks/association.py [--pairs 1000 10000 100000] [--heads one] [--exact] [--json]

Keys have 5 488 features, as those of the default extractor, which are a smooth function of eight joint angles with
noise of pictures; values are the ten joints. `--exact` also measures a memory that compares every key, and how far
the answers are from each other (the largest joint of each posture, degrees); 100 000 pairs of it take a while.
`CPU ms` is the time that the processor worked for an answer, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from models.attention.memory import Memory
from models.attention.similarity import Comparison

FEATURES = 5488
QUERIES = 60
COLUMNS = (
    "pairs",
    "how",
    "answer p50 ms",
    "p99 ms",
    "CPU ms",
    "add CPU p50 ms",
    "add CPU worst ms",
    "MB",
    "peak MB",
    "from exact",
)


class World:
    """What is seen: joints (10,) -> features (5488,), like those of block 10: positive, and most of them alike."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.mean = self.random.gamma(2.0, 0.5, FEATURES).astype(np.float32)
        self.mix = self.random.normal(size=(8, 512)).astype(np.float32) * 0.8
        self.phase = self.random.uniform(0, 6.28, 512).astype(np.float32)
        self.out = self.random.normal(size=(512, FEATURES)).astype(np.float32) * 0.03

    def see(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        angles = self.random.uniform(-1, 1, (count, 8)).astype(np.float32)
        seen = np.sin(angles @ self.mix + self.phase) @ self.out + self.mean
        seen += self.random.normal(size=seen.shape).astype(np.float32) * 0.02
        values = np.zeros((count, 10))
        values[:, [0, 1, 2, 3, 5, 6, 7, 8]] = 50.0 * angles
        return np.maximum(seen, 0.0), values


def measure(pairs: int, heads: str, exact: bool) -> Iterator[dict[str, Any]]:
    answers: list[np.ndarray] = []
    for how in ("exact", "fast") if exact else ("fast",):
        world = World(0)
        comparison = (
            Comparison(scale=0.005, top=32, exact=10**9) if how == "exact" else Comparison(scale=0.005, top=32)
        )
        memory = Memory("efficientnet-lite0/block10/7x7", comparison, heads)
        adding = []
        while len(memory) < pairs:
            for key, value in zip(*world.see(min(500, pairs - len(memory))), strict=True):
                start = time.thread_time()
                memory.add(key, value)
                adding.append(1e3 * (time.thread_time() - start))
        asking, given, worked = [], [], []
        for query in world.see(QUERIES)[0]:
            start, before = time.perf_counter(), time.thread_time()
            given.append(memory.ask(query).value)
            worked.append(1e3 * (time.thread_time() - before))
            asking.append(1e3 * (time.perf_counter() - start))
        answers.append(np.array(given))
        apart = float(np.abs(answers[0] - answers[-1]).max(axis=1).mean())
        # private: an agent has no use for the size of its readers
        room = memory.nbytes + sum(reader.nbytes for reader in memory._readers)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        asked = np.quantile(asking, [0.5, 0.99])
        yield dict(
            zip(
                COLUMNS,
                (pairs, how, *asked, np.median(worked), np.median(adding), max(adding), room / 1e6, peak, apart),
                strict=True,
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[1000, 10_000, 100_000], help="(%(default)s)")
    parser.add_argument("--heads", default="one", help="one or arms (%(default)s)")
    parser.add_argument("--exact", action="store_true", help="measure also a memory that compares every key")
    parser.add_argument("--json", action="store_true", help="as JSON")
    chosen = parser.parse_args()
    rows = []
    if not chosen.json:
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for pairs in chosen.pairs:
        for row in measure(pairs, chosen.heads, chosen.exact):
            rows.append(row)
            if not chosen.json:
                cells = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row.values())
                print("| " + " | ".join(cells) + " |", flush=True)
    if chosen.json:
        print(json.dumps([{name: _plain(cell) for name, cell in row.items()} for row in rows]))


def _plain(cell: Any) -> Any:
    return round(float(cell), 3) if isinstance(cell, np.floating | float) else cell


if __name__ == "__main__":
    main()
