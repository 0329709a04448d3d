"""What only the space of threads can be asked: that it lets go of values, and that threads wake each other."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from agentspace import Agent, LocalSpace, Trigger
from agentspace.errors import FencedError


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


def image(space: LocalSpace) -> weakref.ref[np.ndarray]:
    """A new array in the slot `x`, by a reference that does not keep it."""
    space.write("x", np.zeros(100))
    return weakref.ref(space.read("x"))


def is_gone(reference: weakref.ref[np.ndarray]) -> bool:
    """Whether nobody holds the array any more."""
    gc.collect()
    return reference() is None


def test_overwritten_and_deleted_values_are_let_go(space):
    """A slot holds its present value only, also when the old ones had a validity that has not ended."""
    first = image(space)
    space.write("x", np.ones(100), validity=1000.0)
    second = weakref.ref(space.read("x"))
    third = image(space)
    space.delete("x")
    assert is_gone(first)
    assert is_gone(second)
    assert is_gone(third)


def test_closed_watch_holds_nothing(space):
    """What was on its way to a watcher that is closed before it looked is let go."""
    held = image(space)
    unseen, seen = space.watch("x"), space.watch("x", Trigger.EVERY)
    seen.next(10.0)
    after = image(space)
    unseen.close()
    seen.close()
    space.delete("x")
    assert is_gone(held)
    assert is_gone(after)


def test_handled_changes_are_let_go(space):
    """When a handler has committed, nothing of what it was told is kept for it."""
    session = space.join("anne")
    session.attach_trigger("x", Trigger.EVERY)
    session.running()
    held = image(space)
    wake = session.receive(10.0)
    session.commit(wake, ())
    del wake
    space.delete("x")
    session.commit(session.receive(10.0), ())
    assert is_gone(held)
    session.leave("stopped")


@pytest.mark.alone
def test_waiting_thread_hears_at_once_that_its_session_was_left(space):
    """A thread that waits in `receive` while another leaves the session is fenced then, not a second later."""
    begin = time.monotonic()
    for _ in range(6):
        session = space.join("anne")
        session.running()
        fenced: list[FencedError] = []
        waiting = threading.Event()

        def wait(session=session, fenced=fenced, waiting=waiting) -> None:
            waiting.set()
            try:
                session.receive(None)
            except FencedError as error:
                fenced.append(error)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        assert waiting.wait(10.0)
        session.leave("gone")
        thread.join(10.0)
        assert fenced
    assert time.monotonic() - begin < 3.0


def test_clock_of_a_test_rules_the_whole_space():
    """Validity, delays, ages and times left are told on the clock that the space was given."""
    now = [1000.0]
    with LocalSpace(clock=lambda: now[0]) as space:
        space.write("x", 1, validity=10.0, delay=5.0)
        assert space.read("x") is None
        now[0] += 5.0
        assert space.read("x") == 1
        now[0] += 2.5
        entry = space.entry("x")
        assert (entry.age, entry.time_left) == (2.5, 7.5)
        now[0] += 7.5
        assert space.read("x", "over") == "over"


def test_default_role_is_the_name_of_the_class(space):
    """`run` names the role after the agent's class, in lower case."""

    class Doubler(Agent):
        """Does nothing."""

    space.run(Doubler())
    assert space.read("_/roles/doubler")["class"] == "Doubler"


def test_spaces_are_strangers():
    """Two spaces of one process, also of one name, share nothing; named spaces of one host are the same space."""
    with LocalSpace() as one, LocalSpace() as other:
        one.write("x", 1)
        assert other.read("x") is None
        assert one.named("A").write("x", 2)
        assert one.named("A").read("x") == 2
        assert one.read("x") == 1
