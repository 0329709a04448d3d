"""Agents on sessions: on every kind of space."""

from __future__ import annotations

from agentspace import Agent, SlotName, Trigger
from tests.support.eventually import eventually


class Doubler(Agent):
    """Twice the number."""

    source = SlotName("number")
    result = SlotName("double")

    def init(self) -> None:
        self.attach_trigger(self.source)

    def sense_select_act(self) -> None:
        self.write(self.result, 2 * self.read(self.source, 0))


def test_agents_work_in_a_chain(space, run):
    """Two agents of one class under two roles, slots remapped, compute four times the number, again and again."""
    run(Doubler(), "first")
    run(Doubler(source="double", result="fourfold"), "second")
    for n in range(1, 20):
        space.write("number", n)
        eventually(lambda: space.read("fourfold") == 4 * n)  # noqa: B023  (asked at once)
    assert space.entry("fourfold").writer.role == "second"
    assert space.entry("fourfold").latency > 0


class Sweeper(Agent):
    """Looks now and then at what has changed."""

    def init(self) -> None:
        self.attach_trigger("dust/*", Trigger.QUIET)
        self.attach_timer(0.02)

    def sense_select_act(self) -> None:
        if self.wake.names:
            self.write("swept", [self.wake.timer, *self.wake.names])


def test_timers_wake_up_brings_what_was_collected(space, run):
    """An agent with a timer and only QUIET triggers hears of the changes, and its runs are counted."""
    run(Sweeper(), "sweeper")
    for n in range(5):
        space.write(f"dust/{n}", n)
        eventually(lambda: f"dust/{n}" in (space.read("swept") or ()))  # noqa: B023  (asked at once)
    assert space.read("swept")[0] is True
    assert eventually(lambda: space.read("_/loads", {}).get("sweeper", {}).get("handled", 0) > 5)


def test_agent_fails_with_its_traceback_in_a_slot(space, run):
    """An exception in a handler ends the agent as failed; its writes are not made; its traceback can be read."""
    run(Doubler(result="other"), "fragile")
    space.write("number", {})
    error = eventually(lambda: space.read("_/errors/fragile"))
    assert "TypeError" in error["traceback"]
    assert "sense_select_act" in error["traceback"]
    assert eventually(lambda: space.read("_/roles/fragile")["state"] == "failed")
    assert space.entry("other") is None


def test_agent_ends_when_its_role_is_stopped(space, run):
    """`stop` ends an agent as a success, also one that has nothing to do."""
    run(Doubler(), "idle")
    eventually(lambda: space.read("_/roles/idle")["state"] == "running")
    space.stop("idle")
    assert eventually(lambda: space.read("_/roles/idle")["state"] == "stopped")
    assert space.entry("_/errors/idle") is None


def test_successor_repeats_what_the_failed_handler_left_undone(space, run):
    """The value that killed an agent waits for its successor, which writes exactly once what was not written."""
    run(Doubler(result="out"), "worker")
    space.write("number", [])  # 2 * [] is [], a value
    eventually(lambda: space.read("out") == [])
    space.write("number", {})
    eventually(lambda: space.read("_/roles/worker")["state"] == "failed")
    assert space.entry("out").revision == 1

    class Tolerant(Doubler):
        def sense_select_act(self) -> None:
            self.write(self.result, ["mended", self.read(self.source)])

    run(Tolerant(result="out"), "worker")
    assert eventually(lambda: space.entry("out").revision == 2)
    assert space.read("out") == ["mended", {}]
