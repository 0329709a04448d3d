"""A YARP network, and a simulated robot on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.server_process import ServerProcess
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.robot import YarpRobotProcess


@pytest.fixture
def yarp_network() -> Iterator[YarpNetwork]:
    """A YARP network with a real name server; mark tests that use it `yarp`."""
    with YarpNetwork() as network:
        yield network


@pytest.fixture
def joined_network(yarp_network: YarpNetwork, monkeypatch: pytest.MonkeyPatch) -> YarpNetwork:
    """That network, which this process and the agents in its threads are on, too."""
    yarp_network.join(monkeypatch)
    return yarp_network


@pytest.fixture
def yarp_robot(yarp_network: YarpNetwork) -> Iterator[YarpRobotProcess]:
    """A simulated robot on that network, to be started by the test."""
    with ServerProcess() as server, contextlib.closing(YarpRobotProcess(yarp_network, server)) as robot:
        yield robot
