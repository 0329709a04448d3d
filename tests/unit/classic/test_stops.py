"""The thread that hears which agent of a program is asked to stop."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from agentspace.classic import stops
from agentspace.classic.stops import Stops
from agentspace.core.change import SPACE, Kind
from agentspace.core.space import Entry
from agentspace.errors import RightsError


def told(role: str, value: Any) -> Entry:
    """What the space tells of a role."""
    return Entry(f"_/roles/{role}", Kind.WRITTEN, value, 1, 0.0, SPACE, 0.0, None, 0.0)


class _Watch(list[Entry]):
    """What a watcher is told, up to the last of it; then the watcher has been served."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        super().__init__(entries)
        self.begins, self.over = threading.Event(), threading.Event()

    def __iter__(self) -> Any:
        self.begins.wait(20)
        yield from super().__iter__()
        self.over.set()


def test_only_the_incarnation_that_was_asked_obeys() -> None:
    """Not another epoch, not another role, nobody who was not asked; whatever stands in the slots."""
    watch = _Watch(
        [
            told("camera", {"epoch": 3, "stop_requested": False}),
            told("camera", {"epoch": 2, "stop_requested": True}),
            told("other", {"epoch": 3, "stop_requested": True}),
            told("gone", {"epoch": 1, "stop_requested": True}),
            told("camera", None),
            told("camera", {"epoch": 3, "stop_requested": True}),
        ]
    )
    heard = Stops(watch)  # type: ignore[arg-type]
    obeyed = threading.Event()
    others: list[str] = []
    heard.add(SimpleNamespace(role="camera", epoch=3), obeyed.set)  # type: ignore[arg-type]
    gone: Any = SimpleNamespace(role="gone", epoch=1)
    heard.add(gone, lambda: others.append("gone"))
    heard.remove(gone)
    watch.begins.set()
    assert watch.over.wait(20)
    assert obeyed.wait(20)
    assert not others


def test_a_key_that_may_not_hear_of_roles_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs; its agents hear it while they wait."""
    made: dict[int, Stops] = {}
    monkeypatch.setattr(stops, "_hearing", made)  # private: of this process, which is the tests' own

    def watch(mask: str) -> Any:
        raise RightsError(f"no right to hear of {mask}")

    session: Any = SimpleNamespace(role="camera", epoch=1, watch=watch)
    Stops.of(session).add(session, lambda: None)
    assert made.keys() == {os.getpid()}
