"""server: a server as a process of a shell."""

from __future__ import annotations

import signal

import pytest
from click.testing import CliRunner

from agentspace.cli import main
from tests.support.server_process import ServerProcess


def test_server_ends_well_and_leaves_nothing():
    """SIGTERM and SIGINT end it with code 0; its socket and its lock are gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with ServerProcess() as server:
            server.process.signal(number)
            assert server.process.wait() == 0
            assert list((server.run / server.NAME).iterdir()) == []


def test_second_server_of_an_address_is_code_1(start, server, space):
    """It names the first, which goes on."""
    second = start("server")
    assert second.wait() == 1
    assert any(f"pid {server.process.pid}" in line for line in second.errors)
    assert space.write("still", 1)


def test_server_ends_when_all_are_stopped():
    """``agentspace stop --all`` ends the agents, then the server."""
    with ServerProcess() as server, server.connect() as space:
        session = space.join("anne")
        session.running()
        result = CliRunner().invoke(main, ["stop", "--all"], env=server.environment)
        assert result.exit_code == 0, result.output
        assert session.receive(10.0) is None
        assert session.stop_requested
        session.leave("stopped")
        assert server.process.wait() == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--space", "tcp://127.0.0.1:1"], "--bind"),
        (["--bind", "nonsense"], "nonsense"),
        (["--bind", "ipc:///tmp/x"], "tcp://"),
        (["--bind", "tcp://127.0.0.1:99999"], "99999"),
        (["--lease", "0"], "0"),
        (["--lease", "nan"], "nan"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_server_that_cannot_be_is_code_2(cli, words, what):
    """What is wrong is named."""
    result = cli("server", "--space", "elsewhere", *words)
    assert (result.exit_code, what in result.stderr) == (2, True)
