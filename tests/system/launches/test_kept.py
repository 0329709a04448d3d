"""What real agents have kept, over the ends of their processes: signals, stops, the ends of launches, swaps."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from agentspace.client.space import RemoteSpace
from agentspace.core.role import State
from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program, send
from tests.support.server_process import ServerProcess

RATED = COUNTER.replace('tag = Parameter("old")', 'tag = Parameter("old", live=True)')
HOST = """
version: 1
agents:
  host: {class: "agents.counter:Counter", slots: {number: other}}
"""
CREW = """
version: 1
agents:
  first: {class: "agents.counter:Counter", restart: {policy: always, backoff: 0.1}}
"""


@pytest.fixture
def host() -> Iterator[Constellation]:
    """A server with a launch of its own, and the file of another launch."""
    with Constellation(HOST, counter=RATED) as constellation:
        (constellation.folder / "launch" / "crew.yaml").write_text(CREW)
        constellation.await_running("host")
        yield constellation


def launch(host: Constellation) -> Program:
    """The other launch, with its role at work."""
    program = host.run("launch", "launch/crew.yaml", "--join")
    host.await_running("first")
    return program


def count(space: RemoteSpace, total: int) -> None:
    """One more number, of which there were so many then."""
    space.write("number", total)
    assert eventually(lambda: space.read("handled") == total, PATIENCE)
    assert eventually(lambda: space.read("total") == total, PATIENCE)


def ended(host: Constellation, epoch: int) -> bool:
    """Whether another incarnation runs."""
    told = host.role("first")
    return told.get("state") == "running" and told["epoch"] > epoch


def end_process(host: Constellation, number: signal.Signals) -> None:
    """A signal from anybody ends the process of the role; the next one runs."""
    told = host.role("first")
    assert send(told["pid"], number)
    assert eventually(lambda: ended(host, told["epoch"]), PATIENCE)


def test_signal_from_anybody_takes_nothing_away(host: Constellation) -> None:
    """SIGTERM, SIGINT, SIGKILL, and a swap between them: the next process goes on, with what was set."""
    launch(host)
    count(host.space, 1)
    host.space.configure("first", {"tag": "set"})
    for total, number in enumerate([signal.SIGTERM, signal.SIGINT, signal.SIGKILL], 2):
        end_process(host, number)
        count(host.space, total)
        assert host.space.read("by") == "set"
    assert host.space.swap("first").state == "done"
    end_process(host, signal.SIGTERM)
    count(host.space, 5)
    assert host.space.read("by") == "set"


@pytest.mark.parametrize("words", [("stop", "first"), ("restart", "first")])
def test_end_that_the_user_asks_for_begins_anew(host: Constellation, words: tuple[str, ...]) -> None:
    """`stop` and `start`, or `restart`; also after a signal, which kept it."""
    launch(host)
    count(host.space, 1)
    host.space.configure("first", {"tag": "set"})
    end_process(host, signal.SIGTERM)
    count(host.space, 2)
    before = host.role("first")["epoch"]
    assert host.ask(*words)[0] == 0
    if words[0] == "stop":  # the launch ends with its only role
        assert eventually(lambda: host.space.read("launch/crew")["state"] == "stopping", PATIENCE)
        launch(host)
    assert eventually(lambda: ended(host, before), PATIENCE)
    count(host.space, 1)
    assert host.space.read("by") == "old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_launch_that_its_user_ends_begins_anew(host: Constellation, number: signal.Signals) -> None:
    """Ctrl-C, or a SIGTERM to the supervisor: it has asked the space for the ends of its roles."""
    first = launch(host)
    count(host.space, 1)
    end_process(host, signal.SIGTERM)
    count(host.space, 2)
    first.signal(number)
    assert first.wait() == 128 + number
    launch(host)
    count(host.space, 1)


def test_launch_whose_supervisor_is_killed_goes_on(host: Constellation) -> None:
    """Its processes are ended by their guardian, with SIGTERM, which nobody asked for."""
    first = launch(host)
    count(host.space, 1)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert eventually(lambda: host.role("first")["state"] != "running", PATIENCE)
    launch(host)
    count(host.space, 2)


def test_agent_by_hand_goes_on_after_ctrl_c(host: Constellation) -> None:
    """Unless it is to begin anew; settings of its command line are its own."""

    def start(*words: str) -> Program:
        before = host.role("first").get("epoch", 0)
        program = host.run("agent", "agents.counter:Counter", "--role", "first", *words)
        assert eventually(lambda: ended(host, before), PATIENCE)
        return program

    def stop(program: Program) -> None:
        program.signal(signal.SIGINT)
        assert program.wait() == 0

    first = start("tag=one")
    count(host.space, 1)
    host.space.configure("first", {"tag": "set"})
    stop(first)
    second = start()
    count(host.space, 2)
    assert host.space.read("by") == "set"
    stop(second)
    third = start("tag=three")
    count(host.space, 3)
    assert host.space.read("by") == "three"
    start("--replace")
    assert third.wait() == 0
    count(host.space, 4)
    start("--replace", "--fresh")
    count(host.space, 1)
    assert host.ask("stop", "first")[0] == 0
    stop(start())
    fresh = start("--fresh")
    count(host.space, 1)
    stop(fresh)


def test_stop_of_all_ends_roles_that_nobody_fills_too() -> None:
    """What they had kept is over, also while others are still at it."""
    with ServerProcess() as server, server.connect() as space:
        busy = space.join("busy")
        busy.running()
        session = space.join("anne")
        session.running()
        session.commit(None, [], State(1, "seven"))
        session.leave("failed", "bang")
        space.stop("*")
        assert eventually(lambda: space.read("_/server")["stop_requested"])
        heir = space.join("anne")
        assert heir.inherited is None
        heir.leave("stopped")
        busy.leave("stopped")
