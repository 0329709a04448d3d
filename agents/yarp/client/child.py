"""The base of helper programs: it looks at the name server, guards the process, and says what goes wrong."""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn

from agents.yarp.binding import NoYarpError, import_yarp
from agents.yarp.client.helper import BEAT, GRACE
from agents.yarp.client.names import NameServer, Place
from agents.yarp.client.pipe import Pipe, PipeEndedError

CALL: Final = 0.4
"""Seconds that a call of YARP may take; a remote call takes 50 us, opening a control board some 50 ms."""
_ROUNDS: Final = 100
"""Names that are tried where the name server gives out numbers in use, at some 30 ms each."""
UNCONFIGURED: Final = (
    "YARP is not configured, there is no yarp.conf: run `yarp conf HOST PORT`, or `yarp detect --write`"
)


class Child:
    """The process of a helper: its pipe to the agent, and a thread that reports and guards.

    The thread gives signs of life, says when the name server is in trouble, and ends the process when a call of
    YARP lasts too long, or when the agent is gone: the main thread may never come back from a call.

    Args:
        pipe: To the agent.
        settings: As the agent gave them.

    Attributes:
        names: The name server, once YARP is started.
        watched: A port that it should know, or "".
        at_end: Makes the main thread come back from what it waits for when the agent is gone.
    """

    def __init__(self, pipe: Pipe, settings: dict[str, Any]) -> None:
        self.pipe = pipe
        self.settings = settings
        self.names: NameServer | None = None
        self.watched = ""
        self.at_end: Callable[[], object] = lambda: None
        self._yarp: Any = None
        self._step: tuple[str, float, Callable[[], str]] | None = None
        self._trouble = ""
        self._suspected = False
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def fail(self, why: str) -> NoReturn:
        """Ends the process; the agent is told why."""
        with contextlib.suppress(PipeEndedError):
            self.pipe.send({"is": "failed", "why": why})
        os._exit(1)

    @contextlib.contextmanager
    def step(self, what: str, explain: Callable[[], str], seconds: float = CALL) -> Iterator[None]:
        """Within it, calls of YARP may be made.

        Args:
            what: What they do.
            explain: Finds out why they do not come back; "" for no idea.
            seconds: After which that fails the process.
        """
        self._step = (what, time.monotonic() + seconds, explain)
        try:
            yield
        finally:
            self._step = None

    def start_yarp(self) -> Any:
        """The module yarp, with a name server that answers; fails the process otherwise."""
        try:
            yarp = import_yarp()
        except NoYarpError as error:
            self.fail(str(error))
        with self.step("starting YARP", lambda: "", 2.0):
            yarp.Network.init()
            contact = yarp.Network.getNameServerContact()
        if not contact.isValid() or contact.getPort() <= 0:
            self.fail(UNCONFIGURED)
        names = NameServer(Place(contact.getHost(), contact.getPort()))
        trouble = names.trouble()
        if trouble:
            self.fail(trouble)
        self.names, self._yarp = names, yarp
        return yarp

    def find(self, port: str) -> Place:
        """The place of a port of the robot that answers; fails the process otherwise."""
        trouble = self._names.trouble_with(port)
        place = self._ask(port)
        if trouble or place is None:
            self.fail(trouble or f"{port} has just gone")
        return place

    def claim(self, port: str) -> None:
        """Checks that no other program has the name of a local port; fails the process otherwise."""
        place = self._ask(port)
        if place is not None and not self._names.trouble_with(port):
            self.fail(f"the name {port} is taken by another program at {place}: use another `local` name")

    def open(self, name: str, ports: Sequence[str], attempt: Callable[[str], bool]) -> bool:
        """Opens local ports, also if the name server gives them numbers that are in use.

        One that was restarted does so, as it knows nothing of the ports that there are. A name keeps the number
        that it got, even if another one is registered for it; so other names are tried, which get the next
        numbers. (A robot's ports must keep their names; `agents.yarp.robot.opening` says the numbers itself.)

        Args:
            name: First part of the names of the ports.
            ports: Last parts.
            attempt: Opens them all, with the first part that it is given; whether it could.
        """
        for number in range(_ROUNDS):
            first = f"{name}/{os.getpid()}-{number}" if number else name
            if attempt(first):
                return True
            for port in ports:
                self._yarp.Network.unregisterName(f"{first}{port}")
        return False

    def _ask(self, port: str) -> Place | None:
        try:
            return self._names.query(port)
        except OSError as error:
            self.fail(f"the name server at {self._names.place} has just gone: {error}")

    @property
    def _names(self) -> NameServer:
        if self.names is None:
            raise RuntimeError("start_yarp comes first")
        return self.names

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self.pipe.fileno(), select.POLLRDHUP | select.POLLHUP)
        beat = 0.0
        with contextlib.suppress(PipeEndedError):
            while not poll.poll(50):
                step = self._step
                if step is not None and time.monotonic() > step[1]:
                    why = step[2]()
                    self.fail(f"{step[0]} does not come back" + (f": {why}" if why else ""))
                if time.monotonic() >= beat:
                    beat = time.monotonic() + BEAT
                    self.pipe.send({"is": "alive", "doing": step[0] if step else "waiting"})
                    self._look()
        self.pipe.shut()  # which the main thread hears; it has time to let go of the robot
        self.at_end()
        time.sleep(GRACE)
        os._exit(0)

    def _look(self) -> None:
        """Says when the name server gets into trouble, which must be seen twice, or out of it."""
        if self.names is None:
            return
        trouble = self.names.trouble(self.watched)
        if trouble != self._trouble and (self._suspected or not trouble):
            self._trouble = trouble
            self.pipe.send({"is": "network", "trouble": trouble})
        self._suspected = bool(trouble)


def run(program: Callable[[Child], None]) -> None:
    """The main function of a helper program: ``python -m MODULE DESCRIPTOR SETTINGS``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent, which ends its helper
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = Child(Pipe(socket.socket(fileno=int(sys.argv[1]))), json.loads(sys.argv[2]))
    try:
        program(child)
    except PipeEndedError:
        pass
    except Exception as error:
        child.fail(f"{type(error).__name__}: {error}")
    os._exit(0)  # ports are closed by now; what is left of YARP's threads may hang
