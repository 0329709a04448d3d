"""A supervisor's world in which agents are swapped: the space is a real board, processes do as they are told.

No process runs, and no time is waited. Every step of a process takes the time that its `Behaviour` says.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from agentspace.client.account import SWAPS
from agentspace.client.reports import SwapReport
from agentspace.core.board import Board
from agentspace.core.seats import Dismiss, Order, Part, Reclaim, Resume, Seat, Suspend
from agentspace.core.swap import Limits, Step, Wish
from agentspace.errors import AgentspaceError, FencedError
from agentspace.supervise.command import Command
from agentspace.supervise.supervisor import SERVER
from tests.support.supervised_world import World, settings_of

ROLE = "a"
LEASE = 0.6  #: seconds
LIMITS = Limits(2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 2.0)


@dataclass(frozen=True)
class Behaviour:
    """How a process behaves.

    Attributes:
        start: Seconds until it is in its space.
        step: Seconds for each step: to prepare, to hand over, to start acting.
        end: Seconds from the moment at which it is to end until it has ended.
        fails: The step at which it fails: "start", "prepare", "hand over", "act", "work"; "" for none.
        hangs: There it is stopped for ever and falls silent, instead of ending.
    """

    start: float = 0.3
    step: float = 0.1
    end: float = 0.0
    fails: str = ""
    hangs: bool = False


@dataclass(eq=False)
class Process:
    """A process of the role: a party of the board."""

    pid: int
    behaviour: Behaviour
    settings: list[str]
    swap: int = 0
    seat: Seat | None = None
    over: bool = False  # it does nothing any more
    ending: bool = False
    mended: bool = field(default=False)  # what failed once in handing over goes well later


class SwappingWorld(World):
    """One role and its processes, on a board.

    Args:
        behaviours: Of its processes, in the order in which they are started; good ones follow.

    Attributes:
        board: The space.
        processes: All that were ever started, by pid.
        done: The settings of each swap that was done, in their order.
        wrongs: What the supervisor did that it must not do.
        acted: The settings of the process that acted in the end; None if there was none.
        alive_then: The number of processes of the role that there were in the end.
    """

    def __init__(self, behaviours: Iterable[Behaviour]) -> None:
        super().__init__()
        self.board: Board[Any] = Board("", lambda value: value)
        self.board.swaps.is_silent = lambda role: self.acting is None or self.acting.over
        self.processes: dict[int, Process] = {}
        self.done: list[dict[str, Any]] = []
        self.wrongs: list[str] = []
        self.acted: list[str] | None = None
        self.alive_then = 0
        self._leaving = False
        self._behaviours = iter(behaviours)
        self._wishes: list[Wish] = []
        self._noted: set[int] = set()
        self._read = 0  # the revision of the report that is known
        self._swaps: dict[str, SwapReport] = {}

    # What histories do

    def request(self, settings: dict[str, Any], force: bool = False) -> None:
        """Asks for a swap, at once when the one that is under way is over."""
        self._wishes.append(Wish(None, settings, force, limits=LIMITS))
        self._carry_out()

    def crash(self, code: int) -> None:
        """The process that acts dies, if there is one."""
        acting = self.acting
        if acting is not None:
            self._die(acting, code)

    def note_the_end(self) -> None:
        """Notes what there is; from now on everything may be ended."""
        self._leaving = True
        acting = self.acting
        self.acted = acting.settings if acting is not None and not acting.over else None
        self.alive_then = sum(self.names[pid] == ROLE for pid in self.alive)

    @property
    def acting(self) -> Process | None:
        """The process that fills the role."""
        return self.board.seats.get(ROLE)

    # Host

    def spawn(self, name: str, command: Command) -> int:
        pid = super().spawn(name, command)
        if name == SERVER:
            return pid
        words = list(command.argv)
        swap = int(words[words.index("--swap") + 1]) if "--swap" in words else 0
        settings = settings_of(command)
        process = self.processes[pid] = Process(pid, next(self._behaviours, Behaviour()), settings, swap)
        enter = self._stand_by if swap else self._claim
        self._later(process, process.behaviour.start, "start", lambda: enter(process))
        return pid

    def terminate(self, pid: int) -> None:
        process = self.processes.get(pid)
        if process is None:
            super().terminate(pid)
            return
        self._judge("ends", process)
        self.history.append((self.time, "asked", ROLE))
        if process.behaviour.hangs and process.over:
            return
        self._leave(process, "stopped")
        self._end(process, -signal.SIGTERM)

    def kill(self, pid: int) -> None:
        process = self.processes.get(pid)
        if process is None:
            super().kill(pid)
        elif pid in self.alive:
            self._judge("kills", process)
            self.history.append((self.time, "killed", ROLE))
            self._die(process, -signal.SIGKILL)

    def wait(self, seconds: float) -> list[Any]:
        deadline = self.board.next_deadline()
        if deadline is not None:
            seconds = max(0.0, min(seconds, deadline - self.time))
        events = super().wait(seconds)
        self.board.advance(self.time)
        self._carry_out()
        return events

    # Blackboard

    def role_state(self, role: str, pid: int) -> str | None:
        found = self.board.roles.get(role)
        return found.state if found is not None and found.info.get("pid") == pid else None

    def swaps(self) -> dict[str, SwapReport]:
        told = self.board.read(SWAPS + ROLE, self.time)
        if told is not None and told.value is not None and told.revision != self._read:
            self._read, self._swaps = told.revision, {ROLE: SwapReport.of(told.value)}
        return self._swaps

    def successor_lost(self, role: str, number: int, why: str) -> None:
        self.board.swaps.successor_lost(role, number, why, self.time)
        self._carry_out()

    def stop_requested(self) -> Set[str]:
        return frozenset()

    # Processes

    def _later(self, process: Process, seconds: float, step: str, what: Callable[[], None]) -> None:
        """A process does something after some time, unless it fails there."""

        def act() -> None:
            if process.over:
                return
            if process.behaviour.fails != step or process.mended:
                what()
            elif process.behaviour.hangs:
                process.over = True
                self.at(self.time + LEASE, lambda: self._forget(process))
            else:
                self._fail(process, step)
            self._carry_out()

        self.at(self.time + seconds, act)

    def _claim(self, process: Process) -> None:
        try:
            role = self.board.claim(ROLE, {"pid": process.pid}, self.time)
        except AgentspaceError:
            self._end(process, 1)
            return
        self.board.seats.take(process, Seat("", ROLE, role.epoch))
        self._act(process)

    def _stand_by(self, process: Process) -> None:
        try:
            number = self.board.swaps.stand_by(ROLE, process.swap, {"pid": process.pid}, self.time)
        except AgentspaceError:
            self._end(process, 1)
            return
        self.board.seats.take(process, Seat("", ROLE, number, Part.STANDS_BY))
        self._later(process, process.behaviour.step, "prepare", lambda: self._prepared(process))

    def _prepared(self, process: Process) -> None:
        try:
            self.board.swaps.prepared(ROLE, process.swap, {"pid": process.pid}, self.time)
        except AgentspaceError:
            self._end(process, 1)

    def _act(self, process: Process) -> None:
        epoch = process.seat.number if process.seat is not None else 0

        def run() -> None:
            if process.seat is None or process.seat.number != epoch:
                return
            self.board.running(ROLE, epoch, self.time)
            self._later(process, process.behaviour.step, "work", lambda: None)

        self._later(process, process.behaviour.step, "act", run)

    def _hand_over(self, process: Process, step: Step = Step.QUIESCE) -> None:
        following = {Step.QUIESCE: Step.SNAPSHOT, Step.SNAPSHOT: Step.RELEASE}

        def hand_over() -> None:
            seat = process.seat
            if seat is None or seat.part is not Part.ACTS:
                return
            try:
                self.board.swaps.handed_over(ROLE, seat.number, step, None, None, self.time)
            except FencedError:
                return
            if step in following:
                self._hand_over(process, following[step])

        self._later(process, process.behaviour.step, "hand over", hand_over)

    def _obey(self, process: Process, order: Order[Any]) -> None:
        if process.over:
            return
        match order:
            case Suspend():
                self._hand_over(process)
            case Resume() | Reclaim():
                process.mended = isinstance(order, Reclaim)
                self._act(process)
            case Dismiss():
                self._end(process, 0)

    def _fail(self, process: Process, step: str) -> None:
        if step == "hand over":
            process.mended = True
            epoch = process.seat.number if process.seat is not None else 0
            self.board.swaps.handed_over(ROLE, epoch, Step.QUIESCE, None, "cannot", self.time)
        elif step in ("act", "work"):
            self._leave(process, "failed")
            self._end(process, 1)
        else:
            self._die(process, 1)

    def _leave(self, process: Process, state: str) -> None:
        """Says that it ends, as an agent does in the end."""
        seat = process.seat
        if seat is not None and seat.part is Part.ACTS:
            self.board.vacate(ROLE, seat.number, state, self.time)
            self.board.seats.leave(process)
        elif seat is not None:
            self.board.party_gone(process, "left", self.time)

    def _end(self, process: Process, code: int) -> None:
        """From now on it does nothing, and after some time it has ended."""
        process.over = True
        if not process.ending:
            process.ending = True
            self.at(self.time + process.behaviour.end, lambda: self._die(process, code))

    def _die(self, process: Process, code: int) -> None:
        process.over = True
        if process.pid in self.alive:
            self.end(process.pid, code)
        self._forget(process)

    def _forget(self, process: Process) -> None:
        """The space hears no more of it."""
        self.board.party_gone(process, "died, or fell silent", self.time)
        self._carry_out()

    def _carry_out(self) -> None:
        """Lets the parties hear what swaps have for them, and notes which were done."""
        for process, order in self.board.orders():
            self._obey(process, order)
        for report in self.swaps().values():
            if report.state == Step.DONE and report.number not in self._noted:
                self._noted.add(report.number)
                self.done.append(dict(report.settings))
        if self._wishes and ROLE in self.board.roles and ROLE not in self.board.swaps.under_way:
            self.board.swaps.request(ROLE, self._wishes.pop(0), self.time)

    def _judge(self, what: str, process: Process) -> None:
        """A process that works may not be ended while the launch goes on."""
        if not self._leaving and self.acting is process and not process.over:
            self.wrongs.append(f"{self.time:g}: {what} pid {process.pid}, which acts")
