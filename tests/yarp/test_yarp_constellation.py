"""The simulated iCub, the motor and the whole game on real YARP, each agent a process."""

from __future__ import annotations

import itertools
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from agentspace.client.space import RemoteSpace
from models.icub.simulator import REST
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.recording import recording
from tests.support.server_process import ServerProcess
from tests.support.yarp.network import YarpNetwork

pytestmark = pytest.mark.yarp

SPEED = 60.0  # degrees per second
PATIENCE = 60.0
NEAR, FAR = REST + 10.0, REST + 20.0
ON_YARP = ("driver=yarp", "robot=icubSim")
BY_SLOTS = ("driver=mujoco", "robot=sim")


class Setup:
    """A network, a server, and agents that are processes."""

    def __init__(self, network: YarpNetwork, server: ServerProcess, space: RemoteSpace) -> None:
        self.space = space
        self._environment = network.environment | server.environment
        self._programs: list[Program] = []

    def start(self, spec: str, *settings: str) -> Program:
        command = [sys.executable, "-m", "agentspace", "agent", spec, *settings]
        self._programs.append(Program(command, folder=ROOT, environment=self._environment))
        return self._programs[-1]

    def start_motor(self, *settings: str) -> Program:
        return self.start("agents.motor:Motor", f"speed={SPEED}", *settings)

    def is_at(self, goal: np.ndarray) -> bool:
        self.space.write("joints", goal)
        here = self.space.read("icub/encoders")
        return here is not None and bool(np.abs(here - goal).max() < 1.0)

    def close(self) -> None:
        for program in reversed(self._programs):
            if not program.ended:
                program.signal(signal.SIGTERM)
                program.wait()
            program.close()


@pytest.fixture
def setup(yarp_network: YarpNetwork) -> Iterator[Setup]:
    with ServerProcess() as server, server.connect() as space:
        made = Setup(yarp_network, server, space)
        try:
            yield made
        finally:
            made.close()


def test_the_driver_changes_while_the_robot_runs(setup: Setup) -> None:
    """From YARP to the simulator's slots and back by hot swaps, without a jump; others see the same encoders."""
    slots = ("target=sim/target", "encoders=sim/encoders", "limits=sim/limits")
    setup.start("agents.simulator:Simulator", "yarp=true", "fps=0", *slots)
    with recording(setup.space, "icub/encoders") as seen:
        setup.start_motor(*ON_YARP)
        eventually(lambda: setup.is_at(NEAR), PATIENCE)
        setup.start_motor("--replace", *BY_SLOTS)
        eventually(lambda: setup.space.read("_/swaps/motor", {}).get("state") == "done", PATIENCE)
        eventually(lambda: setup.is_at(FAR), PATIENCE)
        setup.start_motor("--replace", *ON_YARP)
        eventually(lambda: setup.space.read("_/roles/motor")["epoch"] > 2, PATIENCE)
        eventually(lambda: setup.is_at(NEAR), PATIENCE)
        steps = [np.abs(b.value - a.value).max() for a, b in itertools.pairwise(seen)]
    assert max(steps) < 10.0
    assert setup.space.read("icub/limits").shape == (10, 2)


def test_the_game_through_yarp(tmp_path: Path) -> None:
    """It starts a name server as none runs, plays, reports, and leaves nothing behind."""
    with YarpNetwork(start=False) as network:
        settings = ("pairs=4", "shown=1", "fresh=1", f"out={tmp_path}", f"store={tmp_path / 'game.db'}")
        launch = [sys.executable, "-m", "agentspace", "launch", "launch/imitation_yarp.yaml", *settings]
        environment = {**network.environment, "AGENTSPACE_RUN": str(network.folder / "run")}
        with Program(launch, folder=ROOT, environment=environment) as game:
            assert game.wait(110.0) == 0, "\n".join([*game.lines[-60:], *game.errors])
        report = json.loads((tmp_path / "report.json").read_text())
        assert len(report["trials"]) == 2
        assert any("starting yarpserver" in line for line in [*game.lines, *game.errors])
        left = [process for process in psutil.process_iter(["cmdline"]) if str(network.port) in _words(process)]
        assert left == []


def _words(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ())
