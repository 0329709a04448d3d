"""What chaos comes over: a server, a launch of agents that joins it, a client on a link that can be cut."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil
import yaml

from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AgentspaceError
from tests.chaos.agents import ROLES
from tests.chaos.history import Flaw, Full, History, Life
from tests.chaos.link import Link
from tests.support.paths import ROOT
from tests.support.program import Program, command_of, send
from tests.support.server_process import ServerProcess

T = TypeVar("T")
LEASE: Final = 2.0  #: seconds
SETTLING: Final = 90.0  #: seconds in which all must run again, when there are no faults any more
FINDING: Final = 6.0  #: seconds in which a role is filled again after most faults
ENDING: Final = 20.0  #: seconds in which all must be gone
ENVIRONMENT: Final = "AGENTSPACE_CHAOS"  #: marks each process of a run
VOICES: Final = {"low": (0.0, 0.4, True), "mid": (5.0, 0.3, False), "high": (10.0, 0.25, True)}


def plan(histories: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The launch file."""
    agents: dict[str, Any] = {}
    for role in ROLES:
        kind, _, part = role.partition("/")
        agents[role] = {
            "class": f"tests.chaos.agents:{kind.capitalize()}",
            "params": {"histories": str(histories)},
        }
        if kind == "voice":
            agents[role]["params"] |= dict(zip(("priority", "validity", "at_once"), VOICES[part], strict=True))
    for role in ROLES[::2]:  # the others have a lane
        agents[role]["env"] = {"AGENTSPACE_LANE": "off"}
    restart = {"policy": "always", "backoff": 0.1, "backoff_max": 0.5, "limit": 100_000}
    group = {"restart": restart, "env": environment, "stop_timeout": 3}
    return {
        "version": 1,
        "groups": {"all": group},
        "agents": {role: {**agent, "group": "all"} for role, agent in agents.items()},
    }


class Server(ServerProcess):
    """A server whose processes are marked.

    Args:
        marks: Environment.
        options: Of the server.
    """

    def __init__(self, marks: dict[str, str], *options: str) -> None:
        self._marks = marks
        super().__init__(*options, durable=("durable/*",))

    @property
    def environment(self) -> dict[str, str]:
        """With the marks."""
        return {**super().environment, **self._marks}

    def complaints(self) -> list[str]:
        """What this process said that none should."""
        return [line for line in self.process.errors if "internal error" in line or "Traceback" in line]


class World:
    """Everything that runs. Made when all agents do.

    Attributes:
        folder: Of the run: histories, logs.
        space: A client.
        server: The one that runs now.
        link: Between the client on tcp and the server.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="as-chaos-"))
        self.histories = self.folder / "histories"
        self.histories.mkdir()
        self._notes = History(self.histories, "chaos")
        self._make_clock()
        self.link = Link()
        self._began = time.monotonic()
        options = ("--lease", str(LEASE), "--bind", f"tcp://127.0.0.1:{self.link.server_port}")
        self.server = Server(self.marks, *options)
        self.space = self.connect()
        self.descriptors = self.server.descriptors
        file = self.folder / "chaos.yaml"
        file.write_text(yaml.safe_dump(plan(self.histories, self.marks)))
        logs = ("--logs", str(self.folder / "logs"))
        self.supervisor = self._program(
            "-m", "agentspace", "launch", str(file), "--join", "--project", str(ROOT), *logs
        )
        self.clients = {name: self._client(name) for name in ("remote", "watcher")}

    @property
    def marks(self) -> dict[str, str]:
        """The environment of each process of the run: marked, with a wall clock that can jump."""
        clock = str(ROOT / "tests" / "chaos" / "clock")
        return {
            ENVIRONMENT: str(self.folder),
            "AGENTSPACE_CHAOS_CLOCK": str(self.folder / "clock"),
            "PYTHONPATH": os.pathsep.join(filter(None, (clock, os.environ.get("PYTHONPATH")))),
        }

    def connect(self) -> RemoteSpace:
        """One more user in this process."""
        return connect(self.server.address, "chaos", timeout=30.0)

    def _make_clock(self) -> None:
        path = self.folder / "clock"
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._clock = mmap.mmap(file.fileno(), 8)

    def shift_clock(self, seconds: float) -> None:
        """Lets the wall clock of all agents show another time."""
        self._clock[:8] = struct.pack("d", seconds)

    def _program(self, *arguments: str) -> Program:
        return Program([sys.executable, *arguments], ROOT, self.server.environment)

    def _client(self, name: str) -> Program:
        address = f"tcp://127.0.0.1:{self.link.port}" if name == "remote" else self.server.address
        return self._program("-m", "tests.chaos.clients", name, address, str(self.histories))

    # What faults do

    def note(self, what: str) -> None:
        """Something is wrong that no client can note."""
        self._notes.note(Flaw("chaos", what, time.monotonic()))

    def note_full(self, begin: float) -> None:
        """The disk of the server has been full since a time, and is no more."""
        self._notes.note(Full(begin, time.monotonic()))

    def restart_server(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kills the server, and starts another one."""
        self._end_life()
        self.server.process.signal(number)
        self.server.process.wait()
        self._begin_life()

    def _end_life(self) -> None:
        for line in self.server.complaints():
            self.note(f"the server said: {line}")
        self._notes.note(Life(self._began, time.monotonic(), durable=True))

    def _begin_life(self) -> None:
        self._began = time.monotonic()
        self.server.start()

    def heal(self) -> None:
        """A server that has ended by itself is a flaw; chaos goes on with another one."""
        if self.server.process.ended:
            words = " / ".join(self.server.process.errors[-3:])
            self._end_life()
            self.note(f"the server ended by itself: {words}")
            self.server.process.wait()
            self._begin_life()
        if self.supervisor.ended:
            raise AssertionError("the supervisor ended by itself:\n" + "\n".join(self.supervisor.errors[-20:]))

    def pid(self, role: str) -> int | None:
        """The process that fills a role; None if there is none for a while."""

        def find() -> int | None:
            told = self.tell(f"_/roles/{role}")
            found = told.get("pid") if told.get("state") in ("starting", "running") else None
            return found if isinstance(found, int) and psutil.pid_exists(found) else None

        return self._await(find, FINDING)

    def tell(self, slot: str) -> dict[str, Any]:
        """The content of a slot of the account, or nothing if the server does not answer."""
        with contextlib.suppress(AgentspaceError):
            told: dict[str, Any] = self.space.read(slot, {})
            return told
        return {}

    def guardian(self) -> int | None:
        """The process that looks after the launch when the supervisor is killed."""
        children = psutil.Process(self.supervisor.pid).children()
        return next((child.pid for child in children if "guardian" in " ".join(command_of(child))), None)

    # The end

    def settle(self) -> None:
        """No more faults: all agents run again, and handle what waits."""
        self.heal()
        if missing := self._missing():
            self.note(f"after {SETTLING:g} s these do not run: {missing}")
        self._await(lambda: not any(load.get("pending") for load in self.tell("_/loads").values()), SETTLING / 2)

    def _missing(self) -> dict[str, str]:
        def states() -> dict[str, str]:
            told = {role: self.tell(f"_/roles/{role}").get("state", "nothing") for role in ROLES}
            return {role: state for role, state in told.items() if state != "running"}

        self._await(lambda: not states(), SETTLING)
        return states()

    def end(self, hard: bool) -> None:
        """Ends the launch and the clients, by SIGKILL if it is to be hard; notes what is left over."""
        for name, program in self.clients.items():
            program.close()
            if program.errors:
                (self.folder / "logs" / f"{name}.log").write_text("\n".join(program.errors))
        noted = {path.name.rpartition("-")[0] for path in self.histories.iterdir() if path.stat().st_size}
        if silent := {name.replace("/", ".") for name in (*ROLES, *self.clients)} - noted:
            self.note(f"these have noted nothing: {silent}")
        self.supervisor.signal(signal.SIGKILL if hard else signal.SIGTERM)
        self.supervisor.wait(ENDING)
        self._await(lambda: not list(self._processes()), ENDING)
        if left := [" ".join(command_of(process)) for process in self._processes()]:
            self.note(f"processes are left: {left}")
        self._await(lambda: self.server.descriptors <= self.descriptors and not self._segments(), ENDING)
        if self.server.descriptors > self.descriptors:
            self.note(f"the server has {self.server.descriptors} descriptors; it had {self.descriptors}")
        if segments := self._segments():
            self.note(f"the server has segments of memory: {segments}")
        self._end_life()

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.environ().get(ENVIRONMENT) == str(self.folder)
                if ours and process.pid != self.server.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def _segments(self) -> list[str]:
        found = []
        for link in Path(f"/proc/{self.server.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
        return [name for name in found if "memfd" in name]

    def _await(self, condition: Callable[[], T], timeout: float) -> T:
        end = time.monotonic() + timeout
        while not (result := condition()) and time.monotonic() < end:
            time.sleep(0.05)
        return result

    def close(self, keep: bool = False) -> None:
        """Ends whatever runs; removes the folder unless it is to be kept."""
        self.space.close()
        for program in (*self.clients.values(), self.supervisor):
            if not program.ended:
                send(program.pid, signal.SIGCONT)
            program.close()
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.link.close()
        with contextlib.suppress(AssertionError):
            self.server.close()
        self._notes.close()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
