"""Agents and the runner that gives them life, on a `LocalSpace` and on a session that follows a script."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentspace import Agent, AgentspaceError, LocalSpace, Parameter, Refused, SlotName, Trigger, Wake
from agentspace.agent.runner import Runner
from agentspace.errors import ParameterError, RoleTakenError, SlotNameError, ValueTypeError, WriteError
from tests.support.eventually import eventually

SHORT = 0.05  # seconds of validity, or of a timer's period


@pytest.fixture
def space() -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        yield space


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


# --- a life


def test_life_is_init_then_a_handler_per_wake_up_then_close(space):
    """Each wake-up runs the handler once; a stop ends well, after close; what it saw is what was written."""
    probe = Probe(lambda p: p.seen.append(p.read("go")))
    runner = space.run(probe)
    for n in range(3):
        space.write("go", n)
        eventually(lambda: probe.handled == n + 1)  # noqa: B023  (asked at once)
    assert not probe.closed
    runner.stop()
    assert ended(space) == "stopped"
    assert (probe.seen, probe.closed) == ([0, 1, 2], 1)
    assert space.entry("_/errors/probe") is None


def test_agent_has_its_place(space, caplog):
    """Role, project folder, logger and space belong to the role that it fills."""
    caplog.set_level(logging.INFO)
    probe = Probe(init=lambda p: p.log.info("here I am"))
    space.run(probe, "somebody", Path("/home/project"))
    running(space, "somebody")
    assert (probe.role, probe.project) == ("somebody", Path("/home/project"))
    assert probe.space.epoch == 1
    assert ("agentspace.somebody", logging.INFO, "here I am") in caplog.record_tuples
    assert space.read("_/roles/somebody")["class"] == "Probe"


def test_closing_the_space_stops_its_agents():
    """Leaving the with-block ends all agents of `run` well and waits for them."""
    with LocalSpace() as space:
        probes = [Probe(), Probe()]
        for n, probe in enumerate(probes):
            space.run(probe, f"probe-{n}")
    assert [probe.closed for probe in probes] == [1, 1]
    assert [space.read(f"_/roles/probe-{n}")["state"] for n in range(2)] == ["stopped", "stopped"]


def test_role_can_be_filled_once_and_then_again(space):
    """A second agent of the same role is turned away while the first runs, and welcome when it has ended."""
    runner = space.run(Probe())
    with pytest.raises(RoleTakenError):
        space.run(Probe())
    runner.stop()
    ended(space)
    probe = Probe()
    space.run(probe)
    running(space)
    assert probe.space.epoch == 2


@pytest.mark.parametrize("when", ["init", "handler", "request"])
def test_agent_can_end_itself_or_be_asked_to(space, when):
    """`stop` in init or in a handler, or a request from outside: it ends well, and its last writes are made."""

    def last(p: Probe) -> None:
        p.write("out", "last words")
        if when != "request":
            p.stop()
            assert p.stopped

    probe = Probe(last, init=last) if when == "init" else Probe(last)
    space.run(probe)
    if when != "init":
        space.write("go", 1)
    if when == "request":
        eventually(lambda: probe.handled)
        space.stop("probe")
    assert ended(space) == "stopped"
    assert space.read("out") == "last words"
    assert probe.handled == (0 if when == "init" else 1)


def test_stop_ends_after_the_present_handler(space):
    """An agent that is stopped from outside finishes and commits its handler, and begins no other."""
    entered, leave = threading.Event(), threading.Event()

    def handle(p: Probe) -> None:
        entered.set()
        assert leave.wait(10.0)
        p.write("out", p.read("go"))

    probe = Probe(handle)
    runner = space.run(probe)
    space.write("go", 1)
    assert entered.wait(10.0)
    space.write("go", 2)
    runner.stop()
    leave.set()
    assert ended(space) == "stopped"
    assert (probe.handled, space.read("out")) == (1, 1)


# --- errors


def test_error_in_a_handler_is_reported_and_nothing_is_written(space, caplog):
    """The handler's writes are dropped as a whole, close runs, the traceback is in the slot and in the log."""

    def handle(p: Probe) -> None:
        p.write("out", 1)
        p.delete("kept")
        boom(p)

    space.write("kept", "here")
    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    assert ended(space) == "failed"
    assert space.entry("out") is None
    assert space.read("kept") == "here"
    assert probe.closed == 1
    assert traceback(space).endswith("Boom: bang\n")
    assert "in handle" in traceback(space)
    assert any("Boom: bang" in record.getMessage() for record in caplog.records)


def test_error_in_init_is_reported_and_nothing_is_written(space):
    """An agent that cannot begin never runs; what it wrote in init is dropped; close runs all the same."""

    def init(p: Probe) -> None:
        p.write("out", 1)
        boom(p)

    probe = Probe(init=init)
    space.run(probe)
    assert ended(space) == "failed"
    assert "Boom: bang" in traceback(space)
    assert space.entry("out") is None
    assert (probe.handled, probe.closed) == (0, 1)


def test_error_while_closing_is_a_failure_too(space):
    """An agent that ran well but cannot close has failed, and tells why."""
    runner = space.run(Probe(close=boom))
    runner.stop()
    assert ended(space) == "failed"
    assert "Boom: bang" in traceback(space)


def test_error_while_closing_does_not_hide_the_error_before(space):
    """When a half-made agent cannot close either, both errors are told, the cause first."""

    def cannot_close(p: Probe) -> None:
        p.device.close()

    space.run(Probe(init=boom, close=cannot_close))
    assert ended(space) == "failed"
    told = traceback(space)
    assert told.index("Boom: bang") < told.index("AttributeError")


@pytest.mark.parametrize("fails", [False, True])
def test_last_words_of_close_are_written(space, fails):
    """What close writes is committed, also after an error; what the failed handler had staged is not."""

    def handle(p: Probe) -> None:
        p.write("half", 1)
        boom(p) if fails else p.stop()

    space.run(Probe(handle, close=lambda p: p.write("hold", p.read("half", "nothing"))))
    space.write("go", 1)
    assert ended(space) == ("failed" if fails else "stopped")
    assert space.read("hold") == ("nothing" if fails else 1)
    assert space.read("half", "nothing") == ("nothing" if fails else 1)


def test_close_that_fails_writes_nothing(space):
    """Closing is all or nothing too."""

    def close(p: Probe) -> None:
        p.write("hold", 1)
        boom(p)

    space.run(Probe(close=close)).stop()
    assert ended(space) == "failed"
    assert space.entry("hold") is None


def test_error_that_cannot_be_encoded_is_still_reported(space):
    """A message with a broken file name in it (surrogates) does not keep the role from ending."""

    def handle(p: Probe) -> None:
        raise Boom("no file \udcff")

    space.run(Probe(handle))
    space.write("go", 1)
    assert ended(space) == "failed"
    assert "no file \\udcff" in traceback(space)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda p: p.write("no name", 1), SlotNameError),
        (lambda p: p.write("_/roles/probe", 1), SlotNameError),
        (lambda p: p.delete("_/roles/probe"), SlotNameError),
        (lambda p: p.write("x", object()), ValueTypeError),
        (lambda p: p.write("x", 1, validity=0), WriteError),
        (lambda p: p.write("x", 1, priority=10**400), WriteError),
        (lambda p: p.delete("x", priority=float("nan")), WriteError),
        (lambda p: p.attach_timer(0), ParameterError),
        (lambda p: p.attach_trigger("a b"), SlotNameError),
        (lambda p: p.attach_trigger("a", "sometimes"), ValueError),
    ],
    ids=range(10),
)
def test_misuse_is_an_error_in_the_line_that_does_it(space, act, error):
    """A bad name, value or number fails where the agent writes it, not later at the commit."""

    def handle(p: Probe) -> None:
        p.write("before", 1)
        with pytest.raises(error):
            act(p)

    probe = Probe(handle)
    space.run(probe)
    space.write("go", 1)
    eventually(lambda: probe.handled)
    assert eventually(lambda: space.read("before")) == 1
    assert space.entry("x") is None


def test_agent_that_was_replaced_ends_without_a_word(space, caplog):
    """A fenced agent stops, says so in its log, and touches neither its successor's role nor its errors."""
    old = Probe()
    runner = space.run(old)
    running(space)
    old.space.leave("gone")
    new = Probe(lambda p: p.write("out", "new"))
    space.run(new)
    space.write("go", 1)
    eventually(lambda: space.read("out") == "new")
    eventually(lambda: old.closed)
    eventually(lambda: any("could not sign off" in record.getMessage() for record in caplog.records))
    assert not old.handled
    assert space.read("_/roles/probe")["state"] == "running"
    assert space.entry("_/errors/probe") is None
    assert isinstance(runner, Runner)


# --- reading and writing


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
    space.write("go", 1, validity=SHORT)
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


# --- why it was woken


def test_wake_tells_why(space):
    """Names of all slots that changed, each change for EVERY, and no timer; outside of a handler it is blank."""
    probe = Probe(
        lambda p: p.seen.append(p.wake),
        init=lambda p: (p.attach_trigger("each", Trigger.EVERY), p.attach_trigger("quiet", Trigger.QUIET)),
    )
    space.run(probe)
    running(space)
    space.write("quiet", 0)
    space.write("each", 1)
    eventually(lambda: probe.handled == 1)
    space.write("go", 2)
    eventually(lambda: probe.handled == 2)
    first, second = probe.seen
    assert first.names == ("quiet", "each")
    assert [(change.name, change.value) for change in first.changes] == [("each", 1)]
    assert not first.timer
    assert (second.names, second.changes) == (("go",), ())
    eventually(lambda: probe.wake == Wake())


# --- timers


def test_timer_wakes_again_and_again(space):
    """An agent with a timer runs without any trigger; its wake tells that it was the timer."""
    probe = Probe(lambda p: p.seen.append(p.wake), init=lambda p: p.attach_timer(0.01))
    space.run(probe)
    eventually(lambda: probe.handled >= 5)
    assert all(wake.timer and wake.names == () and wake.number is None for wake in probe.seen)


def test_missed_ticks_are_counted_for_everybody_to_see(space):
    """A handler that is too slow for its timer gets one wake-up with the number that it missed."""

    def handle(p: Probe) -> None:
        if not p.seen:
            end = time.monotonic() + 6 * SHORT
            eventually(lambda: time.monotonic() > end)
        p.seen.append(p.wake.missed)

    space.run(probe := Probe(handle, init=lambda p: p.attach_timer(SHORT)))
    eventually(lambda: len(probe.seen) > 1)
    assert probe.seen[1] >= 4
    assert eventually(lambda: (s := space.read("_/loads")) and s["probe"]["missed_ticks"]) >= 4


class Script:
    """A session without a space: wake-ups by script, on a clock that only waiting and working move."""

    role, epoch, stop_requested = "scripted", 1, False
    standing_by, handing_over, inherited = False, False, None

    def __init__(self) -> None:
        self.now = 100.0
        self.wakes: deque[Wake] = deque()
        self.commits: list[tuple[float, Wake | None]] = []
        self.missed = 0
        self.left: list[str] = []
        self.on_decisions: Any = None

    def clock(self) -> float:
        return self.now

    def running(self) -> None:
        pass

    def receive(self, timeout: float | None) -> Wake | None:
        if self.wakes:
            return self.wakes.popleft()
        assert timeout is not None, "would wait for ever"
        self.now += timeout
        return None

    def commit(self, wake: Wake | None, acts: Any, memory: Any = None) -> None:
        self.commits.append((round(self.now - 100.0, 6), wake))

    def tick_missed(self, count: int) -> None:
        self.missed += count

    def interrupt(self) -> None:
        pass

    def leave(self, state: str, error: str | None) -> None:
        self.left.append(state)


class Ticker(Agent):
    """Has timers; each handler takes some time; ends after some handlers."""

    def __init__(self, script: Script, periods: list[float], duration: float, count: int) -> None:
        super().__init__()
        self.script, self.periods, self.duration, self.count = script, periods, duration, count
        self.calls: list[tuple[float, bool, int]] = []

    def init(self) -> None:
        for period in self.periods:
            self.attach_timer(period)

    def sense_select_act(self) -> None:
        self.calls.append((round(self.script.now - 100.0, 6), self.wake.timer, self.wake.missed))
        self.script.now += self.duration
        if len(self.calls) == self.count:
            self.stop()


def calls(periods: list[float], duration: float, count: int, triggers: int = 0) -> list[tuple[float, bool, int]]:
    """When the handlers of a scripted agent ran: time (s), whether by timer, ticks missed."""
    script = Script()
    script.wakes.extend(Wake(names=("x",), number=n) for n in range(triggers))
    agent = Ticker(script, periods, duration, count)
    assert Runner(agent, script, clock=script.clock).run()
    assert script.left == ["stopped"]
    assert script.missed == sum(missed for _, _, missed in agent.calls)
    return agent.calls


def test_timer_has_no_drift():
    """Handlers that take a while, but less than the period, are entered exactly at its multiples."""
    assert calls([0.5], 0.3, 4) == [(0.5, True, 0), (1.0, True, 0), (1.5, True, 0), (2.0, True, 0)]


def test_slow_handler_skips_ticks():
    """A handler that takes 2.2 periods runs as often as it can, and hears of the two ticks that it missed."""
    assert calls([1.0], 2.2, 3) == [(1.0, True, 0), (3.2, True, 1), (5.4, True, 1)]


def test_triggers_do_not_starve_a_timer():
    """With a trigger always ready, the timer still has its turn when it is due."""
    got = calls([1.0], 0.4, 8, triggers=100)
    assert [at for at, timer, _ in got if timer] == [1.2, 2.0]
    assert sum(not timer for _, timer, _ in got) == 6


def test_timer_does_not_starve_triggers():
    """With a handler that is slower than its timer, every second wake-up is a trigger's."""
    got = calls([0.1], 0.25, 8, triggers=100)
    kinds = [timer for _, timer, _ in got]
    assert kinds == [False, True] * 4


def test_one_timer_does_not_starve_another():
    """Timers that are due together are one wake-up, so a fast one cannot hide a slow one."""
    got = calls([0.1, 1.0], 0.15, 12)
    assert [at for at, _, _ in got] == sorted({at for at, _, _ in got})
    script = Script()
    agent = Ticker(script, [0.1, 1.0], 0.15, 12)
    assert Runner(agent, script, clock=script.clock).run()
    assert all(timer.due > script.now - 0.15 - 0.15 for timer in agent.timers)


# --- what an agent is


class Documented(Agent):
    """Says what it is.

    More than that.
    """

    image = SlotName("camera", "a picture")
    rate = Parameter(5.0, "per second", minimum=1.0)


def test_agent_describes_itself():
    """Help texts and launch files find doc, parameters and slots without an instance."""
    told = Documented.describe()
    assert told["doc"].splitlines()[0] == "Says what it is."
    assert list(told["parameters"]) == ["rate"]
    assert told["parameters"]["rate"]["minimum"] == 1.0
    assert told["slots"] == {"image": {"default": "camera", "help": "a picture"}}
    assert Agent.describe()["parameters"] == {}

    class Silent(Documented):
        pass

    Silent.__doc__ = None
    assert Silent.describe()["doc"] == ""


def test_parameters_are_set_when_it_is_made():
    """An agent takes its parameters and slot names by name, and refuses others."""
    agent = Documented(rate="7", image="view")
    assert (agent.rate, agent.image) == (7.0, "view")
    with pytest.raises(ParameterError, match="Documented has no parameter 'speed'"):
        Documented(speed=1)
    with pytest.raises(ParameterError, match="at least 1"):
        Documented(rate=0.5)


def test_state_is_handed_over_only_by_agents_that_say_how():
    """By default there is no state to hand over, and a state that is offered is refused by name and version."""
    agent = Documented()
    assert agent.get_state() is None
    with pytest.raises(AgentspaceError, match=r"Documented takes over no state.*version 3"):
        agent.set_state(3, {"a": 1})


def test_agent_that_does_nothing_runs_and_ends(space):
    """Nothing has to be overridden."""
    space.write("go", 1)
    runner = space.run(Agent(), "nothing")
    running(space, "nothing")
    runner.stop()
    assert ended(space, "nothing") == "stopped"


def test_runner_tells_how_it_ended(space):
    """`run` returns whether the agent ended well: what a process makes its exit code of."""
    good = Runner(Probe(init=lambda p: p.stop()), space.join("good"))
    bad = Runner(Probe(init=boom), space.join("bad"))
    assert good.run() is True
    assert bad.run() is False


def test_error_on_the_way_out_is_not_lost_with_the_server(space, caplog):
    """If the role cannot be left any more, the agent's own error is still in the log."""
    session = space.join("probe")

    def handle(p: Probe) -> None:
        with contextlib.suppress(AgentspaceError):
            session.leave("gone")
        boom(p)

    space.write("go", 1)
    assert Runner(Probe(handle), session).run() is False
    messages = [record.getMessage() for record in caplog.records]
    assert any("Boom: bang" in message for message in messages)
    assert any("could not sign off" in message for message in messages)


def test_what_close_writes_is_written() -> None:
    """A write in `close`, such as a safe hold, is committed before the role is vacated; also after a failure."""

    class Careful(Agent):
        def init(self) -> None:
            self.attach_trigger("go")

        def sense_select_act(self) -> None:
            self.write("lost", 1)
            raise RuntimeError("broken")

        def close(self) -> None:
            self.write("hold", True)

    with LocalSpace() as space:
        space.run(Careful())
        space.write("go", 1)
        eventually(lambda: space.read("hold") is True)
        assert space.entry("lost") is None
