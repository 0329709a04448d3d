"""A simulated robot on a YARP network and in a space, and what its clients begin with."""

from __future__ import annotations

import signal
import sys
from typing import Any

import numpy as np

from agentspace.client.space import RemoteSpace
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program
from tests.support.server_process import ServerProcess
from tests.support.yarp.network import YarpNetwork

PART = """
import time
def open_part(part, local, robot="/icubSim"):
    options = yarp.Property()
    options.put("device", "remote_controlboard")
    options.put("remote", f"{robot}/{part}")
    options.put("local", local)
    driver = yarp.PolyDriver(options)
    if not driver.isValid():
        say("invalid")
        raise SystemExit
    return driver
def encoders(driver):
    view = driver.viewIEncoders()
    values = yarp.DVector(view.getAxes())
    while not view.getEncoders(values):
        time.sleep(0.001)
    return list(values)
def done(driver, joint):
    while not driver.viewIPositionControl().checkMotionDone():
        time.sleep(0.001)
    return encoders(driver)[joint]
"""
"""What clients begin with: a part as every program of YARP opens it."""


class YarpRobotProcess:
    """A simulated robot on a network of YARP and in a space, ended with the test."""

    def __init__(self, network: YarpNetwork, server: ServerProcess) -> None:
        self.network, self.server = network, server
        self.space: RemoteSpace = server.connect("watcher")
        self.processes: list[Program] = []

    def start(self, *parameters: str) -> Program:
        command = [
            sys.executable,
            "-m",
            "agentspace",
            "agent",
            "agents.simulator:Simulator",
            "yarp=true",
            "size=64",
        ]
        environment = self.network.environment | self.server.environment
        self.processes.append(Program([*command, *parameters], environment=environment))
        return self.processes[-1]

    def account(self, name: str = "icub/yarp") -> dict[str, Any]:
        return self.space.read(name) or {}

    def wait_for(self, state: str, name: str = "icub/yarp", timeout: float = PATIENCE) -> dict[str, Any]:
        """Waits until the robot tells of a state; gives its whole account."""
        eventually(lambda: self._failed() or str(self.account(name).get("state", "")).startswith(state), timeout)
        assert not self._failed(), "\n".join(self.processes[-1].errors)
        return self.account(name)

    def _failed(self) -> bool:
        return self.processes[-1].ended and bool(self.processes[-1].wait())

    def serve(self, *parameters: str) -> Program:
        process = self.start(*parameters)
        self.wait_for("serving")
        return process

    def client(self, code: str, *arguments: str) -> Program:
        return self.network.client(PART + code, *arguments)

    def encoders(self) -> np.ndarray:
        return np.asarray(self.space.read("icub/encoders"))

    def reaches(self, goal: np.ndarray, tolerance: float = 0.5) -> None:
        eventually(lambda: self.space.read("icub/encoders") is not None and near(self.encoders(), goal, tolerance))

    def close(self) -> None:
        self.space.close()
        for process in self.processes:
            if not process.ended:
                process.signal(signal.SIGCONT)
            process.close()


def near(values: np.ndarray, goal: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(values - goal).max() < tolerance)


def words(line: str) -> list[str]:
    """What a line says, without its first word."""
    return line.split()[1:]
