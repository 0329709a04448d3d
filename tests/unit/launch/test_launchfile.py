"""Launch files: what becomes of them, and what is said about what is wrong in them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from agentspace.core.slot import check_name
from agentspace.errors import LaunchError, SlotNameError
from agentspace.launch import description as descriptions
from agentspace.launch.description import Description, DescriptionError
from agentspace.launch.document import Document
from agentspace.launch.launchfile import load, project_folder
from agentspace.launch.order import order
from agentspace.launch.plan import OnExit, Plan, Policy, Ready, Restart
from agentspace.launch.structure import check, schema
from tests.support.paths import ROOT

CAMERA = Description.from_dict(
    {
        "doc": "Pictures.",
        "parameters": {
            "rate": {"type": "float", "default": 30.0, "minimum": 0.1, "maximum": 200.0, "choices": None},
            "device": {"type": "str", "default": "0"},
            "codec": {"type": "str", "default": "raw", "choices": ["raw", "jpeg"]},
            "size": {"type": "list", "default": [224, 224]},
            "seed": {"type": "int", "default": None},
            "flip": {"type": "bool", "default": False},
        },
        "slots": {"image": {"default": "camera", "help": "RGB"}, "state": {"default": "camera/state", "help": ""}},
    }
)
NEEDY = Description.from_dict({"parameters": {"path": {"type": "str"}}, "slots": {}})

Write = Callable[..., Path]
Load = Callable[..., Plan]


def describe(specs: Sequence[str], project: Path) -> Mapping[str, Description]:
    """Knows two classes of one module."""
    known = {"agents.camera:Camera": CAMERA, "agents.camera:Needy": NEEDY}
    missing = Description(error="no such class", classes=("Camera", "Needy"))
    return {spec: known.get(spec, missing) for spec in specs}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a launch file into the folder of the test."""

    def write_file(text: str, name: str = "robot.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def read(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the text of a launch file, with the folder of the test as the working directory."""
    monkeypatch.chdir(tmp_path)

    def read_text(text: str, arguments: Mapping[str, str] | None = None) -> Plan:
        return load(write(text), arguments or {}, describe=describe, environment={"PORT": "/dev/x"})

    return read_text


def problems(error: pytest.ExceptionInfo[LaunchError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def one_agent(settings: str) -> str:
    return f"version: 1\nagents:\n  camera: {{class: agents.camera:Camera, {settings}}}\n"


def test_everything(read: Load, tmp_path: Path) -> None:
    """Each section and key of a launch file arrives in the plan."""
    plan = read(
        """
        version: 1
        args:
          pairs: {default: 50, type: int, help: how many, minimum: 1, maximum: 100}
          camera: none
        space: {address: "ipc:///tmp/space", name: ROBOT}
        env: {A: file, B: file, C: 1.5}
        groups:
          perception: {env: {A: group, B: group}, restart: {limit: 3, window: 30}, nice: 5}
        agents:
          extractor:
            class: agents.camera:Camera
            params: {rate: "${pairs}", device: "cam-${pairs}", size: [1, 2]}
            slots: {image: left/camera}
            group: perception
            after: [camera]
            ready: {slot: features, timeout: 20}
            restart: {policy: always, backoff: 0.1, backoff_max: 2, limit: 4}
            on_exit: shutdown
            env: {A: agent}
            threads: 1
            nice: 7
            stop_timeout: 1.5
          camera: {class: "agents.camera:Camera"}
        """,
        {"pairs": "20"},
    )
    assert (plan.name, plan.project, plan.address, plan.space) == ("robot", tmp_path, "ipc:///tmp/space", "ROBOT")
    assert plan.arguments == {"pairs": 20, "camera": "none"}
    camera, extractor = plan.agents
    assert camera.role == "camera"
    assert (camera.restart, camera.ready, camera.on_exit) == (Restart(), Ready(), OnExit.CONTINUE)
    assert camera.env == {"A": "file", "B": "file", "C": "1.5"}
    assert (extractor.role, extractor.spec, extractor.group) == ("extractor", "agents.camera:Camera", "perception")
    assert extractor.params == {"rate": 20.0, "device": "cam-20", "size": [1, 2]}
    assert isinstance(extractor.params["rate"], float)
    assert extractor.slots == {"image": "left/camera"}
    assert extractor.after == ("camera",)
    assert extractor.ready == Ready("features", 20.0)
    assert extractor.restart == Restart(Policy.ALWAYS, 0.1, 2.0, limit=4, window=30.0)
    assert extractor.on_exit is OnExit.SHUTDOWN
    assert (extractor.env["A"], extractor.env["B"], extractor.env["OMP_NUM_THREADS"]) == ("agent", "group", "1")
    assert (extractor.nice, extractor.stop_timeout, extractor.place) == (7, 1.5, "robot.yaml:11")


def test_plan_for_people_and_programs(read: Load) -> None:
    """A plan can be shown as text and as JSON, and holds nothing that JSON cannot say."""
    plan = read(one_agent("params: {rate: 5}, after: [], cpus: [0], restart: never, threads: 2"))
    assert json.loads(json.dumps(plan.to_dict()))["agents"][0]["restart"]["policy"] == "never"
    assert "camera: agents.camera:Camera    (robot.yaml:3)" in plan.describe()
    assert "rate = 5.0" in plan.describe()


def test_plan_is_frozen(read: Load) -> None:
    """Nobody can change a plan, not even its mappings."""
    plan = read(one_agent("params: {rate: 5}"))
    with pytest.raises(TypeError):
        plan.agents[0].params["rate"] = 3  # type: ignore[index]  # that is the claim


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
        "class, params, slots, if, group, after, ready, env, restart, threads, cpus, nice, on_exit, stop_timeout"
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
        ("version: 1\nagents: {a: {}}", "robot.yaml:2:10: agents.a: the key 'class' is missing"),
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


def test_null_means_default(read: Load) -> None:
    """A parameter that is null where null is its default is left to the class."""
    assert read(one_agent("params: {seed: null}")).agents[0].params == {}


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


def test_anchors(read: Load) -> None:
    """YAML anchors and merges work; an explicit key wins over a merged one."""
    plan = read(
        """
        version: 1
        agents:
          a: &base {class: "agents.camera:Camera", nice: 3, params: {rate: 1e1}}
          b: {<<: *base, nice: 4}
        """
    )
    assert [(agent.nice, agent.params["rate"]) for agent in plan.agents] == [(3, 10.0), (4, 10.0)]


def test_nothing_is_imported(write: Write) -> None:
    """Neither the loader nor the supervisor imports the classes of a launch file."""
    path = write(one_agent("after: []"))
    program = f"""
import sys
from agentspace.launch.description import Description
from agentspace.launch.launchfile import load
from agentspace.supervise.localhost import launch
load({str(path)!r}, describe=lambda specs, project: {{spec: Description() for spec in specs}})
print([name for name in ("agents", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_describe_failure(write: Write) -> None:
    """When classes cannot be asked, that is one problem, and the others are reported beside it."""

    def broken(specs: Sequence[str], project: Path) -> Mapping[str, Description]:
        raise DescriptionError("python is broken")

    with pytest.raises(LaunchError) as error:
        load(write(one_agent("group: x")), describe=broken)
    assert [problem.message.partition(";")[0] for problem in error.value.problems] == [
        "python is broken",
        "there is no group 'x'",
    ]


def test_describe_reads_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules may print while they are imported; no answer at all is an error with what was said."""
    program = tmp_path / "python"
    program.write_text("""#!/bin/sh\necho hello\necho '{"a:B": {"doc": "x", "parameters": {}, "slots": {}}}'\n""")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert descriptions.describe(["a:B"], tmp_path)["a:B"].doc == "x"
    with pytest.raises(DescriptionError, match="hello"):
        descriptions.describe(["c:D"], tmp_path)
    program.write_text("#!/bin/sh\nsleep 100 >/dev/null 2>&1\n")
    monkeypatch.setattr(descriptions, "PATIENCE", 0.2)
    with pytest.raises(DescriptionError, match=r"took more than 0\.2 s"):
        descriptions.describe(["a:B"], tmp_path)


def test_project_folder(tmp_path: Path) -> None:
    """The project is the folder of the launch file, or the one around `launch/`."""
    assert project_folder(tmp_path / "a.yaml") == tmp_path
    assert project_folder(tmp_path / "launch" / "a.yaml") == tmp_path


def test_schema_is_valid() -> None:
    """The exported JSON Schema is one, and accepts the example of the documentation."""
    Draft202012Validator.check_schema(schema())
    example = {"version": 1, "agents": {"camera": {"class": "agents.camera:Camera", "nice": "${nice}"}}}
    assert list(Draft202012Validator(schema()).iter_errors(example)) == []


def documented() -> list[str]:
    text = (ROOT / "docs" / "reference" / "launch.md").read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("example", documented())
def test_documentation(example: str) -> None:
    """Every example of the documentation is right where it belongs."""
    document = Document.parse(example, Path("example.yaml"))
    data = document.data
    if "restart" in data:
        data = {"agents": {"a": {"class": "a:B", **data}}}
    if "if" in data:
        data = {"groups": {"a": data}}
    assert document.problems == []
    assert check(document, {"version": 1, **data})[1] == []


def test_documentation_names_every_key() -> None:
    """No section, and no key of an agent, is missing in the documentation."""
    text = (ROOT / "docs" / "reference" / "launch.md").read_text(encoding="utf-8")
    keys = {*schema()["properties"], *schema()["$defs"]["agent"]["properties"]}
    assert {key for key in keys if f"| `{key}` |" not in text} == set()


def test_order() -> None:
    """The order respects needs, else keeps what was given; each cycle is shown."""
    assert order({"c": ["a"], "b": [], "a": []}) == (["a", "c", "b"], [])
    assert order({"a": ["a"], "b": ["c"], "c": ["b"]})[1] == [["a", "a"], ["b", "c", "b"]]
