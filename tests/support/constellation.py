"""A project with a launch file, running in processes of its own: awaited ready, always ended."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AgentspaceError
from agentspace.wire.address import parse
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import PATIENCE, Program


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    return not psutil.pid_exists(pid)


def link_agents(folder: Path) -> None:
    """Lets a project have the agents and models of this one, in place of its own."""
    shutil.rmtree(folder / "agents")
    for name in ("agents", "models"):
        (folder / name).symlink_to(ROOT / name)


COUNTER = '''
import os, time
from agentspace import Agent, AgentspaceError, Parameter, SlotName, Trigger


class Counter(Agent):
    """Handles each number once, and knows how many there were."""

    number = SlotName("number", "int")
    handled = SlotName("handled", "int")
    tag = Parameter("old")
    pause = Parameter(0.0, "seconds of a handler")

    def init(self):
        self.total = 0
        self.attach_trigger(self.number, Trigger.EVERY)

    def sense_select_act(self):
        for change in self.wake.changes:
            if change.kind == "written":
                self.total += 1
                if self.pause:
                    time.sleep(self.pause)
                self.write(self.handled, change.value)
        self.write("total", self.total)
        self.write("by", self.tag)
        self.checkpoint()

    def get_state(self):
        return 1, {"total": self.total}

    def set_state(self, version, state):
        if version != 1:
            raise AgentspaceError(f"cannot read version {version}")
        self.total = state["total"]
'''
LAUNCH = """
version: 1
agents:
  counter:
    class: agents.counter:Counter
    restart: {policy: on-failure, backoff: 0.1}
"""


class Constellation:
    """A launch of a small project.

    Args:
        launch: The launch file.
        prepare: Is given the folder before the launch.
        modules: Files in the folder ``agents``, by name.

    Attributes:
        folder: Of the project.
        space: A client.
    """

    def __init__(
        self, launch: str = LAUNCH, prepare: Callable[[Path], None] = lambda folder: None, **modules: str
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="as-"))
        (self.folder / "agents").mkdir()
        (self.folder / "launch").mkdir()
        self.file = self.folder / "launch" / "test.yaml"
        self.file.write_text(launch)
        for name, text in {"counter": COUNTER, **modules}.items():
            self.write_module(name, text)
        prepare(self.folder)
        self.environment = {"AGENTSPACE_RUN": str(self.folder / "run"), "AGENTSPACE_SPACE": "test"}
        self._programs: list[Program] = []
        self.supervisor = self.run("launch", str(self.file))
        self.address = parse(f"ipc://{self.folder / 'run' / 'test' / 'server.sock'}")
        self._spaces: list[RemoteSpace] = []
        self.space = self.connect()

    def write_module(self, name: str, text: str) -> Path:
        """Saves a module of agents as editors do: another file takes the place of the old one."""
        file = self.folder / "agents" / f"{name}.py"
        new = file.with_suffix(".new")
        new.write_text(textwrap.dedent(text))
        new.replace(file)
        return file

    def run(self, *arguments: str, **environment: str) -> Program:
        """A command of the command line, in the project's folder."""
        command = [sys.executable, "-m", "agentspace", *arguments]
        program = Program(command, self.folder, {**self.environment, **environment})
        self._programs.append(program)
        return program

    def ask(self, *arguments: str) -> tuple[int, str, str]:
        """A command that ends: exit code, stdout, stderr; of one that does not, the error says where it hangs."""
        program = self.run(*arguments, PYTHONFAULTHANDLER="1")
        try:
            code = program.wait()
        except subprocess.TimeoutExpired as hangs:
            program.signal(signal.SIGABRT)
            program.wait()
            hangs.add_note("\n".join([*program.lines, *program.errors]))
            raise
        return code, "\n".join(program.lines), "\n".join(program.errors)

    def connect(self) -> RemoteSpace:
        """One more client."""
        self._spaces.append(connect(self.address, "test", timeout=PATIENCE))
        return self._spaces[-1]

    def role(self, name: str) -> dict[str, Any]:
        """What the space shows of a role."""
        shown: dict[str, Any] = self.space.read(f"_/roles/{name}", {})
        return shown

    def swap(self, role: str) -> dict[str, Any]:
        """What the space shows of a role's last swap."""
        shown: dict[str, Any] = self.space.read(f"_/swaps/{role}", {})
        return shown

    def processes_of(self, role: str) -> list[int]:
        """The processes that run an agent in a role."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                ours = process.environ().get("AGENTSPACE_RUN") == self.environment["AGENTSPACE_RUN"]
                if ours and "agent" in words and role in words:
                    found.append(process.pid)
        return found

    def await_running(self, *roles: str) -> None:
        """Waits until roles run."""
        for role in roles:
            with contextlib.suppress(AgentspaceError):
                eventually(lambda role=role: self.role(role).get("state") == "running", PATIENCE)

    def close(self) -> None:
        """Ends everything."""
        for space in self._spaces:
            space.close()
        if not self.supervisor.ended:
            self.supervisor.signal(signal.SIGTERM)
            with contextlib.suppress(Exception):
                self.supervisor.wait()
        for program in self._programs:
            program.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Constellation:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
