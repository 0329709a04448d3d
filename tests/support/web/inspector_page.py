"""The inspector's page: starting one, and finding one's way in it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from agentspace.client.space import RemoteSpace
from tests.support.constellation import Constellation
from tests.support.program import Program
from tests.support.server_process import ServerProcess
from tests.support.web.browser import PATIENCE

expect.set_options(timeout=PATIENCE)


AGENTS = """
class Doubler(Agent):
    def init(self): self.attach_trigger("number")
    def sense_select_act(self): self.write("double", 2 * self.read("number", 0))
from agentspace.agent.runner import Runner
from pathlib import Path
info = {"class": "agents.doubler:Doubler", "pid": os.getpid()}
runner = Runner(Doubler(), space.join("doubler", info), Path("."))
say("ready")
runner.run()
"""


class Inspector(Program):
    """An inspector as users start it, when it serves."""

    def __init__(self, server: ServerProcess | Constellation, *options: str) -> None:
        command = [sys.executable, "-m", "agentspace", "inspect", "--web", "--no-open", *options]
        super().__init__(command, environment=server.environment)
        try:
            self.url = self.expect("http://")
        except BaseException:
            self.close()
            raise

    def end(self) -> int:
        """Ends it as a user does."""
        self.signal(signal.SIGINT)
        return self.wait()


def show(page: Page, view: str) -> None:
    page.evaluate("hash => { location.hash = hash; }", view)


@contextmanager
def changing(space: RemoteSpace, name: str, value) -> Iterator[None]:
    """A slot that somebody writes 20 times a second: value(n)."""
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.wait(0.05):
            space.write(name, value(number), validity=5)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def slot_row(page: Page, name: str):
    return page.locator(f'tr[data-slot="{name}"]')
