"""YARP's name server, as a part of a constellation: found where it runs already, started where it does not."""

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from agents.yarp.client.names import NameServer, Place
from agentspace import Agent, Parameter, SlotName
from agentspace.errors import AgentspaceError

PORT: Final = 10000
"""Where yarpserver listens if nothing else is said."""
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_LOOK: Final = 0.3
"""Seconds between two looks at the server."""
_FRESH: Final = 1.5
"""Seconds for which the slot is valid: it is empty while no server answers."""


class YarpServerError(AgentspaceError):
    """There is no name server, and none can be started."""


class YarpServer(Agent):
    """Sees to it that there is a YARP name server: the one of yarp.conf, or one that it starts and ends."""

    server = SlotName("yarp/server", "dict: place, started (whether by this agent), pid; valid while it answers")
    socket = Parameter(PORT, "port for a server that is started where there is no yarp.conf", minimum=1)

    def init(self) -> None:
        """Looks for a server, and starts one if none answers."""
        self._process: subprocess.Popen[bytes] | None = None
        self._trouble = ""
        file = configuration()
        place = read_configuration(file)
        self._names = NameServer(place or Place("127.0.0.1", self.socket))
        if place is None or self._names.trouble():
            self._start(place, file)
        self.attach_timer(_LOOK)

    def _start(self, place: Place | None, file: Path) -> None:
        if place is not None and not is_local(place.host):
            raise YarpServerError(f"{self._names.trouble()}; it is another machine's ({file})")
        program = executable("yarpserver")
        port = self.socket if place is None else place.port
        how = ("--write",) if place is None else ("--read",)
        self.log.info("starting yarpserver at port %d%s", port, "" if place else f", and writing {file}")
        self._process = subprocess.Popen(
            [program, "--socket", str(port), "--silent", *how],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  (one system call; no lock is taken)
        )

    def sense_select_act(self) -> None:
        """Tells whether it answers."""
        process = self._process
        if process is not None and process.poll() is not None:
            raise YarpServerError(f"yarpserver has ended with {process.returncode}: is its port in use?")
        trouble = self._names.trouble()
        if trouble != self._trouble:
            self._trouble = trouble
            self.log.warning("%s", trouble or "the name server answers")
        if not trouble:
            pid = None if process is None else process.pid
            account = {"place": str(self._names.place), "started": process is not None, "pid": pid}
            self.write(self.server, account, validity=_FRESH)

    def close(self) -> None:
        """Ends the server, if it was started here."""
        process = getattr(self, "_process", None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def configuration() -> Path:
    """The file that says where the name server is, whether it exists or not."""
    home = os.environ.get("YARP_CONFIG_HOME")
    if home:
        return Path(home) / "yarp.conf"
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "yarp" / "yarp.conf"


def read_configuration(file: Path) -> Place | None:
    """The place that it names; None if there is no such file.

    Raises:
        YarpServerError: It cannot be understood.
    """
    try:
        words = file.read_text(encoding="utf-8").split()
    except OSError:
        return None
    if len(words) < 2 or not words[1].isdecimal():
        raise YarpServerError(f"{file} does not begin with a host and a port: {' '.join(words)!r:.60}")
    return Place(words[0], int(words[1]))


def is_local(host: str) -> bool:
    """Whether a server at that host would be one of this machine: only then one can listen there."""
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def executable(name: str) -> str:
    """The path of a program of YARP: in PATH, or beside the Python bindings.

    Raises:
        YarpServerError: It is nowhere.
    """
    found = shutil.which(name)
    spec = importlib.util.find_spec("yarp")
    if found is None and spec is not None and spec.origin is not None:
        found = shutil.which(name, path=str(Path(spec.origin).parent.parent / "bin"))  # PREFIX/python3.11/yarp.py
    if found is None:
        raise YarpServerError(f"there is no program {name}: `make yarp` builds it, or conda: yarp-python")
    return found


def _die_with_parent() -> None:
    """The server ends with its agent, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
