"""How soon all roles are back after `kill -9` of their server, and where the time goes.

    python tests/benchmarks/comeback.py [--kills 100] [--roles 6] [--pause 7] [--store] [--by-hand]

A launch starts its server again by itself: always at once, if kills are 6 s apart; closer ones it bears ten times.
With `--by-hand` server and agents are started without one, and the server is started again here, at once. A role
is back when the new server has what it wrote there: slots that are not durable begin empty. Each kill comes a
random time, from half of `--pause` to one and a half of it, after all were back.

Times count from the kill: until the next server's process began (in steps of 10 ms), until it listens, until the
first role is back, and all. Beside these, the processor time that the server took until it listened, the load of
the machine, and the share of its processor time in use.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agentspace.client.space import RemoteSpace, connect
from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program
from tests.support.server_process import ServerProcess

TICKER = """
from agentspace import Agent

class Ticker(Agent):
    def init(self):
        self.attach_timer(0.02)
        self.ticks = 0

    def sense_select_act(self):
        self.ticks += 1
        self.write(f"tick/{self.role}", self.ticks)
"""


class Comeback(NamedTuple):
    """Seconds from the kill of a server until ...

    Attributes:
        began: the next one's process began.
        listens: it lets clients in.
        first: the first role acts.
        all: all roles act.
        work: Seconds of processor time until it listened.
    """

    began: float
    listens: float
    first: float
    all: float
    work: float


def now() -> float:
    """Seconds on the clock by which the kernel notes when processes began."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def beginning(pid: int) -> float:
    """When a process began, on the clock of `now`."""
    return ticks(pid)[22] / os.sysconf("SC_CLK_TCK")


def work(pid: int) -> float:
    """The processor time of a process (s)."""
    return (ticks(pid)[14] + ticks(pid)[15]) / os.sysconf("SC_CLK_TCK")


def ticks(pid: int) -> dict[int, int]:
    """What the kernel tells of a process in ticks of its clock, by the numbers of proc(5)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {number: int(words[number - 3]) for number in (14, 15, 22)}


class Crew:
    """A server that somebody starts again, and agents.

    Args:
        address: Of the server.
        roles: How many.
    """

    def __init__(self, address: str, roles: int) -> None:
        self.roles = [f"r{number}" for number in range(roles)]
        self._address = address
        self._path = address.removeprefix("ipc://")

    def await_all(self) -> tuple[float, float]:
        """Waits until all roles act: when the first and the last began to (s)."""
        with connect(self._address, "observer", timeout=PATIENCE) as space:
            self._await_ticks(space, 1)
            first = now()
            self._await_ticks(space, len(self.roles))
            return first, now()

    def _await_ticks(self, space: RemoteSpace, count: int) -> None:
        eventually(lambda: len(space.snapshot("tick/*")) >= count, PATIENCE)

    def kill(self, server: int) -> float:
        """Kills the server, and waits until it has ended; gives the time of the kill."""
        ending = os.pidfd_open(server)
        began = now()
        os.kill(server, signal.SIGKILL)
        select.select([ending], [], [], PATIENCE)
        os.close(ending)
        return began

    def restart(self) -> None:
        """Starts the server again, if nobody else does."""

    def await_server(self) -> int:
        """Waits until a server listens; gives its process."""
        return eventually(self._listening, PATIENCE)

    def _listening(self) -> int:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(self._path)
            creds = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", creds)[0])
        return 0

    def measure(self, server: int) -> tuple[int, Comeback]:
        """Kills the server, and waits for all to come back: the next server, and what it took."""
        killed = self.kill(server)
        self.restart()
        pid = self.await_server()
        listens, worked = now(), work(pid)
        first, last = self.await_all()
        return pid, Comeback(*(moment - killed for moment in (beginning(pid), listens, first, last)), worked)


class CrewByHand(Crew):
    """The same without a launch: here is who starts the server again."""

    def __init__(self, server: ServerProcess, roles: int) -> None:
        super().__init__(server.address, roles)
        self._server = server

    def restart(self) -> None:
        self._server.process.wait()
        self._server.start()


@contextlib.contextmanager
def launched(roles: int, store: bool) -> Iterator[Crew]:
    """A launch."""
    kept = "store: runs/store.db\ndurable: [kept/*]\n" if store else ""
    agents = "".join(f"  r{number}: {{class: agents.ticker:Ticker}}\n" for number in range(roles))
    with Constellation(f"version: 1\n{kept}agents:\n{agents}", ticker=TICKER) as constellation:
        try:
            yield Crew(constellation.address.endpoint, roles)
        except Exception:
            print(*constellation.supervisor.errors[-100:], sep="\n")
            raise


@contextlib.contextmanager
def by_hand(roles: int, store: bool) -> Iterator[Crew]:
    """A server and agents, each of which somebody started."""
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(durable=("kept/*",) if store else ()))
        (server.run / "ticker.py").write_text(TICKER)
        crew = CrewByHand(server, roles)
        for role in crew.roles:
            command = [sys.executable, "-m", "agentspace", "agent", "ticker:Ticker", "--role", role]
            stack.enter_context(Program(command, server.run, server.environment))
        yield crew


def words(name: str, times: list[float]) -> str:
    """The spread of times."""
    ordered = sorted(times)
    p50, p90, p99 = (ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.9, 0.99))
    return f"{name:40} p50 {p50:6.2f}   p90 {p90:6.2f}   p99 {p99:6.2f}   max {ordered[-1]:6.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--roles", type=int, default=6)
    parser.add_argument("--pause", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--by-hand", action="store_true")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    rng, found, loads = random.Random(options.seed), list[Comeback](), list[float]()
    with (by_hand if options.by_hand else launched)(options.roles, options.store) as crew:
        server = crew.await_server()
        crew.await_all()
        psutil.cpu_times_percent()
        for _ in range(options.kills):
            time.sleep(options.pause * rng.uniform(0.5, 1.5))
            server, comeback = crew.measure(server)
            found.append(comeback)
            loads.append(os.getloadavg()[0])
        used = 100.0 - psutil.cpu_times_percent().idle
    who = "started by hand" if options.by_hand else "of a launch"
    print(f"{len(found)} kills, {options.roles} roles {who}, {'with' if options.store else 'without'} a store")
    names = (
        "the next server's process has begun",
        "it listens",
        "the first role is back",
        "all roles are back",
        "processor time until it listens",
    )
    for name, times in zip(names, zip(*found, strict=True), strict=True):
        print(words(name, list(times)))
    print(f"load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores, {used:.0f} % in use meanwhile")


if __name__ == "__main__":
    main()
