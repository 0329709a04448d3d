"""The supervisor's decisions: whole histories replayed with a clock, host and blackboard that tests control."""

import signal
from collections.abc import Callable, Iterator, Set
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.client.account import SwapReport
from agentspace.launch.plan import AgentPlan, OnExit, Plan, Policy, Ready, Restart
from agentspace.supervise.command import Command, agent_command, plain, server_command, successor_command
from agentspace.supervise.host import Event, Exited, Interrupted
from agentspace.supervise.lifecycle import KILL_PATIENCE, Action, Lifecycle, State, how
from agentspace.supervise.supervisor import (
    EXIT_AGENTS_FAILED,
    EXIT_NO_SERVER,
    SERVER_HURRY,
    SERVER_READY_TIMEOUT,
    Supervisor,
)
from agentspace.supervise.swaps import changed

Behaviour = Callable[["World", int], None]


class World:
    """A host and a blackboard in which nothing happens but what a test arranged.

    Processes end at once when asked to, unless their name is in `deaf`; they are ready at once, unless their name
    is in `unready`.
    """

    def __init__(self) -> None:
        self.time = 0.0
        self.limit = 1000.0
        self.names: dict[int, str] = {}  # of every process ever started, by pid
        self.words: dict[int, tuple[str, ...]] = {}  # how each was started
        self.alive: set[int] = set()
        self.history: list[tuple[float, str, str]] = []  # (time, what, name)
        self.said: list[tuple[str, str]] = []
        self.agenda: list[tuple[float, Callable[[], None]]] = []
        self.events: list[Event] = []
        self.on_start: dict[str, Behaviour] = {}
        self.deaf: set[str] = set()
        self.undying: set[str] = set()
        self.unready: set[str] = set()
        self.gone: set[str] = set()
        self.broken: set[str] = set()
        self.slots: set[str] = set()
        self.requested: set[str] = set()
        self.swapping: dict[str, SwapReport] = {}  # what `_/swaps/ROLE` shows
        self.given_up: list[tuple[str, int, str]] = []
        self.reports: list[dict[str, Any]] = []
        self.connectable = True
        self.own_server = True
        self.closed = False

    # What tests arrange

    def at(self, time: float, what: Callable[[], None]) -> None:
        self.agenda.append((time, what))

    def exit(self, name: str, code: int) -> None:
        self.end(self.pid(name), code)

    def end(self, pid: int, code: int) -> None:
        self.alive.remove(pid)
        self.history.append((self.time, "ended", self.names[pid]))
        self.events.append(Exited(pid, code))

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.events.append(Interrupted(number))

    def always(self, name: str, seconds: float, code: int) -> None:
        """Every process of that name ends after so many seconds."""

        def end_later(world: "World", pid: int) -> None:
            world.at(world.time + seconds, lambda: world.exit(name, code) if pid in world.alive else None)

        self.on_start[name] = end_later

    # What tests look at

    def pid(self, name: str) -> int:
        return next(pid for pid in self.alive if self.names[pid] == name)

    def when(self, what: str, name: str) -> list[float]:
        return [round(time, 3) for time, action, who in self.history if (action, who) == (what, name)]

    def order(self, what: str) -> list[str]:
        return [name for _, action, name in self.history if action == what]

    # Host

    def now(self) -> float:
        return self.time

    def spawn(self, name: str, command: Command) -> int:
        if name in self.broken:
            raise FileNotFoundError(f"no such program: {command.argv[0]}")
        pid = 100 + len(self.names)
        self.names[pid] = name
        self.words[pid] = command.argv
        self.alive.add(pid)
        self.history.append((self.time, "started", name))
        if name in self.on_start:
            self.on_start[name](self, pid)
        return pid

    def terminate(self, pid: int) -> None:
        name = self.names[pid]
        self.history.append((self.time, "asked", name))
        if name not in self.deaf:
            self.end(pid, -signal.SIGTERM)

    def kill(self, pid: int) -> None:
        self.history.append((self.time, "killed", self.names[pid]))
        if self.names[pid] not in self.undying and pid in self.alive:
            self.end(pid, -signal.SIGKILL)

    def wait(self, seconds: float) -> list[Event]:
        assert self.time < self.limit, "the launch does not end"
        if not self.events:
            due = min([self.time + seconds, *(time for time, _ in self.agenda)])
            self.time = max(self.time, due)
            for entry in [entry for entry in self.agenda if entry[0] <= self.time]:
                self.agenda.remove(entry)
                entry[1]()
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed = True

    # Contact

    def connect(self) -> bool:
        return self.connectable

    def ask(self) -> None:
        assert not self.own_server or "server" in {self.names[pid] for pid in self.alive}, "asked in vain"

    def valid(self, slot: str) -> bool:
        self.ask()
        return slot in self.slots

    def role_state(self, role: str, pid: int) -> str | None:
        self.ask()
        assert self.names[pid] == role
        if role in self.gone:
            return "gone"
        return "starting" if role in self.unready else "running"

    def swaps(self) -> dict[str, SwapReport]:
        return self.swapping

    def successor_lost(self, role: str, number: int, why: str) -> None:
        self.given_up.append((role, number, why))

    def stop_requested(self) -> Set[str]:
        self.ask()
        return frozenset(self.requested)

    def report(self, report: dict[str, Any]) -> None:
        self.ask()
        self.reports.append(report)

    def say(self, name: str, text: str) -> None:
        self.said.append((name, text))


@pytest.fixture
def world() -> Iterator[World]:
    """A world, which the supervisor must leave in order."""
    world = World()
    yield world
    assert world.closed
    assert not {world.names[pid] for pid in world.alive} - world.undying


def run(world: World, *agents: AgentPlan, own_server: bool = True) -> int:
    world.own_server = own_server
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), agents)
    return Supervisor(plan, world, world, world.say, own_server=own_server).run()


def agent(role: str, *after: str, **settings: Any) -> AgentPlan:
    return AgentPlan(role, f"agents.{role}:Agent", after=after, **settings)


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


@pytest.mark.parametrize(("code", "status"), [(0, 0), (7, 7), (-9, 137)])
def test_on_exit_shutdown(world: World, code: int, status: int) -> None:
    """The end of an agent with `on_exit: shutdown` ends the launch with its exit code."""
    world.always("b", 1.0, code)
    never = Restart(Policy.NEVER)
    assert run(world, agent("a"), agent("b", on_exit=OnExit.SHUTDOWN, restart=never)) == status
    assert world.order("asked") == ["a", "server"]


def test_on_exit_after_restarts(world: World) -> None:
    """It is the last end that counts: as long as it is started again, the launch goes on."""
    world.always("a", 1.0, 5)
    assert run(world, agent("a", on_exit=OnExit.SHUTDOWN, restart=Restart(limit=1))) == 5
    assert len(world.when("started", "a")) == 2


def test_blocked_shutdown_agent_fails(world: World) -> None:
    """If the agent that should end the launch can never start, the launch ends, and not with 0."""
    world.always("a", 1.0, 5)
    world.unready = {"a"}
    shutdown = agent("b", "a", on_exit=OnExit.SHUTDOWN)
    assert run(world, agent("a", restart=Restart(Policy.NEVER)), shutdown) == EXIT_AGENTS_FAILED


def test_second_interrupt_kills(world: World) -> None:
    """A second Ctrl-C kills all agents at once; the server gets a second to clean up."""
    world.deaf = {"a", "b", "server"}
    world.at(1.0, world.interrupt)
    world.at(1.5, world.interrupt)
    assert run(world, agent("a"), agent("b", "a")) == 130
    assert world.when("killed", "a") == world.when("killed", "b") == [1.5]
    assert world.when("asked", "server") == [1.5]
    assert world.when("killed", "server") == [1.5 + SERVER_HURRY]


def test_third_interrupt_kills_the_server(world: World) -> None:
    """When only the server is left, Ctrl-C kills it."""
    world.deaf = {"server"}
    world.at(1.0, world.interrupt)
    world.at(1.2, world.interrupt)
    run(world, agent("a"))
    assert world.when("killed", "server") == [1.2]


def test_second_sigterm_is_patient(world: World) -> None:
    """Only Ctrl-C hurries: a second SIGTERM changes nothing."""
    world.deaf = {"a"}
    world.at(1.0, lambda: world.interrupt(signal.SIGTERM))
    world.at(1.5, lambda: world.interrupt(signal.SIGHUP))
    assert run(world, agent("a")) == 128 + signal.SIGTERM
    assert world.when("killed", "a") == [4.0]


def test_unkillable(world: World) -> None:
    """A process that hangs in the kernel is named, and does not keep the launch from ending."""
    world.deaf = world.undying = {"a"}
    world.at(1.0, world.interrupt)
    assert run(world, agent("a", stop_timeout=1.0)) == 130
    assert ("a", "failed: process 101 cannot be killed") in world.said
    assert world.time == 2.0 + KILL_PATIENCE


def test_stopped_role_is_not_restarted(world: World) -> None:
    """A role that somebody stops stays stopped, whatever its policy."""
    world.at(1.0, lambda: world.requested.add("a"))
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(Policy.ALWAYS)), agent("b"))
    assert len(world.when("started", "a")) == 1
    assert len(world.when("asked", "a")) == 1


def test_role_that_stops_itself_on_request(world: World) -> None:
    """It does not matter whether the request or the end is seen first."""

    def stop() -> None:
        world.requested.add("a")
        world.exit("a", 0)

    world.at(1.0, stop)
    world.at(9.0, world.interrupt)
    run(world, agent("a", restart=Restart(Policy.ALWAYS)), agent("b"))
    assert len(world.when("started", "a")) == 1
    assert ("a", "has stopped") in world.said


def test_stop_during_backoff(world: World) -> None:
    """A role that waits for its new start can be stopped too."""
    world.always("a", 1.0, 1)
    world.at(1.2, lambda: world.requested.add("a"))
    assert run(world, agent("a", restart=Restart(backoff=5.0))) == 0
    assert len(world.when("started", "a")) == 1


def test_stop_everything(world: World) -> None:
    """Somebody may ask the whole launch to stop; that is no failure."""
    world.at(1.0, lambda: world.requested.add("*"))
    assert run(world, agent("a"), agent("b")) == 0


def test_interrupt_while_starting(world: World) -> None:
    """Ctrl-C before everything has started: what waits never starts, what starts is stopped."""
    world.unready = {"a"}
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), agent("b", "a")) == 130
    assert world.order("started") == ["server", "a"]
    assert not [text for name, text in world.said if name == "b"]


def test_server_does_not_start(world: World) -> None:
    """A server that ends before it ever answered is not started again; no agent starts."""
    world.connectable = False
    world.always("server", 0.5, 1)
    assert run(world, agent("a")) == EXIT_NO_SERVER
    assert world.order("started") == ["server"]
    assert ("launch", "there is no server: exit code 1") in world.said


def test_server_does_not_answer(world: World) -> None:
    """A server that nobody can reach ends the launch."""
    world.connectable = False
    assert run(world, agent("a")) == EXIT_NO_SERVER
    assert world.when("asked", "server") == [SERVER_READY_TIMEOUT]


def test_server_crash(world: World) -> None:
    """A server that worked is started again at once; the agents go on; it is told the state again."""
    world.at(1.0, lambda: world.exit("server", -9))
    world.at(5.0, world.interrupt)
    assert run(world, agent("a")) == 130
    assert world.when("started", "server") == [0.0, 1.1]
    assert world.when("started", "a") == [0.0]
    assert world.reports[-1]["roles"]["server"]["restarts"] == 1


def test_server_that_was_stopped(world: World) -> None:
    """A server that somebody stops, so that it ends well, ends the launch well."""
    world.at(1.0, lambda: world.exit("server", 0))
    assert run(world, agent("a")) == 0
    assert world.order("asked") == ["a"]


def test_server_crash_loop(world: World) -> None:
    """A server that crashes again and again ends the launch."""
    world.always("server", 1.0, 1)
    assert run(world, agent("a")) == EXIT_NO_SERVER
    assert world.order("asked") == ["a"]


def test_server_of_somebody_else(world: World) -> None:
    """A launch can use a server that runs already, and leaves it alone."""
    world.at(1.0, world.interrupt)
    assert run(world, agent("a"), own_server=False) == 130
    assert world.order("started") == world.order("asked") == ["a"]
    assert "server" not in {name for name, _ in world.said}


def test_server_of_somebody_else_is_missing(world: World) -> None:
    """A server that should run already but does not answer ends the launch."""
    world.connectable = False
    assert run(world, agent("a"), own_server=False) == EXIT_NO_SERVER


def test_program_is_missing(world: World) -> None:
    """What cannot even be started follows the restart policy."""
    world.broken = {"a"}
    assert run(world, agent("a", restart=Restart(limit=1))) == EXIT_AGENTS_FAILED
    assert [text for name, text in world.said if name == "a" and "cannot be started: no such program" in text]


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
        life.ready()
        now += uptime
        life.exited(code, now)
        if life.state == State.BACKOFF:
            decided.append(now)
            assert life.deadline is not None
            now = life.deadline
            assert life.due(now) is Action.SPAWN
    for first in decided:
        assert sum(first <= time < first + window for time in decided) <= limit


def test_how() -> None:
    """The end of a process is worded for people."""
    assert (how(0), how(-11), how(-64), how(-200)) == (
        "exit code 0",
        "killed by SIGSEGV",
        "killed by SIGRTMAX",
        "killed by signal 200",
    )


def test_commands() -> None:
    """Server and agents are started as a user would start them by hand."""
    one = agent(
        "a", params={"rate": 5.0, "flip": True, "size": [1, 2], "device": "0"}, slots={"image": "left/camera"}
    )
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), (one,), address="ipc:///x", space="ROBOT")
    assert server_command(plan).argv[1:] == ("-m", "agentspace", "server", "--space", "ipc:///x")
    assert agent_command(plan, one).argv[1:] == (
        *("-m", "agentspace", "agent", "agents.a:Agent", "--role", "a", "--space", "ipc:///x", "--name", "ROBOT"),
        *(
            "--project",
            "/p",
            "--stop-timeout",
            "2.4",
            "rate=5.0",
            "flip=true",
            "size=[1, 2]",
            "device=0",
            "image=left/camera",
        ),
    )
    assert plain({"a": None}) == '{"a": null}'


# Swaps


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


def test_successor_that_ends_is_told_to_the_space(world: World) -> None:
    """Also one that cannot be started at all."""
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
    words = successor_command(whole, other, plan, 7).argv
    assert words[words.index("--swap") + 1] == "7"
    assert [words[i + 1] for i, word in enumerate(words) if word == "--offer"] == ["rate=1", "size=2", "image=cam"]
    assert "--offer" not in successor_command(whole, same, plan, 7).argv


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
