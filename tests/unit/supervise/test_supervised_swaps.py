"""A supervisor's part in swaps."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from agentspace.client.reports import SwapReport
from agentspace.launch.plan import AgentPlan, Plan, Policy, Ready, Restart
from agentspace.supervise.command import successor_command
from agentspace.supervise.swaps import changed
from tests.support.supervised_world import World, agent, run


def swapping(world: World, role: str, number: int, state: str, **more: Any) -> None:
    """The blackboard shows a swap."""
    shown = {"number": number, "state": state, "spec": None, "settings": {}, "reason": "", "gap": None}
    world.swapping[role] = SwapReport.of({"role": role, **shown, **more})


def pids(world: World, role: str) -> list[int]:
    """Of all processes of a role, in the order in which they were started."""
    return [pid for pid, name in world.names.items() if name == role]


def test_swap_that_is_done(world: World) -> None:
    """A successor is started when one is asked for; when it acts, its predecessor ends, and it has its place."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested", spec="agents.new:New", settings={"x": "1"}))
    world.at(2.0, lambda: swapping(world, "a", 1, "done", gap=0.002))
    world.at(3.0, lambda: world.end(pids(world, "a")[1], 9))
    world.at(5.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.5))) == 130
    _first, second, third = pids(world, "a")
    assert "--swap" in world.words[second]
    assert "agents.new:New" in world.words[second]
    assert world.when("asked", "a")[0] == pytest.approx(2.0, abs=0.3)
    assert "agents.new:New" in world.words[third], "it is restarted as it was swapped in"
    assert "--swap" not in world.words[third]
    assert any("swap 1 is done" in text and "2.0 ms" in text for _, text in world.said)


def test_swap_that_is_rolled_back(world: World) -> None:
    """The successor is ended, and killed if it does not end; the predecessor goes on as it was."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested", spec="agents.new:New"))
    world.at(2.0, lambda: (world.deaf.add("a"), swapping(world, "a", 1, "rolled back", reason="no"))[0])
    world.at(8.0, lambda: (world.deaf.clear(), world.interrupt())[0])
    assert run(world, agent("a", stop_timeout=1.0)) == 130
    _first, _second = pids(world, "a")
    assert world.when("killed", "a")[0] == pytest.approx(3.0, abs=0.3)
    assert ("a", "swap 1 is rolled back: no") in world.said
    assert world.when("ended", "a")[-1] == pytest.approx(8.0, abs=0.3)


def test_predecessor_that_dies_in_a_swap_is_not_restarted_before_its_end(world: World) -> None:
    """The swap decides who fills the role: with a successor nobody is restarted; without one the old plan is."""
    for number, (end, restarts) in enumerate([("done", 0), ("failed", 1)], 1):
        before = len(pids(world, "a"))
        world = World() if number > 1 else world
        world.at(1.0, lambda w=world: swapping(w, "a", 1, "requested", spec="agents.new:New"))
        world.at(2.0, lambda w=world: w.end(pids(w, "a")[0], -9))
        world.at(
            5.0,
            lambda w=world, end=end: (
                w.end(pids(w, "a")[1], 1) if end == "failed" else None,
                swapping(w, "a", 1, end),
            )[0],
        )
        world.at(8.0, world.interrupt)
        assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.1))) == 130
        assert len(pids(world, "a")) == 2 + restarts, (end, before)
        assert all(time >= 5.0 for time in world.when("started", "a")[2:])


def test_exit_code_of_before_is_not_told_of_a_successor(world: World) -> None:
    """A process was killed, and before its role starts again a successor takes it over: that runs well."""
    world.at(1.0, lambda: world.end(pids(world, "a")[0], -9))
    world.at(2.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(4.0, lambda: swapping(world, "a", 1, "done"))
    world.at(8.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=50.0))) == 130
    told = [(report["roles"]["a"]["state"], report["roles"]["a"]["exit_code"]) for report in world.reports]
    assert ("backoff", -9) in told
    assert ("running", None) in told
    assert ("running", -9) not in told


def test_successor_that_ends_is_told_to_the_space(world: World) -> None:
    """Also one that cannot be started at all, from a path that is no UTF-8."""
    world.suffix = "/caf\udce9"
    world.at(1.0, lambda: swapping(world, "a", 4, "requested"))
    world.at(2.0, lambda: world.end(pids(world, "a")[1], 3))
    world.at(2.5, lambda: swapping(world, "a", 4, "rolled back"))
    world.at(3.0, lambda: (world.broken.add("a"), swapping(world, "a", 5, "requested"))[0])
    world.at(3.5, lambda: swapping(world, "a", 5, "rolled back"))
    world.at(4.0, world.interrupt)
    assert run(world, agent("a")) == 130
    assert [(role, number) for role, number, _ in world.given_up] == [("a", 4), ("a", 5)]
    assert "exit code 3" in world.given_up[0][2]
    assert "no such program" in world.given_up[1][2]
    assert world.given_up[1][2].isascii()


@pytest.mark.parametrize("first", ["predecessor", "server", "only the server"])
def test_server_that_dies_in_a_swap(world: World, first: str) -> None:
    """A predecessor that was replaced already ends well; its role is restarted all the same: nobody fills it."""

    def die() -> None:
        if first == "predecessor":
            world.end(pids(world, "a")[0], 0)
        world.exit("server", -9)
        if first == "server":
            world.end(pids(world, "a")[0], 0)

    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, lambda: (world.swapping.clear(), die())[0])
    world.at(6.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.1))) == 130
    assert len(pids(world, "a")) == 3
    assert world.order("started").count("server") == 2


@pytest.mark.parametrize("is_alive", [True, False])
def test_server_of_others_that_is_restarted_in_a_swap(world: World, is_alive: bool) -> None:
    """A launch that has joined sees a server that knows nothing of the swap: its role is started anew."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, world.swapping.clear)
    if not is_alive:  # it has noticed, too, and ended
        world.at(1.9, lambda: world.end(pids(world, "a")[0], 1))
    world.at(6.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.1)), own_server=False) == 130
    _first, second, _third = pids(world, "a")
    assert world.when("started", "a")[2] == pytest.approx(2.0, abs=0.6)
    assert ("a", "swap 1 is rolled back: the server that led it is gone") in world.said
    assert second not in world.alive


def test_swap_after_the_server_was_restarted(world: World) -> None:
    """A new server counts its swaps anew: number 1 is another one then."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, lambda: swapping(world, "a", 1, "done"))
    world.at(3.0, lambda: (world.swapping.clear(), world.exit("server", -9))[0])
    world.at(6.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(7.0, lambda: swapping(world, "a", 1, "done"))
    world.at(8.0, world.interrupt)
    assert run(world, agent("a")) == 130
    assert len(pids(world, "a")) == 3


def test_role_in_backoff_can_be_swapped(world: World) -> None:
    """Nobody is restarted while a swap decides; a role that was given up works again after one."""
    world.at(1.0, lambda: world.exit("a", 1))
    world.at(1.1, lambda: swapping(world, "a", 1, "requested"))
    world.at(9.0, lambda: swapping(world, "a", 1, "done"))
    world.at(12.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=5.0))) == 130
    assert len(pids(world, "a")) == 2


@pytest.mark.parametrize("is_written", [True, False])
def test_a_swap_of_what_was_not_ready_makes_it_ready_only_by_its_slot(world: World, is_written: bool) -> None:
    """Those that come after it wait, and the time that it has to become ready begins anew."""
    world.at(5.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(6.0, lambda: swapping(world, "a", 1, "done"))
    world.at(7.0, lambda: world.slots.add("out") if is_written else None)
    world.at(20.0, world.interrupt)
    rule = Restart(Policy.ON_FAILURE, backoff=0.5, limit=0)
    assert run(world, agent("a", restart=rule, ready=Ready("out", 2.0)), agent("b", "a"), agent("other")) == 130
    if is_written:
        assert world.when("started", "b")[0] == pytest.approx(7.0, abs=0.3)
    else:
        assert world.when("started", "b") == []
        assert any("not ready within 2 s" in text for role, text in world.said if role == "a")
        assert world.when("asked", "a")[-1] == pytest.approx(8.0, abs=0.6)


def test_successor_is_restarted_with_what_it_took_over(world: World) -> None:
    """A crash, or a further swap, changes no slot name and no parameter that the new class had accepted."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested", spec="x:New", settings={"size": "3"}))
    world.at(2.0, lambda: swapping(world, "a", 1, "done", left_out=["rate"]))
    world.at(3.0, lambda: world.end(pids(world, "a")[1], 1))
    world.at(6.0, lambda: swapping(world, "a", 2, "requested"))
    world.at(7.0, lambda: swapping(world, "a", 2, "done"))
    world.at(8.0, world.interrupt)
    plan = agent("a", params={"rate": 1, "size": 2, "gain": 4}, slots={"image": "cam"})
    assert run(world, plan) == 130
    _first, _second, *later = pids(world, "a")
    assert len(later) == 2
    for pid in later:
        settings = [word for word in world.words[pid] if "=" in word]
        assert sorted(settings) == ["gain=4", "image=cam", "size=3"]


def test_stopped_predecessor_is_killed_when_nobody_acts(world: World) -> None:
    """One that rested and fell silent does not act again when its successor fails: the role is started anew."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, lambda: (world.end(pids(world, "a")[1], 1), swapping(world, "a", 1, "failed", reason="no"))[0])
    world.at(8.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(Policy.ON_FAILURE, backoff=0.1))) == 130
    assert world.when("killed", "a")[0] == pytest.approx(2.0, abs=0.3)
    assert world.when("started", "a")[-1] == pytest.approx(2.1, abs=0.6)


def test_changed_plan_of_a_successor() -> None:
    """The same class adds to what was set; another one has what is set for it, and is offered the rest."""
    plan = AgentPlan("a", "x:Y", params={"rate": 1, "size": 2}, slots={"image": "cam"})
    same = changed(plan, None, {"rate": "3"})
    assert (same.spec, dict(same.params), dict(same.slots)) == ("x:Y", {"rate": "3", "size": 2}, {"image": "cam"})
    renamed = changed(plan, "x:Y", {"image": "other"})
    assert (dict(renamed.params), dict(renamed.slots)) == ({"rate": 1, "size": 2, "image": "other"}, {})
    other = changed(plan, "x:Z", {"rate": "3"})
    assert (other.spec, dict(other.params), dict(other.slots)) == ("x:Z", {"rate": "3"}, {})
    whole = Plan("t", Path("/t.yaml"), Path("/"), (plan,))
    command = successor_command(whole, other, plan, 7)
    assert command.argv[command.argv.index("--swap") + 1] == "7"
    assert json.loads(command.given)["offers"] == {"rate": 1, "size": 2, "image": "cam"}
    assert json.loads(command.given)["packages"] == ["x"], "what the launch names, not what was asked for"
    assert json.loads(successor_command(whole, same, plan, 7).given)["offers"] == {}


def test_swap_that_is_asked_for_while_the_launch_stops_is_refused(world: World) -> None:
    """No successor is started any more, and whoever asked is told why."""
    world.deaf = {"a"}
    world.at(1.0, lambda: world.interrupt(signal.SIGTERM))
    world.at(1.5, lambda: swapping(world, "a", 1, "requested"))
    assert run(world, agent("a", stop_timeout=2.0)) == 128 + signal.SIGTERM
    assert world.given_up == [("a", 1, "is not started: the launch stops")]
    assert world.when("started", "a") == [0.0]


def test_swap_that_is_under_way_when_the_launch_stops_is_given_up(world: World) -> None:
    """Its successor is ended with the others."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, lambda: world.interrupt(signal.SIGTERM))
    assert run(world, agent("a")) == 128 + signal.SIGTERM
    assert ("a", 1, "was given up: the launch stops") in world.given_up
    assert len(world.when("started", "a")) == 2


def test_a_program_of_the_original_has_no_successor(world: World) -> None:
    """Whoever asked for one while nobody filled its role is told so."""
    world.at(1.0, lambda: swapping(world, "a", 1, "requested"))
    world.at(2.0, world.interrupt)
    assert run(world, agent("a", program=Path("/robot/main.py"))) == 130
    assert world.given_up == [("a", 1, "is not started: /robot/main.py is a program; restart it")]
    assert len(pids(world, "a")) == 1
