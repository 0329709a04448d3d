"""The life of one supervised role, from start to end, through its restarts: a state machine without any I/O.

    WAITING → STARTING → RUNNING → STOPPING → STOPPED
                 ↑  ↓        ↓         ↓
                 BACKOFF ←───┴─────────┘      or at last DONE, FAILED, GAVE_UP; BLOCKED if it never started

Time is passed in, in seconds of any monotonic clock. Methods return what must be done to the process.
"""

import signal
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from agentspace.launch.plan import Policy, Restart

KILL_PATIENCE: Final = 5.0  #: seconds after SIGKILL; a process that still exists hangs in the kernel


class LifeState(StrEnum):
    """A place in the life of a role."""

    WAITING = "waiting"  # for those that it comes after
    STARTING = "starting"  # its process runs but is not ready
    RUNNING = "running"  # ready
    BACKOFF = "backoff"  # ended; will be started again
    STOPPING = "stopping"  # was told to end
    STOPPED = "stopped"  # ended on request
    DONE = "done"  # ended with exit code 0 and is not started again
    FAILED = "failed"  # ended in another way and is not started again
    GAVE_UP = "gave up"  # failed too often
    BLOCKED = "blocked"  # never started: one that it comes after never became ready


_BAD: Final = frozenset({LifeState.FAILED, LifeState.GAVE_UP, LifeState.BLOCKED})
FINAL: Final = _BAD | {LifeState.STOPPED, LifeState.DONE}
ALIVE: Final = frozenset({LifeState.STARTING, LifeState.RUNNING, LifeState.STOPPING})


class Action(Enum):
    """A request of a life to the supervisor."""

    SPAWN = "start the process"
    TERMINATE = "ask the process to end"
    KILL = "kill its process group"


@dataclass
class Lifecycle:
    """The life of one role.

    Attributes:
        name: The role.
        restart: What happens when it ends.
        ready_timeout: Seconds that a start may take.
        stop_timeout: Seconds that a stop may take.
        state: Where it is now.
        pid: Of its process, while there is one.
        restarts: New starts so far.
        exit_code: Of the last process that ended; negative = killed by that signal.
        reason: Why it is in this state, for people.
        was_ready: At some time; then the roles that come after it may start.
        deadline: When `due` must be called, if nothing happens before.
    """

    name: str
    restart: Restart
    ready_timeout: float
    stop_timeout: float
    state: LifeState = LifeState.WAITING
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""
    was_ready: bool = False
    deadline: float | None = None
    _is_wanted: bool = True  # STOPPING was asked for; else it was not ready in time
    _is_killed: bool = False
    _starts: deque[float] = field(default_factory=deque)  # times of the new starts within the window

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.state in FINAL

    @property
    def lets_others_start(self) -> bool:
        """The roles that come after it need not wait any longer."""
        return self.was_ready or self.state == LifeState.DONE

    @property
    def is_bad(self) -> bool:
        """It ended, or never started, because something went wrong."""
        return self.state in _BAD

    def sentence(self, now: float) -> str:
        """The state as a sentence for people."""
        match self.state:
            case LifeState.STARTING:
                again = f" again (number {self.restarts})" if self.restarts else ""
                return f"starts{again}, pid {self.pid}"
            case LifeState.RUNNING:
                return "is ready"
            case LifeState.BACKOFF:
                return f"ended: {self.reason}; starts again in {(self.deadline or now) - now:.2g} s"
            case LifeState.STOPPING:
                return f"stops: {self.reason}"
            case LifeState.STOPPED:
                return "has stopped"
            case _:
                return f"{self.state}: {self.reason}"

    def to_dict(self) -> dict[str, str | int | None]:
        """The life as a launch reports it."""
        return {
            "state": str(self.state),
            "pid": self.pid,
            "restarts": self.restarts,
            "exit_code": self.exit_code,
            "reason": self.reason,
        }

    def start(self, now: float) -> Action:
        """It may start."""
        self._enter(LifeState.STARTING, "", now + self.ready_timeout)
        return Action.SPAWN

    def ready(self) -> None:
        """It is ready for work."""
        self.was_ready = True
        self._enter(LifeState.RUNNING, "")

    def adopt(self, pid: int | None) -> None:
        """Another process fills the role from now on, and works."""
        self.pid, self._is_killed = pid, False
        self.ready()

    def block(self, reason: str) -> None:
        """It can never start."""
        self._enter(LifeState.BLOCKED, reason)

    def stop(self, now: float, reason: str = "on request") -> Action | None:
        """It must end and not be started again."""
        if self.is_final:
            return None
        if self.state not in ALIVE:
            self._enter(LifeState.STOPPED, reason)
            return None
        self._is_wanted = True
        return None if self.state == LifeState.STOPPING else self._terminate(reason, now)

    def kill(self, now: float) -> Action | None:
        """It must end at once."""
        self.stop(now)
        return None if self.state != LifeState.STOPPING or self._is_killed else self._kill(now)

    def due(self, now: float) -> Action | None:
        """Does what was to be done at the deadline."""
        if self.deadline is None or now < self.deadline:
            return None
        match self.state:
            case LifeState.BACKOFF:
                self.restarts += 1
                return self.start(now)
            case LifeState.STARTING:
                self._is_wanted = False
                return self._terminate(f"not ready within {self.ready_timeout:g} s", now)
        if not self._is_killed:
            return self._kill(now)
        self._enter(LifeState.FAILED, f"process {self.pid} cannot be killed")
        return None

    def exited(self, code: int, now: float) -> None:
        """Its process ended.

        Args:
            code: Exit code; negative = killed by that signal.
            now: Seconds.
        """
        self.pid, self.exit_code = None, code
        if self.state not in ALIVE:
            return
        if self.state == LifeState.STOPPING and self._is_wanted:
            self._enter(LifeState.STOPPED, self.reason)
            return
        too_slow = self.state == LifeState.STOPPING
        self._after_end(too_slow or code != 0, self.reason if too_slow else how(code), now)

    def _terminate(self, reason: str, now: float) -> Action:
        self._enter(LifeState.STOPPING, reason, now + self.stop_timeout)
        return Action.TERMINATE

    def _kill(self, now: float) -> Action:
        self._is_killed = True
        self.deadline = now + KILL_PATIENCE
        return Action.KILL

    def _after_end(self, failed: bool, reason: str, now: float) -> None:
        rule = self.restart
        if rule.policy == Policy.NEVER or (rule.policy == Policy.ON_FAILURE and not failed):
            self._enter(LifeState.FAILED if failed else LifeState.DONE, reason)
            return
        while self._starts and self._starts[0] <= now - rule.window:
            self._starts.popleft()
        if len(self._starts) >= rule.limit:
            self._enter(LifeState.GAVE_UP, f"{reason}, after {rule.limit} new starts within {rule.window:g} s")
            return
        self._starts.append(now)
        self._enter(LifeState.BACKOFF, reason, now + rule.delay(len(self._starts)))

    def _enter(self, state: LifeState, reason: str, deadline: float | None = None) -> None:
        self.state, self.reason, self.deadline = state, reason, deadline
        if state == LifeState.STARTING:
            self._is_killed = False


def how(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
