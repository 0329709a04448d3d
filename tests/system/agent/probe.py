"""An agent whose life is a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentspace import Agent, LocalSpace, Refused
from tests.support.eventually import eventually

SHORT = 0.05  # seconds of validity, or of a timer's period


class Probe(Agent):
    """Does what a test wants it to do, when it is woken by the slot `go`."""

    def __init__(self, handle: Callable[[Probe], Any] | None = None, **hooks: Callable[[Probe], Any]) -> None:
        super().__init__()
        self.handle = handle or (lambda probe: None)
        self.hooks = hooks
        self.handled = 0
        self.closed = 0
        self.seen: list[Any] = []

    def init(self) -> None:
        self.attach_trigger("go")
        self.hooks.get("init", lambda probe: None)(self)

    def sense_select_act(self) -> None:
        self.handle(self)
        self.handled += 1

    def close(self) -> None:
        self.closed += 1
        self.hooks.get("close", lambda probe: None)(self)

    def refused(self, refusal: Refused) -> None:
        self.seen.append(refusal)
        self.hooks.get("refused", lambda probe: None)(self)


class Boom(Exception):
    """What a test's agent dies of."""


def boom(_: Agent) -> None:
    raise Boom("bang")


def ended(space: LocalSpace, role: str = "probe") -> str:
    """Waits for the role's end; how it ended."""
    return eventually(lambda: (s := space.read(f"_/roles/{role}")["state"]) not in ("starting", "running") and s)


def running(space: LocalSpace, role: str = "probe") -> None:
    """Waits until the role runs."""
    eventually(lambda: space.read(f"_/roles/{role}", {}).get("state") == "running")


def traceback(space: LocalSpace, role: str = "probe") -> str:
    """What the role died of."""
    return space.read(f"_/errors/{role}")["traceback"]
