"""Following slots until it is over: nothing that was accepted before is missed, and there is an end."""

from __future__ import annotations

import threading

import pytest

from agentspace import LocalSpace, Trigger
from agentspace.client.drain import ON_ITS_WAY, until_over
from agentspace.core.mailbox import BATCH_LIMIT, EVERY_LIMIT


@pytest.fixture
def space():
    """A space whose clock stands."""
    with LocalSpace(clock=lambda: 0.0) as made:
        yield made


def values(watch, over):
    """All values that come."""
    return [entry.value for entries in until_over(watch, over, tick=0.0) for entry in entries]


@pytest.mark.parametrize("count", [0, 1, BATCH_LIMIT, BATCH_LIMIT + 1, EVERY_LIMIT])
def test_what_waits_when_it_is_over_is_told(space, count):
    """As many changes as can wait at all come, although it is over before the first is asked for."""
    with space.watch("x", Trigger.EVERY) as watch:
        for n in range(count):
            space.write("x", n)
        assert values(watch, lambda: True) == list(range(count))


def test_the_present_content_does_not_count(space):
    """A space with more slots than can be on their way is told in full, and what changed after that too."""
    for n in range(ON_ITS_WAY + 100):
        space.write(f"many/{n}", n)
    with space.watch("many/*", Trigger.EVERY) as watch:
        space.write("many/0", "last")
        told = values(watch, lambda: True)
    assert len(told) == ON_ITS_WAY + 101
    assert told[-1] == "last"


@pytest.mark.parametrize("kind", [Trigger.EVERY, Trigger.NORMAL])
def test_a_writer_that_goes_on_does_not_hold_it_up(space, kind):
    """What is written while it drains does not keep it from ending; all from before is there, if EVERY."""
    with space.watch("x", kind) as watch:
        space.write("x", "before")
        told = []
        for entries in until_over(watch, lambda: True):
            told += [entry.value for entry in entries]
            for n in range(100):
                space.write("x", n)
        assert kind is Trigger.NORMAL or told[0] == "before"
        assert len(told) <= ON_ITS_WAY + 2 * BATCH_LIMIT


def test_it_goes_on_until_it_is_over(space):
    """Before the end, changes come as they happen, and a tick without any gives nothing."""
    ended = threading.Event()
    with space.watch("x", Trigger.EVERY) as watch:
        following = until_over(watch, ended.is_set, tick=0.0)
        assert next(following) == []  # the present content: none
        assert next(following) == []
        space.write("x", 1)
        assert [entry.value for entry in next(following)] == [1]
        space.write("x", 2)
        ended.set()
        assert [entry.value for entries in following for entry in entries] == [2]
