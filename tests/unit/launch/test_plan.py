"""Launch files: what is right in one becomes a plan."""

import json
from pathlib import Path

import pytest

from agentspace.launch.launchfile import project_folder
from agentspace.launch.order import order
from agentspace.launch.plan import OnExit, Policy, Ready, Restart
from tests.support.launch_files import Load, one_agent


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


def test_null_means_default(read: Load) -> None:
    """A parameter that is null where null is its default is left to the class."""
    assert read(one_agent("params: {seed: null}")).agents[0].params == {}


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


def test_project_folder(tmp_path: Path) -> None:
    """The project is the folder of the launch file, or the one around `launch/`."""
    assert project_folder(tmp_path / "a.yaml") == tmp_path
    assert project_folder(tmp_path / "launch" / "a.yaml") == tmp_path


def test_order() -> None:
    """The order respects needs, else keeps what was given; each cycle is shown."""
    assert order({"c": ["a"], "b": [], "a": []}) == (["a", "c", "b"], [])
    assert order({"a": ["a"], "b": ["c"], "c": ["b"]})[1] == [["a", "a"], ["b", "c", "b"]]
