"""Whoever asks an agent of a program to stop is heard, whatever that agent is doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspace import connect
from agentspace.client.account import SpaceAccount
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import Classic, written
from tests.system.classic.doubles import SECOND

HEAD = "import os, sys, threading, time\nfrom agentspace import Agent, space\n"
OTHER = """
class OtherAgent(Agent):
    def init(self):
        while not self.stopped: time.sleep(0.02)
        print("the other is over", flush=True)
    def senseSelectAct(self): pass
OtherAgent()
"""
BUSY = {
    "a_loop_in_init": """
class BusyAgent(Agent):
    def init(self):
        space["busy"] = True
        while not self.stopped: time.sleep(0.02)
        print("over", flush=True)
    def senseSelectAct(self): print("never")
""",
    "a_loop_in_a_handler": """
class BusyAgent(Agent):
    def init(self):
        self.attach_timer(0.02)
    def senseSelectAct(self):
        space["busy"] = True
        while not self.stopped: time.sleep(0.02)
        print("over", flush=True)
""",
    "stopped_set_by_the_class_and_before_it_begins": """
class Base(Agent):
    stopped = False
class BusyAgent(Base):
    def __init__(self, name):
        self.stopped = False; self.name = name
        super().__init__()
    def init(self):
        space["busy"] = True
        while self.stopped == False: time.sleep(0.02)
        print("over", flush=True)
    def senseSelectAct(self): pass
BusyAgent.__init__.__defaults__ = ("x",)
""",
    "a_stop_of_its_own_that_waits_for_the_thread": """
class BusyAgent(Agent):
    def init(self):
        space["busy"] = True
        while not self.stopped: time.sleep(0.02)
        print("over", flush=True)
    def senseSelectAct(self): pass
    def stop(self):
        print("motors off", flush=True)
        super().stop()
        self.t.join()
""",
    "a_stop_of_its_own_that_only_says_so": """
class BusyAgent(Agent):
    def init(self):
        space.attach_trigger("never", self)
        space["busy"] = True
    def senseSelectAct(self): print("never")
    def stop(self):
        time.sleep(0.3)
        self.stopped = True
        print("over", flush=True)
""",
}


@pytest.mark.parametrize("kind", BUSY)
def test_an_agent_at_work_hears_that_it_is_to_stop(
    tmp_path: Path, board: ServerProcess, classic: Classic, kind: str
) -> None:
    """By its own `stop`, once, from another thread, as agents of one program stop each other; and it alone."""
    file = written(tmp_path / kind, HEAD + BUSY[kind] + OTHER + "BusyAgent()\nprint('up', flush=True)", SECOND)
    program = classic(file)
    program.expect("up")
    with connect(f"{board.address}#{kind}") as space:
        eventually(lambda: space.read("busy"))
        space.stop("busy")
        program.expect("over")
        eventually(lambda: SpaceAccount.of(space).roles["busy"].state == "stopped")
        assert SpaceAccount.of(space).roles["other"].state == "running"
        space.stop("other")
    program.expect("the other is over")
    assert program.wait() == 0
    assert program.lines.count("motors off") <= 1
    assert "never" not in program.lines


def test_an_agent_that_follows_under_the_same_name_is_not_stopped(
    tmp_path: Path, board: ServerProcess, classic: Classic
) -> None:
    """Only the one that was asked; the next of the class goes on."""
    code = (
        HEAD
        + BUSY["a_loop_in_init"]
        + "one = BusyAgent()\nprint('up', flush=True)\none.t.join()\nother = BusyAgent()\n"
        + "time.sleep(0.5)\nprint('lives', not other.stopped, flush=True)\nos._exit(0)\n"
    )
    program = classic(written(tmp_path / "follows", code, SECOND))
    program.expect("up")
    with connect(f"{board.address}#follows") as space:
        space.stop("busy")
        program.expect("lives")
    assert program.lines[-1] == "lives True"
