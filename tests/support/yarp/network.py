"""A YARP network of its own for a test: a real yarpserver that is awaited ready and always ended.

    with YarpNetwork() as network:
        robot = network.client("say(yarp.Network.checkNetwork(1.0)); wait()")
        robot.expect("True")
        network.server.signal(signal.SIGSTOP)

Its configuration lies in a folder of its own and it listens on a port of its own, so networks stand side by side.
YARP keeps its state per process: tests talk YARP in processes (`client`, `tool`), never in that of pytest.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import CLIENT, PATIENCE, Program

if TYPE_CHECKING:  # benchmarks run without it
    import pytest

SPAN = 200
"""Ports that a network may use: its name server gives out those behind its own."""
_BASES = range(12_000, 32_000, SPAN)  # below those that the system gives out
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
YARP_CLIENT = """
import os
_out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # YARP's threads print to stdout, into the middle of other lines
def say(*words): print(*words, file=_out, flush=True)
import yarp
yarp.Network.init()
"""


def has_yarp() -> bool:
    """Whether the bindings and the programs are there; imports nothing."""
    return importlib.util.find_spec("yarp") is not None and _prefix_or_path("yarpserver") is not None


def executable(name: str) -> str:
    """Where a program of YARP is: beside the bindings, else in PATH.

    Raises:
        FileNotFoundError: It is nowhere; says how to get it.
    """
    found = _prefix_or_path(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not there: `make yarp` installs it")
    return found


def _prefix_or_path(name: str) -> str | None:
    spec = importlib.util.find_spec("yarp")
    if spec is not None and spec.origin is not None:
        beside = Path(spec.origin).parent.parent / "bin" / name  # PREFIX/python3.11/yarp.py
        if beside.exists():
            return str(beside)
    return shutil.which(name)


class YarpNetwork:
    """A name server and whatever is started on its network.

    Attributes:
        folder: Its configuration, and a place for files of the test.
        port: Of the name server.
        server: The process of the name server; kill it, or stop it by a signal, as you like.
    """

    def __init__(self, start: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="yarp-"))
        self.port = _free_base()
        self._programs: list[Program] = []
        (self.folder / "yarp.conf").write_text(f"127.0.0.1 {self.port} yarp\n")
        self.server: Program | None = None
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    @property
    def environment(self) -> dict[str, str]:
        """With which programs find this network; also for agents and launch files."""
        return {
            "YARP_CONFIG_HOME": str(self.folder),
            "YARP_DATA_HOME": str(self.folder),
            "YARP_DATA_DIRS": str(Path(executable("yarpserver")).parent.parent / "share" / "yarp"),
            "YARP_COLORED_OUTPUT": "0",
        }

    def join(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Puts this process on the network, until the test ends."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def start(self) -> None:
        """Starts the name server, again (with an empty database) if it was ended; returns when it answers."""
        server = self.server = self.tool("yarpserver", "--socket", str(self.port), "--read")
        eventually(lambda: self._is_ready() or server.ended, PATIENCE)
        assert not server.ended, "\n".join([*server.lines, *server.errors])

    def kill(self) -> None:
        """Kills the name server, and waits until it is gone."""
        assert self.server is not None
        self.server.kill()

    def tool(self, name: str, *arguments: str) -> Program:
        """Starts a program of YARP on this network: yarp, yarpdev...; it is ended with the network."""
        return self.program(executable(name), *arguments)

    def client(self, code: str, *arguments: str) -> Program:
        """Starts Python with `yarp` (Network.init is done), `say`, `wait`; its arguments are in sys.argv[1:]."""
        lines = CLIENT.strip().splitlines()
        preamble = "\n".join(line for line in lines if not line.startswith("space ="))
        return self.program(sys.executable, "-c", f"{preamble}\n{YARP_CLIENT}{code}", *arguments)

    def arms(self, robot: str, *options: str) -> Program:
        """Starts a robot without physics (see `arms.py`); returns when it is up."""
        program = self.program(sys.executable, "-m", "tests.support.yarp.arms", robot, *options)
        program.expect("up")
        return program

    def program(self, *command: str) -> Program:
        """Starts any program on this network, in the folder of the project; it is ended with the network."""
        program = Program(command, ROOT, self.environment)
        self._programs.append(program)
        return program

    def run(self, name: str, *arguments: str, text: str = "") -> str:
        """What a program of YARP that ends by itself prints.

        Args:
            name: Of the program.
            arguments: Its own.
            text: A line for its standard input.
        """
        program = self.tool(name, *arguments)
        if text:
            program.say(text)
        program.end_input()
        program.wait()
        return _COLOURS.sub("", "\n".join(program.lines))

    def _is_ready(self) -> bool:
        """Whether it greets, as YARP's text protocol has it; what it prints stays in its buffer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.sendall(b"CONNECT test\r\n")
                return connection.recv(7) == b"Welcome"
        except OSError:
            return False

    def close(self) -> None:
        """Ends everything that was started here, stopped or not, and removes the folder."""
        for program in reversed(self._programs):
            if not program.ended:
                program.signal(signal.SIGCONT)
            program.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> YarpNetwork:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _free_base() -> int:
    """A port that is free, with some free ones behind it; networks that start at once choose differently."""
    chooser = random.Random(os.urandom(8))
    for base in chooser.sample(_BASES, len(_BASES)):
        if all(_is_free(port) for port in range(base, base + 40)):
            return base
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
