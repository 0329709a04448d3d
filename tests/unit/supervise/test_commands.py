"""The commands that a supervisor starts, and how it words their ends."""

from pathlib import Path

from agentspace.launch.expression import written
from agentspace.launch.plan import Plan
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


def test_commands() -> None:
    """Server and agents are started as a user would start them by hand."""
    one = agent(
        "a", params={"rate": 5.0, "flip": True, "size": [1, 2], "device": "0"}, slots={"image": "left/camera"}
    )
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), (one,), address="ipc:///x", space="ROBOT")
    assert server_command(plan).argv[1:] == ("-m", "agentspace", "server", "--space", "ipc:///x")
    assert agent_command(plan, one).argv[1:] == (
        *("-m", "agentspace", "agent", "agents.a:Agent", "--role", "a", "--space", "ipc:///x", "--name", "ROBOT"),
        *(
            "--project",
            "/p",
            "--stop-timeout",
            "2.4",
            "rate=5.0",
            "flip=true",
            "size=[1, 2]",
            "device=0",
            "image=left/camera",
        ),
    )
    assert written({"a": None}) == '{"a": null}'
