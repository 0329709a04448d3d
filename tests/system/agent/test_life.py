"""The life of an agent, and what it is."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from pathlib import Path

import pytest

from agentspace import Agent, AgentspaceError, LocalSpace, Parameter, SlotName, Trigger
from agentspace.agent.runner import Runner
from agentspace.errors import ParameterError, RoleTakenError
from tests.support.eventually import eventually
from tests.system.agent.probe import Probe, boom, ended, running


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


@pytest.mark.filterwarnings("ignore:Exception in thread probe")  # pytest sees an error in any SystemExit
@pytest.mark.parametrize("said", [None, 0])
def test_a_handler_that_leaves_well_has_handled_what_woke_it(space, said):
    """`sys.exit()` ends the agent; what it wrote is written, and its successor goes on with the next change."""
    seen: list[int] = []

    def handle(p: Probe) -> None:
        seen.extend(change.value for change in p.wake.changes)
        p.write("out", seen[-1])
        if said != "successor" and 2 in seen:
            sys.exit(said)

    def attach(p: Probe) -> None:
        p.attach_trigger("each", Trigger.EVERY)

    space.run(Probe(handle, init=attach))
    running(space)
    for number in range(3):
        space.write("each", number)
    assert ended(space) == "stopped"
    assert space.read("out") == seen[-1] == 2
    said = "successor"
    space.write("each", 3)
    space.run(Probe(handle, init=attach))
    eventually(lambda: space.read("out") == 3)
    assert seen == [0, 1, 2, 3]


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

    with LocalSpace(raises=False) as space:
        space.run(Careful())
        space.write("go", 1)
        eventually(lambda: space.read("hold") is True)
        assert space.entry("lost") is None
