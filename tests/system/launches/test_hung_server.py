"""A launch whose server hangs: its supervisor goes on looking after processes, and obeys at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from agentspace.client.account import SpaceAccount
from agentspace.client.reports import LaunchAccount
from agentspace.client.space import connect
from agentspace.supervise.blackboard import Blackboard
from agentspace.wire.address import parse
from tests.support.constellation import Constellation, is_gone
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, send
from tests.support.server_process import ServerProcess

ROLES = ("one", "two", "three", "four", "five")
LAUNCH = "version: 1\nagents:\n" + "".join(
    f'  {role}: {{class: "agents.counter:Counter", stop_timeout: 1}}\n' for role in ROLES
)


@pytest.fixture
def crew() -> Iterator[Constellation]:
    """A launch of several roles, all ready, whose server hangs."""
    with Constellation(LAUNCH) as constellation:
        constellation.await_running(*ROLES)
        eventually(
            lambda: all(life.state == "running" for life in _launch(constellation).roles.values()), PATIENCE
        )
        server = _launch(constellation).roles["server"].pid
        assert server is not None
        send(server, signal.SIGSTOP)
        try:
            yield constellation
        finally:
            send(server, signal.SIGCONT)


def _launch(crew: Constellation) -> LaunchAccount:
    return SpaceAccount.of(crew.space).launches["test"]


@pytest.mark.alone
def test_questions_to_a_server_that_hangs_cost_one_answer() -> None:
    """Not one each; what was to be told is told when it answers again, each matter as it is in the end."""
    with ServerProcess() as server:
        blackboard = Blackboard(parse(server.address), "mirror")
        assert blackboard.connect()
        blackboard.stop_requested()
        server.process.signal(signal.SIGSTOP)
        began = time.monotonic()
        for role in ROLES:
            assert blackboard.role_state(role, 1) is None
            assert blackboard.dead_letters(role) == (0, 0)
            assert not blackboard.valid("x")
        for state in ("running", "stopping"):
            blackboard.report({"state": state})
        assert time.monotonic() - began < 3.0
        server.process.signal(signal.SIGCONT)
        with connect(server.address, "reader", timeout=PATIENCE) as space:

            def told() -> object:
                blackboard.swaps()
                return space.read("launch/mirror")

            eventually(lambda: told() == {"state": "stopping", "logs": ""}, PATIENCE)
        blackboard.close()


@pytest.mark.parametrize("joins", [False, True], ids=["its own", "that of others"])
def test_only_the_server_of_others_is_waited_for(joins: bool) -> None:
    """Who starts the next server itself asks nothing meanwhile; and meets it when it is told to."""
    with ServerProcess() as server:
        blackboard = Blackboard(parse(server.address), "mirror", joins=joins)
        assert blackboard.connect()
        server.kill()
        server.start()
        with server.connect() as space:
            space.write("x", 1)
        assert blackboard.valid("x") == joins
        assert blackboard.connect()
        assert blackboard.valid("x")
        blackboard.close()


@pytest.mark.alone
def test_ctrl_c_is_obeyed(crew: Constellation) -> None:
    """Within the time that agents and server have to stop; every process is gone then."""
    pids = [pid for role in ROLES for pid in crew.processes_of(role)]
    began = time.monotonic()
    crew.supervisor.signal(signal.SIGINT)
    crew.supervisor.expect_error("once more kills at once")
    assert time.monotonic() - began < 3.0
    assert crew.supervisor.wait() == 130
    assert time.monotonic() - began < 12.0
    assert all(is_gone(pid) for pid in pids)


@pytest.mark.alone
def test_a_second_ctrl_c_kills_at_once(crew: Constellation) -> None:
    """The agents, and after a second the server."""
    crew.supervisor.signal(signal.SIGINT)
    crew.supervisor.expect_error("once more kills at once")
    began = time.monotonic()
    crew.supervisor.signal(signal.SIGINT)
    assert crew.supervisor.wait() == 130
    assert time.monotonic() - began < 5.0
