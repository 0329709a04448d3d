"""Claims about a robot on YARP when something else dies: each row of the table of what YARP does then.

What a client of a robot makes of it is tested with the driver; here it is the robot that must go on, and tell.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.icub.simulator import REST
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.support.yarp.network import YarpNetwork
from tests.support.yarp.robot import YarpRobotProcess, words

PORTS = 6 * 4 + 4 + 2
"""Four of each part, the cameras, the world, the emotion interface."""
GOAL = np.array([-30.0, 30, 0, 90, 0, -60, 20, 10, 40, 0])
TOLD = 1.0  # seconds within which an outage is told

MOVER = """
arm = open_part("right_arm", "/client")
position = arm.viewIPositionControl()
encoders(arm)
say("open")
while (line := wait()) != "end":
    start = time.monotonic()
    taken = position.setRefSpeed(3, 200.0) and position.positionMove(3, float(line))
    say("moved", taken, time.monotonic() - start, encoders(arm)[3])
"""


@pytest.fixture
def deaf() -> Iterator[YarpRobotProcess]:
    """A robot for a network whose name server has not been started."""
    with YarpNetwork(start=False) as network, ServerProcess() as server:
        robot = YarpRobotProcess(network, server)
        yield robot
        robot.close()


def moves(client: Program, robot: YarpRobotProcess, angle: float) -> None:
    """A client that is connected commands the elbow, and gets there."""
    client.say(str(angle))
    taken, seconds, _ = words(client.expect("moved"))
    assert taken == "True"
    assert float(seconds) < 5.0  # it waits for no name server
    eventually(lambda: abs(robot.encoders()[3] - angle) < 0.5)


def obeys_slots(robot: YarpRobotProcess, goal: np.ndarray) -> None:
    robot.space.write("icub/target", goal)
    robot.reaches(goal)


@pytest.mark.alone
@pytest.mark.yarp
def test_name_server_may_come_later(deaf: YarpRobotProcess) -> None:
    """Without a name server the robot lives by its slots and tells; it appears on YARP when one comes."""
    process = deaf.start("speed=200.0")
    deaf.wait_for("no name server")
    obeys_slots(deaf, GOAL)
    process.expect_error("YARP: no name server")
    deaf.network.start()
    deaf.wait_for("serving")
    client = deaf.client(MOVER)
    client.expect("open")
    moves(client, deaf, 50.0)


@pytest.mark.yarp
def test_missing_configuration_is_told(deaf: YarpRobotProcess) -> None:
    """With no yarp.conf, where YARP opens ports that nobody can find, the robot opens none and says why."""
    (deaf.network.folder / "yarp.conf").unlink()
    deaf.start("speed=200.0")
    deaf.wait_for("no yarp.conf")
    obeys_slots(deaf, GOAL)


@pytest.mark.alone
@pytest.mark.yarp
def test_name_server_is_killed_and_comes_back_with_an_empty_database(yarp_robot: YarpRobotProcess) -> None:
    """Who is connected notices nothing; the outage is told; the new server learns all ports, gives none away."""
    network = yarp_robot.network
    process = yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(MOVER)
    client.expect("open")
    known = ports(network)
    assert len(known) == PORTS
    network.kill()
    start = time.monotonic()
    yarp_robot.wait_for("no name server")
    assert time.monotonic() - start < TOLD
    moves(client, yarp_robot, 60.0)
    obeys_slots(yarp_robot, REST)
    network.start()
    yarp_robot.wait_for("serving")
    process.expect_error("YARP: serving")
    assert ports(network) == known
    moves(client, yarp_robot, 60.0)
    # A new program can open ports: only the numbers of the three ports of our client are in its way, as always.
    other = network.client("say('opened', any(yarp.Port().open(f'/other/{n}') for n in range(4)))")
    assert words(other.expect("opened")) == ["True"]
    late = network.client(
        "p = yarp.Port(); p.open('/late'); say('found', yarp.Network.connect('/late', '/icubSim/torso/rpc:i'))"
    )
    assert words(late.expect("found")) == ["True"]


def ports(network: YarpNetwork) -> set[str]:
    return {
        line
        for line in network.run("yarp", "name", "list").splitlines()
        if " /icubSim/" in line or " /emotion/in " in line
    }


@pytest.mark.yarp
def test_robot_that_comes_to_a_restarted_name_server_finds_free_ports(yarp_robot: YarpRobotProcess) -> None:
    """The numbers that it is given first are those of programs that the name server has forgotten."""
    network = yarp_robot.network
    many = network.client(
        "ports = [yarp.Port() for _ in range(30)]\n"
        "say('opened', all(port.open(f'/many/{n}') for n, port in enumerate(ports)))\nwait()"
    )
    assert words(many.expect("opened")) == ["True"]
    network.kill()
    network.start()
    yarp_robot.serve("speed=200.0")
    assert len(ports(network)) == PORTS


@pytest.mark.alone
@pytest.mark.yarp
def test_name_server_is_stopped(yarp_robot: YarpRobotProcess) -> None:
    """A name server that hangs is told of; clients and slots go on; the robot recovers, and can be ended."""
    process = yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(MOVER)
    client.expect("open")
    server = yarp_robot.network.server
    assert server is not None
    server.signal(signal.SIGSTOP)
    start = time.monotonic()
    yarp_robot.wait_for("the name server does not answer")
    assert time.monotonic() - start < TOLD
    moves(client, yarp_robot, 60.0)
    obeys_slots(yarp_robot, GOAL)
    server.signal(signal.SIGCONT)
    yarp_robot.wait_for("serving")
    server.signal(signal.SIGSTOP)
    yarp_robot.wait_for("the name server does not answer")
    process.signal(signal.SIGTERM)
    assert process.wait(10.0) == 0
    assert any("goes on to think" in line for line in process.errors)


@pytest.mark.yarp
def test_robot_starts_beside_a_name_server_that_hangs(yarp_robot: YarpRobotProcess) -> None:
    """It lives by its slots and tells; it appears on YARP when the name server goes on; it can be ended before."""
    server = yarp_robot.network.server
    assert server is not None
    server.signal(signal.SIGSTOP)
    first = yarp_robot.start("speed=200.0")
    yarp_robot.wait_for("the name server does not answer")
    obeys_slots(yarp_robot, GOAL)
    first.signal(signal.SIGTERM)
    assert first.wait(10.0) == 0
    eventually(lambda: not yarp_robot.account())
    yarp_robot.start("speed=200.0")
    yarp_robot.wait_for("the name server does not answer")
    server.signal(signal.SIGCONT)
    yarp_robot.wait_for("serving")


@pytest.mark.yarp
def test_killed_robot_is_replaced_under_its_name(yarp_robot: YarpRobotProcess) -> None:
    """After kill -9 its account expires; the name server still knows it; its successor takes the names over."""
    yarp_robot.serve("speed=200.0").kill()
    assert len(ports(yarp_robot.network)) == PORTS
    eventually(lambda: yarp_robot.space.read("icub/encoders") is None and not yarp_robot.account())
    yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(MOVER)
    client.expect("open")
    moves(client, yarp_robot, 60.0)


@pytest.mark.yarp
def test_stopped_robot_goes_on_where_it_was(yarp_robot: YarpRobotProcess) -> None:
    """A request to a robot that hangs waits; when it goes on, the request is answered and nothing has jumped."""
    process = yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(MOVER)
    client.expect("open")
    before = yarp_robot.encoders()
    process.signal(signal.SIGSTOP)
    client.say("60.0")
    eventually(lambda: yarp_robot.space.read("icub/encoders") is None)
    assert not any(line.startswith("moved") for line in client.lines)
    process.signal(signal.SIGCONT)
    assert words(client.expect("moved"))[0] == "True"
    eventually(lambda: yarp_robot.space.read("icub/encoders") is not None)
    assert np.abs(yarp_robot.encoders() - before).max() < 60.0
    moves(client, yarp_robot, 60.0)


@pytest.mark.yarp
def test_two_robots_of_one_name(yarp_robot: YarpRobotProcess) -> None:
    """The second one tells of the conflict and disturbs nothing; when the first has gone it takes the name."""
    first = yarp_robot.serve("speed=200.0")
    client = yarp_robot.client(MOVER)
    client.expect("open")
    slots = [f"{slot}=twin/{slot}" for slot in ("target", "encoders", "limits", "view", "scene")]
    yarp_robot.start("speed=200.0", "yarp_state=twin/yarp", "--role", "twin", *slots)
    account = yarp_robot.wait_for("name conflict", "twin/yarp")
    assert account["reason"].startswith("/icubSim/right_arm/rpc:i belongs to another robot at ")
    moves(client, yarp_robot, 60.0)
    assert yarp_robot.account()["state"] == "serving"
    client.say("end")
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    yarp_robot.wait_for("serving", "twin/yarp")


@pytest.mark.yarp
def test_two_clients_with_one_local_name(yarp_robot: YarpRobotProcess) -> None:
    """The second is turned away by YARP; the first is served as before."""
    yarp_robot.serve("speed=200.0")
    first = yarp_robot.client(MOVER)
    first.expect("open")
    yarp_robot.client(MOVER).expect("invalid")
    moves(first, yarp_robot, 60.0)


@pytest.mark.yarp
def test_folder_called_yarp_is_named_as_the_culprit(tmp_path: Path) -> None:
    """A package called yarp in the working directory shadows the bindings; the error says so."""
    (tmp_path / "yarp").mkdir()
    (tmp_path / "yarp" / "__init__.py").touch()
    code = "from agents.yarp.binding import import_yarp; import_yarp()"
    assert f"{tmp_path / 'yarp' / '__init__.py'} is not YARP" in run_python(code, tmp_path)


def test_without_yarp_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    """The agent ends at once; the message names both ways to install YARP."""
    code = "import sys; sys.modules['yarp'] = None; from agents.yarp.binding import import_yarp; import_yarp()"
    said = run_python(code, tmp_path)
    assert "`make yarp` installs them, or: conda install -c conda-forge yarp-python" in said


def test_nothing_imports_yarp_before_it_is_needed(tmp_path: Path) -> None:
    """Neither the library nor the agents import YARP when they are imported."""
    code = "import sys, agentspace, agents.simulator, agents.motor; print('yarp' in sys.modules)"
    assert run_python(code, tmp_path) == "False\n"


@pytest.mark.parametrize("ci", [False, True], ids=["at home", "in CI"])
def test_tests_that_need_yarp_are_never_left_out_silently(tmp_path: Path, ci: bool) -> None:
    """Where YARP is missing, they are listed with the reason; in CI that is an error, and nothing runs."""
    (tmp_path / "test_needy.py").write_text(
        "import pytest\n@pytest.mark.yarp\ndef test_needy(): raise AssertionError\ndef test_other(): pass\n"
    )
    code = f"""
import os, sys
from pathlib import Path
sys.path = [folder for folder in sys.path if not (Path(folder) / "yarp.py").exists()]
sys.path.insert(0, {str(ROOT / "tests")!r})
os.environ["PATH"] = ""
os.environ["CI"] = {"true" if ci else ""!r}
import pytest
options = ["-p", "conftest", "-c", {str(ROOT / "pyproject.toml")!r}, "--rootdir", ".", "-p", "no:cacheprovider"]
code = pytest.main([*options, "."])
print("code", int(code))
"""
    said = run_python(code, tmp_path)
    if ci:
        assert "1 tests need YARP, and CI must run them" in said
        assert f"code {int(pytest.ExitCode.USAGE_ERROR)}" in said
    else:
        assert "YARP is not installed: `make yarp` installs it. 1 tests did not run:" in said
        assert "test_needy.py::test_needy" in said
        assert "1 passed, 1 skipped" in said


def run_python(code: str, folder: Path) -> str:
    """What Python prints in a folder, errors included, with the agents of this project."""
    command = [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{code}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
