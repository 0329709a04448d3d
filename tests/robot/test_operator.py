"""The operator as its users run it: scripts, terminals, and the emergency stop while everything else hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agents.console.screen import ConsoleScreen
from agents.operator import OperatorError, check_terminal
from agents.script.language import Do, Rest, ScriptError, Wait, grammar, parse
from agents.script.operation import PAUSE_PRIORITY, STOP_PRIORITY, Operation
from agentspace import Erase, Put
from agentspace.client.space import RemoteSpace
from models.icub.kinematics import JOINT_LIMITS
from tests.support.console import play, text, until
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.program import Program
from tests.support.recording import recording
from tests.support.server_process import ServerProcess

SPEED = 120.0  # degrees per second
WANDER = """
import numpy as np
from models.icub.simulator import REST
targets = [REST + np.array([-40.0, 30, 0, 40, 0] * 2), REST]
say("wandering")
for number in range(100000):
    space.write("joints", targets[number // 40 % 2], validity=1.0)
    time.sleep(0.02)
"""  # a target that never rests


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server


def operate(server: ServerProcess, script: str, *arguments: str) -> Program:
    """An operator with a script, in a process of its own."""
    path = server.run / "script.yaml"
    path.write_text(script)
    command = [sys.executable, "-m", "agents.operator", "--script", path, "--space", server.address, *arguments]
    return Program(command, ROOT)


# --- scripts


def test_a_script_is_a_list_of_actions() -> None:
    """All kinds of steps, with what they write."""
    operation = Operation()
    data = [
        "confirm",
        {"mode": "use"},
        {"act": [0, 0.5]},
        "forget",
        {"save": "a"},
        {"load": "b"},
        "pause",
        "resume",
    ]
    data += ["stop", "release", {"write": {"a": [1]}}, {"delete": "a"}]
    data += [{"wait": 0.5}, {"wait": {"slot": "pairs", "equals": 3}}]
    steps = parse(data, grammar(operation))
    assert [step.acts for step in steps if isinstance(step, Do)] == [
        operation.confirm("script"),
        operation.switch("use"),
        operation.take([0.0, 0.5]),
        operation.forget(),
        operation.save("a"),
        operation.load("b"),
        operation.pause(),
        operation.resume(),
        operation.stop(),
        operation.release(),
        (Put("a", [1]),),
        (Erase("a"),),
    ]
    assert steps[-2:] == (Rest(0.5), Wait("pairs", equals=3))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("relase", "'relase': did you mean 'release'? Valid: confirm, mode, act, forget"),
        ({"stop": "now"}, "stop: it takes nothing, not 'now'"),
        ({"mode": "fly"}, "mode: 'fly' is not a mode: there are 'acquire' and 'use'"),
        ({"mode": ["use"]}, "mode: ['use'] is not a mode"),
        ({"act": [0.1, "x"]}, "act: [0.1, 'x'] is not a list of finite numbers"),
        ({"act": [float("nan")]}, "act: [nan] is not a list of finite numbers"),
        ({"act": []}, "act: [] is not a list"),
        ({"save": None}, "save: None is not a path"),
        ({"wait": -1}, "wait: -1 seconds"),
        ({"wait": True}, "wait: True is not a mapping"),
        ({"confirm": [1]}, "confirm: [1] is neither a word nor a number"),
    ],
)
def test_a_step_that_is_none_is_refused(step: Any, message: str) -> None:
    """The error names the step, the bad value and the valid ones."""
    with pytest.raises(ScriptError) as caught:
        parse([step], grammar(Operation()))
    assert f"step 1: {message}" in str(caught.value)


def test_a_script_does_one_step_after_the_other(server: ServerProcess) -> None:
    """Each is printed; a wait waits for what others write; the exit code is 0."""
    with server.connect() as space, recording(space, "mode") as modes:
        script = "- mode: acquire\n- wait: 0.05\n- wait: {slot: pairs, at_least: 2, timeout: 20}\n- mode: use\n"
        with operate(server, script) as operator:
            operator.expect("step 3 of 4: 'pairs' with a value of at least 2")
            assert space.read("mode") == "acquire"
            space.write("pairs", 2)
            operator.expect("step 4 of 4: mode use")
            assert operator.wait() == 0
        eventually(lambda: [entry.value for entry in modes] == ["acquire", "use"])


def test_a_script_that_fails_says_so(server: ServerProcess) -> None:
    """A refused action, or a wait in vain: the reason, exit code 1, and no further step."""
    with server.connect() as space:
        space.write("mode", "acquire", priority=5.0)
        for script, reason in (
            ("- mode: use\n- confirm\n", "FAILED: mode use: refused: 'mode' is held by"),
            ("- wait: {slot: pairs, timeout: 0.1}\n- confirm\n", "FAILED: 'pairs' with a value did not come"),
        ):
            with operate(server, script) as operator:
                operator.expect(reason)
                assert operator.wait() == 1
        assert space.entry("confirm") is None


def test_nothing_of_a_bad_script_is_done(server: ServerProcess) -> None:
    """All mistakes are told with file and line, exit code 2; the first step was not taken."""
    with operate(server, "- mode: use\n- relase\n- act: 3\n") as operator:
        operator.expect_error("script.yaml:2: step 2: 'relase': did you mean 'release'?")
        operator.expect_error("script.yaml:3: step 3: act: 3 is not a list")
        assert operator.wait() == 2
    with server.connect() as space:
        assert space.entry("mode") is None


def test_without_a_terminal_it_says_what_to_do(server: ServerProcess) -> None:
    """No console in a pipe."""
    with Program([sys.executable, "-m", "agents.operator", "--space", server.address], ROOT) as operator:
        operator.expect_error("there is no terminal for the console; run it in one, or give a script: script=FILE")
        assert operator.wait() == 1


def test_what_people_need_is_loaded_only_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the screen's library nor the microphone's is needed to import the agents; the extra is named."""
    heavy = "[name for name in ('textual', 'sounddevice', 'cv2') if name in sys.modules]"
    code = f"import sys, agents.operator, agents.whistle; print({heavy})"
    with Program([sys.executable, "-c", code], ROOT) as program:
        program.expect("[]")
        assert program.wait() == 0
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setitem(sys.modules, "textual", None)
    with pytest.raises(OperatorError, match=r"pip install 'agentspace\[tools\]'"):
        check_terminal()


# --- a terminal


class Terminal:
    """A console in a pseudo-terminal."""

    def __init__(self, server: ServerProcess) -> None:
        self.shown = b""
        command = [sys.executable, "-m", "agents.operator", "--space", server.address]
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, command)
        os.set_blocking(self._master, False)

    def press(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            os.write(self._master, keys)

    def read(self) -> bytes:
        """All that was shown so far."""
        with contextlib.suppress(OSError):  # nothing new, or it has ended
            self.shown += os.read(self._master, 1 << 16)
        return self.shown

    def ended(self) -> int | None:
        """The exit code, once it is over."""
        self.read()
        if self.pid:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.code = os.waitstatus_to_exitcode(status)
        return None if self.pid else self.code

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)


@pytest.mark.parametrize("end", ["key", "signal", "request"])
def test_a_console_in_a_terminal_ends_and_tells_that_the_stop_holds(server: ServerProcess, end: str) -> None:
    """Ctrl-C, SIGTERM and `agentspace stop` end it with exit code 0; it says that the emergency stop goes on."""
    with server.connect() as space, Terminal(server) as terminal:
        eventually(lambda: b"free to move" in terminal.read(), 30.0)
        terminal.press(b" ")
        eventually(lambda: terminal.read() and (e := space.entry("icub/target")) and e.priority == STOP_PRIORITY)
        if end == "key":
            terminal.press(b"\x03")
        elif end == "signal":
            os.kill(terminal.pid, signal.SIGTERM)
        else:
            space.stop("operator")
        assert eventually(lambda: (code := terminal.ended()) is not None and [code]) == [0]
        eventually(lambda: b"The emergency stop still holds" in terminal.read())
        assert space.entry("joints").priority == STOP_PRIORITY


def test_a_server_that_hangs_or_is_new_gets_the_stop(server: ServerProcess) -> None:
    """The screen goes on while nobody answers, and says so; the stop holds as soon as somebody does."""

    async def script(screen: ConsoleScreen, pilot: Any) -> None:
        await until(pilot, lambda: "free to move" in text(screen, "banner"))
        server.process.signal(signal.SIGSTOP)
        await until(pilot, lambda: "NO VIEW: the space has not answered" in text(screen, "banner"))
        await pilot.press("space")
        await until(pilot, lambda: "STOPPING" in text(screen, "banner"))
        server.process.signal(signal.SIGCONT)
        await until(pilot, lambda: "EMERGENCY STOP HOLDS" in text(screen, "banner"))
        await asyncio.to_thread(server.kill)
        await until(pilot, lambda: "NO VIEW" in text(screen, "banner"), 20.0)
        await asyncio.to_thread(server.start)
        await until(pilot, lambda: "free to move" in text(screen, "banner"), 20.0)
        await pilot.press("f12")
        await until(pilot, lambda: "EMERGENCY STOP HOLDS" in text(screen, "banner"))

    with server.connect() as space:
        play(space, script)


def test_ctrl_c_ends_a_console_whose_server_hangs(server: ServerProcess) -> None:
    """Pressed twice, at most: the first leaves the screen, the second does not wait for a farewell."""
    with Terminal(server) as terminal:
        eventually(lambda: b"free to move" in terminal.read(), 30.0)
        server.process.signal(signal.SIGSTOP)
        terminal.press(b"\x03")
        eventually(lambda: b"\x1b[?1049l" in terminal.read())  # the screen is as it was before

        def ended() -> bool:
            if terminal.ended() is None:
                terminal.press(b"\x03")
            return terminal.ended() is not None

        eventually(ended, 20.0)
        server.process.signal(signal.SIGCONT)


# --- the emergency stop of a robot that moves


class Moving:
    """A simulated robot that never rests, in processes: server, simulator, motor, and who sends the targets."""

    def __init__(self, speed: float) -> None:
        self.server = ServerProcess("--lease", "100")  # who hangs for a while keeps its role
        run = [sys.executable, "-m", "agentspace", "agent", "--space", self.server.address]
        simulator = [*run, "agents.simulator:Simulator", "fps=0.0", "rate=100.0", f"speed={speed}"]
        self.simulator = Program(simulator, ROOT)
        self.motor = Program([*run, "agents.motor:Motor", f"speed={SPEED}", "rate=60.0"], ROOT)
        self.space: RemoteSpace = self.server.connect()
        eventually(lambda: self.space.entry("icub/encoders") and self.space.entry("motor/state"), 60.0)
        self.wanderer = self.server.client(f"sys.path.insert(0, {str(ROOT)!r})\n{WANDER}", "wanderer")
        self.wanderer.expect("wandering")
        self.moves()

    def moves(self) -> None:
        """Waits until the robot is on its way, in the middle of it."""
        start = self.posture()
        eventually(lambda: np.abs(self.posture() - start).max() > 5.0)

    def posture(self) -> np.ndarray:
        return np.asarray(eventually(lambda: self.space.entry("icub/encoders")).value)

    def stands(self) -> None:
        """It stops where it is: at once, and then for half a second at least."""
        with recording(self.space, "icub/encoders") as seen:
            eventually(lambda: len(seen) >= 82)
        way = np.abs(np.array([entry.value for entry in seen[2:]]) - seen[2].value)  # a tick may have been due
        rest = np.ptp([entry.value for entry in seen[30:]], axis=0)
        assert way.max() < 3.0, f"it went on by {way.max():.1f} degrees"
        assert rest.max() < 0.2, f"it moved by {rest.max():.2f} degrees"

    def close(self) -> None:
        for program in (self.wanderer, self.motor, self.simulator):
            program.signal(signal.SIGCONT)
            program.close()
        self.space.close()
        self.server.close()


@pytest.fixture
def robot(request: pytest.FixtureRequest) -> Iterator[Moving]:
    robot = Moving(request.param)
    try:
        yield robot
    finally:
        robot.close()


@pytest.mark.parametrize("robot", [15.0], indirect=True)
def test_a_script_stops_a_robot_whose_agents_hang(robot: Moving) -> None:
    """All agents hang (SIGSTOP) but the simulator, which is on its way: it stands; when released, it goes on."""
    hanging = [robot.wanderer, robot.motor]
    for program in hanging:
        program.signal(signal.SIGSTOP)
    far = np.where(robot.posture() < JOINT_LIMITS.mean(axis=1), JOINT_LIMITS[:, 1], JOINT_LIMITS[:, 0])
    with operate(robot.server, "- wait: {slot: go, timeout: 60}\n- stop\n") as operator:
        operator.expect("step 1")
        robot.space.write("icub/target", far)  # as a motor may have done before it hung
        robot.space.write("go", 1)
        operator.expect("The emergency stop still holds")
        robot.stands()
        assert operator.wait() == 0
    assert np.abs(robot.posture() - far).max() > 5.0  # it would have needed some seconds more
    for program in hanging:
        program.signal(signal.SIGCONT)
    eventually(lambda: refused(robot.space) > 3)  # they try, in vain
    robot.stands()
    with operate(robot.server, "- release\n") as operator:
        assert operator.wait() == 0
    robot.moves()


def refused(space: RemoteSpace) -> int:
    counts = (space.read("_/refusals") or {}).get("counts", {})
    return int(counts.get("joints", 0))


@pytest.mark.alone  # how soon the stop gets through the processes is a part of the way
@pytest.mark.parametrize("robot", [SPEED], indirect=True)
def test_a_key_stops_a_robot_in_full_motion(robot: Moving) -> None:
    """One key, all agents run: it stands within three degrees, and goes on without a jump; so with a pause."""

    async def script(screen: ConsoleScreen, pilot: Any) -> None:
        await until(pilot, lambda: screen.snapshot)
        for key in ("space", "p"):
            await asyncio.to_thread(robot.moves)
            await pilot.press(key)
            priority = STOP_PRIORITY if key == "space" else PAUSE_PRIORITY
            await until(pilot, lambda: (e := robot.space.entry("joints")) and e.priority == priority)  # noqa: B023
            await asyncio.to_thread(robot.stands)
            with recording(robot.space, "icub/encoders") as seen:
                await pilot.press(*(("r", "y") if key == "space" else ("g",)))
                await asyncio.to_thread(robot.moves)
            times = np.array([entry.value for entry in seen])
            assert np.abs(np.diff(times, axis=0)).max() < SPEED * 0.25

    play(robot.space, script)
