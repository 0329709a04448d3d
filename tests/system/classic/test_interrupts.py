"""Ctrl-C while agents write in loops, beside the original: the same is said, and nothing of this library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import written
from tests.system.classic.doubles import SECOND

CODE = r"""
import os, signal, sys, threading, time
import numpy as np
from agentspace import Agent, space
class WriterAgent(Agent):
    def __init__(self, name): self.name = name; super().__init__()
    def init(self):
        n = 0
        while True:
            n += 1; space[self.name] = np.full((99, 99), n % 250, np.uint8)
            space(validity=0.1, priority=2)["shared"] = n; space["shared"]; time.sleep(0.001)
    def senseSelectAct(self): pass
class TickAgent(Agent):
    def init(self): self.attach_timer(0.005); space.attach_trigger("a", self)
    def senseSelectAct(self): space["tick"] = time.time(); space["a"]
def quit(*_):
    os.write(1, b"quit\n")
    if "leave" in sys.argv: os._exit(4)
    if "exit" in sys.argv: sys.exit(3)
    raise ValueError("wrong")
if len(sys.argv) > 2: signal.signal(signal.SIGINT, quit)
for name in "abc": WriterAgent(name)
for _ in range(3): TickAgent()
while not space["tick"]: time.sleep(0.01)
threading.Timer(0.5, os.write, [1, b"up\n"]).start()  # when the main thread is where it will be
while "works" in sys.argv: space["main"] = 1; time.sleep(0.01)
"""


def interrupted(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[list[str], list[str], int]:
    """What a program says, with its code, that gets SIGINT with its children until it ends, as from a terminal."""
    begun = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert begun.stdout is not None
        said = [begun.stdout.readline().strip()]
        while begun.poll() is None:
            os.killpg(begun.pid, signal.SIGINT)
            until = time.monotonic() + 3.0
            while begun.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        out, err = begun.communicate(timeout=20)
    finally:
        if begun.poll() is None:
            begun.kill()
    return said + out.splitlines(), err.splitlines(), begun.returncode


@pytest.mark.parametrize("words", ["waits", "waits exit", "waits leave", "waits raise", "works", "works exit"])
def test_ctrl_c_while_agents_write(tmp_path: Path, board: ServerProcess, words: str) -> None:
    """In its main thread or while that waits for the agents; by a handler that exits, leaves, or goes wrong."""
    file = written(tmp_path / f"busy-{words.replace(' ', '-')}", CODE, SECOND)
    alone = interrupted([sys.executable, "-u", file.name, *words.split()], file.parent, {"PYTHONPATH": ""})
    classic = [sys.executable, "-u", "-P", "-m", "agentspace", "classic", "--log-level", "warning"]
    served = interrupted([*classic, file.name, *words.split()], file.parent, board.environment)
    assert served[0] == alone[0]
    assert served[0][0] == "up"
    if len(words.split()) > 1:
        assert served[2] == alone[2]
    told = [line for line in served[1] if not line.startswith(" ")]
    assert set(told) <= {"Traceback (most recent call last):", "KeyboardInterrupt", "ValueError: wrong"}
    eventually(lambda: not board_roles(board, file.parent.name))


def board_roles(board: ServerProcess, space: str) -> list[str]:
    """The roles of a program that are filled."""
    from agentspace.client.account import SpaceAccount

    with board.connect(space=space) as asked:
        return [name for name, role in SpaceAccount.of(asked).roles.items() if role.filled]
