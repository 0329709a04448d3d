"""Commands as processes, agents for them to run, and what they printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result

from tests.support.program import Program

CREW = '''
import ctypes, time
from agentspace import Agent, Parameter, SlotName

class Counter(Agent):
    """Counts.

    And more.
    """
    step = Parameter(1, "by how much", minimum=1, maximum=10)
    mood = Parameter("good", "how it counts", choices=("good", "bad"))
    fast = Parameter(False, "whether")
    source = SlotName("go", "anything: count now")
    count = SlotName("count", "int")
    def init(self):
        self.attach_trigger(self.source)
        self.write("ready/" + self.role, self.project.name)
    def sense_select_act(self):
        self.write(self.count, (self.read(self.count) or 0) + self.step)
    def close(self):
        self.space.write("closed/" + self.role, True)

class Adjustable(Agent):
    """Adds, by what can be set."""
    step = Parameter(1, "by how much", maximum=10, live=True)
    mood = Parameter("good", "how it counts", choices=("good", "bad"), live=True)
    fixed = Parameter(0, "cannot be set")
    def init(self):
        self.attach_trigger("live/go")
    def sense_select_act(self):
        self.write("live/count", (self.read("live/count") or 0) + self.step)

class Crasher(Counter):
    def sense_select_act(self):
        raise ValueError("boom")

class Sleeper(Counter):
    def sense_select_act(self):
        self.space.write("asleep/" + self.role, True)
        while True:
            time.sleep(0.01)

class Stuck(Counter):
    """Waits inside of C, where no signal handler of Python runs."""
    def sense_select_act(self):
        self.space.write("asleep/" + self.role, True)
        libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)

class Unloadable(Counter):
    def init(self):
        raise OSError("no such camera")

NotAnAgent = 3
'''


Start = Callable[..., Program]


@contextmanager
def commands(folder: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts commands of agentspace in a folder, ``start("watch", "x")``; all are ended with the block."""
    started: list[Program] = []

    def start(*words: str | Path) -> Program:
        started.append(Program([sys.executable, "-m", "agentspace", *words], folder, environment))
        return started[-1]

    yield start
    for program in started:
        program.close()


def lines_of(result: Result) -> list[str]:
    """What a command printed."""
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()
