"""The commonest mistakes in somebody's first agent: the check and the start say in one line what and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Start
from tests.support.eventually import eventually
from tests.system.cli.conftest import Cli

HEAD = "from agentspace import Agent\n\n\nclass First(Agent):\n"
INIT = "    def init(self):\n        self.attach_timer(1.0)\n"
HANDLER = "    def sense_select_act(self):\n        self.write('x', 1)\n"
RIGHT = HEAD + INIT + HANDLER
OLD = RIGHT.replace("Agent\n", "Agent, Space\n", 1) + "\n\nSpace.read('a', 1)\n"
# what is written, the line that is told, and what is said of it
MISTAKES = {
    "misspelt": (RIGHT.replace("act(", "acts("), 7, "did you mean 'sense_select_act'?"),
    "camel": (RIGHT.replace("sense_select_act", "senseSelectAct"), 7, "sense_select_act"),
    "own_init": (HEAD + "    def __init__(self):\n        self.n = 0\n" + INIT + HANDLER, 5, "super().__init__"),
    "arguments": (HEAD + INIT + HANDLER.replace("(self)", "(self, value)"), 7, "wants value"),
    "no_self": (RIGHT.replace("self.attach", "attach"), 6, "write self.attach_timer"),
    "old_import": ("from agentspace import space\n" + RIGHT, 1, "original Agent-Space"),
    "old_call": (OLD, 11, "self.read"),
    "attribute": ("import agentspace\n" + RIGHT.replace("self.w", "agentspace.space.w"), 9, "Agent-Space"),
    "syntax": (RIGHT.replace("init(self):", "init(self)"), 5, "SyntaxError"),
    "missing": ("import no_such_thing\n" + RIGHT, 1, "no_such_thing"),
}
DOUBTS = {
    "no_handler": (HEAD + INIT, 4, "has no sense_select_act"),
    "no_trigger": (HEAD + HANDLER, 4, "no trigger and no timer"),
    "attribute_near": (RIGHT.replace("self.write", "self.wirte"), 8, "did you mean 'write'"),
    "endless": (HEAD + INIT + "        while True:\n            pass\n" + HANDLER, 7, "init never ends"),
}


def written(folder: Path, name: str, code: str) -> Path:
    """A launch file in a project, with one agent of this code."""
    (folder / "agents").mkdir()
    (folder / "launch").mkdir()
    (folder / "agents" / f"{name}.py").write_text(code)
    file = folder / "launch" / "first.yaml"
    file.write_text(f"version: 1\nagents:\n  first:\n    class: agents.{name}:First\n")
    return file


@pytest.mark.parametrize("name", sorted(MISTAKES | DOUBTS))
def test_the_check_says_what_and_where(start: Start, tmp_path: Path, name: str) -> None:
    """File and line of the launch file, file and line of the agent, what is wrong, and nothing else."""
    code, line, words = (MISTAKES | DOUBTS)[name]
    asked = start("launch", written(tmp_path, name, code), "--check", "--project", tmp_path)
    assert asked.wait() == 2
    (told,) = asked.errors
    assert "launch/first.yaml:4:12: " in told
    assert f"agents/{name}.py:{line}:" in told
    assert words in told


@pytest.mark.parametrize("name", sorted(MISTAKES))
def test_what_is_sure_to_be_wrong_does_not_start(start: Start, tmp_path: Path, name: str) -> None:
    """An agent that is started alone says the same, before it fills a role."""
    code, line, words = MISTAKES[name]
    written(tmp_path, name, code)
    started = start("agent", f"agents.{name}:First", "--project", tmp_path)
    assert started.wait() == 2
    told = "\n".join(started.errors)
    assert f"agents/{name}.py:{line}:" in told
    assert words in told
    assert "Traceback" not in told


@pytest.mark.parametrize("name", sorted(DOUBTS.keys() - {"endless", "attribute_near"}))
def test_what_may_be_meant_starts_and_is_told(start: Start, cli: Cli, tmp_path: Path, name: str) -> None:
    """A line of its log says so; the doctor says it of the role."""
    code, line, words = DOUBTS[name]
    written(tmp_path, name, code)
    with start("agent", f"agents.{name}:First", "--project", tmp_path, "--role", name) as started:
        assert f"agents/{name}.py:{line}:" in started.expect_error(words)
        assert eventually(lambda: words in cli("doctor", "--time", "0").output)
