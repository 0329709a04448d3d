"""What a handler did takes effect at once, or not at all: on every kind of space."""

from __future__ import annotations

from typing import Any

import pytest

from agentspace import Trigger, Writer
from agentspace.core.slot import Erase
from agentspace.errors import FencedError, SlotNameError, WriteError
from tests.support.eventually import eventually
from tests.system.conformance.sessions import handled, newest, put, raises_soon, ready, woken


def test_commit_carries_out_all_acts_in_order(space, join):
    """Writes and deletes of one commit act in order, with their numbers, signed by role and epoch."""
    session = ready(join("anne"))
    space.write("gone", 1)
    acts = [put(session, "x", 1), put(session, "x", 2, priority=3.0, validity=100.0), Erase("gone")]
    session.commit(None, [*acts, Erase("held", 2.0, 100.0), put(session, "later", 1, delay=100.0)])
    held = eventually(lambda: (s := space.snapshot()) and "later" in s and s)
    assert {name: str(entry.kind) for name, entry in held.items()} == {
        "held": "deleted",
        "later": "delayed",
        "x": "written",
    }
    entry = space.entry("x")
    assert (entry.value, entry.revision, entry.priority) == (2, 2, 3.0)
    assert entry.writer == Writer("anne", session.epoch)


def test_commit_writes_all_or_nothing(space, join):
    """An act that fails keeps all the others from being carried out."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = woken(session)
    raises_soon(
        SlotNameError,
        session,
        lambda: session.commit(
            wake, [put(session, "x", 1), put(session, "_/roles/anne", 2), put(session, "y", 3)]
        ),
    )
    assert space.entry("x") is None
    assert space.entry("y") is None


def test_failed_commit_does_not_acknowledge(space, join):
    """The wake-up of a commit that failed returns to the successor."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = woken(session)
    raises_soon(WriteError, session, lambda: session.commit(wake, [put(session, "x", 1, validity=-1.0)]))
    session.leave("failed")
    successor = ready(join("anne"), go=Trigger.NORMAL)
    assert newest(successor, handled(successor)) == {"go": 1}


def test_refused_acts_do_not_stop_the_others_and_are_reported(space, join):
    """A refusal is no failure: the other acts count, and the session hears what was refused."""
    session = ready(join("anne"))
    heard: list[Any] = []
    session.on_decisions = heard.extend
    space.write("x", "strong", priority=1.0)
    session.commit(None, [put(session, "x", "weak"), put(session, "y", 1)])
    eventually(lambda: session.receive(0.01) or heard)
    assert [bool(decision) for decision in heard] == [False, True]
    assert (heard[0].name, heard[0].held_priority) == ("x", 1.0)
    assert (space.read("x"), space.read("y")) == ("strong", 1)


def test_commit_acknowledges_only_once(space, join):
    """The same wake-up committed twice writes once: the second time it is fenced."""
    session = ready(join("anne"), go=Trigger.NORMAL)
    space.write("go", 1)
    wake = handled(session, put(session, "x", "first"))
    raises_soon(FencedError, session, lambda: session.commit(wake, [put(session, "x", "second")]))
    assert space.read("x") == "first"


def test_watchers_see_a_commit_at_once(space, join, another):
    """All that a handler wrote is there as soon as any of it is."""
    session, observer = ready(join("anne")), another()
    for n in range(1, 30):
        session.commit(None, [put(session, name, n) for name in ("a", "b", "c")])
        seen = observer.snapshot()
        assert len({entry.value for entry in seen.values()}) <= 1
    eventually(lambda: observer.read("c") == 29)


def test_latency_adds_up_along_a_chain_of_handlers(space, join):
    """What a handler writes keeps the origin of what woke it: the end of the chain knows the age of the frame."""
    second, third = ready(join("second"), a=Trigger.NORMAL), ready(join("third"), b=Trigger.EVERY)
    space.write("a", "frame")
    wake = woken(second)
    eventually(lambda: space.entry("a").age > 0.03)
    second.commit(wake, [put(second, "b", 1)])
    wake = woken(third)
    eventually(lambda: space.entry("b").age > 0.03)
    third.commit(wake, [put(third, "c", 2)])
    seen = eventually(lambda: (s := space.snapshot()) and "c" in s and s)
    a, b, c = seen["a"], seen["b"], seen["c"]
    assert a.latency == 0.0
    assert 0.03 < b.latency < c.latency - 0.03
    assert b.latency == pytest.approx(a.age - b.age, abs=1e-6)
    assert c.latency == pytest.approx(a.age - c.age, abs=1e-6)


def test_write_outside_of_a_handler_is_its_own_origin(join, space):
    """A timer's or a source's write has no latency."""
    session = ready(join("anne"))
    session.commit(None, [put(session, "x", 1)])
    assert eventually(lambda: space.entry("x")).latency == 0.0
