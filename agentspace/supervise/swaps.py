"""The supervisor's part in hot swaps: starts successors, and ends the processes that are not needed any more.

The server leads a swap, step by step; its slot ``_/swaps/ROLE`` says where it is. Here, a process is started when
a swap is asked for, and a role's life goes on with that process when the swap is done. Until then the end of the
predecessor is noted but not acted upon: the swap decides who fills the role.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agentspace.client.reports import SwapReport
from agentspace.core.life import LifeState
from agentspace.core.role import LastSwap
from agentspace.core.values.value import valid_text
from agentspace.launch.plan import AgentPlan, Plan
from agentspace.supervise.blackboard import Blackboard
from agentspace.supervise.command import successor_command
from agentspace.supervise.host import Host
from agentspace.supervise.lifecycle import Lifecycle, how

_DONE: Final = "done"
_FAILED: Final = "failed"
_ROLLED_BACK: Final = ("rolled back", _FAILED)
_LOST: Final = 1  #: exit code of a role whose process ended well, but in a swap whose end is unknown


@dataclass
class Successor:
    """A process that is to take over a role.

    Attributes:
        number: Of the swap.
        plan: How it was started; what the role's plan is if it takes over.
        pid: Of the process, while there is one.
        exit_code: Of the process, when it has ended.
        predecessor_exit: Exit code of the process that filled the role when the swap began, if it has ended.
    """

    number: int
    plan: AgentPlan
    pid: int | None = None
    exit_code: int | None = None
    predecessor_exit: int | None = None


@dataclass
class SupervisedSwaps:
    """The swaps of a launch.

    Attributes:
        launch: Its plan.
        agents: The plan of each role; changed by a swap that is done.
        lives: The life of each role.
        host: Starts and ends processes.
        blackboard: Looks at the blackboard.
        say: Tells people (role, what happened).
    """

    launch: Plan
    agents: dict[str, AgentPlan]
    lives: Mapping[str, Lifecycle]
    host: Host
    blackboard: Blackboard
    say: Callable[[str, str], None]
    _successors: dict[str, Successor] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)  # the last swap of each role that was taken up
    _lost: dict[int, str] = field(default_factory=dict)  # processes that the end of the server has made useless
    _ending: dict[int, float] = field(default_factory=dict)  # processes not needed any more, and when to kill them
    _closed: str = ""  # why no successor is started any more

    @property
    def busy(self) -> bool:
        """A swap is under way, or a process has not ended yet."""
        return bool(self._successors or self._ending)

    def holds(self, role: str) -> bool:
        """Whether a swap decides who fills the role, so that no other process is started."""
        return role in self._successors

    def watch(self) -> None:
        """Looks where the swaps are, and does what they need."""
        swaps = self.blackboard.swaps()
        # a new server counts anew
        self._seen = {role: number for role, number in self._seen.items() if role in swaps}
        for role in self._successors.keys() - swaps.keys():
            self._lose(role, "the server that led it is gone")
        for role, swap in swaps.items():
            if role in self.lives:
                self._follow(role, swap)
        now = self.host.now()
        for pid in [pid for pid, deadline in self._ending.items() if deadline <= now]:
            self._ending[pid] = now + 1.0
            self.host.kill(pid)

    def exited(self, pid: int, code: int) -> bool:
        """A process has ended; whether that was all there is to do about it."""
        if pid in self._ending:
            del self._ending[pid]
            return True
        if pid in self._lost:
            life = self.lives[self._lost.pop(pid)]
            life.pid = None
            life.exited(code or _LOST, self.host.now())
            return True
        for role, successor in self._successors.items():
            if pid == successor.pid:
                successor.pid, successor.exit_code = None, code
                self.blackboard.successor_lost(role, successor.number, f"ended: {how(code)}")
                return True
            if pid == self.lives[role].pid:
                self.lives[role].pid = None
                successor.predecessor_exit = code
                self.say(role, f"ended while it was being swapped: {how(code)}")
                return True
        return False

    def close(self, why: str) -> None:
        """Rolls back all swaps that are under way; one that is requested later is told why it does not start."""
        self._closed = why
        for role in list(self._successors):
            self.blackboard.successor_lost(role, self._successors[role].number, f"was given up: {why}")
            self._roll_back(role, why)

    def server_lost(self) -> None:
        """The server is gone, and with it the role of each process: they are restarted as after a crash."""
        for role in list(self._successors):
            self._lose(role, "the server is gone")

    def _follow(self, role: str, swap: SwapReport) -> None:
        number, state = swap.number, swap.state
        successor = self._successors.get(role)
        if successor is not None and successor.number != number:
            self._end_unseen(role, successor, swap.done)
            successor = None
        if successor is None:
            if state == "requested" and self._seen.get(role) != number:
                self._seen[role] = number
                self._start(role, swap)
        elif state == _DONE:
            self._take_over(role, swap.left_out, swap.gap)
        elif state in _ROLLED_BACK:
            self._roll_back(role, swap.reason)
            if state == _FAILED:
                self._end_fenced(role)
        elif state == "fence" and self.lives[role].pid is not None:
            self.host.kill(self.lives[role].pid or 0)

    def _end_unseen(self, role: str, successor: Successor, last: LastSwap) -> None:
        """A swap ended, and the next one began, between two looks: it was the last that was done, or not."""
        if last.number == successor.number:
            self._take_over(role, last.left_out)
        else:
            self._roll_back(role, "it had ended when the next one began")

    def _start(self, role: str, swap: SwapReport) -> None:
        number = swap.number
        if self._closed:
            self.blackboard.successor_lost(role, number, f"is not started: {self._closed}")
            return
        before = self.agents[role]
        if before.program is not None:
            self.blackboard.successor_lost(
                role, number, f"is not started: {before.program} is a program; restart it"
            )
            return
        plan = changed(before, swap.spec, swap.settings)
        successor = self._successors[role] = Successor(number, plan)
        try:
            successor.pid = self.host.spawn(role, successor_command(self.launch, plan, before, number))
        except Exception as error:  # whatever it is: it must not end all the others
            self.blackboard.successor_lost(role, number, f"cannot be started: {valid_text(str(error))}")
            return
        self.say(role, f"swap {number}: {plan.spec} prepares, pid {successor.pid}")

    def _take_over(self, role: str, left_out: Collection[str], after: float | None = None) -> None:
        successor, life = self._successors.pop(role), self.lives[role]
        before = self.agents[role]
        self._end(life.pid, before.stop_timeout)
        self.agents[role] = settled(successor.plan, before, left_out)
        gap = "" if after is None else f", after a gap of {1e3 * after:.1f} ms"
        life.adopt(successor.pid, self.host.now())
        self.say(role, f"swap {successor.number} is done: pid {successor.pid} acts{gap}")
        if successor.exit_code is not None:
            life.exited(successor.exit_code, self.host.now())

    def _roll_back(self, role: str, why: str) -> None:
        successor, life = self._successors.pop(role), self.lives[role]
        self._end(successor.pid, successor.plan.stop_timeout)
        self.say(role, f"swap {successor.number} is rolled back: {why}")
        if successor.predecessor_exit is not None:
            life.exited(successor.predecessor_exit, self.host.now())

    def _lose(self, role: str, why: str) -> None:
        """The server that led a swap is gone, and nobody knows who acts: both make room for a new start."""
        successor, pid = self._successors[role], self.lives[role].pid
        if pid is None:
            successor.predecessor_exit = successor.predecessor_exit or _LOST
        else:
            self._lost[pid] = role  # it may have been replaced already, and end as if all were well
            self.host.kill(pid)
        self._roll_back(role, why)

    def _end_fenced(self, role: str) -> None:
        """No process acts: a predecessor that still runs, but was not heard of, makes room for a new start."""
        life = self.lives[role]
        if life.state == LifeState.RUNNING and life.pid is not None:
            self.say(role, "gives no sign of life and has lost its role: killing its process group")
            self.host.kill(life.pid)

    def _end(self, pid: int | None, patience: float) -> None:
        if pid is not None:
            self._ending[pid] = self.host.now() + patience
            self.host.terminate(pid)


def changed(plan: AgentPlan, spec: str | None, settings: Mapping[str, Any]) -> AgentPlan:
    """The plan of a successor.

    With the same class, what is set is added to what the plan sets. With another class, it is all that is set;
    what the plan had is offered to it (see `agentspace.agent.process`).
    """
    if spec is None or spec == plan.spec:
        slots = {name: value for name, value in plan.slots.items() if name not in settings}
        return dataclasses.replace(plan, params={**plan.params, **settings}, slots=slots)
    return dataclasses.replace(plan, spec=spec, params=dict(settings), slots={})


def settled(plan: AgentPlan, before: AgentPlan, left_out: Collection[str]) -> AgentPlan:
    """The plan of a successor that has taken over: what it accepted of its predecessor's settings is its own.

    Args:
        plan: How it was started.
        before: Its predecessor's.
        left_out: What its class does not know of that.
    """
    if plan.spec == before.spec:
        return plan

    def accepted(offered: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in offered.items() if name not in left_out and name not in plan.params}

    return dataclasses.replace(
        plan, params={**accepted(before.params), **plan.params}, slots=accepted(before.slots)
    )
