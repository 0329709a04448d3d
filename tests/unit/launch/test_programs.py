"""Programs of the original Agent-Space in launch files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from agentspace.launch.launchfile import load
from agentspace.supervise.command import agent_command
from tests.support.launch_files import Load, Write, describe, problems

WRONG = {
    "{program: mane.py}": "2:23: there is no program 'mane.py'",
    "{program: main.py, class: 'a:B'}": "2:14: agents.a: it has 'class' and 'program': give one of them",
    "{program: main.py, params: {x: 1}}": "2:32: a program has no params; ",
    "{program: main.py, slots: {x: y}}": "2:32: a program has no slots; ",
    "{class: 'agents.camera:Camera', arguments: [1]}": "2:45: arguments are those of a program",
    "{program: main.py, arguments: 1}": "2:43: agents.a.arguments: 1 is int, not a list",
    "{program: main.py, translate: {camera: bgr}}": "2:52: agents.a.translate.camera: 'bgr' is not of the form",
    "{program: main.py, translate: {mode: [use]}}": "2:50: 'mode' is translated to 2 words or more",
    "{program: main.py, translate: {mode: [a, 'b,c']}}": "2:54: agents.a.translate.mode[1]: 'b,c' is not of ",
    "{program: main.py, translate: {mode: [a, a]}}": '2:50: agents.a.translate.mode: ["a", "a"] has some',
    "{class: 'agents.camera:Camera', translate: {camera: rgb}}": "2:45: only what a program says is translated",
    "{if: true}": "2:10: agents.a: the key 'class' or 'program' is missing",
}


@pytest.mark.parametrize("entry", WRONG)
def test_what_is_wrong_with_a_program_is_told(read: Load, tmp_path: Path, entry: str) -> None:
    """With its place, and the valid choices."""
    (tmp_path / "main.py").write_text("")
    with pytest.raises(LaunchError) as error:
        read(f"version: 1\nagents: {{a: {entry}}}")
    assert [told for told in problems(error) if told.startswith(f"robot.yaml:{WRONG[entry]}")], problems(error)


def test_no_program_counts_simulated_time(read: Load, tmp_path: Path) -> None:
    """Its timers and sleeps are its own."""
    (tmp_path / "main.py").write_text("")
    with pytest.raises(LaunchError, match="no program can take part: a would"):
        read("clock: simulated\nagents: {a: {program: main.py}}")


def test_a_program_is_run_in_the_space_of_the_launch(read: Load, tmp_path: Path) -> None:
    """From its folder, under its role, with its arguments as texts."""
    (tmp_path / "duck").mkdir()
    (tmp_path / "duck" / "main.py").write_text("")
    more = "arguments: [--fast, 3, 0.5, true], translate: {camera: rgb, mode: [acquire, use]}"
    plan = read(f"agents: {{duck: {{program: duck/main.py, {more}}}}}")
    (agent,) = plan.agents
    assert agent.arguments == ("--fast", "3", "0.5", "true")
    command = agent_command(plan, agent)
    assert command.cwd == tmp_path / "duck"
    assert command.argv[-5:] == (str(tmp_path / "duck" / "main.py"), "--fast", "3", "0.5", "true")
    assert command.argv[command.argv.index("--role") + 1] == "duck"
    assert command.argv[command.argv.index("--name") + 1] == plan.space
    assert [word for word in command.argv if "translate" in word] == [
        "--translate=camera=rgb",
        "--translate=mode=acquire,use",
    ]
    assert "duck/main.py" in plan.describe()
    assert "translates camera=rgb, mode=acquire,use" in plan.describe()


def test_a_program_may_have_its_copy_beside_the_launch_file(write: Write) -> None:
    """Where only agents of this library run, such a file takes the library's name, which `--check` tells."""
    file = write("version: 1\nagents: {a: {program: main.py}}\n")
    (file.parent / "main.py").write_text("")
    (file.parent / "agentspace.py").write_text("class Agent:\n    def senseSelectAct(self): pass\n")
    assert load(file, {}, describe=describe, environment={}, strict=True).agents
    file.write_text("version: 1\nagents: {a: {class: 'agents.camera:Camera'}}\n")
    with pytest.raises(LaunchError, match="agentspace classic"):
        load(file, {}, describe=describe, environment={}, strict=True)
