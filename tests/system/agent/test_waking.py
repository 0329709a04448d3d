"""Why an agent was woken, and its timers."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from agentspace import Agent, Trigger, Wake
from agentspace.agent.runner import Runner
from tests.support.eventually import eventually
from tests.system.agent.probe import SHORT, Probe, running


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
        self.time = 100.0
        self.wakes: deque[Wake] = deque()
        self.commits: list[tuple[float, Wake | None]] = []
        self.missed = 0
        self.left: list[str] = []
        self.info: dict[str, Any] = {}
        self.on_decisions: Any = None

    def now(self) -> float:
        return self.time

    def running(self) -> None:
        pass

    def await_turn(self) -> None:
        pass

    def receive(self, timeout: float | None) -> Wake | None:
        if self.wakes:
            return self.wakes.popleft()
        assert timeout is not None, "would wait for ever"
        self.time += timeout
        return None

    def commit(self, wake: Wake | None, acts: Any, memory: Any = None) -> None:
        self.commits.append((round(self.time - 100.0, 6), wake))

    def ticked(self, missed: int, alone: bool) -> None:
        self.missed += missed

    def interrupt(self) -> None:
        pass

    def settings_asked(self) -> list[Any]:
        return []

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
        self.calls.append((round(self.script.time - 100.0, 6), self.wake.timer, self.wake.missed))
        self.script.time += self.duration
        if len(self.calls) == self.count:
            self.stop()


def calls(periods: list[float], duration: float, count: int, triggers: int = 0) -> list[tuple[float, bool, int]]:
    """When the handlers of a scripted agent ran: time (s), whether by timer, ticks missed."""
    script = Script()
    script.wakes.extend(Wake(names=("x",), number=n) for n in range(triggers))
    agent = Ticker(script, periods, duration, count)
    assert Runner(agent, script).run()
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
    assert Runner(agent, script).run()
    assert all(timer.due > script.time - 0.15 - 0.15 for timer in agent.timers)
