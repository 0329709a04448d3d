"""The name server of YARP as an agent: found, started, ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agents.yarp.client.names import Place
from agents.yarp_server import YarpServer, YarpServerError, configuration, is_local, read_configuration
from agentspace import LocalSpace
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.yarp.network import YarpNetwork

PATIENCE = 20.0
AGENT = """
from agents.yarp_server import YarpServer
from agentspace import LocalSpace
from tests.support.eventually import eventually
with LocalSpace() as space:
    space.run(YarpServer(), "names")
    found = eventually(lambda: space.read("yarp/server"), 20)
    print("started", found["pid"], flush=True)
    input()
"""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[YarpNetwork]:
    """A configuration without a server."""
    with YarpNetwork(start=False) as made:
        made.join(monkeypatch)
        yield made


@pytest.mark.yarp
def test_finds_a_server_that_runs(network: YarpNetwork) -> None:
    """It is told as one that somebody else has started, and outlives the agent."""
    network.start()
    with LocalSpace() as space:
        space.run(YarpServer(), "names")
        found = eventually(lambda: space.read("yarp/server"), PATIENCE)
        assert found == {"place": f"127.0.0.1:{network.port}", "started": False, "pid": None}
    assert network.server is not None
    assert not network.server.ended


@pytest.mark.yarp
def test_starts_a_server_where_none_runs(network: YarpNetwork) -> None:
    """At the place that yarp.conf names; it ends with the agent."""
    with LocalSpace() as space:
        space.run(YarpServer(), "names")
        found = eventually(lambda: space.read("yarp/server"), PATIENCE)
        assert found["started"]
        assert found["place"] == f"127.0.0.1:{network.port}"
        assert "registration name" in network.run("yarp", "name", "query", "/root")
    eventually(lambda: not psutil.pid_exists(found["pid"]))


@pytest.mark.yarp
def test_writes_a_configuration_where_there_is_none(network: YarpNetwork) -> None:
    """As `yarpserver --write` does, so that others find the server."""
    (network.folder / "yarp.conf").unlink()
    with LocalSpace() as space:
        space.run(YarpServer(socket=network.port), "names")
        eventually(lambda: space.read("yarp/server"), PATIENCE)
        written = eventually(lambda: read_configuration(network.folder / "yarp.conf"))
        assert written is not None
        assert written.port == network.port


@pytest.mark.yarp
def test_the_slot_is_empty_while_the_server_hangs(network: YarpNetwork) -> None:
    """A server that does not answer is none; when it answers again, the slot says so."""
    network.start()
    assert network.server is not None
    with LocalSpace() as space:
        space.run(YarpServer(), "names")
        eventually(lambda: space.read("yarp/server"), PATIENCE)
        network.server.signal(signal.SIGSTOP)
        eventually(lambda: space.read("yarp/server") is None)
        network.server.signal(signal.SIGCONT)
        eventually(lambda: space.read("yarp/server"))


@pytest.mark.yarp
def test_a_server_that_dies_ends_the_agent(network: YarpNetwork) -> None:
    """So its supervisor starts both anew."""
    with LocalSpace() as space:
        space.run(YarpServer(), "names")
        found = eventually(lambda: space.read("yarp/server"), PATIENCE)
        os.kill(found["pid"], signal.SIGKILL)
        eventually(lambda: "yarpserver has ended with -9" in space.read("_/errors/names", {}).get("traceback", ""))


@pytest.mark.yarp
def test_an_agent_that_is_killed_takes_its_server_along(network: YarpNetwork) -> None:
    """No name server is left behind."""
    with Program([sys.executable, "-c", AGENT], ROOT) as agent:
        pid = int(agent.expect("started").split()[1])
        agent.kill()
        eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_server_of_another_machine_is_not_started_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If it does not answer, the error says whose it is."""
    (tmp_path / "yarp.conf").write_text("192.0.2.77 10000 yarp\n")
    monkeypatch.setenv("YARP_CONFIG_HOME", str(tmp_path))
    with LocalSpace() as space:
        space.run(YarpServer(), "names")
        error = eventually(lambda: space.read("_/errors/names"), PATIENCE)
        assert "it is another machine's" in error["traceback"]


def test_where_the_configuration_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where YARP looks: YARP_CONFIG_HOME, XDG_CONFIG_HOME, the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("YARP_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert configuration() == tmp_path / ".config" / "yarp" / "yarp.conf"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x")
    assert configuration() == Path("/x/yarp/yarp.conf")
    monkeypatch.setenv("YARP_CONFIG_HOME", "/y")
    assert configuration() == Path("/y/yarp.conf")


def test_what_a_configuration_says(tmp_path: Path) -> None:
    """Host and port; no file is no place; anything else is an error that names the file."""
    file = tmp_path / "yarp.conf"
    assert read_configuration(file) is None
    file.write_text("10.0.0.1 10000 yarp\n")
    assert read_configuration(file) == Place("10.0.0.1", 10000)
    file.write_text("nonsense\n")
    with pytest.raises(YarpServerError, match=r"yarp.conf does not begin with a host and a port: 'nonsense'"):
        read_configuration(file)
    assert is_local("127.0.0.1")
    assert not is_local("203.0.113.5")
