"""The commands that a supervisor starts, and how it words their ends."""

import json
from pathlib import Path

from agentspace.launch.plan import SIMULATED, Plan
from agentspace.supervise.command import agent_command, server_command
from agentspace.supervise.lifecycle import how
from tests.support.supervised_world import agent


def test_how() -> None:
    """The end of a process is worded for people."""
    assert (how(0), how(-11), how(-64), how(-200)) == (
        "exit code 0",
        "killed by SIGSEGV",
        "killed by SIGRTMAX",
        "killed by signal 200",
    )


def test_commands_in_simulated_time() -> None:
    """The server is told, and sets of text have the same order in all runs, if the file does not say otherwise."""
    one = agent("a")
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), (one,), clock=SIMULATED)
    assert server_command(plan).argv[1:] == ("-m", "agentspace", "server", "--clock", "simulated")
    assert agent_command(plan, one).env == {"PYTHONHASHSEED": "0"}
    assert agent_command(plan, agent("a", env={"PYTHONHASHSEED": "7"})).env == {"PYTHONHASHSEED": "7"}


def test_commands() -> None:
    """As a user would start them by hand, but that the settings stand on no command line."""
    one = agent(
        "a", params={"rate": 5.0, "flip": True, "size": [1, 2], "device": "0"}, slots={"image": "left/camera"}
    )
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), (one,), address="ipc:///x", space="ROBOT")
    assert server_command(plan).argv[1:] == ("-m", "agentspace", "server", "--space", "ipc:///x")
    command = agent_command(plan, one)
    assert command.argv[1:] == (
        *("-m", "agentspace", "agent", "agents.a:Agent", "--role", "a", "--space", "ipc:///x", "--name", "ROBOT"),
        *("--project", "/p", "--stop-timeout", "2.4", "--given"),
    )
    values = {"rate": 5.0, "flip": True, "size": [1, 2], "device": "0", "image": "left/camera"}
    assert json.loads(command.given) == {"values": values, "offers": {}, "packages": None}
