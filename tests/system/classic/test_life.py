"""The life of a program of the original on a server: its start, its ends, its agents in the tools, its space."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentspace import connect
from agentspace.agent.parent_process import PARENT_VARIABLE
from agentspace.client.account import SpaceAccount
from agentspace.errors import AgentspaceError
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import Classic, written
from tests.system.classic.doubles import SECOND, THIRD

HEAD = "import os, signal, sys, threading, time\nfrom agentspace import Agent, space\n"
IDLE = r"""
class IdleAgent(Agent):
    def init(self): space.attach_trigger("go", self)
    def senseSelectAct(self): sys.stdout.write(f"goes {space['go']}\n")
"""
LOOPS = """
class CameraAgent(Agent):
    def init(self):
        while True:
            space["camera"] = time.time(); time.sleep(0.02)
    def senseSelectAct(self): pass
"""


@pytest.fixture
def run() -> Iterator[dict[str, str]]:
    """The environment of a user who has no server."""
    with tempfile.TemporaryDirectory(prefix="as-") as folder:
        yield {"AGENTSPACE_RUN": folder, "AGENTSPACE_SPACE": "mine", "XDG_CONFIG_HOME": f"{folder}/config"}


def hosts(run: dict[str, str]) -> list[str]:
    """The servers that programs have started there."""
    found = subprocess.run(
        ["pgrep", "-f", f"classic.host ipc://{run['AGENTSPACE_RUN']}"], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def start(file: Path, environment: dict[str, str], *options: str) -> Program:
    """The command, with a copy of the original in its folder."""
    command = [sys.executable, "-u", "-P", "-m", "agentspace", "classic", *options, file]
    return Program(command, file.parent, environment)


def test_a_server_is_started_and_ends_with_the_program(tmp_path: Path, run: dict[str, str]) -> None:
    """Also if the program is killed; the next one starts another."""
    file = written(
        tmp_path / "duck", HEAD + LOOPS + "CameraAgent()\nprint('begun', space['old'])\nspace['old']=1", SECOND
    )
    for _ in range(2):
        with start(file, run) as program:
            assert program.expect("begun") == "begun None"
            assert len(hosts(run)) == 1
            program.kill()
        eventually(lambda: not hosts(run))


def test_a_program_follows_another_at_once(tmp_path: Path, run: dict[str, str]) -> None:
    """At whatever moment of the end of the server before: each begins, with an empty space."""
    file = written(
        tmp_path / "quick", HEAD + "print('found', space['old'])\nspace['old'] = 1\nos._exit(0)", SECOND
    )
    for pause in (0.0, 0.9, 1.0, 1.1):
        with start(file, run) as program:
            assert (program.wait(), program.lines) == (0, ["found None"])
        time.sleep(pause)


def test_two_programs_share_the_server_that_one_has_started(tmp_path: Path, run: dict[str, str]) -> None:
    """It ends after the last of them; each has a space of its own."""
    code = HEAD + LOOPS + "CameraAgent()\nprint('begun')"
    with start(written(tmp_path / "one", code, SECOND), run) as one:
        one.expect("begun")
        with start(written(tmp_path / "two", code, SECOND), run) as two:
            two.expect("begun")
            assert len(hosts(run)) == 1
            one.kill()
            address = f"ipc://{run['AGENTSPACE_RUN']}/mine/server.sock#two"
            with connect(address) as space:
                before = space.read("camera")
                eventually(lambda: space.read("camera") != before)
            assert len(hosts(run)) == 1
    eventually(lambda: not hosts(run))


def test_agents_are_roles_and_slots_are_held(tmp_path: Path, board: ServerProcess, classic: Classic) -> None:
    """With the name of the program's folder as the space; two of a class have two roles."""
    code = HEAD + IDLE + LOOPS + "IdleAgent(); IdleAgent(); CameraAgent()\nspace['main'] = 1\nprint('ready')"
    program = classic(written(tmp_path / "constellation", code, SECOND))
    program.expect("ready")
    with connect(f"{board.address}#constellation") as space:
        account = eventually(lambda: a if len((a := SpaceAccount.of(space)).roles) == 4 else None)
        assert {name: role.state for name, role in account.roles.items()} == dict.fromkeys(
            ("main", "idle", "idle-2", "camera"), "running"
        )
        assert account.roles["camera"].spec == "main:CameraAgent"
        eventually(lambda: list(map(tuple, SpaceAccount.of(space).roles["idle"].triggers)) == [("go", "writes")])
        camera = eventually(lambda: space.entry("camera"))
        assert (camera.writer.role, space.read("main")) == ("camera", 1)
        space.write("go", "there")
        assert [program.expect("goes"), program.expect("goes")] == ["goes there"] * 2
        assert not space.write("main", 2, priority=-1.0)


def test_a_role_stops_alone_and_the_program_by_its_own(
    tmp_path: Path, board: ServerProcess, classic: Classic
) -> None:
    """An agent after its handler, by its own `stop`; the program even out of an endless `init`."""
    stops = IDLE + "    def stop(self):\n        print('off')\n        super().stop()\n"
    program = classic(
        written(tmp_path / "stopped", HEAD + stops + LOOPS + "IdleAgent(); CameraAgent()\nprint('up')", SECOND)
    )
    program.expect("up")
    with connect(f"{board.address}#stopped") as space:
        space.stop("idle")
        program.expect("off")
        eventually(lambda: SpaceAccount.of(space).roles["idle"].state == "stopped")
        assert SpaceAccount.of(space).roles["camera"].state == "running"
        with pytest.raises(AgentspaceError, match="cannot be swapped alone"):
            space.request_swap("camera")
        space.stop("main")
    assert program.wait() in (0, 124)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_handler_of_the_program_ends_it(tmp_path: Path, classic: Classic, number: signal.Signals) -> None:
    """Its own handler of Ctrl-C, which may use the space, runs for SIGTERM, too."""
    code = (
        HEAD
        + IDLE
        + """
def quit(*_):
    space["bye"] = 1
    print("quit", space["bye"])
    os._exit(5)
signal.signal(signal.SIGINT, quit)
IdleAgent()
print("up")
while True:
    space["busy"] = space["busy"]
"""
    )
    program = classic(written(tmp_path / f"handler{number}", code, SECOND))
    program.expect("up")
    program.signal(number)
    assert program.wait() == 5
    assert "quit 1" in program.lines


def test_ctrl_c_without_a_handler_ends_what_waits_for_its_threads(tmp_path: Path, classic: Classic) -> None:
    """As Python does: the main thread is over, agents still run."""
    program = classic(written(tmp_path / "waiting", HEAD + IDLE + "IdleAgent()\nprint('up')", SECOND))
    program.expect("up")
    program.signal(signal.SIGINT)
    eventually(lambda: program.ended or any("KeyboardInterrupt" in line for line in program.errors))
    program.signal(signal.SIGINT)  # the first one may have come before the main thread was over
    assert program.wait() == 130


def test_a_program_whose_agents_are_daemons_ends_with_its_main_thread(tmp_path: Path, classic: Classic) -> None:
    """Some copies make them so."""
    daemons = SECOND.replace("        self.t.start()", "        self.t.daemon = True\n        self.t.start()")
    code = HEAD + IDLE + LOOPS + "IdleAgent(); CameraAgent()\nprint('over')"
    program = classic(written(tmp_path / "daemons", code, daemons))
    assert (program.wait(), program.lines) == (0, ["over"])
    assert not any("Traceback" in line for line in program.errors), program.errors


def test_an_error_ends_the_main_thread_only(tmp_path: Path, board: ServerProcess, classic: Classic) -> None:
    """It is shown as Python shows it; the agents go on, and the code is 1 when they have ended."""
    code = HEAD + IDLE + "agent = IdleAgent()\nprint('up')\nraise ValueError('main is over')"
    program = classic(written(tmp_path / "failing", code, THIRD))
    program.expect_error("ValueError: main is over")
    assert not any("run.py" in line for line in program.errors)
    with connect(f"{board.address}#failing") as space:
        space.write("go", 1)
        program.expect("goes 1")
        space.stop("idle")
    assert program.wait() == 1
    assert program.lines[0] == "starting agent __main__.IdleAgent"


def test_a_failed_agent_is_told_in_the_space(tmp_path: Path, board: ServerProcess, classic: Classic) -> None:
    """Its traceback is printed, and in `_/errors/ROLE`."""
    code = (
        HEAD
        + "class BadAgent(Agent):\n    def init(self): raise ValueError('no camera')\n"
        + IDLE
        + "IdleAgent()\nBadAgent()\nprint('up')"
    )
    program = classic(written(tmp_path / "bad", code, SECOND))
    program.expect("up")
    program.expect_error("no camera")
    with connect(f"{board.address}#bad") as space:
        failure = eventually(lambda: SpaceAccount.of(space).failures.get("bad"))
        assert "no camera" in failure.traceback


def test_arguments_exit_code_and_packages(tmp_path: Path, classic: Classic) -> None:
    """The program's arguments are its own, it runs where its user is, and a package's copy is replaced."""
    folder = tmp_path / "packed"
    file = written(folder / "nico", "", THIRD, "__init__.py").parent.parent / "main.py"
    file.write_text(
        "import sys, os\nfrom nico.agentspace import Agent, space, Trigger\nimport agentspace\n"
        "print(sys.argv, os.path.basename(os.getcwd()), __name__, agentspace.space is space)\nsys.exit(9)\n"
    )
    program = classic(file, "--space", "-v", "x y")
    assert program.wait() == 9
    assert program.lines == [f"{[str(file), '--space', '-v', 'x y']} packed __main__ True"]


def test_what_others_hold_is_a_copy_or_the_default(tmp_path: Path, board: ServerProcess, classic: Classic) -> None:
    """Of a program that shares its space: arrays can be painted on, and stay; objects are only its own."""
    first = (
        HEAD
        + """
import numpy as np
space["image"] = np.zeros((2, 2)); space["set"] = {1}; space["tuple"] = (1, 2)
print("up")
time.sleep(60)
"""
    )
    second = (
        HEAD
        + """
image = space["image"]; image[0, 0] = 5
print(image is space["image"], space["image"][0, 0], space(default="none")["set"], space["tuple"])
os._exit(0)
"""
    )
    options = ("--space", f"{board.address}#shared")
    one = classic(written(tmp_path / "one", first, SECOND), options=options)
    one.expect("up")
    two = classic(written(tmp_path / "two", second, SECOND), options=options)
    assert (two.wait(), two.lines) == (0, ["True 5.0 none (1, 2)"])
    assert [line for line in two.errors if "cannot be read here" in line]
    with connect(f"{board.address}#shared") as space:
        assert space.read("image")[0, 0] == 0
        assert space.read("set")["opaque"] == "builtins.set"


def test_one_import_may_be_changed_instead(tmp_path: Path, board: ServerProcess) -> None:
    """The module gives the names without the command."""
    (tmp_path / "edited.py").write_text(
        HEAD.replace("from agentspace ", "from agentspace.classic ") + "space['x'] = 1\nprint(space['x'])\n"
    )
    with Program([sys.executable, tmp_path / "edited.py"], tmp_path, board.environment) as program:
        assert (program.wait(), program.lines) == (0, ["1"])


def test_two_machines_share_a_space(tmp_path: Path, board: ServerProcess) -> None:
    """Over tcp with keys: one program writes pictures, the other is woken by them and paints on its own."""
    eye = (
        HEAD
        + """
import numpy as np
print("up")
for n in range(10000):
    space["camera"] = np.full((48, 64, 3), 7, np.uint8); time.sleep(0.02)
"""
    )
    viewer = (
        HEAD
        + """
class ViewerAgent(Agent):
    def init(self): space.attach_trigger("camera", self)
    def senseSelectAct(self):
        image = space["camera"]; image[:10] = 0
        print("sees", image.shape, image[20, 0, 0] > 0); os._exit(3)
ViewerAgent()
"""
    )
    with ServerProcess("--bind", "tcp://127.0.0.1:0") as server:
        files = written(tmp_path / "eye", eye, SECOND), written(tmp_path / "viewer", viewer, SECOND)
        with start(files[0], server.environment, "--space", server.NAME) as one:
            one.expect("up")
            elsewhere = {**server.environment, "AGENTSPACE_RUN": str(tmp_path), "AGENTSPACE_SPACE": "none"}
            with start(files[1], elsewhere, "--space", server.tcp or "") as other:
                assert (other.wait(), other.lines) == (3, ["sees (48, 64, 3) True"])


def test_a_program_goes_on_with_the_next_server(tmp_path: Path, run: dict[str, str]) -> None:
    """The server that it has started is killed: it starts another one, and its agents are woken there."""
    code = (
        HEAD
        + IDLE
        + "IdleAgent()\nprint('up')\nn = 0\nwhile True:\n    n += 1; space['go'] = n; time.sleep(0.1)\n"
    )
    with start(written(tmp_path / "robust", code, SECOND), run) as program:
        program.expect("goes 2")
        (host,) = hosts(run)
        os.kill(int(host), signal.SIGKILL)
        eventually(lambda: [pid for pid in hosts(run) if pid != host])
        before = len(program.lines)
        eventually(lambda: len(program.lines) > before + 2)


def test_executors_and_forked_children_end(tmp_path: Path, classic: Classic) -> None:
    """Workers of a pool are released as Python does it; a child that was forked reads and writes by itself."""
    code = (
        "import multiprocessing\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from agentspace import Agent, space\n"
        "ThreadPoolExecutor(2).submit(lambda: space.write('pooled', 1)).result()\n"
        "print(space['pooled'])\n"
        "def child():\n"
        "    space['born'] = space['pooled'] + 1\n"
        "    print('child', space['born'], flush=True)\n"
        "forked = multiprocessing.get_context('fork').Process(target=child)\n"
        "forked.start(); forked.join(); print(forked.exitcode)\n"
    )
    program = classic(written(tmp_path / "pooled", code, SECOND))
    assert (program.wait(), program.lines) == (0, ["1", "child 2", "0"])


def test_a_program_in_the_background_of_a_script_ends_when_it_is_asked_to(
    tmp_path: Path, board: ServerProcess
) -> None:
    """There a shell lets it ignore SIGINT. What it logs is its own business, and a link leads to its folder."""
    code = (
        "import logging\n"
        + HEAD
        + IDLE
        + "import beside\nlogging.basicConfig(format='own %(message)s', level='DEBUG')\n"
        + "IdleAgent()\nlogging.debug('of %s', beside.NAME)\n"
    )
    file = written(tmp_path / "back", code, SECOND)
    (file.parent / "beside.py").write_text("NAME = 'mine'\n")
    link = tmp_path / "linked.py"
    link.symlink_to(file)
    command = [sys.executable, "-P", "-m", "agentspace", "classic", "--stop-timeout", "60", str(link)]
    script = f"{shlex.join(command)} & wait"
    environment = {**board.environment, PARENT_VARIABLE: ""}  # its parent is the shell
    with Program(["sh", "-c", script], tmp_path, environment) as shell:
        shell.expect_error("own of mine")
        with connect(f"{board.address}#linked") as space:
            space.stop("linked")
        shell.wait()
        assert not any("Traceback" in line for line in shell.errors), shell.errors
