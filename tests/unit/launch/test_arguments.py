"""Launch files: arguments, conditions, and the files that one includes."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from tests.support.launch_files import Load, Write, one_agent, problems


def test_arguments_keep_their_types(read: Load) -> None:
    """A command line's texts become values of the argument's type; `${x}` alone keeps it."""
    text = """
    version: 1
    args: {n: 3, x: 1.5, flip: false, size: [1, 2], source: {type: str, choices: [a, b]}, seed: null}
    agents:
      camera:
        class: agents.camera:Camera
        params: {rate: "${x}", flip: "${flip}", size: "${size}", device: "${source}", seed: "${n}"}
    """
    plan = read(text, {"n": "-4", "x": "1e1", "flip": "yes", "size": "[3, 4]", "source": "b"})
    assert plan.agents[0].params == {"rate": 10.0, "flip": True, "size": [3, 4], "device": "b", "seed": -4}
    assert plan.arguments["seed"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": "x", "who": "a"}, "command line: argument n: 'x' is not int"),
        ({"n": "0", "who": "a"}, "command line: argument n: 0 is too small; at least 1"),
        ({"m": "0", "who": "a"}, "command line: there is no argument 'm'; Valid: n, who, flip"),
        ({"flip": "maybe", "who": "a"}, "command line: argument flip: 'maybe' is not bool; write true, false"),
        ({}, "robot.yaml:2:37: argument who (your name) has no default: give who=VALUE"),
    ],
)
def test_wrong_arguments(read: Load, arguments: Mapping[str, str], message: str) -> None:
    """A wrong or missing argument is reported once, and nothing else is because of it."""
    with pytest.raises(LaunchError) as error:
        read(
            """\
            version: 1
            args: {n: {default: 3, minimum: 1}, who: {help: your name}, flip: false}
            agents:
              a: {class: "agents.camera:Camera", params: {seed: "${n}", device: "${who}"}, if: "${flip} or true"}
            """,
            arguments,
        )
    assert problems(error)[0] == message
    assert len(error.value.problems) == 1 or message.endswith("Valid: n, who, flip")


def test_wrong_default(read: Load) -> None:
    """The default of an argument must be one of its own values; the built-in names are taken."""
    with pytest.raises(LaunchError) as error:
        read("version: 1\nargs: {n: {default: a, choices: [b]}, project: 3}\n" + one_agent("after: []")[11:])
    assert problems(error) == [
        "robot.yaml:2:21: default 'a' of n: 'a' is not a choice; Valid: b",
        "robot.yaml:2:39: 'project' is given by agentspace; choose another name",
    ]


def test_variables(read: Load, tmp_path: Path) -> None:
    """Texts may name the project, the launch, the environment, earlier arguments, and a plain ${."""
    plan = read(
        """
        version: 1
        args: {base: "${project}/data", port: "${env:PORT}", file: "${base}/x"}
        agents: {camera: {class: "agents.camera:Camera", params: {device: "${launch} ${port} ${file} $${x}"}}}
        """
    )
    assert plan.agents[0].params["device"] == f"robot /dev/x {tmp_path}/data/x ${{x}}"


def test_conditions(read: Load) -> None:
    """What is switched off is not in the plan, is not waited for, and its values are not looked at."""
    text = """
    version: 1
    args: {camera: none, real: false}
    groups: {robot: {if: "${real}"}}
    agents:
      camera: {class: "agents.camera:Camera", if: "${camera} != 'none'", params: {device: "${env:NOTHING}"}}
      yarp: {class: "agents.yarp:Broken", group: robot}
      viewer: {class: "agents.camera:Camera", after: [camera, yarp]}
    include: [{file: missing.yaml, if: "${real}"}]
    """
    plan = read(text)
    assert [agent.role for agent in plan.agents] == ["viewer"]
    assert plan.agents[0].after == ()
    with pytest.raises(LaunchError) as error:
        read(text, {"camera": "0", "real": "true"})
    assert [problem.line for problem in error.value.problems] == [6, 7, 9]


def test_include_with_prefix(read: Load, write: Write) -> None:
    """A file can be included twice under prefixes: roles, slots and readiness are kept apart."""
    write(
        """
        version: 1
        args: {rate: 1.0}
        env: {A: inner, B: inner}
        agents:
          eye: {class: "agents.camera:Camera", params: {rate: "${rate}"}, slots: {state: /clock}, ready: {slot: x}}
          ear: {class: "agents.camera:Camera", slots: {image: eye/camera}, after: [eye, /brain]}
        """,
        "parts/robot.yaml",
    )
    plan = read(
        """
        version: 1
        env: {A: outer}
        agents:
          brain: {class: "agents.camera:Camera"}
          mouth: {class: "agents.camera:Camera", after: [left/ear]}
        include:
          - {file: parts/robot.yaml, prefix: left, args: {rate: 2}}
          - {file: parts/robot.yaml, prefix: right/side}
        """
    )
    agents = {agent.role: agent for agent in plan.agents}
    assert list(agents) == ["brain", "left/eye", "left/ear", "mouth", "right/side/eye", "right/side/ear"]
    assert agents["left/eye"].params == {"rate": 2.0}
    assert agents["right/side/eye"].params == {"rate": 1.0}
    assert agents["left/eye"].slots == {"image": "left/camera", "state": "clock"}
    assert agents["left/eye"].ready.slot == "left/x"
    assert agents["left/ear"].slots == {"image": "left/eye/camera", "state": "left/camera/state"}
    assert agents["left/ear"].after == ("left/eye", "brain")
    assert agents["left/eye"].env == {"A": "outer", "B": "inner"}
    assert agents["left/eye"].place == "parts/robot.yaml:6"


def test_include_problems(read: Load, write: Write) -> None:
    """Cycles of includes, roles that exist already and wrong arguments are found, each in its file."""
    write(
        "version: 1\ninclude: [{file: robot.yaml}]\nagents: {a: {class: 'agents.camera:Camera', nic: 1}}", "b.yaml"
    )
    write("version: 1\nargs: {n: 1}\nagents: {c: {class: 'agents.camera:Camera', after: [d]}}", "c.yaml")
    with pytest.raises(LaunchError) as error:
        read(
            """\
            version: 1
            agents: {a: {class: "agents.camera:Camera"}}
            include: [{file: b.yaml}, {file: c.yaml, prefix: p, args: {m: 1, n: x}}]
            """
        )
    assert [text.partition(";")[0] for text in problems(error)] == [
        "robot.yaml:3:60: c.yaml has no argument 'm'",
        "robot.yaml:3:69: argument n: 'x' is str, not int",
        "b.yaml:2:18: the file includes itself: robot.yaml → b.yaml → robot.yaml",
        "b.yaml:3:10: agent 'a' exists already in robot.yaml:2",
        "b.yaml:3:45: unknown key 'nic' in agents.a",
        "c.yaml:3:53: there is no agent 'd'",
    ]
