"""What it costs that a slot is durable: the answer to a write, and how many there can be in a second.

    python -m tests.benchmarks.durable [--writes 2000] [--clients 1,4,16]

One server with a store; plain and durable slots are written in turn, in one run. Beside it, what the disk takes
for a commit of SQLite and for an fdatasync alone. A handler waits for no answer: their rate is told, too.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentspace.client.space import connect
from agentspace.core.slot import Put
from tests.support.server_process import ServerProcess

ACTS = 10  # writes of one handler
AHEAD = 20  # handlers


def timed(deed: Callable[[int], Any], count: int) -> list[float]:
    """How long each of so many deeds takes (s)."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        deed(number)
        times.append(time.perf_counter() - began)
    return times


def words(times: list[float]) -> str:
    half, most = statistics.median(times), sorted(times)[int(0.99 * (len(times) - 1))]
    return f"p50 {1e3 * half:.3f} ms, p99 {1e3 * most:.3f} ms"


def disk(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """A commit of SQLite as the store makes them, and an fdatasync."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE slots (name TEXT PRIMARY KEY, value BLOB)")
    commits = timed(
        lambda n: database.execute("INSERT OR REPLACE INTO slots VALUES ('x', ?)", (bytes(200),)), count
    )
    database.close()
    descriptor = os.open(folder / "bare", os.O_CREAT | os.O_RDWR)

    def sync(number: int) -> None:
        os.pwrite(descriptor, bytes(4096), 4096 * (number % 64))
        os.fdatasync(descriptor)

    syncs = timed(sync, count)
    os.close(descriptor)
    return commits, syncs


def client(address: str, name: str, count: int, ready: Any, go: Any, durations: Any) -> None:
    """Writes a slot of its own again and again."""
    with connect(address, name, timeout=20.0) as space:
        space.write(name, 0)
        ready.release()
        go.wait()
        durations.put(sum(timed(lambda number: space.write(name, number), count)))


def rate(address: str, prefix: str, clients: int, count: int) -> float:
    """Answered writes in a second, of so many processes."""
    context = mp.get_context("spawn")
    ready, go, durations = context.Semaphore(0), context.Event(), context.Queue()
    crew = [
        context.Process(target=client, args=(address, f"{prefix}{n}", count, ready, go, durations))
        for n in range(clients)
    ]
    for process in crew:
        process.start()
    for _ in crew:
        ready.acquire()
    go.set()
    longest = max(durations.get() for _ in crew)
    for process in crew:
        process.join()
    return clients * count / longest


def handlers(server: ServerProcess, prefix: str, count: int) -> float:
    """Writes of handlers in a second: ten slots each time."""
    with server.connect() as space, space.join(f"{prefix}role".replace("/", "-")) as session:
        session.running()
        began = time.perf_counter()
        for number in range(count // ACTS):
            session.commit(None, [Put(f"{prefix}act/{n}", session.prepare(number)) for n in range(ACTS)])
            if number % AHEAD == 0:
                space.read("anything")  # so that it is not farther ahead than a handler can be
        while space.read(f"{prefix}act/{ACTS - 1}") != count // ACTS - 1:
            pass
        return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=int, default=2000)
    parser.add_argument("--clients", default="1,4,16")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commits, syncs = disk(Path(folder), options.writes)
    print(f"fdatasync alone: {words(syncs)}; a commit of SQLite: {words(commits)}")
    with ServerProcess(durable=("d/*",)) as server:
        plain, durable = list[float](), list[float]()
        with server.connect() as space:
            for _ in range(10):
                plain += timed(lambda number: space.write("n/x", number), options.writes // 10)
                durable += timed(lambda number: space.write("d/x", number), options.writes // 10)
        ratio = statistics.median(durable) / statistics.median(plain)
        print(f"a plain write: {words(plain)}; a durable one: {words(durable)}; {ratio:.1f} times")
        for clients in map(int, options.clients.split(",")):
            rates = [rate(server.address, prefix, clients, options.writes // clients) for prefix in ("n/", "d/")]
            print(f"{clients} clients: {rates[0]:.0f} plain writes a second, {rates[1]:.0f} durable ones")
        rates = [handlers(server, prefix, 10 * options.writes) for prefix in ("n/", "d/")]
        print(f"a handler with {ACTS} writes: {rates[0]:.0f} plain ones a second, {rates[1]:.0f} durable ones")


if __name__ == "__main__":
    main()
