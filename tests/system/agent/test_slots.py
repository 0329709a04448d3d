"""Reading and writing, as an agent does it."""

from __future__ import annotations

import logging
import threading

import numpy as np

from agentspace import Agent, LocalSpace, Refused
from tests.support.eventually import eventually
from tests.system.agent.probe import Probe, boom, ended, running, traceback


def test_writes_of_a_handler_appear_together_at_its_end(space):
    """Until the handler ends nobody sees any of its writes; then all are there, under its role."""
    entered, leave = threading.Event(), threading.Event()

    def handle(p: Probe) -> None:
        p.write("x", 1, validity=100.0, priority=2.0)
        p.write("y", 2)
        p.delete("z", priority=1.0, validity=100.0)
        entered.set()
        assert leave.wait(10.0)

    space.write("z", 3)
    space.run(Probe(handle))
    space.write("go", 1)
    assert entered.wait(10.0)
    assert list(space.snapshot()) == ["go", "z"]
    leave.set()
    eventually(lambda: space.entry("y"))
    entry = space.entry("x")
    assert (entry.priority, entry.writer.role) == (2.0, "probe")
    assert 90 < entry.time_left <= 100
    assert not space.write("z", 4)


def test_handler_reads_back_what_it_writes(space):
    """Inside the handler its own writes and deletes count already; delayed ones are not readable yet."""

    def handle(p: Probe) -> None:
        p.write("x", [1])
        p.seen.append(p.read("x"))
        p.read("x").append("mine")
        p.seen.append(p.read("x"))
        p.write("x", 2)
        p.seen.append(p.read("x", "default"))
        p.delete("x")
        p.seen.append(p.read("x", "default"))
        p.write("x", 3, delay=100.0)
        p.seen.append(p.read("x", "default"))
        p.seen.append(p.space.read("x", "outside"))
        p.write("n", None)
        p.seen.append(p.read("n", "default"))

    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled)
    assert probe.seen == [[1], [1], 2, "default", "default", "outside", None]


def test_handler_may_reuse_its_array_after_writing_it(space):
    """What is written is cut off from its writer at once, not when it is committed."""

    def handle(p: Probe) -> None:
        array = np.zeros(3)
        p.write("x", array)
        array[:] = 1
        p.write("y", array)

    space.run(Probe(handle))
    space.write("go", 1)
    eventually(lambda: space.entry("y"))
    assert space.read("x").tolist() == [0, 0, 0]
    assert space.read("y").tolist() == [1, 1, 1]


def test_what_was_staged_is_forgotten_after_the_handler(space):
    """The next handler reads the space again, also where its own write was refused."""
    probe = Probe(lambda p: (p.seen.append(p.read("x", "empty")), p.write("x", "weak")))
    space.write("x", "strong", priority=1.0)
    space.run(probe)
    for n in range(2):
        space.write("go", n)
        eventually(lambda: probe.handled == n + 1)  # noqa: B023
    eventually(lambda: len(probe.seen) == 4)
    assert [item for item in probe.seen if not isinstance(item, Refused)] == ["strong", "strong"]


def test_triggering_slot_keeps_its_value_during_the_handler(space):
    """A handler works on one state of what woke it; the space itself may have gone on."""

    def handle(p: Probe) -> None:
        first = p.read("go")
        space.write("go", first + 1) if first == 1 else None
        p.seen.append((p.read("go"), p.space.read("go")))

    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled == 2)
    assert probe.seen == [(1, 2), (2, 2)]


def test_triggering_value_is_not_read_after_its_end(space):
    """Within a long handler a value that expires meanwhile reads as empty, as it would in the space."""

    def handle(p: Probe) -> None:
        value = p.read("go")
        if value is not None:
            eventually(lambda: p.space.entry("go") is None)
            p.seen.append((value, p.read("go", "over")))

    probe = Probe(handle)
    space.run(probe)
    running(space)
    space.write("go", 1, validity=0.5)
    eventually(lambda: probe.seen)
    assert probe.seen == [(1, "over")]


def test_emptied_slot_reads_as_empty_in_the_handler_that_it_woke(space):
    """A handler that is woken by a delete or an expiry reads its default."""
    probe = Probe(lambda p: p.seen.append(p.read("go", "default")))
    space.run(probe)
    space.write("go", None)
    eventually(lambda: probe.handled == 1)
    space.delete("go")
    eventually(lambda: probe.handled == 2)
    assert probe.seen == [None, "default"]


def test_agent_works_on_a_space_with_a_clock_of_its_own():
    """A test may give the space a clock; values with a validity can be read by the agents that they wake."""
    now = [0.0]
    with LocalSpace(clock=lambda: now[0]) as space:
        probe = Probe(lambda p: p.seen.append(p.read("go", "empty")))
        space.run(probe)
        space.write("go", 1, validity=10.0)
        eventually(lambda: probe.handled == 1)
        now[0] = 10.0
        space.read("go")
        eventually(lambda: probe.handled == 2)
        assert probe.seen == [1, "empty"]


def test_any_slot_can_be_read_with_a_default(space):
    """A handler may read slots that it has no trigger on: their present value, or its default if there is none."""
    space.write("other", 5)
    probe = Probe(lambda p: p.seen.extend([p.read("other", 7), p.read("nothing", 7), p.read("nothing")]))
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled)
    assert probe.seen == [5, 7, None]


def test_writing_at_once_tells_the_decision(space):
    """`self.space.write` does not wait for the end of the handler, and returns what became of it."""

    def handle(p: Probe) -> None:
        p.seen.append((bool(p.space.write("x", 1)), space.read("x")))
        p.seen.append(bool(p.space.write("held", 1)))

    space.write("held", 0, priority=1.0)
    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled)
    assert probe.seen == [(True, 1), False]


def test_refused_writes_are_told_and_the_others_are_made(space):
    """The hook `refused` hears of each refused write, with its reason, after the handler."""
    probe = Probe(lambda p: (p.write("x", "weak"), p.write("y", 1), p.delete("x")))
    space.write("x", "strong", priority=1.0)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: len(probe.seen) == 2)
    assert [(r.name, r.held_priority) for r in probe.seen] == [("x", 1.0), ("x", 1.0)]
    assert (space.read("x"), space.read("y")) == ("strong", 1)


def test_refusal_is_a_line_of_the_debug_log_by_default(space, caplog):
    """An agent that does not care needs no hook, and whoever looks for the reason finds it."""

    class Weak(Agent):
        def init(self) -> None:
            self.write("x", "weak")

    caplog.set_level(logging.DEBUG)
    space.write("x", "strong", priority=1.0)
    space.run(Weak())
    eventually(lambda: any("'x' is held by" in record.getMessage() for record in caplog.records))
    running(space, "weak")


def test_hook_that_fails_fails_the_agent_but_its_writes_stand(space):
    """An error in `refused` is an error of the agent; the commit that it heard of was made."""
    space.write("x", "strong", priority=1.0)
    space.run(Probe(lambda p: (p.write("x", 1), p.write("y", 1)), refused=boom))
    space.write("go", 1)
    assert ended(space) == "failed"
    assert "Boom: bang" in traceback(space)
    assert space.read("y") == 1
