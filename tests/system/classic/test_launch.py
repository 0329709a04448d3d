"""A program of the original in a launch file: an entry like any other, beside a new agent in one space."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from agentspace import connect
from agentspace.client.account import SpaceAccount
from agentspace.client.orders import Want, give
from agentspace.errors import RoleOrderError, SwapError
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.system.classic.conftest import written
from tests.system.classic.doubles import SECOND

PROGRAM = """
import os, sys, time
from agentspace import Agent, space
class CountAgent(Agent):
    def init(self):
        space.attach_trigger("crash", self)
        print("counts by", sys.argv[1])
        n = 0
        while not self.stopped:
            n += int(sys.argv[1]); space["count"] = n; time.sleep(0.02)
            if space["crash"]: os._exit(5)
    def senseSelectAct(self): pass
CountAgent()
"""
AGENT = """
from agentspace import Agent
class Double(Agent):
    def init(self): self.attach_trigger("count")
    def sense_select_act(self): self.write("double", 2 * self.read("count", 0))
"""
LAUNCH = """
version: 1
agents:
  duck: {program: duck/main.py, arguments: [3], restart: {policy: on-failure, backoff: 0.1}}
  double: {class: "new:Double", after: [duck]}
"""


def ordered(folder: Path, environment: dict[str, str], *words: str) -> tuple[int, str]:
    """An order, to its end: its code, and what it says."""
    with Program([sys.executable, "-P", "-m", "agentspace", *words], folder, environment) as order:
        return order.wait(), "\n".join([*order.lines, *order.errors])


def test_an_agent_of_a_program_is_not_begun_anew_alone(tmp_path: Path) -> None:
    """Whoever orders that, by command or in code, is told why, and what to do; which is done then."""
    written(tmp_path / "duck", PROGRAM, SECOND)
    (tmp_path / "robot.yaml").write_text(LAUNCH.partition("  double")[0])
    with tempfile.TemporaryDirectory(prefix="as-") as run:
        environment = {"AGENTSPACE_RUN": run, "AGENTSPACE_SPACE": "lab"}
        command = [sys.executable, "-P", "-m", "agentspace", "launch", "robot.yaml"]
        with (
            Program(command, tmp_path, environment),
            connect(f"ipc://{run}/lab/server.sock", timeout=30) as space,
        ):
            eventually(lambda: space.read("count", 0))
            for order in ("swap", "restart", "start"):
                code, said = ordered(tmp_path, environment, order, "duck/count")
                assert code == 1
                assert f"an agent of the program {tmp_path}/duck/main.py, whose agents (1 now) are threads" in said
                assert "it cannot be swapped or restarted alone" in said
                assert "`agentspace stop duck/count` ends it; `agentspace restart duck` begins" in said
            with pytest.raises(
                SwapError,
                match=r"'duck' is the program .*: it cannot be swapped; `agentspace restart duck` begins",
            ):
                space.swap("duck")
            with pytest.raises(RoleOrderError, match="'duck/count' is an agent of the program"):
                give(space, "duck/count", Want.RESTART)
            assert ordered(tmp_path, environment, "restart", "duck")[0] == 0
            eventually(lambda: SpaceAccount.of(space).roles["duck/count"].epoch == 2)
            space.stop("*")


def test_a_program_is_supervised_and_meets_new_agents(tmp_path: Path) -> None:
    """It begins when it should, gets its arguments, is started again after a crash, and ends with the launch."""
    written(tmp_path / "duck", PROGRAM, SECOND)
    (tmp_path / "new.py").write_text(AGENT)
    (tmp_path / "robot.yaml").write_text(LAUNCH)
    with tempfile.TemporaryDirectory(prefix="as-") as run:
        environment = {"AGENTSPACE_RUN": run, "AGENTSPACE_SPACE": "lab"}
        command = [sys.executable, "-m", "agentspace", "launch", "robot.yaml"]
        with (
            Program(command, tmp_path, environment) as launch,
            connect(f"ipc://{run}/lab/server.sock", timeout=30) as space,
        ):
            eventually(lambda: space.read("double", 0))
            assert space.read("double") % 6 == 0
            roles = SpaceAccount.of(space).roles
            assert (roles["duck"].state, roles["duck/count"].state) == ("running", "running")
            eventually(lambda: any("counts by 3" in line for line in [*launch.lines, *launch.errors]))
            space.write("crash", True)
            eventually(lambda: SpaceAccount.of(space).roles["duck"].epoch == 2)
            space.delete("crash")
            eventually(lambda: SpaceAccount.of(space).roles["duck"].state == "running")
            before = space.entry("count")
            eventually(lambda: (now := space.entry("count")) is not None and now.revision > before.revision + 2)
            space.stop("*")
            assert launch.wait() == 0, launch.lines
