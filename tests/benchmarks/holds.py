"""How long the server's only thread is held, by what is asked: nobody else is served in that time.

    python tests/benchmarks/holds.py [--slots 100000] [--megabytes 64] [--watchers 10] [--only-slots]

The server runs here, in a thread of this process, and each turn of its loop is timed, from when it has heard of
messages until it looks for others; its clients are another process. A turn has the messages of all clients: here
of one. What is told is the longest turn, and how many took more than 5 ms. On a busy machine a turn includes the
time in which others had the processor: `--quiet` tells the processor time of the thread in its place.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import tempfile
import threading
import time
from collections import defaultdict
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from agentspace import Trigger
from agentspace.client import handshake
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.slot import Put
from agentspace.server.server import Server
from agentspace.wire.address import parse
from agentspace.wire.collector import Collector

MEBI = 1 << 20
LONG = 0.005  # seconds


ROLES = 500


def die_at(address: str, mask: str, told: Connection) -> None:
    """Waits for its end in the first handler of a role."""
    session = connect(address, "dies", timeout=60.0).join("dies")
    session.attach_trigger(mask)
    session.running()
    session.receive(60.0)
    told.send("")
    time.sleep(600.0)


def fill_many(address: str, mask: str, told: Connection) -> None:
    """Waits for its end with many roles."""
    space = connect(address, "many", timeout=60.0)
    sessions = [space.join(f"role/{number}") for number in range(ROLES)]
    told.send(len(sessions))
    time.sleep(600.0)


def fill(space: RemoteSpace, slots: int) -> None:
    """Writes so many slots."""
    session = space.join("filler")
    session.running()
    for at in range(0, slots, 20):
        session.commit(None, [Put(f"many/{number}", session.prepare(number)) for number in range(at, at + 20)])
        if at % 2000 == 0:
            session.read("nothing")  # so that no more is under way than the server takes
    session.leave("stopped")


def watch_all(space: RemoteSpace, watchers: int) -> None:
    """Watchers of everything, one after the other, that stay."""
    watches = []
    for _ in range(watchers):
        watches.append(space.watch("*"))
        watches[-1].next(300.0)
    for watch in watches:
        watch.close()


class Asking:
    """Says what it asks for next, when what was asked before is over."""

    def __init__(self, address: str, near: RemoteSpace, said: Any) -> None:
        self._address = address
        self._near = near
        self._said = said

    def about(self, what: str) -> None:
        """Begins with something else."""
        self._near.read("nothing")
        self._said.value = what.encode()

    def killed(self, target: Any, mask: str, what: str) -> None:
        """A process is killed when it has come so far; then all that it was is gone."""
        clients = self._near.read("_/server")["clients"]
        here, there = mp.Pipe()
        process = mp.get_context("spawn").Process(target=target, args=(self._address, mask, there))
        process.start()
        here.recv()
        self.about(what)
        process.kill()
        process.join()
        while self._near.read("_/server")["clients"] > clients:
            time.sleep(0.05)


def ask(address: str, tcp: str, said: Any, options: argparse.Namespace) -> None:
    """Asks for what is large; says before each what it is."""
    slots, large = options.slots, np.zeros(options.megabytes * MEBI, np.uint8)
    patient = partial(connect, address, timeout=20.0, patience=300.0)
    near, other = patient("near"), patient("follower")
    handshake.machine = lambda: "another"  # as a client on another machine reads and writes
    with near, patient("far") as far, connect(tcp, "away", timeout=20.0, patience=60.0) as away:
        asking = Asking(address, near, said)
        about = asking.about
        about("small values")
        fill(near, slots)
        about("writes while watchers of everything attach")
        with patient("watchers") as watching:
            thread = threading.Thread(target=watch_all, args=(watching, options.watchers))
            thread.start()
            while thread.is_alive():
                near.write("many/0", 0)
        about("all slots read")
        near.snapshot("many/*")
        about("a glob that goes back")
        near.snapshot("*a*a*a*a*a*a*b")
        about("all slots watched, then no more")
        with near.watch("many/*", Trigger.NORMAL) as watch:
            watch.next(300.0)
        about("a role that follows all slots")
        with other.join("follower") as session:
            session.attach_trigger("many/*")
            session.running()
            wake = session.receive(300.0)
            for acts in (100, 1000):
                about(f"a commit of {acts} acts")
                session.commit(wake, [Put(f"many/{number}", session.prepare(0)) for number in range(acts)])
                wake = session.receive(10.0)
            about("the end of a role")
        if options.only_slots:
            about("end")
            return
        for _ in range(2):
            asking.killed(die_at, "many/*", "a role that dies at all slots")
            about("what comes after it")
        asking.killed(fill_many, "", f"a process that ends with {ROLES} roles")
        about("all slots read over tcp")
        away.snapshot("many/*")
        about("an array over tcp")
        away.write("large", large)
        about("the same read there")
        away.read("large")
        about("an array by reference")
        near.write("large", large)
        about("the same for who shares no memory")
        far.read("large")
        about("an array inside the message")
        far.write("large", large)
        about("bytes inside the message")
        far.write("large", large.tobytes())
        about("the same let go")
        near.delete("large")
        about("an array within a dict, inside the message")
        far.write("large", {"image": large})
        about("a list of a million numbers")
        far.write("large", [1.5] * 1_000_000)
        about("a million empty lists")
        far.write("large", [[]] * 1_000_000)
        about("values that expire at once, written")
        until = time.monotonic() + 3e-4 * slots
        for number in range(slots):
            near.write(f"many/{number}", number, validity=max(0.001, until - time.monotonic()))
        about("values that expire at once")
        time.sleep(max(0.0, until - time.monotonic()))
        while len(near.snapshot("many/*")):
            time.sleep(0.01)
        about("end")


class Timed:
    """A poller that times what comes between two calls."""

    def __init__(self, poller: Any, said: Any, clock: Any) -> None:
        self.longest: dict[str, float] = defaultdict(float)
        self.long: dict[str, int] = defaultdict(int)
        self._poller, self._said, self._clock = poller, said, clock
        self._since: float | None = None

    def poll(self, timeout: float) -> Any:
        if self._since is not None:
            took, what = self._clock() - self._since, self._said.value.decode()
            self.longest[what] = max(self.longest[what], took)
            self.long[what] += took > LONG
        events = self._poller.poll(timeout)
        self._since = self._clock()
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=100_000)
    parser.add_argument("--watchers", type=int, default=10)
    parser.add_argument("--only-slots", action="store_true", help="nothing of large values, of deaths and of ends")
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    spawn = mp.get_context("spawn")
    said: Any = spawn.Array("c", 80)
    with tempfile.TemporaryDirectory() as folder:
        address = f"ipc://{folder}/s.sock"
        os.environ["XDG_CONFIG_HOME"] = folder  # its keys
        server = Server(parse(address), "tcp://127.0.0.1:0")
        poller = server._epoll  # private: it is asked between two turns
        timed = Timed(poller, said, time.thread_time if options.quiet else time.perf_counter)
        server._epoll = timed  # private: the same
        thread = threading.Thread(target=server.run, args=(Collector().turn,), daemon=True)
        thread.start()
        client = spawn.Process(target=ask, args=(address, server.tcp, said, options))
        client.start()
        client.join()
        server.stop()
        thread.join()
        server.close()
    for what, seconds in timed.longest.items():
        print(f"{what or 'the beginning':45} {1e3 * seconds:8.1f} ms {timed.long[what]:6} turns over 5 ms")


if __name__ == "__main__":
    main()
