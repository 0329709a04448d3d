"""A role: a place in the constellation, and what is known of the incarnation that fills it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple

from agentspace.core.mailbox import Mailbox
from agentspace.core.slot import V

SAMPLES = 256
FILLED = frozenset({"starting", "running", "yielding"})


class Kept(NamedTuple, Generic[V]):
    """What an incarnation knows, for whoever takes its place: the version of its form, and a value."""

    version: int
    value: V


@dataclass(slots=True)
class Role(Generic[V]):
    """A place in the constellation and what is known of it.

    Attributes:
        epoch: Of the incarnation that fills it, or did last; grows with each.
        state: starting, running, yielding (hands over to a successor), stopped (ended well), failed (ended badly),
            gone (died or fell silent).
        info: What the incarnation says of itself (pid, host, class).
        stop_requested: Somebody asked it to end.
        kept: The last state that an incarnation kept for whoever comes after it.
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
    kept: Kept[V] | None = None
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
