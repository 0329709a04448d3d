"""The life of one supervised role, from start to end, through its restarts: a state machine without any I/O.

    WAITING → STARTING → RUNNING → STOPPING → STOPPED
                 ↑  ↓        ↓         ↓
                 BACKOFF ←───┴─────────┘      or at last DONE, FAILED, GAVE_UP; BLOCKED if it never started

Time is passed in, in seconds of any monotonic clock. Methods return what must be done to the process.

New starts count within a window of *work*: only the time in which the role was ready lets them be forgotten. So a
start that fails slowly, or comes after a long pause, counts like any other, whatever the timeouts are. The first
ones may wait for nothing: so what worked well is back at once, and what fails again and again is not.
"""

import signal
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from agentspace.core.life import ALIVE, BAD, FINAL, LifeState
from agentspace.launch.plan import Policy, Restart

KILL_PATIENCE: Final = 5.0  #: seconds after SIGKILL; a process that still exists hangs in the kernel


class Cause(Enum):
    """The cause of a stop."""

    ASKED = "it is not wanted any more"
    TOO_SLOW = "it was not ready in time"
    ITSELF = "it has left its role, and ends by itself"


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
        at_once: That many new starts within the window wait for nothing; `backoff` counts from the next one on.
        state: Where it is now.
        pid: Of its process, while there is one.
        restarts: New starts so far.
        exit_code: Of the last process that ended; negative = killed by that signal. None after a swap.
        reason: Why it is in this state, for people.
        was_ready: At some time; then the roles that come after it may start.
        deadline: When `due` must be called, if nothing happens before.
    """

    name: str
    restart: Restart
    ready_timeout: float
    stop_timeout: float
    at_once: int = 0
    state: LifeState = LifeState.WAITING
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""
    was_ready: bool = False
    deadline: float | None = None
    _cause: Cause = Cause.ASKED  # of STOPPING
    _again: bool = False  # when its process has ended, another one is wanted
    _code: int | None = None  # with which its process wanted to end
    _is_killed: bool = False
    _starts: deque[float] = field(default_factory=deque)  # new starts within the window, in seconds of work
    _worked: float = 0.0  # seconds in which it was ready, without the present ones
    _ready_since: float | None = None
    _letters: int = 0  # dead letters that it was told of

    @property
    def is_final(self) -> bool:
        """Nothing more will happen."""
        return self.state in FINAL

    @property
    def ends_itself(self) -> bool:
        """Its process has left the role and is about to end."""
        return self.state == LifeState.STOPPING and self._cause == Cause.ITSELF and not self._is_killed

    @property
    def lets_others_start(self) -> bool:
        """The roles that come after it need not wait any longer."""
        return self.was_ready or self.state == LifeState.DONE

    @property
    def is_bad(self) -> bool:
        """It ended, or never started, because something went wrong."""
        return self.state in BAD

    def sentence(self, now: float) -> str:
        """The state as a sentence for people."""
        match self.state:
            case LifeState.STARTING:
                again = f" again (number {self.restarts})" if self.restarts else ""
                return f"starts{again}, pid {self.pid}"
            case LifeState.RUNNING:
                return "is ready"
            case LifeState.BACKOFF:
                left = (self.deadline or now) - now
                return f"ended: {self.reason}; starts again {f'in {left:.2g} s' if left > 0 else 'at once'}"
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

    def start_now(self, now: float) -> Action | None:
        """Somebody wants it to run now, whatever happened before; its new starts are counted anew."""
        self._starts.clear()
        self.restarts = 0
        if self.state == LifeState.STOPPING:
            self._again = True
        return None if self.state in ALIVE else self.start(now)

    def restart_now(self, now: float) -> Action | None:
        """Somebody wants another process to run in its place."""
        if self.state in ALIVE:
            action = self.stop(now, "to start again")
            self.start_now(now)
            return action
        return self.start_now(now)

    @property
    def is_restarting(self) -> bool:
        """It was told to start again, and has not yet done so."""
        return self._again

    def ready(self, now: float) -> None:
        """It is ready for work."""
        self.was_ready = True
        self._enter(LifeState.RUNNING, "")
        if self._ready_since is None:
            self._ready_since = now

    def forgive(self, letters: int, in_a_row: int) -> None:
        """Its new starts are counted anew if a change was set aside: with it gone, the role goes on.

        Not if more than `limit` were set aside in a row: it fails at everything.

        Args:
            letters: Dead letters so far.
            in_a_row: Of these, since it last handled a change.
        """
        if letters > self._letters and in_a_row <= self.restart.limit:
            self._starts.clear()
        self._letters = letters

    def adopt(self, pid: int | None, now: float) -> None:
        """Another process fills the role from now on; if none was ready before, that is to be found out."""
        self.pid, self.exit_code, self._is_killed = pid, None, False
        if self.state == LifeState.RUNNING:
            self.ready(now)
        else:
            self.start(now)

    def left(self, now: float, words: str = "", code: int | None = None) -> None:
        """Its process has left the role, and gets the time of a stop to end by itself.

        Args:
            now: Seconds.
            words: The last line of its error.
            code: The exit code with which it wants to end; None if it did not say.
        """
        if self.state in (LifeState.STARTING, LifeState.RUNNING):
            self._cause, self._code = Cause.ITSELF, code
            why = f" ({words})" if words else ""
            self._stopping(f"has left its role{why}, but did not end within {self.stop_timeout:g} s", now)

    def lost(self, now: float, reason: str) -> Action | None:
        """Its process lives, but fills the role no more and does not know it."""
        if self.state not in (LifeState.STARTING, LifeState.RUNNING):
            return None
        self._cause, self._code = Cause.ITSELF, None
        self._stopping(reason, now)
        return self._kill(now)

    def block(self, reason: str) -> None:
        """It cannot start, unless those that it comes after are started again."""
        self._enter(LifeState.BLOCKED, reason)

    def wait(self, others: Iterable[str]) -> None:
        """It can start when others, that it comes after, are ready."""
        self._enter(LifeState.WAITING, f"for {', '.join(others)} to become ready")

    def stop(self, now: float, reason: str = "on request") -> Action | None:
        """It must end and not be started again."""
        if self.is_final:
            return None
        self._again = False
        if self.state not in ALIVE:
            self._enter(LifeState.STOPPED, reason)
            return None
        self._cause, self.reason = Cause.ASKED, reason
        return None if self.state == LifeState.STOPPING else self._terminate(reason, now)

    def stop_for_good(self, now: float) -> Action | None:
        """It must end, or not even start when those that it comes after are ready some day."""
        if self.state == LifeState.BLOCKED:
            self._enter(LifeState.WAITING, "")
        return self.stop(now)

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
                self.restarts += 0 if self._again else 1
                return self.start(now)
            case LifeState.STARTING:
                self._cause = Cause.TOO_SLOW
                return self._terminate(f"not ready within {self.ready_timeout:g} s", now)
        if not self._is_killed:
            return self._kill(now)
        self._enter(LifeState.FAILED, f"process {self.pid} cannot be killed")
        return None

    def exited(self, code: int, now: float, why: str = "") -> None:
        """Its process ended.

        Args:
            code: Exit code; negative = killed by that signal.
            now: Seconds.
            why: Why it could not begin, in its own words.
        """
        self.pid, self.exit_code = None, code
        if self.state == LifeState.FAILED and self._is_killed:  # it could not be killed, and has ended after all
            self.state = LifeState.STOPPING
        if self.state not in ALIVE:
            return
        self._rest(now)
        cause = self._cause if self.state == LifeState.STOPPING else Cause.ITSELF
        if self._again and self.state == LifeState.STOPPING:
            self._enter(LifeState.BACKOFF, "to start again", now)
            return
        reason = how(code) + (f": {why}" if why and code > 0 else "")
        match cause:
            case Cause.ASKED:
                self._enter(LifeState.STOPPED, self.reason)
                return
            case Cause.TOO_SLOW:
                reason = self.reason
            case Cause.ITSELF if self._is_killed and code == -signal.SIGKILL:
                reason = f"{self.reason}: {reason}"
                code = self.exit_code = code if self._code is None else self._code
        self._after_end(code != 0 or cause == Cause.TOO_SLOW, reason, now)

    def _terminate(self, reason: str, now: float) -> Action:
        self._stopping(reason, now)
        return Action.TERMINATE

    def _stopping(self, reason: str, now: float) -> None:
        self._rest(now)
        self._enter(LifeState.STOPPING, reason, now + self.stop_timeout)

    def _rest(self, now: float) -> None:
        """It does not work any more."""
        if self._ready_since is not None:
            self._worked, self._ready_since = self._worked + now - self._ready_since, None

    def _kill(self, now: float) -> Action:
        self._is_killed = True
        self.deadline = now + KILL_PATIENCE
        return Action.KILL

    def _after_end(self, failed: bool, reason: str, now: float) -> None:
        rule = self.restart
        if rule.policy == Policy.NEVER or (rule.policy == Policy.ON_FAILURE and not failed):
            self._enter(LifeState.FAILED if failed else LifeState.DONE, reason)
            return
        while self._starts and self._starts[0] <= self._worked - rule.window:
            self._starts.popleft()
        if len(self._starts) >= rule.limit:
            self._enter(LifeState.GAVE_UP, f"{reason}, after {rule.limit} new starts within {rule.window:g} s")
            return
        self._starts.append(self._worked)
        self._enter(LifeState.BACKOFF, reason, now + rule.delay(len(self._starts) - self.at_once))

    def _enter(self, state: LifeState, reason: str, deadline: float | None = None) -> None:
        self.state, self.reason, self.deadline = state, reason, deadline
        if state == LifeState.STARTING:
            self._is_killed = False
        if state not in (LifeState.STOPPING, LifeState.BACKOFF):
            self._again = False


def how(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
