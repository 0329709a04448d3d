"""This machine as a `Host`: child processes, their output, signals, the guardian; and a launch that runs on it."""

import itertools
import os
import select
import selectors
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Final, TextIO

from agentspace.agent.run_folder import RUN_FOLDER
from agentspace.launch.plan import Plan
from agentspace.supervise.blackboard import Blackboard
from agentspace.supervise.command import Command
from agentspace.supervise.guardian import KILL_PATIENCE, Guardian, end, kill, processes
from agentspace.supervise.host import Event, Exited, Interrupted
from agentspace.supervise.logs import MERGED, Log, open_log
from agentspace.supervise.orphans import adopt, bury, orphans
from agentspace.supervise.process import Child
from agentspace.supervise.run_record import RunRecord
from agentspace.supervise.supervisor import SERVER, Supervisor

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CHUNK: Final = 65536  #: bytes read at once
_GUARDIANS: Final = 5  #: as many are started; when all were killed within `_GUARDIANS_WITHIN`, no more
_GUARDIANS_WITHIN: Final = 10.0  #: seconds


class LocalHost:
    """Starts processes on this machine and waits for what happens to them, in one thread, without polling."""

    def __init__(self, log: Log, adopts: bool = False) -> None:
        """Starts the guardian and takes over signals; for the main thread.

        Args:
            log: For what the processes say.
            adopts: All children of this process are its own, or orphans: it ends those, too.
        """
        self._adopts = adopts
        if adopts:
            adopt()
        self.run = uuid.uuid4().hex  # in the environment of all its processes
        self._log = log
        self._numbers = itertools.count(1)
        self._children: dict[int, Child] = {}
        self._outputs: set[IO[bytes]] = set()
        self._events: list[Event] = []
        self._selector = selectors.DefaultSelector()
        self._guardian = Guardian(self.run, log.file)
        self._guardian_starts: list[float] = []
        self._unguarded = False  # a guardian could not be started, for the moment
        self._start_guardian()
        self._take_signals()

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def spawn(self, name: str, command: Command) -> int:
        """Starts a process; see `Host`."""
        if self._unguarded:
            self._start_guardian_if_possible()
        env = {RUN_FOLDER: "" if self._log.folder is None else str(self._log.folder.absolute()), **command.env}
        command = replace(command, env=env)
        child = Child.spawn(name, f"{name}#{next(self._numbers)}", command, self.run)
        self._children[child.pid] = child
        self._outputs.add(child.output)
        self._guardian.add(child.pid, name == SERVER)  # which ends after all others
        self._watch(child.output, partial(self._read, child))
        self._watch(child.pidfd, partial(self._reap, child))
        if command.nice:
            try:
                child.renice(command.nice)
            except PermissionError:
                self._log.say(name, f"niceness {command.nice} needs privileges: it runs without")
        return child.pid

    def terminate(self, pid: int) -> None:
        """Asks a process to end."""
        if pid in self._children:  # else it has ended, and the event waits to be handled
            self._children[pid].terminate()

    def kill(self, pid: int) -> None:
        """Kills a process and its group."""
        if pid in self._children:
            self._children[pid].kill_group()

    def wait(self, seconds: float) -> list[Event]:
        """Waits for events; passes on what processes say meanwhile."""
        until = self.now() + seconds
        while True:
            for key, _ in self._selector.select(max(0.0, until - self.now())):
                key.data()
            if self._adopts:
                bury(self._own())
            if self._events or self.now() >= until:
                events, self._events = self._events, []
                return events

    def close(self) -> None:
        """Kills what is left, also what escaped from its group; gives signals back; closes the log."""
        for child in list(self._children.values()):
            child.kill_group()
            if select.select([child.pidfd], [], [], KILL_PATIENCE)[0]:
                self._reap(child)
        end(lambda: processes(run=self.run), patience=0.0)
        if self._adopts:
            end(lambda: orphans(self._own()), patience=0.0)
            bury(self._own())
        self._guardian.close()
        self._give_signals_back()
        for key in self._selector.get_map().values():
            if isinstance(key.fileobj, int):
                os.close(key.fd)
        for output in self._outputs:
            output.close()
        self._selector.close()
        self._log.close()

    def _own(self) -> set[int]:
        """The children that are no orphans."""
        return {*self._children, self._guardian.pid}

    def _watch(self, source: IO[bytes] | int, action: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, action)

    # Children

    def _read(self, child: Child) -> None:
        """Passes on what there is to read now, but not so much that others wait."""
        if child.output.closed:  # the process ended in the same moment, and `_read_rest` came first
            return
        try:
            data = os.read(child.output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        self._log.feed(child.name, data, child.tag)
        if not data:
            self._selector.unregister(child.output)
            self._outputs.discard(child.output)
            child.output.close()

    def _reap(self, child: Child) -> None:
        self._selector.unregister(child.pidfd)
        code = child.reap()
        try:
            kill(processes(run=self.run, role=child.tag))  # what it started and what left its group
        except OSError as error:  # there are no file descriptors left to look for them
            self._log.say(child.name, f"what it has started may still run: {error}")
        del self._children[child.pid]
        self._guardian.remove(child.pid)
        self._read_rest(child)
        self._log.flush(child.name, child.tag)
        self._events.append(Exited(child.pid, code, self._log.take_complaint(child.name, child.tag)))

    def _read_rest(self, child: Child) -> None:
        """A pipe holds 64 KiB by default, more only where a program asked for it: so there is an end to this."""
        for _ in range(64):
            if child.output.closed or not select.select([child.output], [], [], 0.0)[0]:
                return
            self._read(child)

    # The guardian

    def _start_guardian(self) -> None:
        now = self.now()
        recent = [start for start in self._guardian_starts if start > now - _GUARDIANS_WITHIN]
        if len(recent) >= _GUARDIANS:
            self._log.say(MERGED, "the guardian was killed again and again: there is none any more")
            return
        self._guardian_starts = [*recent, now]
        pid = self._guardian.start()
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            self._log.say(MERGED, f"the guardian's end would not be seen: {error}")
            return  # it does its work; to start another would be to send this one away, without a farewell
        self._watch(pidfd, partial(self._replace_guardian, pidfd))

    def _replace_guardian(self, pidfd: int) -> None:
        self._selector.unregister(pidfd)
        os.close(pidfd)
        self._log.say(MERGED, "the guardian was killed: starting a new one")
        self._start_guardian_if_possible()

    def _start_guardian_if_possible(self) -> None:
        try:
            self._start_guardian()
            self._unguarded = False
        except OSError as error:  # no file descriptors, or no processes, are left
            self._unguarded = True
            self._log.say(MERGED, f"the guardian cannot be started now: {error}")

    # Signals

    def _take_signals(self) -> None:
        """Turns signals into events; those that the parent wants ignored (nohup) stay ignored."""
        self._handlers = {n: h for n in SIGNALS if (h := signal.getsignal(n)) != signal.SIG_IGN}
        self._wake = os.pipe()
        for side in self._wake:
            os.set_blocking(side, False)
        self._wakeup_before = signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in self._handlers:
            signal.signal(number, lambda *_: None)
        self._watch(self._wake[0], self._read_signals)

    def _read_signals(self) -> None:
        numbers = os.read(self._wake[0], _CHUNK)
        self._events += [Interrupted(number) for number in numbers if number in self._handlers]

    def _give_signals_back(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._selector.unregister(self._wake[0])
        for side in self._wake:
            os.close(side)


def launch(
    plan: Plan,
    blackboard: Blackboard,
    *,
    own_server: bool = True,
    runs: Path | None = None,
    console: TextIO | None = None,
    adopts: bool = False,
) -> int:
    """Runs a plan to its end; returns the exit code of the launch (see `Supervisor.run`). For the main thread.

    Args:
        plan: What to run.
        blackboard: Looks at the blackboard of the plan's server.
        own_server: Start the server; False = one is running already.
        runs: Folder for log files; None = `runs/` in the project.
        console: For what the processes say; None = stderr.
        adopts: This process has no children but those of the launch: what they leave behind is ended, too.
    """
    names = [SERVER, *(agent.role for agent in plan.agents)]
    log = open_log(names, plan.project / "runs" if runs is None else runs, plan.name, console)
    blackboard.logs = "" if log.file is None else str(log.file.parent.absolute())
    record = None if log.folder is None else RunRecord(log.folder, plan)
    blackboard.record = record

    def say(name: str, text: str) -> None:
        log.say(name, text)
        if record is not None:
            record.hear(name, text)

    code = None
    try:
        code = Supervisor(
            plan, LocalHost(log, adopts), blackboard, say, own_server=own_server, logs=log.folder
        ).run()
    finally:
        if record is not None:
            record.end(code)
    return code
