"""Whether what was answered is there: writers of durable slots, and a server that is killed again and again.

    python -m tests.chaos.kills [--kills 100] [--writes 100000] [--writers 4] [--seed 0]

Each writer counts up in slots of its own and notes what was answered; an agent adds up all that comes into a
queue, and keeps its sum. After each kill every slot has what was answered last, or something that was on its way;
at the end the sum is that of all changes that were accepted, each counted once. Exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import threading
import time
from typing import Any, NamedTuple

from agentspace import Agent, Trigger
from agentspace.agent.runner import Runner
from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AgentspaceError
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.server_process import ServerProcess

SLOTS = 5  # of each writer
COMING_BACK = 30.0  # seconds


class Report(NamedTuple):
    """The outcome.

    Attributes:
        kills: Of the server.
        answered: Writes that were answered.
        lost: Slots that had less than was answered, in words.
        seconds: That it took.
    """

    kills: int
    answered: int
    lost: list[str]
    seconds: float


class Adder(Agent):
    """Adds up what comes into the queue: each once, whatever happens to the server."""

    def init(self) -> None:
        self._sum = 0
        self.attach_trigger("d/queue", Trigger.EVERY)

    def sense_select_act(self) -> None:
        self._sum += sum(change.value for change in self.wake.changes)
        self.write("d/sum", self._sum)
        self.checkpoint()

    def get_state(self) -> tuple[int, int]:
        return 1, self._sum

    def set_state(self, version: int, state: int) -> None:
        self._sum = state


class Writer(threading.Thread):
    """Counts up in its slots until it is told to stop.

    Attributes:
        answered: What was answered last, by slot.
        asked: What was asked last, by slot.
        count: Of the writes that were answered.
    """

    def __init__(self, space: RemoteSpace, number: int, limit: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.names = [f"d/{number}/{slot}" for slot in range(SLOTS)]
        self.answered = dict.fromkeys(self.names, 0)
        self.asked = dict.fromkeys(self.names, 0)
        self.count = 0
        self.stopping = False
        self._space = space
        self._limit = limit
        self._random = random.Random(seed * 1000 + number)

    def run(self) -> None:
        while not self.stopping and self.count < self._limit:
            name = self._random.choice(self.names)
            self.asked[name] += 1
            try:
                if self._space.write(name, self.asked[name]):
                    self.answered[name] = self.asked[name]
                    self.count += 1
            except AgentspaceError:  # the server was killed: nothing is known of it
                continue


class Feeder(threading.Thread):
    """Puts numbers into the queue, no faster than they are added up.

    Attributes:
        certain: The sum of those that were answered.
        possible: The sum of all, with those of which it is not known whether they came in.
    """

    def __init__(self, space: RemoteSpace) -> None:
        super().__init__(daemon=True)
        self.certain = self.possible = 0
        self.stopping = False
        self._space = space

    def run(self) -> None:
        number = 0
        while not self.stopping:
            number += 1
            self.possible += number
            try:
                self._space.write("d/queue", number)
                self.certain += number
                while not self.stopping and self._space.read("d/sum", 0) < self.certain:
                    time.sleep(0.001)
            except AgentspaceError:
                continue


def run(kills: int, writes: int, writers: int, seed: int, tell: Any = None) -> Report:
    """Writes and kills; gives what became of it."""
    randomly, began, lost = random.Random(seed), time.monotonic(), list[str]()
    with ServerProcess("--lease", "5", durable=("d/*",)) as server:
        patient = connect(
            server.address, "adder", timeout=COMING_BACK, patience=math.inf
        )  # as an agent's process is
        runner = Runner(Adder(), patient.join("adder"), ROOT)
        adding = threading.Thread(target=runner.run, daemon=True)
        adding.start()
        with server.connect() as space:
            eventually(lambda: space.read("_/roles/adder", {}).get("state") == "running")
        crew = [Writer(server.connect(f"w{n}"), n, -(-writes // writers), seed) for n in range(writers)]
        feeder = Feeder(server.connect("feeder"))
        for thread in (*crew, feeder):
            thread.start()
        for number in range(kills):
            goal = writes * (number + 1) / (kills + 1) * randomly.uniform(0.8, 1.0)
            while sum(writer.count for writer in crew) < goal:
                time.sleep(0.0005)
            server.kill()
            server.process.wait()
            server.start()
            lost += compare(server, crew)
            if tell is not None:
                tell(number + 1, sum(writer.count for writer in crew), lost)
        for writer in crew:
            writer.join()
        feeder.stopping = True
        feeder.join()
        lost += compare(server, crew)
        with server.connect() as space:
            total = eventually(lambda: _settled(space), COMING_BACK)
            if not feeder.certain <= total <= feeder.possible:
                lost.append(f"the sum is {total}, not from {feeder.certain} to {feeder.possible}")
        runner.stop()
        adding.join()
    return Report(kills, sum(writer.count for writer in crew), lost, time.monotonic() - began)


def compare(server: ServerProcess, crew: list[Writer]) -> list[str]:
    """What is less than was answered before it was read, or more than was ever asked."""
    wrong = []
    with server.connect() as space:
        for writer in crew:
            before = dict(writer.answered)
            found = {name: entry.value for name, entry in space.snapshot(f"{writer.names[0][:-1]}*").items()}
            wrong += [
                f"{name}: {found.get(name)}, answered {value}, asked {writer.asked[name]}"
                for name, value in before.items()
                if not value <= (found.get(name) or 0) <= writer.asked[name]
            ]
    return wrong


def _settled(space: RemoteSpace) -> int:
    """The sum when nothing waits for it any more."""
    role = space.read("_/loads", {}).get("adder", {})
    return 0 if role.get("pending") or role.get("busy") else int(space.read("d/sum", 0))


def main() -> int:
    """Runs it and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--writes", type=int, default=100_000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    def tell(number: int, count: int, lost: list[str]) -> None:
        print(f"{number} kills, {count} writes answered, {len(lost)} lost", flush=True)

    report = run(options.kills, options.writes, options.writers, options.seed, tell)
    rate = report.answered / report.seconds
    print(
        f"{report.kills} kills, {report.answered} durable writes answered, {rate:.0f} per second, kills included"
    )
    print(*report.lost or ["nothing was lost"], sep="\n")
    return int(bool(report.lost))


if __name__ == "__main__":
    sys.exit(main())
