"""What a server costs against slots, masks and clients: time for a write, idle time, and memory.

    python tests/benchmarks/scale.py [--slots 100000] [--masks 128] [--clients 128] [--watchers 10] [--json]

Two servers run side by side, a small and a large one, and bursts of writes alternate between them: read the ratio.
Times are processor time of the server's process; `board` rows measure the rules alone, in this process.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing as mp
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentspace import Trigger
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.board import Board
from agentspace.core.change import Writer
from agentspace.core.slot import Put
from agentspace.server.server import Server
from agentspace.wire.address import parse
from agentspace.wire.collector import Collector

BURST = 400  # writes
ROUNDS = 9
ANNE = Writer("anne")


def serve(address: str) -> None:
    """A server, as the command makes it."""
    Server(parse(address)).run(Collector().turn)


class Serving:
    """A server in a process of its own.

    Attributes:
        space: Connected to it.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.address = f"ipc://{folder}/{name}.sock"
        self._process = mp.get_context("spawn").Process(target=serve, args=(self.address,), daemon=True)
        self._process.start()
        self._spaces: list[RemoteSpace] = []
        self.space = self.connect()

    def connect(self) -> RemoteSpace:
        """One more client."""
        self._spaces.append(connect(self.address, "scale", timeout=30.0, patience=60.0))
        return self._spaces[-1]

    @property
    def used(self) -> float:
        """Processor time of its process (s)."""
        return time.clock_gettime((~(self._process.pid or 0) << 3) | 2)  # as clock_getcpuclockid(3) makes it

    @property
    def memory(self) -> int:
        """Its resident memory (bytes)."""
        statm = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def fill(self, slots: int) -> None:
        """Writes so many slots, in large commits."""
        session = self.connect().join("filler")
        session.running()
        for at in range(0, slots, 500):
            names = (f"scale/{number // 1000}/{number:07}" for number in range(at, min(at + 500, slots)))
            session.commit(None, [Put(name, session.prepare(1.5)) for name in names])
            if at % 10_000 == 0:
                session.read("nothing")  # so that no more is under way than the server takes
        session.leave("stopped")
        self.space.read("nothing")

    def burst(self) -> float:
        """Processor time of the server for a write and its answer (s)."""
        begun = self.used
        for number in range(BURST):
            self.space.write(f"scale/0/{number % 10:07}", float(number))
        return (self.used - begun) / BURST

    def close(self) -> None:
        """Ends it."""
        for space in self._spaces:
            space.close()
        self._process.terminate()
        self._process.join()


def beside(small: Callable[[], float], large: Callable[[], float]) -> dict[str, float]:
    """Two costs (us), measured in turns; medians, and the median of the ratios."""
    pairs = [(small(), large()) if turn % 2 else (large(), small())[::-1] for turn in range(ROUNDS)]
    return {
        "small_us": 1e6 * statistics.median(each[0] for each in pairs),
        "large_us": 1e6 * statistics.median(each[1] for each in pairs),
        "ratio": statistics.median(large / small for small, large in pairs),
    }


# --- the rules alone


def board_of(slots: int, masks: int) -> Board[Any]:
    """A board with so many slots, and so many roles, each of which follows a mask of its own."""
    board: Board[Any] = Board("x", lambda value: value)
    for number in range(masks):
        role = board.claim(f"role/{number}", {}, 0.0)
        board.attach(role.name, role.epoch, f"mask/{number}/*", Trigger.NORMAL, 0.0)
        board.running(role.name, role.epoch, 0.0)
    for number in range(slots):
        board.apply(Put(f"slot/{number // 1000}/{number}", number), ANNE, 0.0)
    return board


def again(board: Board[Any]) -> float:
    """A write of a slot that was written before (s)."""
    begun = time.process_time()
    for number in range(BURST):
        board.apply(Put(f"slot/0/{number % 10}", number), ANNE, 1.0)
    return (time.process_time() - begun) / BURST


def first(board: Board[Any], counts: dict[int, int] = {}) -> float:  # noqa: B006  (how many were made of each)
    """The first write of a slot (s)."""
    since = counts[id(board)] = counts.get(id(board), 0) + BURST
    begun = time.process_time()
    for number in range(since, since + BURST):
        board.apply(Put(f"mask/0/{number}", number), ANNE, 1.0)
    return (time.process_time() - begun) / BURST


def after_attach(board: Board[Any]) -> float:
    """The write of a slot after somebody has begun to follow another one (s)."""
    total, role = 0.0, board.roles["role/0"]
    for number in range(BURST):
        board.attach(role.name, role.epoch, "other/*", Trigger.NORMAL, 1.0)
        put = Put("slot/0/1", number)
        begun = time.process_time()
        board.apply(put, ANNE, 1.0)
        total += time.process_time() - begun
        board.detach(role.name, role.epoch, "other/*")
    return total / BURST


def attach(board: Board[Any]) -> float:
    """A role begins to follow a slot, and ends it (s)."""
    role = board.roles["role/0"]
    begun = time.process_time()
    for _ in range(BURST):
        board.attach(role.name, role.epoch, "other", Trigger.NORMAL, 1.0)
        board.detach(role.name, role.epoch, "other")
    return (time.process_time() - begun) / BURST


def rules(slots: int, masks: int) -> dict[str, Any]:
    """Costs of the rules alone."""
    ten, many = board_of(10, 1), board_of(slots, 1)
    one, all_masks = board_of(10, 1), board_of(10, masks)
    gc.collect()
    gc.freeze()
    return {
        f"board: a write, {slots} slots against 10": beside(lambda: again(ten), lambda: again(many)),
        f"board: a write, {masks} masks against 1": beside(lambda: again(one), lambda: again(all_masks)),
        f"board: first write of a slot, {masks} masks against 1": beside(
            lambda: first(one), lambda: first(all_masks)
        ),
        f"board: the write after an attach, {masks} masks against 1": beside(
            lambda: after_attach(one), lambda: after_attach(all_masks)
        ),
        f"board: attach and detach, {slots} slots against 10": beside(lambda: attach(ten), lambda: attach(many)),
    }


# --- a server


def idle(server: Serving, seconds: float = 5.0) -> float:
    """The part of a core that it uses while nobody asks for anything (%)."""
    time.sleep(1.0)
    begun = server.used
    time.sleep(seconds)
    return 100.0 * (server.used - begun) / seconds


def longest_write(server: Serving, watchers: int) -> dict[str, Any]:
    """The longest write (ms) while so many watchers of everything attach, one after the other."""
    followers, done = [server.connect() for _ in range(watchers)], threading.Event()
    attached = mp.get_context("spawn").Event()

    def follow() -> None:
        process = mp.get_context("spawn").Process(target=attach_all, args=(server.address, watchers, attached))
        process.start()
        process.join()
        done.set()

    follower = threading.Thread(target=follow)
    follower.start()
    took = []
    attached.wait(60.0)
    while not done.is_set():
        begun = time.perf_counter()
        server.space.write("scale/0/0000000", begun)
        took.append(1e3 * (time.perf_counter() - begun))
    follower.join()
    for space in followers:
        space.close()
    took.sort()
    return {"longest_ms": took[-1], "median_ms": statistics.median(took), "writes": len(took)}


def attach_all(address: str, watchers: int, attached: Any) -> None:
    """Watchers of everything, one after the other; each has read its first batch when the next begins."""
    with connect(address, "watchers", timeout=30.0, patience=120.0) as space:
        attached.set()
        watches = []
        for _ in range(watchers):
            watches.append(space.watch("*"))
            watches[-1].next(120.0)
        for watch in watches:
            watch.close()


def served(slots: int, clients: int, watchers: int) -> dict[str, Any]:
    """Costs of a whole server."""
    with tempfile.TemporaryDirectory() as folder:
        small, large, crowded = (Serving(folder, name) for name in ("small", "large", "crowded"))
        try:
            small.fill(10)
            crowded.fill(10)
            before = large.memory
            large.fill(slots)
            memory = (large.memory - before) / slots
            for _ in range(clients - 1):
                crowded.connect()
            for server in (small, large, crowded):
                server.burst()
            return {
                f"server: a write, {slots} slots against 10": beside(small.burst, large.burst),
                f"server: a write, {clients} clients against 1": beside(small.burst, crowded.burst),
                "idle, 10 slots": {"cpu_percent": idle(small)},
                f"idle, {slots} slots": {"cpu_percent": idle(large)},
                f"memory for a slot, {slots} slots": {"bytes": memory},
                f"a write while {watchers} watchers of everything attach": longest_write(large, watchers),
            }
        finally:
            for server in (small, large, crowded):
                server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=100_000)
    parser.add_argument("--masks", type=int, default=128)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--watchers", type=int, default=10)
    parser.add_argument("--only", choices=("board", "server"), help="the rules alone, or a whole server")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    if options.only != "server":
        found |= rules(options.slots, options.masks)
    if options.only != "board":
        found |= served(options.slots, options.clients, options.watchers)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for what, numbers in found.items():
        print(f"{what:62}", "  ".join(f"{name} {number:.2f}" for name, number in numbers.items()))


if __name__ == "__main__":
    main()
