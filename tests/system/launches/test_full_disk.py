"""A launch whose disk is full for a while: a limit to the size of its supervisor's files stands for that."""

from __future__ import annotations

import json
import resource

from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

TALKER = """
from agentspace import Agent

class Talker(Agent):
    def init(self):
        self.attach_trigger("say")

    def sense_select_act(self):
        print(self.read("say", "nothing yet"), flush=True)
"""
LAUNCH = """
version: 1
agents:
  talker: {class: "agents.talker:Talker"}
"""


def test_log_files_and_the_record_go_on_when_there_is_room() -> None:
    """What was said meanwhile is on the console; the files say how many lines are missing, and are whole lines."""
    with Constellation(LAUNCH, talker=TALKER) as crew:
        crew.await_running("talker")

        def say(text: str) -> None:
            crew.space.write("say", text)
            eventually(lambda: any(text in line for line in crew.supervisor.errors), PATIENCE)

        log = crew.folder / "runs" / "latest" / "launch.log"
        eventually(lambda: "talker * is ready" in log.read_text(), PATIENCE)
        say("before")
        eventually(lambda: "| before" in log.read_text(), PATIENCE)  # the console is told first
        room = log.stat().st_size + 20  # a line is cut in the middle
        free = resource.prlimit(crew.supervisor.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(crew.supervisor.pid, resource.RLIMIT_FSIZE, (room, free[1]))
        for number in range(20):
            say(f"lost {number}.")
        assert any("incomplete from now on: [Errno 27]" in line for line in crew.supervisor.errors)
        resource.prlimit(crew.supervisor.pid, resource.RLIMIT_FSIZE, free)
        say("after")
        assert crew.ask("stop", "talker")[0] == 0
        crew.supervisor.wait()
        lines = log.read_text().splitlines()
        (gap,) = [index for index, line in enumerate(lines) if "lines missing here" in line]
        late = [line for line in lines[gap:] if "| lost" in line]
        assert lines[gap].endswith(f" launch * lines missing here, which the disk did not take: {20 - len(late)}")
        assert "talker | before" in lines[gap - 2]
        assert "talker | after" in lines[gap + 1 + len(late)]
        assert json.loads(log.with_name("run.json").read_text())["end"]["code"] == 0
