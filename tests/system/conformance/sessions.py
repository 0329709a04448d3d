"""What the conformance suite does with sessions of any kind of space.

Only the protocols `Space`, `Session` and `Watch` are used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from agentspace import Entry, Session, Trigger, Wake
from agentspace.core.slot import Erase, Put
from agentspace.errors import AgentspaceError
from tests.support.eventually import SOON

NEVER = 0.05  # seconds for which we look whether something comes that must not
SHORT = 0.05  # seconds of validity or delay


def woken(session: Session) -> Wake:
    """The next wake-up, which must come."""
    wake = session.receive(SOON)
    assert wake is not None, "no wake-up in time"
    return wake


def handled(session: Session, *acts: Put[Any] | Erase) -> Wake:
    """The next wake-up, acknowledged together with acts."""
    wake = woken(session)
    session.commit(wake, acts)
    return wake


def ready(session: Session, **triggers: Trigger) -> Session:
    """The session with its triggers attached, running."""
    for name, kind in triggers.items():
        session.attach_trigger(name, kind)
    session.running()
    return session


def newest(session: Session, wake: Wake) -> dict[str, Any]:
    """The values that came with a wake-up."""
    return {name: known and session.reveal(known[0]) for name, known in wake.values.items()}


def put(session: Session, name: str, value: Any, **numbers: float) -> Put[Any]:
    """A write to be committed."""
    return Put(name, session.prepare(value), **numbers)


def collect(session: Session, count: int) -> list[Entry]:
    """The next changes of EVERY triggers, however many batches they take."""
    found: list[Entry] = []
    while len(found) < count:
        found += handled(session).changes
    return found


def follow(entries: Iterable[Entry]) -> list[tuple[str, str, Any]]:
    """What matters of changes."""
    return [(entry.name, str(entry.kind), entry.value) for entry in entries]


def raises_soon(error: type[AgentspaceError], session: Session, act: Callable[[], object]) -> None:
    """The error comes with the act or, where acts are sent without waiting, with what is received next."""

    def act_and_listen() -> None:
        act()
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            session.receive(NEVER)

    with pytest.raises(error):
        act_and_listen()


class Odd:
    """No value of a slot."""
