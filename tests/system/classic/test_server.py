"""The server of a program that goes away: whose it was says who brings it back."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import written
from tests.system.classic.doubles import SECOND

COUNTS = """
import time
from agentspace import Agent, space
class EyeAgent(Agent):
    def init(self): space.attach_trigger("seen", self)
    def senseSelectAct(self): print("sees", space["seen"])
EyeAgent()
n = 0
while True:
    n += 1; space["seen"] = n; time.sleep(0.05)
"""


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """A server of a user, with a name, that a test may end and start again."""
    with ServerProcess() as running:
        yield running


def classic(file: Path, environment: dict[str, str], *options: str) -> Program:
    """The command, where nothing else has set a server."""
    return Program([sys.executable, "-u", "-P", "-m", "agentspace", "classic", *options, file], None, environment)


@pytest.mark.parametrize("options", [("--space", ServerProcess.NAME), ()], ids=["shared", "own space"])
@pytest.mark.parametrize("how", ["ended", "killed"])
def test_the_address_of_a_users_server_stays_free(
    tmp_path: Path, server: ServerProcess, options: tuple[str, ...], how: str
) -> None:
    """When it is gone, its programs say that they wait; started again, it has its address, and they go on."""
    file = written(tmp_path / "eye", COUNTS, SECOND)
    with (
        classic(file, server.environment, *options) as one,
        classic(file, server.environment, *options) as two,
    ):
        for program in (one, two):
            program.expect("sees 3")
        server.end() if how == "ended" else server.kill()
        for program in (one, two):
            program.expect_error("within 1 s; waits for it")
        server.start()  # which fails where another one has its address
        before = [len(program.lines) for program in (one, two)]
        eventually(lambda: min(len(one.lines) - before[0], len(two.lines) - before[1]) > 2)
        assert not [line for each in (one, two) for line in each.errors if "starts one" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_waits_for_a_server_can_be_ended(
    tmp_path: Path, server: ServerProcess, number: signal.Signals
) -> None:
    """At once, and without a word of how it waited."""
    file = written(tmp_path / "patient", COUNTS.replace("while True", "while n < 1e9"), SECOND)
    with classic(file, server.environment) as program:
        program.expect("sees 3")
        server.end()
        program.expect_error("waits for")
        program.signal(number)
        if number == signal.SIGINT:
            eventually(lambda: any("KeyboardInterrupt" in line for line in program.errors))
            program.signal(number)  # the agent's thread is there yet
        program.wait(10.0)
        assert not [line for line in program.errors if "SpaceUnreachableError" in line or "in thread" in line]
