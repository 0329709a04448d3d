"""A role: a place in the constellation, and what is known of the incarnation that fills it."""

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple

from agentspace.core.change import V
from agentspace.core.mailbox import Mailbox

SAMPLES: Final = 256
FILLED: Final = frozenset({"starting", "running", "handing over"})


class State(NamedTuple, Generic[V]):
    """The knowledge of an incarnation, for its successor.

    Attributes:
        version: Of the form that the value has; the agent's class knows which ones it can read.
        value: What a slot can hold.
    """

    version: int
    value: V


class LastSwap(NamedTuple):
    """The last swap of a role that was done; after another one has begun, its supervisor may still ask.

    Attributes:
        number: Of the swap; 0 if none was done.
        left_out: Settings of the predecessor that the successor's class does not know.
    """

    number: int = 0
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class Role(Generic[V]):
    """A place in the constellation and what is known of it.

    Attributes:
        epoch: Of the incarnation that fills it, or did last; grows with each.
        state: Starting, running, handing over (to a successor), stopped (ended well), failed (ended badly), gone
            (died or fell silent).
        info: What the incarnation says of itself (pid, host, class).
        stop_requested: Somebody asked it to end.
        kept: The last state that an incarnation kept for its successor.
        done: The last swap that was done.
        dispatched: When its last batch went out (s).
        times: Of its last handlers (s).
        missed: Timer ticks.
    """

    name: str
    mailbox: Mailbox[V] = field(default_factory=Mailbox)
    epoch: int = 0
    state: str = "gone"
    info: dict[str, Any] = field(default_factory=dict)
    stop_requested: bool = False
    kept: State[V] | None = None
    done: LastSwap = field(default_factory=LastSwap)
    dispatched: float = 0.0
    handled: int = 0
    refused: int = 0
    missed: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    @property
    def filled(self) -> bool:
        """Whether an incarnation fills it now."""
        return self.state in FILLED

    def enter(self, state: str, info: dict[str, Any]) -> None:
        """Another incarnation fills it from now on, under the next epoch; what its predecessor left is its own."""
        self.epoch += 1
        self.state, self.info = state, info
        self.mailbox.give_back()

    def load(self, now: float) -> dict[str, Any]:
        """Its load as plain data; times are told from now (s)."""
        box = self.mailbox
        load: dict[str, Any] = {
            "handled": self.handled,
            "refused": self.refused,
            "missed_ticks": self.missed,
            "overflow": box.overflow,
            "redelivered": box.redelivered,
            "pending": box.pending,
            "busy": box.outstanding is not None,
            "lag": round(now - box.since, 3) if box.since is not None else 0.0,
        }
        times = sorted(self.times)
        if times:
            load["handler_ms"] = round(1e3 * statistics.median(times), 3)
            load["handler_ms_p99"] = round(1e3 * times[int(0.99 * (len(times) - 1))], 3)
        return load


def ending(state: str, error: str | None) -> str:
    """The end of an incarnation, in a few words."""
    if error is None:
        return {"stopped": "stopped", "gone": "died, or fell silent"}.get(state, state)
    return "failed: " + (error.strip().splitlines() or [""])[-1]
