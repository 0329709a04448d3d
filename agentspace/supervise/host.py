"""The machine on which a supervisor starts processes, as a small seam that tests can replace."""

from dataclasses import dataclass
from typing import Protocol

from agentspace.supervise.command import Command


@dataclass(frozen=True)
class Exited:
    """A process ended.

    Attributes:
        pid: Of the process.
        code: Its exit code; a negative one is the signal that killed it.
        why: Why it could not begin, in its own words; "" if it did not say.
    """

    pid: int
    code: int
    why: str = ""


@dataclass(frozen=True)
class Interrupted:
    """A signal asks the supervisor to end."""

    signal: int


Event = Exited | Interrupted


class Host(Protocol):
    """Processes, time and signals."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def spawn(self, name: str, command: Command) -> int:
        """Starts a process in a group of its own; returns its pid.

        Raises:
            OSError: It cannot be started.
        """

    def terminate(self, pid: int) -> None:
        """Asks a process to end."""

    def kill(self, pid: int) -> None:
        """Kills a process and its whole group."""

    def wait(self, seconds: float) -> list[Event]:
        """Waits for events, at most so long."""

    def close(self) -> None:
        """Kills what is left, and gives everything back."""
