"""The robot of the soak and its visitors: what runs, what is done to it, and what is measured."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from agentspace.errors import AgentspaceError
from tests.soak.page import AttachedPage
from tests.soak.sampling import sample
from tests.soak.verdict import STILL, Sample, standstills
from tests.support.constellation import Constellation
from tests.support.program import Program
from tests.support.web.inspector_page import Inspector

STEADY: Final = ("clockwork", "tally", "painter", "looker", "namer")  #: roles whose processes stay
LAUNCH: Final = """
version: 1
agents:
  clockwork: {class: "agents.load:Clockwork"}
  tally: {class: "agents.load:Tally"}
  swapped: {class: "agents.load:Tally", slots: {report: swapped/tally, latency: swapped/latency}}
  painter: {class: "agents.load:Painter"}
  looker: {class: "agents.load:Looker"}
  namer: {class: "agents.load:Namer", params: {rate: %s}}
"""
NAMES: Final = 5.0
PAUSE: Final = 15.0
_LATE: Final = 120.0  # seconds in which a guest has gone, on a machine that has much else to do


class Soak:
    """A launch under a varied load, with onlookers.

    Args:
        names: New ones in a second.
        pause: Seconds between two visits: a swap, and a guest.

    Attributes:
        processes: Those that are measured, by name.
        samples: What was measured.
        faults: What went wrong, in words.
    """

    def __init__(self, names: float = NAMES, pause: float = PAUSE) -> None:
        self._names, self._pause = names, pause
        self.samples: list[Sample] = []
        self.faults: list[str] = []
        self._ending = threading.Event()
        self._stack = contextlib.ExitStack()
        self._guests = itertools.count(1)
        self._swaps = self._left = 0
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise

    def run(self, seconds: float, period: float, tell: Callable[[Sample], object] = lambda sample: None) -> None:
        """Lets it run, and measures it every so many seconds; Ctrl-C ends that before its time."""
        begin = time.monotonic()
        visits = threading.Thread(target=self._visit, name="visits")
        visits.start()
        try:
            for number in itertools.count(1):
                self.samples.append(Sample(time.monotonic() - begin, self._measure()))
                tell(self.samples[-1])
                if number * period >= seconds:
                    break
                self._ending.wait(max(0.0, begin + number * period - time.monotonic()))
        except KeyboardInterrupt:
            self._ending.set()
        finally:
            self._ending.set()
            visits.join()
        self._look_back()

    def close(self) -> None:
        """Ends everything."""
        self._ending.set()
        self._stack.close()

    def __enter__(self) -> Soak:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _begin(self) -> None:
        enter = self._stack.enter_context
        self._robot = enter(Constellation(LAUNCH % self._names, prepare=_add_agents))
        self._robot.await_running(*STEADY, "swapped")
        inspector = enter(Inspector(self._robot))
        self._page = enter(contextlib.closing(AttachedPage(inspector.url)))
        self._recording = self._robot.folder / "soak.mcap"
        recorder = self._robot.run("record", "*", "-o", str(self._recording))
        recorder.expect_error("recording to")
        self.processes = {
            "server": int(self._robot.space.read("_/server")["pid"]),
            "supervisor": self._robot.supervisor.pid,
            "inspector": inspector.pid,
            "recorder": recorder.pid,
            **{name: int(self._robot.role(name)["pid"]) for name in STEADY},
        }

    def _measure(self) -> dict[str, float]:
        space = self._robot.space
        values = {**sample(self.processes), "machine/load": os.getloadavg()[0]}
        values["slots"] = len(space.snapshot())
        values |= {f"progress/{name}": value for name, value in self._progress().items()}
        for what in ("value", "image"):
            for share, found in zip(("p50", "p99"), space.read(f"latency/{what}", ()), strict=False):
                values[f"latency/{what}/{share}"] = found
        return values

    def _progress(self) -> dict[str, float]:
        """How far each has come that is at work all the time."""
        read = self._robot.space.read
        handled = {slot: read(slot, {}).get("handled", 0) for slot in ("tally", "swapped/tally")}
        loads = read("_/loads", {})
        roles = {
            name: loads.get(name, {}).get("handled", 0) for name in ("clockwork", "painter", "looker", "namer")
        }
        messages, size = self._page.messages, self._recording.stat().st_size
        return {
            **handled,
            **roles,
            "page": messages,
            "recording": size,
            "swaps": self._swaps,
            "guests": self._left,
        }

    def _visit(self) -> None:
        """Guests come and go, by themselves and by `kill -9`; a role is swapped."""
        while not self._ending.wait(self._pause):
            try:
                with self._guest(next(self._guests)):
                    self._robot.space.swap("swapped")
                    self._swaps += 1
            except (AgentspaceError, AssertionError, subprocess.TimeoutExpired) as error:
                self.faults.append(f"a visit failed: {error}")

    @contextlib.contextmanager
    def _guest(self, number: int) -> Iterator[None]:
        stays = number % 2 == 0
        words = ("agent", "agents.load:Guest", f"stays={stays}", "--role", f"guests/{number}")
        with _command(self._robot, *words) as guest:
            yield
            if stays:
                guest.signal(signal.SIGKILL)
            elif guest.wait(_LATE) != 0:
                self.faults.append(f"guest {number} failed: {guest.errors[-1:]}")
        self._left += 1

    def _look_back(self) -> None:
        """What must be true at the end: nothing died, nothing was missed, everybody was at work all the time."""
        for role in STEADY:
            if self._robot.role(role).get("pid") != self.processes[role]:
                self.faults.append(f"{role} is not the process that it was")
        for slot in ("tally", "swapped/tally"):
            count: dict[str, Any] = self._robot.space.read(slot, {})
            if count.get("missed", 1) or not count["handled"]:
                self.faults.append(f"{slot}: {count}")
        self.faults += standstills(self.samples, min(STILL, self.samples[-1].time / 2))


def _add_agents(folder: Path) -> None:
    (folder / "agents" / "load.py").symlink_to(Path(__file__).with_name("load.py"))


@contextlib.contextmanager
def _command(robot: Constellation, *words: str) -> Iterator[Program]:
    """A command that is ended, and forgotten, with the block."""
    program = robot.run(*words)
    try:
        yield program
    finally:
        program.close()
