"""The commands that start, restart and stop roles of a real launch, and what the others show meanwhile."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from agentspace.agent.run_folder import RUN_FOLDER
from agentspace.client.account import SpaceAccount
from agentspace.inspect.commander import Commander
from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, send

FRAGILE = COUNTER.replace("self.total = 0", "self.total = 0\n        open(self.project / self.tag).close()")
LAUNCH = """
version: 1
agents:
  counter: {class: "agents.counter:Counter"}
  fragile: {class: "agents.fragile:Counter", params: {tag: needed}, restart: {limit: 1, backoff: 0.1}}
  second: {class: "agents.counter:Counter", after: [fragile]}
  third: {class: "agents.counter:Counter", after: [second]}
  slow: {class: "agents.counter:Counter", ready: {slot: never, timeout: 500}}
  waits: {class: "agents.counter:Counter", after: [slow]}
"""

LATE = f"""
import os, time
if "{RUN_FOLDER}" in os.environ:  # not where it is only described
    time.sleep(100)
{COUNTER}
"""


@pytest.fixture
def crew() -> Iterator[Constellation]:
    """A launch in which one role gave up, two are blocked by it, and one waits for ever."""
    with Constellation(LAUNCH, fragile=FRAGILE) as constellation:
        constellation.await_running("counter", "slow")
        eventually(lambda: states(constellation).get("third") == "blocked", PATIENCE)
        yield constellation


def states(crew: Constellation) -> dict[str, str]:
    """What `ps` shows."""
    code, answer, errors = crew.ask("ps", "--json")
    assert code == 0, errors
    return {role["role"]: role["state"] for role in json.loads(answer)}


def life(crew: Constellation, role: str) -> dict[str, Any]:
    told: dict[str, Any] = crew.space.read("launch/test")["roles"][role]
    return told


def test_ps_shows_every_role_of_a_launch(crew: Constellation) -> None:
    """Those that wait, are blocked, or gave up, with the reason."""
    assert states(crew) == {
        "counter": "running",
        "fragile": "gave up",
        "second": "blocked",
        "slow": "running",
        "third": "blocked",
        "waits": "waiting",
    }
    _, table, _ = crew.ask("ps")
    assert "never started: fragile never became ready" in table


def test_what_was_blocked_starts_when_it_is_repaired(crew: Constellation) -> None:
    """`start` of the one that gave up brings all of them back; before, it says why it cannot."""
    code, _, errors = crew.ask("start", "fragile")
    assert code == 1
    assert "start of 'fragile' failed: exit code 1" in errors
    (crew.folder / "needed").touch()
    code, answer, errors = crew.ask("start", "fragile", "--json")
    assert code == 0, errors
    assert json.loads(answer)[0]["pid"] == crew.role("fragile")["pid"]
    crew.await_running("second", "third")
    assert states(crew)["third"] == "running"
    assert life(crew, "fragile")["restarts"] == 0


def test_a_swap_repairs_one_that_nobody_ever_filled(crew: Constellation) -> None:
    """One that is blocked starts with new settings; one that gave up, too, and those after it."""
    code, answer, errors = crew.ask("swap", "third", "tag=new")
    assert code == 0, errors
    assert crew.role("third")["settings"]["tag"] == "new"
    (crew.folder / "other").touch()
    code, answer, errors = crew.ask("swap", "fragile", "tag=other", "--json")
    assert code == 0, errors
    assert json.loads(answer)["state"] == "done"
    crew.await_running("second")


def test_restart_gives_another_process(crew: Constellation) -> None:
    """Its pid is told; the launch goes on; a stop before the restart does not count after it."""
    before = crew.role("counter")["pid"]
    code, answer, errors = crew.ask("restart", "counter")
    assert code == 0, errors
    after = crew.role("counter")["pid"]
    assert answer == f"counter: runs, pid {after}"
    assert after != before
    assert crew.ask("stop", "counter")[0] == 0
    eventually(lambda: life(crew, "counter")["state"] == "stopped")
    for _ in range(2):
        code, answer, _ = crew.ask("restart", "counter", "--json")
        assert (code, json.loads(answer)[0]["pid"]) == (0, crew.role("counter")["pid"])
    assert life(crew, "counter")["state"] == "running"


def test_stop_ends_those_that_are_being_imported() -> None:
    """By the command and by inspectors: nobody fills such a role yet, but a process is about to."""
    launch = "version: 1\nagents:\n" + "".join(
        f'  {role}: {{class: "agents.late:Counter", ready: {{timeout: 500}}}}\n'
        for role in ("one", "two", "three")
    )
    with Constellation(launch, late=LATE) as crew:
        eventually(lambda: crew.space.read("launch/test", {}).get("roles", {}).get("one", {}).get("pid"), PATIENCE)
        known = SpaceAccount.of(crew.space).everybody["one"]
        assert (known.state, known.filled) == ("starting", False)
        code, answer, errors = crew.ask("stop", "one", "--json")
        assert (code, json.loads(answer)) == (0, {"stopped": ["one"], "left": []}), errors
        assert life(crew, "one")["state"] == "stopped"
        assert Commander(crew.address).stop("two") == "two is stopped, and does not start by itself"
        assert life(crew, "two")["state"] == "stopped"
        assert life(crew, "three")["state"] == "starting"


def test_stop_reaches_those_that_do_not_run(crew: Constellation) -> None:
    """One that waits or is blocked does not start when it could; `start` brings it back."""
    assert crew.ask("stop", "third", "waits")[0] == 0
    assert (life(crew, "third")["state"], life(crew, "waits")["state"]) == ("stopped", "stopped")
    assert crew.ask("start", "waits")[0] == 0
    assert crew.role("waits")["state"] == "running"
    assert crew.ask("stop", "waits")[0] == 0
    eventually(lambda: life(crew, "waits")["state"] == "stopped")


def test_mistakes_are_told(crew: Constellation) -> None:
    """An unknown role names the valid ones, a role of no launch the command to start it by hand."""
    code, _, errors = crew.ask("restart", "counter", "nobody")
    assert code == 2
    assert "there is no role 'nobody'" in errors
    assert "counter, fragile, second, slow, third, waits" in errors
    by_hand = crew.run("agent", "agents.counter:Counter", "--role", "lonely")
    crew.await_running("lonely")
    code, _, errors = crew.ask("restart", "lonely")
    assert code == 1
    assert "agentspace agent agents.counter:Counter --role lonely --replace" in errors
    by_hand.signal(signal.SIGTERM)
    by_hand.wait()


def test_a_supervisor_that_does_not_answer(crew: Constellation) -> None:
    """The order is withdrawn, its supervisor named, and nothing is done when that wakes up."""
    before = crew.role("counter")["pid"]
    assert send(crew.supervisor.pid, signal.SIGSTOP)
    try:
        code, _, errors = crew.ask("restart", "counter", "--timeout", "2")
    finally:
        send(crew.supervisor.pid, signal.SIGCONT)
    assert code == 1
    assert f"pid {crew.supervisor.pid}" in errors
    assert crew.ask("start", "counter")[0] == 0  # it is awake, and has seen all that there was
    assert crew.role("counter")["pid"] == before
