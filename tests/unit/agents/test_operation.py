"""What an operator can do: which slot gets which value, and which action wins over which."""

from __future__ import annotations

import pytest

from agents.script.operation import (
    PAUSE_PRIORITY,
    STOP_PRIORITY,
    Acts,
    Operation,
    is_paused,
    is_stopped,
    perform,
)
from agentspace import Erase, LocalSpace, Put

OPERATION = Operation()


def do(space: LocalSpace, acts: Acts) -> list[bool]:
    """Performs acts; says which were accepted."""
    return [bool(perform(space, act)) for act in acts]


def stopped(space: LocalSpace) -> bool:
    return is_stopped(space.entry(slot) for slot in OPERATION.stop_slots)


def paused(space: LocalSpace) -> bool:
    return is_paused(space.entry(OPERATION.pause_slot))


def test_each_action_is_a_few_writes() -> None:
    """The slots, values, priorities and validities that panels, scripts and other agents share."""
    assert OPERATION.confirm("operator 1") == (Put("confirm", "operator 1", 1.0),)
    assert OPERATION.switch("use") == (Put("mode", "use"),)
    assert OPERATION.undo() == (Put("memory/command", {"do": "undo"}),)
    assert OPERATION.forget() == (Put("memory/command", {"do": "forget"}),)
    assert OPERATION.save("a.npz") == (Put("memory/command", {"do": "save", "path": "a.npz"}),)
    assert OPERATION.load("a.npz") == (Put("memory/command", {"do": "load", "path": "a.npz"}),)
    assert OPERATION.take((1, -0.5)) == (Put("act", [1.0, -0.5], 5.0, 10.0),)
    assert OPERATION.pause() == (Put("joints", None, priority=PAUSE_PRIORITY),)
    assert OPERATION.resume() == (Erase("joints", PAUSE_PRIORITY),)
    assert OPERATION.stop() == (
        Put("joints", None, priority=STOP_PRIORITY),
        Put("icub/target", None, priority=STOP_PRIORITY),
    )
    assert OPERATION.release() == (Erase("icub/target", STOP_PRIORITY), Erase("joints", STOP_PRIORITY))


def test_a_mode_that_is_none_is_refused() -> None:
    """The error names it and the valid ones."""
    with pytest.raises(ValueError, match="'dance' is not a mode: there are 'acquire' and 'use'"):
        OPERATION.switch("dance")


def test_the_emergency_stop_wins_over_a_pause() -> None:
    """A stop overrides a pause; resuming then is refused; the release ends both."""
    with LocalSpace() as space:
        assert do(space, OPERATION.pause()) == [True]
        assert (paused(space), stopped(space)) == (True, False)
        assert not space.write("joints", [0.0] * 10, priority=50.0)
        assert do(space, OPERATION.stop()) == [True, True]
        assert stopped(space)
        assert do(space, OPERATION.pause()) == [False]
        assert do(space, OPERATION.resume()) == [False]
        assert stopped(space)
        assert do(space, OPERATION.release()) == [True, True]
        assert (paused(space), stopped(space)) == (False, False)
        assert space.write("joints", [0.0] * 10)


def test_a_stop_that_is_half_refused_is_no_stop() -> None:
    """Who holds a slot with more than the stop's priority keeps it; then the robot does not count as stopped."""
    with LocalSpace() as space:
        space.write("icub/target", [0.0] * 10, priority=2 * STOP_PRIORITY)
        assert do(space, OPERATION.stop()) == [True, False]
        assert not stopped(space)


def test_a_value_of_high_priority_is_no_pause() -> None:
    """Only None holds the robot; a target does not, whatever its priority."""
    with LocalSpace() as space:
        space.write("joints", [0.0] * 10, priority=PAUSE_PRIORITY)
        assert not paused(space)
        space.delete("joints", priority=PAUSE_PRIORITY)
        space.write("joints", None)
        assert not paused(space)
