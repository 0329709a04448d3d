"""What agents have started ends with their launch, however it hides."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from agentspace.supervise.guardian import processes
from tests.support.eventually import eventually
from tests.support.program import PATIENCE, Program

AGENT = """
import subprocess
from agentspace import Agent

class Parent(Agent):
    def init(self):
        hidden = f"echo $$ > {self.run_folder}/../hidden; exec sleep 1000"
        subprocess.run(["setsid", "-f", "env", "-i", "/bin/sh", "-c", hidden])
        self.attach_timer(1.0)

    def sense_select_act(self):
        pass
"""


def test_child_in_a_session_of_its_own_without_environment(tmp_path):
    """It is found neither by its group nor by the mark of the launch, and ends with it."""
    (tmp_path / "hiding.py").write_text(AGENT)
    (tmp_path / "hiding.yaml").write_text("agents:\n  parent: {class: 'hiding:Parent'}\n")
    command = [sys.executable, "-m", "agentspace", "launch", "hiding.yaml"]
    with Program(command, tmp_path, {"AGENTSPACE_RUN": str(tmp_path / "run")}) as launch:
        launch.expect_error("parent * is ready", 2 * PATIENCE)
        told = tmp_path / "runs" / "hidden"
        hidden = int(eventually(lambda: told.exists() and told.read_text().strip(), PATIENCE))
        assert Path(f"/proc/{hidden}").exists()
        launch.signal(signal.SIGINT)
        launch.wait(2 * PATIENCE)
    assert hidden not in {found.pid for found in processes([hidden])}
