"""What a supervisor starts, when, and how often: order, readiness, restarts."""

import signal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.life import LifeState
from agentspace.core.values.value import check
from agentspace.launch.plan import Policy, Ready, Restart
from agentspace.supervise.lifecycle import Action, Lifecycle
from agentspace.supervise.supervisor import (
    EXIT_AGENTS_FAILED,
)
from tests.support.supervised_world import World, agent, run


def test_clean_end(world: World) -> None:
    """When every agent has ended with 0, the server is stopped, and the launch ends with 0."""
    world.always("a", 1.0, 0)
    world.always("b", 2.0, 0)
    assert run(world, agent("a"), agent("b")) == 0
    assert world.order("started") == ["server", "a", "b"]
    assert world.order("asked") == ["server"]
    assert ("launch", "every agent has ended") in world.said


def test_order(world: World) -> None:
    """Agents start when those before them are ready, and stop only when those after them are gone."""
    world.at(1.0, lambda: world.interrupt(signal.SIGTERM))
    assert run(world, agent("a"), agent("b", "a"), agent("c", "b", "a"), agent("d")) == 128 + signal.SIGTERM
    assert world.order("started") == ["server", "a", "d", "b", "c"]
    assert world.order("asked") == ["d", "c", "b", "a", "server"]


def test_slow_dependent_is_waited_for(world: World) -> None:
    """An agent goes on until the one that needs it has really ended."""
    world.deaf = {"b"}
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), agent("b", "a", stop_timeout=2.5)) == 130
    assert world.when("killed", "b") == [3.5]
    assert world.when("asked", "a") == [3.5]


def test_ready_slot(world: World) -> None:
    """With `ready: {slot: x}` others wait until the slot is valid, and the init of the agent is done."""
    world.unready = {"a"}
    world.at(1.0, lambda: world.slots.add("x"))
    world.at(2.0, world.unready.clear)
    world.at(3.0, world.interrupt)
    run(world, agent("a", ready=Ready("x")), agent("b", "a"))
    (start,) = world.when("started", "b")
    assert 2.0 <= start < 2.2


def test_not_ready_in_time(world: World) -> None:
    """An agent that is not ready in time is stopped, and that counts as a failure."""
    world.unready = {"a"}
    policy = Restart(limit=1, backoff=1.0)
    assert run(world, agent("a", ready=Ready(timeout=2.0), restart=policy), agent("b", "a")) == EXIT_AGENTS_FAILED
    assert world.when("started", "a") == [0.0, 3.0]
    assert world.when("asked", "a") == [2.0, 5.0]
    assert world.when("started", "b") == []
    assert ("a", "gave up: not ready within 2 s, after 1 new starts within 60 s") in world.said
    assert ("b", "blocked: never started: a never became ready") in world.said


def test_silent_process_is_replaced(world: World) -> None:
    """A process that lives but has lost its role (it was stopped, or hangs) is killed and started again."""
    world.at(1.0, lambda: world.gone.add("a"))
    world.on_start["a"] = lambda world, pid: world.gone.clear()
    world.at(5.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(backoff=0.5))) == 130
    (killed,) = world.when("killed", "a")
    assert 1.5 <= killed < 2.0
    assert len(world.when("started", "a")) == 2


def test_crash_loop(world: World) -> None:
    """New starts come after 0.5, 1, 2, ... s, at most `backoff_max`; at the limit the role is given up."""
    world.always("a", 0.0, 1)
    policy = Restart(backoff=0.5, backoff_max=3.0, limit=5, window=60.0)
    assert run(world, agent("a", restart=policy)) == EXIT_AGENTS_FAILED
    starts = world.when("started", "a")
    assert [round(later - sooner, 3) for sooner, later in pairwise(starts)] == [0.5, 1, 2, 3, 3]
    assert ("a", "gave up: exit code 1, after 5 new starts within 60 s") in world.said
    assert ("launch", "every agent has ended; not well: a") in world.said


def test_rare_crashes(world: World) -> None:
    """Crashes further apart than the window are forgiven for ever, and the backoff begins anew."""
    world.always("a", 10.0, -signal.SIGSEGV)
    world.at(500.0, world.interrupt)
    assert run(world, agent("a", restart=Restart(limit=2, window=5.0, backoff=0.5))) == 130
    assert world.when("started", "a")[:4] == [0.0, 10.5, 21.0, 31.5]
    assert ("a", "ended: killed by SIGSEGV; starts again in 0.5 s") in world.said


@pytest.mark.parametrize(
    ("policy", "code", "starts", "result"),
    [
        (Policy.NEVER, 0, 1, 0),
        (Policy.NEVER, 3, 1, EXIT_AGENTS_FAILED),
        (Policy.ON_FAILURE, 0, 1, 0),
        (Policy.ON_FAILURE, 3, 3, EXIT_AGENTS_FAILED),
        (Policy.ALWAYS, 0, 3, EXIT_AGENTS_FAILED),
    ],
)
def test_policies(world: World, policy: Policy, code: int, starts: int, result: int) -> None:
    """Each policy restarts after the exit codes that it names."""
    world.always("a", 1.0, code)
    assert run(world, agent("a", restart=Restart(policy, limit=2))) == result
    assert len(world.when("started", "a")) == starts


def test_done_lets_others_start(world: World) -> None:
    """An agent that ends with 0 before it was ready has done what others waited for."""
    world.unready = {"a"}
    world.always("a", 1.0, 0)
    world.always("b", 1.0, 0)
    assert run(world, agent("a"), agent("b", "a")) == 0
    assert world.when("started", "b") == [1.0]


def test_crash_does_not_disturb_others(world: World) -> None:
    """When an agent that others came after is started again, they just go on."""
    world.at(1.0, lambda: world.exit("a", 1))
    world.at(5.0, world.interrupt)
    assert run(world, agent("a"), agent("b", "a")) == 130
    assert world.when("started", "a") == [0.0, 1.5]
    assert len(world.when("started", "b")) == 1


def test_program_is_missing(world: World) -> None:
    """What cannot even be started follows the restart policy."""
    world.broken = {"a"}
    assert run(world, agent("a", restart=Restart(limit=1))) == EXIT_AGENTS_FAILED
    assert [text for name, text in world.said if name == "a" and "cannot be started: no such program" in text]


def test_what_cannot_be_started_is_told_as_text(world: World) -> None:
    """Also where its path is no UTF-8: a slot holds valid text only, and the report would be refused."""
    world.broken, world.suffix = {"a"}, "/caf\udce9"
    assert run(world, agent("a", restart=Restart(limit=1))) == EXIT_AGENTS_FAILED
    for report in world.reports:
        check(report)
    assert "caf\\udce9" in world.reports[-1]["roles"]["a"]["reason"]


def test_report(world: World) -> None:
    """Everybody can see the state of the launch; nothing is reported twice."""
    world.always("a", 1.0, 3)
    run(world, agent("a", restart=Restart(limit=1)))
    assert all(sooner != later for sooner, later in pairwise(world.reports))
    entries = [report["roles"]["a"] for report in world.reports]
    backoff = {"state": "backoff", "pid": None, "restarts": 0, "exit_code": 3, "reason": "exit code 3"}
    assert backoff in entries
    assert {entry["state"] for entry in entries} >= {"running", "backoff", "gave up"}


def test_host_is_closed_after_a_bug(world: World) -> None:
    """Whatever goes wrong in the supervisor, it kills what it started."""

    def explode(_: dict[str, Any]) -> None:
        raise RuntimeError("a bug")

    world.report = explode  # type: ignore[method-assign]  # the simplest way to break it
    with pytest.raises(RuntimeError):
        run(world, agent("a"))
    assert world.closed
    world.alive.clear()  # a real host has killed them


@given(
    codes=st.lists(st.tuples(st.sampled_from([0, 1, -9]), st.floats(0.0, 20.0)), max_size=40),
    policy=st.sampled_from(Policy),
    limit=st.integers(0, 6),
)
def test_never_more_restarts_than_allowed(codes: list[tuple[int, float]], policy: Policy, limit: int) -> None:
    """In no history are there more than `limit` new starts decided within any `window`, nor one after the end."""
    window, now = 30.0, 0.0
    life = Lifecycle("a", Restart(policy, backoff=0.5, backoff_max=4.0, limit=limit, window=window), 10.0, 3.0)
    life.start(now)
    decided: list[float] = []
    for code, uptime in codes:
        if life.is_final:
            assert life.due(now + 1000.0) is None
            break
        life.pid = 1
        life.ready(now)
        now += uptime
        life.exited(code, now)
        if life.state == LifeState.BACKOFF:
            decided.append(now)
            assert life.deadline is not None
            now = life.deadline
            assert life.due(now) is Action.SPAWN
    for first in decided:
        assert sum(first <= time < first + window for time in decided) <= limit
