"""A program of the original Agent-Space as a client of a server: one process, many roles, one named space.

The program itself fills a role, in which everything writes that is no agent's thread. Whoever asks that role to
stop ends the program, as Ctrl-C would. Where no server answers at its start, it starts one, which ends after it;
later, in place of such a one only: whoever ran another server may be about to start that again.
"""

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from agentspace.agent.parent_process import PARENT_VARIABLE, own_environment
from agentspace.classic.aside import Aside
from agentspace.classic.naming import plain, space_of
from agentspace.client.account import CLOCK
from agentspace.client.link import Link
from agentspace.client.simulated import driver
from agentspace.client.space import RemoteSession, RemoteSpace
from agentspace.core.role import Beginning
from agentspace.core.space import Session
from agentspace.core.values.introduction import PROGRAM
from agentspace.errors import (
    AgentspaceError,
    ConnectionLostError,
    FencedError,
    RoleTakenError,
    SpaceUnreachableError,
)
from agentspace.wire.address import Address, parse

T = TypeVar("T")
HOST: Final = "agentspace.classic.host"
EXIT_OVERDUE: Final = 124  #: it was asked to end, and did not in time
_CONNECTS: Final = 15.0  #: seconds to wait for a server
_AGAIN: Final = 0.1  #: seconds between two attempts after the server was lost
_MOST: Final = 1000  # programs of one name, or agents, at once
_LOST: Final = (ConnectionLostError, FencedError, SpaceUnreachableError)
_log = logging.getLogger("agentspace.classic")


class Program:
    """The program of this process.

    Args:
        file: What runs; it names the space and the role.
        address: Of the server; with the space, if that is to be shared.
        shares: It shares the space with others; else it has one of its own, which is emptied.
        role: The role of the program itself; those of its agents are under it. None: by its name.
        stop_timeout: Seconds between the wish that it ends and its end, at most.

    Attributes:
        name: Of its space.
        asked_to_end: Somebody asked it to end.

    Raises:
        AgentspaceError: No server answers, and none can be started.
    """

    def __init__(
        self, file: Path, address: Address, *, shares: bool, role: str | None = None, stop_timeout: float = 3.0
    ) -> None:
        self.file = file
        self.asked_to_end = False
        self._address = address
        self._stop_timeout = stop_timeout
        self._prefix = f"{role}/" if role else ""
        self._filled: set[str] = set()  # roles of its agents
        self._over = threading.Event()
        self._is_child = False
        self._has_host = False  # its server is one that a program has started
        self._of_child: RemoteSpace | None = None
        self._local = threading.local()
        self._space, self.name, self._main = self._begin(role or plain(file.stem), shares=bool(shares or role))
        where = "" if address.endpoint == parse("").endpoint else address.endpoint
        _log.info("runs in the space %r: see `agentspace inspect -s '%s#%s'`", self.name, where, self.name)
        self._main.entry(CLOCK)  # so this thread has its connection before a signal may come
        self._aside = Aside(lambda: self._main.entry(CLOCK))
        self._ear = threading.Thread(target=self._listen, name="agentspace-program", daemon=True)
        self._ear.start()
        atexit.register(self.leave)
        os.register_at_fork(after_in_child=self._forked)

    @property
    def session(self) -> Session:
        """The role of the calling thread: that of its agent, or of the program; a forked child has none."""
        return getattr(self._local, "session", None) or cast(Session, self._own)  # what it is asked, both answer

    @property
    def _own(self) -> RemoteSpace:
        """Where what is no agent's thread reads and writes."""
        if not self._is_child:
            return self._main
        if self._of_child is None:
            self._of_child = RemoteSpace(Link(self._address, f"child-{os.getpid()}", _CONNECTS), self.name)
        return self._of_child

    def _forked(self) -> None:
        """This is a child of the program's process: it has none of its threads, roles and connections."""
        self._is_child, self._of_child = True, None
        self._local, self._filled = threading.local(), set()

    def act_as(self, session: Session | None) -> None:
        """From now on the calling thread acts in a role; None: in that of the program."""
        self._local.session = session

    def ask(self, what: Callable[[Session], T]) -> T:
        """What the space answers; if the server is lost, from the next one.

        Raises:
            FencedError: Another incarnation fills the role.
            SpaceUnreachableError: The program ends.
        """
        if getattr(self._local, "asks", False) and not self._is_child:
            return self._aside.ask(lambda: self._insist(what))
        self._local.asks = True
        try:
            return self._insist(what)
        finally:
            self._local.asks = False

    def join(self, role: str, kind: str) -> Session:
        """Fills a role for an agent, with a number after its name if others are called so.

        Args:
            role: Its name.
            kind: What the agent is.
        """
        name, session = self._fill(self._own if self._is_child else self._space, f"{self._prefix}{role}", kind)
        self._filled.add(name)
        return session

    def part(self, session: Session) -> None:
        """An agent has left its role."""
        self._filled.discard(session.role)

    def leave(self) -> None:
        """Ends well, in the eyes of the server."""
        if self._over.is_set() or self._is_child:
            return
        self._over.set()
        self._main.interrupt()
        self._ear.join(1.0)
        try:
            if not self._ear.is_alive():
                self._main.exit_code = 0
                self._main.leave("stopped")
        except AgentspaceError as lost:
            _log.debug("could not sign off: %s", lost)
        if not (self._filled or others()):  # else they would hear of it
            self._space.close()

    def end(self) -> None:
        """Ends the program, as Ctrl-C would: in its main thread; after a time, whatever it does."""
        if not self.asked_to_end:
            self.asked_to_end = True
            overdue = threading.Timer(self._stop_timeout, os._exit, [EXIT_OVERDUE])
            overdue.daemon = True
            overdue.start()
        main, is_ignored = threading.main_thread(), signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        if is_ignored and threading.current_thread() is main:
            raise KeyboardInterrupt
        # A shell lets programs in the background ignore SIGINT; SIGTERM comes here again, in the main thread.
        signal.pthread_kill(main.ident or 0, signal.SIGTERM if is_ignored else signal.SIGINT)

    def _insist(self, what: Callable[[Session], T]) -> T:
        told = False
        while True:
            try:
                return what(self.session)
            except _LOST as error:
                if self._over.is_set() or getattr(self._local, "session", None) is not None:
                    raise
                lost = error
            if not told:
                _log.warning("%s; waits for the server", lost)
                told = True
            self._over.wait(_AGAIN)  # no error is at hand any more, which Ctrl-C would show, too

    def _begin(self, role: str, *, shares: bool) -> tuple[RemoteSpace, str, RemoteSession]:
        """Joins a space; of the next server, if this one ends at this moment with the program before."""
        until = time.monotonic() + _CONNECTS
        while True:
            link = reach(self._address, until)
            space = RemoteSpace(link, self._address.space)
            try:
                if driver(space) is not None:
                    where = self._address
                    raise AgentspaceError(f"{where}: its clock is simulated, and a program counts real time")
                found = self._join_shared(space, role) if shares else self._join_own(space, role)
            except BaseException as error:
                link.close()
                if not isinstance(error, _LOST) or time.monotonic() > until:
                    raise
            else:
                link.waits = True  # from now on, for a server that comes back
                self._link, self._has_host = link, _is_host(link)
                return found

    def _join_shared(self, space: RemoteSpace, role: str) -> tuple[RemoteSpace, str, RemoteSession]:
        _, session = self._fill(space, role, self.file.name, exactly=bool(self._prefix))
        return space, self._address.space, session

    def _join_own(self, any_space: RemoteSpace, role: str) -> tuple[RemoteSpace, str, RemoteSession]:
        """Its own space: the first of its name in which it does not run already."""
        name = space_of(self.file)
        for number in range(1, _MOST):
            own = name if number == 1 else f"{name}-{number}"
            space = any_space.named(own)
            try:
                _, session = self._fill(space, role, self.file.name, exactly=True)
            except RoleTakenError:
                continue
            for entry in space.snapshot().values():
                session.delete(entry.name, entry.priority)
            return space, own, session
        raise AgentspaceError(f"{_MOST} programs {name!r} run already")

    def _fill(
        self, space: RemoteSpace, role: str, kind: str, *, exactly: bool = False
    ) -> tuple[str, RemoteSession]:
        told = {"class": kind, PROGRAM: str(self.file), "host": os.uname().nodename}
        for number in range(1, _MOST):
            name = role if number == 1 else f"{role}-{number}"
            if name in self._filled:
                continue
            try:
                return name, RemoteSession(space, name, dict(told), None, Beginning(fresh=True))
            except RoleTakenError:
                if exactly:
                    raise
        raise AgentspaceError(f"{_MOST} agents {role!r} run already")

    def _listen(self) -> None:
        """The thread that hears whether somebody asks the program to end, and whether the server lives."""
        session = self._main
        running = False
        while not self._over.is_set():
            try:
                if not running:
                    session.running()
                    running = True
                session.receive(None)
                for number, _ in session.settings_asked():
                    session.settings_taken(number, "a program has no parameters")
            except _LOST:
                self._come_back(session)
            if session.stop_requested and not self._over.is_set():
                self.end()
                return

    def _come_back(self, session: RemoteSession) -> None:
        if self._over.is_set():
            return
        try:
            if self._has_host:
                reach(self._address, time.monotonic() + _CONNECTS).close()
            session.come_back()
            self._has_host = _is_host(self._link)
        except AgentspaceError as lost:
            _log.warning("%s", lost)
            self._over.wait(_AGAIN)


def others() -> list[threading.Thread]:
    """The threads that a program waits for at its end, but for the calling one."""
    me = threading.current_thread()
    return [thread for thread in threading.enumerate() if thread is not me and not thread.daemon]


def reach(address: Address, until: float) -> Link:
    """A link to a server; where none answers on this machine, one is started.

    Args:
        address: Of the server.
        until: When to give up (s, `time.monotonic`).

    Raises:
        SpaceUnreachableError: None answers.
    """
    host: subprocess.Popen[bytes] | None = None
    while True:
        try:
            return Link(address, f"{plain(Path(sys.argv[0]).stem)}-{os.getpid()}", 0.0)
        except SpaceUnreachableError:
            if not address.local or time.monotonic() > until:
                raise
        if host is None or host.poll() is not None:  # it cannot serve while the last one has not quite ended
            host = start_host(address)
        time.sleep(_AGAIN)


def _is_host(link: Link) -> bool:
    """Whether a server is one that a program has started."""
    if not link.handshake.address.local:
        return False
    try:
        command = Path(f"/proc/{link.handshake.lender.pid}/cmdline").read_bytes()
    except OSError:
        return False
    return HOST.encode() in command.split(b"\0")


def start_host(address: Address) -> "subprocess.Popen[bytes]":
    """Starts a server that ends when nobody fills a role there any more."""
    environment = own_environment()
    environment.pop(PARENT_VARIABLE, None)
    _log.info("no server at %s: starts one", address.endpoint)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", HOST, address.endpoint],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


_current: dict[str, Any] = {}
_making = threading.Lock()


def begin(program: Program) -> None:
    """This is the program of this process."""
    _current["program"] = program


def current() -> Program:
    """The program of this process; it is made when it is first asked for, if no command has made it."""
    found: Program | None = _current.get("program")
    if found is None:
        with _making:
            found = _current.get("program")
            if found is None:
                file = Path(sys.argv[0] or "program").absolute()
                found = Program(file, parse(""), shares="#" in os.environ.get("AGENTSPACE_SPACE", ""))
                begin(found)
    return found
