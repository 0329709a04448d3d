"""Waiting for what a slot holds, so that no content that was there for a moment is missed."""

from __future__ import annotations

import time
from collections.abc import Callable

from agentspace import Entry, Space, Trigger


def wait(space: Space, name: str, condition: Callable[[Entry], bool], seconds: float = 20.0) -> Entry:
    """The first content of a slot that meets a condition.

    Raises:
        AssertionError: It did not come in time.
    """
    until = time.monotonic() + seconds
    with space.watch(name, Trigger.EVERY) as watch:
        entry = space.entry(name)
        if entry is not None and condition(entry):
            return entry
        while time.monotonic() < until:
            for found in watch.next(0.1) or ():
                if condition(found):
                    return found
    raise AssertionError(f"{name} is {space.entry(name)}")
