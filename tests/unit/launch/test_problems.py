"""Launch files: what is wrong in one is reported, all of it, each with its place."""

import os
import re
from pathlib import Path

import pytest

from agentspace.core.values.names import check_name
from agentspace.errors import LaunchError, SlotNameError
from agentspace.launch.launchfile import load
from tests.support.launch_files import CAMERA, Load, Write, describe, one_agent, problems


def test_all_problems_at_once(read: Load, write: Write) -> None:
    """A misspelt key, an unknown class, a cycle, a wrong type and more are all reported, each with its place."""
    with pytest.raises(LaunchError) as error:
        read(
            """
            version: 1
            args: {camera: none}
            agents:
              a: {class: "agents.camera:Camra", after: [b]}
              b: {class: "agents.camera:Camera", after: [c], params: {rate: fast, devise: x, image: y}}
              c: {class: "agents.camera:Camera", after: [a, q, e], slots: {imag: x, image: "a b", rate: z}}
              e: {clas: "agents.camera:Camera"}
              f: {class: "agents.camera:Camera", nice: "${camera}", cpus: [99999], params: {rate: "${cam}"}}
              server: {class: "agents.camera:Camera", group: x}
              g: {class: "agents.camera:Needy"}
              h: {class: "agents.camera:Camera", params: {rate: 0, codec: jpg, seed: true, flip: 1, device: 0}}
            include: [{file: robot.yaml}, {file: rabot.yaml}]
            """
        )
    camera = "agents.camera:Camera"
    parameters = ", ".join(CAMERA.parameters)
    with pytest.raises(SlotNameError) as slot_error:
        check_name("a b")
    slot_rule = str(slot_error.value)
    cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    keys = (
        "class, program, arguments, translate, params, slots, if, group, after, ready, env, restart, threads, "
        "cpus, nice, on_exit, stop_timeout"
    )
    assert problems(error) == [
        "robot.yaml:5:14: 'agents.camera:Camra': no such class; did you mean 'Camera'? Valid: Camera, Needy",
        "robot.yaml:5:44: these wait for each other: a → b → c → a",
        "robot.yaml:6:65: parameter rate: 'fast' is str, not float; write a number without quotes",
        f"robot.yaml:6:71: {camera} has no parameter 'devise'; did you mean 'device'? Valid: {parameters}",
        f"robot.yaml:6:82: {camera} has no parameter 'image'; that is a slot: set it under 'slots'",
        "robot.yaml:7:49: there is no agent 'q'; Valid: a, b, c, e, f, g, h, server",
        f"robot.yaml:7:64: {camera} has no slot field 'imag'; did you mean 'image'? Valid: image, state",
        f"robot.yaml:7:80: {slot_rule}",
        f"robot.yaml:7:87: {camera} has no slot field 'rate'; that is a parameter: set it under 'params'",
        f"robot.yaml:8:7: unknown key 'clas' in agents.e; did you mean 'class'? Valid: {keys}",
        "robot.yaml:9:44: agents.f.nice: 'none' is text, not a whole number",
        f"robot.yaml:9:63: there is no CPU core 99999 for us; valid: {cores}",
        "robot.yaml:9:87: there is no argument 'cam'; did you mean 'camera'? Valid: camera, project, launch",
        "robot.yaml:10:3: 'server' is a reserved name; choose another one",
        "robot.yaml:10:50: there is no group 'x'; there is none to choose from",
        "robot.yaml:11:3: parameter path has no default and must be set",
        "robot.yaml:12:53: parameter rate: 0 is too small; at least 0.1",
        "robot.yaml:12:63: parameter codec: 'jpg' is not a choice; did you mean 'jpeg'? Valid: raw, jpeg",
        "robot.yaml:12:74: parameter seed: true is bool, not int",
        "robot.yaml:12:86: parameter flip: 1 is int, not bool",
        'robot.yaml:12:97: parameter device: 0 is int, not str; write "0"',
        "robot.yaml:13:18: the file includes itself: robot.yaml → robot.yaml",
        "robot.yaml:13:38: there is no file 'rabot.yaml'; did you mean 'robot.yaml'? Valid: robot.yaml",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "restart: sometimes",
            "agents.camera.restart: 'sometimes' is not valid; Valid: always, on-failure, never",
        ),
        ("restart: 5", "agents.camera.restart: 5 is int, not text or a mapping"),
        (
            "restart: {policy: x}",
            "agents.camera.restart.policy: 'x' is not valid; Valid: always, on-failure, never",
        ),
        ("restart: {limit: -1}", "agents.camera.restart.limit: -1 is too small; at least 0"),
        *(
            (f"restart: {{{key}: .nan}}", f"agents.camera.restart.{key}: NaN is too small")
            for key in ("window", "backoff", "backoff_max")
        ),
        ("restart: {backoff: 20}", "backoff 20 is more than backoff_max, 10"),
        ("restart: {backoff: 2, backoff_max: 1.5}", "backoff 2 is more than backoff_max, 1.5"),
        ("stop_timeout: .nan", "agents.camera.stop_timeout: NaN is too small"),
        ("ready: {timeout: .NaN}", "agents.camera.ready.timeout: NaN is too small"),
        ("restart: {window: 0}", "agents.camera.restart.window: 0 is too small; more than 0"),
        ("nice: 20", "agents.camera.nice: 20 is too great; at most 19"),
        ("nice: [1]", "agents.camera.nice: [1] is a list, not a whole number"),
        ("cpus: []", "agents.camera.cpus: [] is empty"),
        ("after: [a, a]", 'agents.camera.after: ["a", "a"] has something twice'),
        ("after: camera", "agents.camera.after: 'camera' is text, not a list"),
        ("env: {A: true}", "agents.camera.env.A: true is bool, not text or a number"),
        ("on_exit: die", "agents.camera.on_exit: 'die' is not valid; Valid: continue, shutdown"),
        ("stop_timeout: .inf", "agents.camera.stop_timeout: Infinity is too great; at most 86400"),
        ("if: 3", "agents.camera.if: 3 is int, not true or false or text"),
        ("if: camera == 1", "condition 'camera == 1': 'camera' is not a value; write ${camera} for an argument, "),
        ("params: {device: '${env:HOME}'}", "the environment has no variable 'HOME'"),
        ("params: {device: '${x'}", "'${x': '${' is not closed; write $${ for a plain ${"),
    ],
)
def test_wrong_value(read: Load, settings: str, message: str) -> None:
    """Each kind of wrong value gets a message with the value and what is valid, at its line."""
    with pytest.raises(LaunchError) as error:
        read(one_agent(settings))
    (problem,) = error.value.problems
    assert problem.message.startswith(message)
    assert (problem.file, problem.line) == ("robot.yaml", 3)
    assert problem.column > 39


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "robot.yaml:1:1: the file is empty"),
        ("agents: {", "robot.yaml:1:10: not YAML: while parsing a flow node"),
        ("\x00", "robot.yaml:1:1: not YAML: "),
        ("- 1", "robot.yaml:1:1: [1] is a list, not a mapping"),
        ("version: 2\nagents: {}", "robot.yaml:1:10: version: 2 is not valid; Valid: 1"),
        ("version: 1", "robot.yaml:1:1: no agent takes part: there is nothing to start"),
        ("version: 1\nagents: {a: {}}", "robot.yaml:2:10: agents.a: the key 'class' or 'program' is missing"),
        ("version: 1\nagents: {'a b': {class: 'a:B'}}", "robot.yaml:2:10: 'a b' cannot be a name in agents; "),
        ("version: 1\nagents: {no: {class: 'a:B'}}", 'robot.yaml:2:10: the key no is not text; write "no"'),
        ("version: 1\n? [a]\n: 1", "robot.yaml:2:3: a key must be text"),
        ("version: !new 1", "robot.yaml:1:10: the YAML tag '!new' is not allowed here"),
        ("version: !!int x", "robot.yaml:1:10: 'x' cannot be read: "),
        ("version: &a [*a]", "robot.yaml:1:10: this anchor contains itself"),
        ("version: 1\nversion: 1", "robot.yaml:2:1: key 'version' appears twice; first in line 1"),
    ],
)  # fmt: skip
def test_wrong_file(read: Load, text: str, message: str) -> None:
    """What is no launch file at all gets a message with its place."""
    with pytest.raises(LaunchError) as error:
        read(text)
    assert problems(error)[0].startswith(message)


def test_group_that_is_no_text(read: Load) -> None:
    """An argument that is a list is no name of a group, and is reported as such."""
    text = "version: 1\nargs: {all: [1, 2]}\nagents: {a: {class: agents.camera:Camera, group: '${all}'}}\n"
    with pytest.raises(LaunchError, match=r"robot.yaml:3:\d+: there is no group \[1, 2\]; there is none to"):
        read(text)


def test_missing_file(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a file that does not exist the nearest name is proposed."""
    monkeypatch.chdir(tmp_path)
    write("version: 1", "mirror.yaml")
    with pytest.raises(LaunchError) as error:
        load("miror.yaml", describe=describe)
    assert problems(error) == ["miror.yaml: there is no such file; did you mean 'mirror.yaml'? Valid: mirror.yaml"]


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that is not text is a problem, not a crash."""
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LaunchError, match="cannot be read: not UTF-8"):
        load(tmp_path / "a.yaml", describe=describe)


@pytest.mark.parametrize("where", ["file", "project"])
def test_folder_whose_name_is_no_text(write: Write, tmp_path: Path, where: str) -> None:
    """No agent could say where its project is, nor the launch where its file is: it is refused beforehand."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    file = write("version: 1\nagents: {camera: {class: agents.camera:Camera}}", "launch/x.yaml")
    if where == "file":
        file = file.rename(folder / "x.yaml")
    with pytest.raises(LaunchError) as error:
        load(file, describe=describe, project=folder if where == "project" else tmp_path)
    what = {"file": "launch file", "project": "project"}[where]
    assert len(problems(error)) == 1
    assert f"the path of the {what} cannot be told to agents: " in problems(error)[0]
    assert problems(error)[0].endswith("half of a character, '\\udce9'; rename its folder")


@pytest.mark.parametrize("sign", ["\\0", "\\ud800", "\\udfff"], ids=["NUL", "half", "other half"])
@pytest.mark.parametrize(
    "where",
    [
        'params: {device: "a%sb"}',
        'env: {A: "a%sb"}',
        'slots: {image: "a%sb"}',
        'params: {device: "${text}"}',
        'params: {device: "x/${text}"}',
    ],
)
def test_text_that_no_process_can_be_given(read: Load, where: str, sign: str) -> None:
    """It is refused at its place, also where an argument brings it; a launch never dies of it."""
    text = where % sign if "%s" in where else where
    with pytest.raises(LaunchError) as error:
        read(f"""
            version: 1
            args: {{text: "a{sign}b"}}
            agents:
              a: {{class: "agents.camera:Camera", {text}}}
            """)
    (problem,) = problems(error)
    column = 38 + text.index('"')
    assert problem.startswith(f"robot.yaml:5:{column}: ")
    assert "NUL" in problem if sign == "\\0" else "half of a character" in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'params: {pairs: {"a\\0b": 1}}',
            "no process can be given this key: 'a\\x00b' contains the character NUL",
        ),
        ('params: {pairs: [{x: ["\\ud800"]}]}', "contains half of a character"),
        ('env: {"A\\0B": x}', "cannot be a name in"),
        ('env: {"A=B": x}', "cannot be a name in"),
        (f"env: {{A: {'x' * (1 << 17)}}}", "with its name it has 131075 bytes; at most 131072"),
        (f'env: {{A: "{"ä" * (1 << 16)}"}}', "with its name it has 131075 bytes; at most 131072"),
    ],
)
def test_more_that_no_process_can_be_given(read: Load, text: str, says: str) -> None:
    """Keys at any depth, names of variables, and variables that are too long: at their place."""
    with pytest.raises(LaunchError) as error:
        read(f"""
            version: 1
            agents:
              a: {{class: "agents.camera:Camera", {text}}}
            """)
    found = [problem for problem in problems(error) if says in problem]
    assert len(found) == 1, problems(error)
    assert re.match(r"robot\.yaml:4:\d\d+: ", found[0])


def test_an_environment_that_is_too_long_as_a_whole(read: Load) -> None:
    """No variable is, but all together are more than a process can be given: it is told at the agent."""
    variables = ", ".join(f'F{number}: "${{z}}"' for number in range(80))
    text = f"args: {{z: {{default: {'x' * 100_000}, type: str}}}}\n"
    with pytest.raises(LaunchError) as error:
        read(text + one_agent(f"env: {{{variables}}}"))
    (found,) = problems(error)
    assert "with that of the shell, its environment has" in found
    with pytest.raises(LaunchError) as error:
        read(f"{text}env: {{{variables}}}\n" + one_agent(""))
    (found,) = problems(error)
    assert "with that of the shell, its environment has" in found


@pytest.mark.parametrize("spec", ["agents.camera:" + "C" * 300, "x" * 300 + ":Camera"])
def test_class_whose_name_is_too_long(read: Load, spec: str) -> None:
    """It is named by its beginning, and so is the limit."""
    with pytest.raises(LaunchError) as error:
        read(f"version: 1\nagents: {{a: {{class: '{spec}'}}}}\n")
    (problem,) = error.value.problems
    assert str(problem).startswith(f"robot.yaml:2:21: {spec[:40]!r}... is not an agent: MODULE:CLASS has 3")
    assert str(problem).endswith("; at most 255 are allowed")
