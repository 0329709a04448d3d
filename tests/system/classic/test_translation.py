"""An old program and a new agent in one space, which say the same in two ways: real processes, in a launch."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from agentspace import connect
from tests.support.eventually import eventually
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import Classic, written
from tests.system.classic.doubles import THIRD

PROGRAM = """
import numpy as np
from agentspace import Agent, space, Trigger
class ViewerAgent(Agent):
    def init(self):
        space.attach_trigger("camera", self)
        space.attach_trigger("mode", self, Trigger.NAMES_AND_VALUES)
        self.own = np.zeros((2, 2, 3), np.uint8); self.own[..., 0] = 255
        space["window"] = self.own
    def senseSelectAct(self):
        told = self.triggered()
        if told:
            print("mode", told, space["mode"], flush=True)
            space["answer"] = 1 - told[1]
        image = space["camera"]
        if image is not None:
            image[0, 0] = 9
            space["seen"] = [image[1, 1].tolist(), image is space["camera"], space["window"] is self.own]
ViewerAgent()
"""
AGENT = """
import numpy as np
from agentspace import Agent
class Camera(Agent):
    def init(self):
        self.attach_timer(0.05)
        self.attach_trigger("answer")
    def sense_select_act(self):
        red = np.zeros((2, 2, 3), np.uint8); red[..., 0] = 255
        self.write("camera", red)
        self.write("heard", self.read("answer"))
"""
LAUNCH = """
version: 1
agents:
  viewer:
    program: old/viewer.py
    translate: {camera: rgb, window: rgb, mode: [acquire, use], answer: [acquire, use]}
  camera: {class: "new:Camera", after: [viewer]}
"""


def test_a_program_sees_its_own_colours_and_numbers(tmp_path: Path) -> None:
    """A red picture of a new agent is red as BGR; the word `use` is 1 there, and its 0 is `acquire` for all."""
    written(tmp_path / "old", PROGRAM, THIRD, "viewer.py")
    (tmp_path / "new.py").write_text(AGENT)
    (tmp_path / "robot.yaml").write_text(LAUNCH)
    with tempfile.TemporaryDirectory(prefix="as-") as run:
        environment = {"AGENTSPACE_RUN": run, "AGENTSPACE_SPACE": "lab"}
        command = [sys.executable, "-m", "agentspace", "launch", "robot.yaml"]
        with (
            Program(command, tmp_path, environment) as launch,
            connect(f"ipc://{run}/lab/server.sock", timeout=30) as space,
        ):
            seen = eventually(lambda: space.read("seen"))
            assert seen == [[0, 0, 255], True, True]
            assert space.read("window")[0, 0].tolist() == [0, 0, 255]
            assert space.read("camera")[0, 0].tolist() == [255, 0, 0], "what it painted on is its own"
            space.write("mode", "use")
            eventually(lambda: space.read("heard") == "acquire")
            space.stop("*")
            assert launch.wait() == 0, launch.lines
            assert any("mode ('mode', 1) 1" in line for line in [*launch.lines, *launch.errors])


def test_what_has_no_translation_passes_and_is_told_once(
    tmp_path: Path, board: ServerProcess, classic: Classic
) -> None:
    """Of the command's options, too; other slots are as they were."""
    code = """
import os, time
from agentspace import space
while space["go"] is None: time.sleep(0.01)
print(space["mode"], space["other"])
space["mode"] = 7; space["mode"] = 8; space["other"] = 1
while space["go"] != 2: time.sleep(0.01)
os._exit(0)
"""
    options = ("--space", f"{board.address}#words", "--translate", "mode=acquire,use")
    program = classic(written(tmp_path / "words", code, THIRD), options=options)
    with connect(f"{board.address}#words") as space:
        space.write("mode", "dance")
        space.write("other", "use")
        space.write("go", 1)
        program.expect("dance use")
        eventually(lambda: space.read("mode") == 8)
        assert eventually(lambda: space.read("other") == 1)
        space.write("go", 2)
    assert program.wait() == 0
    assert sum("stays as it is; translated are 0 acquire, 1 use" in line for line in program.errors) == 1


@pytest.mark.parametrize("option", ["camera=bgr", "mode", "mode=use"])
def test_a_wrong_option_starts_nothing(tmp_path: Path, classic: Classic, option: str) -> None:
    """It is told with what is valid."""
    program = classic(written(tmp_path, "print('never')", THIRD), options=("--translate", option))
    assert program.wait() != 0
    assert program.lines == []
    assert any("'rgb', or two or more different words" in line for line in program.errors), program.errors


def test_a_picture_is_copied_once(tmp_path: Path, board: ServerProcess, classic: Classic) -> None:
    """One that another wrote is the reader's own, and the same object until the next is there."""
    code = """
import os
from agentspace import space
while space["camera"] is None: pass
image = space["camera"]
print(image.flags.writeable, image.flags.owndata, image is space["camera"], image.flags.c_contiguous)
os._exit(0)
"""
    options = ("--space", f"{board.address}#once", "--translate", "camera=rgb")
    program = classic(written(tmp_path / "once", code, THIRD), options=options)
    with connect(f"{board.address}#once") as space:
        space.write("camera", np.zeros((480, 640, 3), np.uint8))
        assert program.wait() == 0
    assert program.lines == ["True True True True"]
