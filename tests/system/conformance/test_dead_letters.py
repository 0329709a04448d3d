"""Changes at which every incarnation fails: on every kind of space."""

from __future__ import annotations

from typing import Any

import pytest

from agentspace import Agent, Trigger
from tests.support.eventually import eventually


class Picky(Agent):
    """Takes numbers, and fails at everything else."""

    kind = Trigger.EVERY

    def init(self) -> None:
        self.attach_trigger("number", self.kind)
        self.attach_trigger("news", Trigger.NORMAL)

    def sense_select_act(self) -> None:
        values = [change.value for change in self.wake.changes] or [self.read("number", 0)]
        self.space.write("taken", [*self.space.read("taken", []), *(value + 0 for value in values)])


class Newest(Picky):
    """The same for the newest number only."""

    kind = Trigger.NORMAL


class NamesOnly(Picky):
    """The same, told of names only."""

    kind = Trigger.NAMES


class Ticking(Agent):
    """Fails when its timer is due, and takes what comes."""

    broken = True

    def init(self) -> None:
        self.attach_trigger("number", Trigger.EVERY)
        self.attach_timer(0.01)

    def sense_select_act(self) -> None:
        if self.wake.timer and self.broken:
            raise RuntimeError("tick")
        if self.wake.changes:
            self.write("taken", [change.value for change in self.wake.changes])


def fails(space: Any, run: Any, agent: Agent) -> Any:
    """One more incarnation fails; gives what is told of it."""
    before = space.read("_/roles/picky", {}).get("epoch", 0)
    run(agent, "picky")
    eventually(lambda: space.read("_/roles/picky")["epoch"] > before)
    eventually(lambda: space.read("_/roles/picky")["state"] == "failed")
    return space.read("_/errors/picky")


@pytest.mark.parametrize("cls", [Picky, Newest, NamesOnly])
def test_what_kills_three_incarnations_is_set_aside(space, run, cls):
    """The fourth goes on with the next value; the letter tells slot, revision, value, writer, traceback."""
    run(cls(), "picky")
    eventually(lambda: space.read("_/roles/picky", {}).get("state") == "running")
    revision = space.write("number", "poison").revision
    eventually(lambda: space.read("_/roles/picky")["state"] == "failed")
    error = fails(space, run, cls())
    writer = str(space.entry("number").writer)
    assert error["changes"] == [{"slot": "number", "revision": revision, "writer": writer}]
    assert space.entry("_/dead_letters/picky") is None
    fails(space, run, cls())
    told = eventually(lambda: space.read("_/dead_letters/picky"))
    (letter,) = told["letters"]
    assert told["count"] == 1
    assert (letter["slot"], letter["revision"], letter["value"], letter["attempts"]) == (
        "number", revision, "poison", 3,
    )  # fmt: skip
    assert letter["writer"] == writer
    assert "TypeError" in letter["traceback"]
    run(cls(), "picky")
    eventually(lambda: space.read("_/roles/picky")["state"] == "running")
    space.write("number", 7)
    assert eventually(lambda: space.read("taken")) == [7]


def test_one_of_many_is_set_aside_and_the_others_are_handled_once(space, run):
    """Of five changes in one wake-up one is poison: the other four are handled, in order."""
    run(Picky(), "picky")
    eventually(lambda: space.read("_/roles/picky", {}).get("state") == "running")
    space.write("number", "poison")
    eventually(lambda: space.read("_/roles/picky")["state"] == "failed")
    for n in range(4):
        space.write("number", n)
    fails(space, run, Picky())
    fails(space, run, Picky())
    run(Picky(), "picky")
    eventually(lambda: (space.read("taken") or [])[-1:] == [3])
    assert space.read("taken") == [0, 1, 2, 3]
    assert [letter["value"] for letter in space.read("_/dead_letters/picky")["letters"]] == ["poison"]


def test_an_agent_that_is_less_patient(space, run):
    """With `attempts` 1 nothing is tried twice."""

    class Hasty(Picky):
        attempts = 1

    agent = Hasty()
    session_info = {"attempts": agent.attempts}
    run(agent, "picky", session_info)
    eventually(lambda: space.read("_/roles/picky", {}).get("state") == "running")
    space.write("number", "poison")
    told = eventually(lambda: space.read("_/dead_letters/picky"))
    assert [letter["attempts"] for letter in told["letters"]] == [1]


def test_failures_of_a_timer_blame_no_change(space, run):
    """An agent that fails at its timer five times has no dead letter, and its successor gets what waits."""
    for _ in range(5):
        fails(space, run, Ticking())
        space.write("number", 1)
    good = Ticking()
    good.broken = False
    run(good, "picky")
    assert eventually(lambda: space.read("taken"))
    assert space.entry("_/dead_letters/picky") is None
