"""Bad values in a launch as it is shipped: roles set them aside and go on, whatever they do to the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.constellation import Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

PICKY = """
import ctypes, os, sys, time
from agentspace import Agent, Trigger


class Picky(Agent):
    def init(self):
        self.attach_trigger("number", Trigger.EVERY)

    def sense_select_act(self):
        for change in self.wake.changes:
            match change.value:
                case "raise":
                    raise ValueError("bad")
                case "segv":
                    ctypes.string_at(8)
                case "exit":
                    os._exit(9)
                case "leave":
                    sys.exit(3)
            self.space.write("taken", [*self.space.read("taken", []), change.value])


class Ticking(Agent):
    def init(self):
        self.attach_trigger("news", Trigger.EVERY)
        self.attach_timer(0.01)
        time.sleep(0.05)  # so that the timer comes first

    def sense_select_act(self):
        if self.wake.timer and not self.wake.changes and self.space.read("deadly"):
            self.space.write("dying", True)
            while not self.space.read("_/loads", {}).get(self.role, {}).get("busy"):
                pass
            os._exit(9)
        for change in self.wake.changes:
            self.space.write("heard", change.value)
"""
LAUNCH = """
version: 1
agents:
  picky: {class: 'agents.picky:Picky'}
  ticking: {class: 'agents.picky:Ticking', restart: {policy: always, backoff: 0.05, backoff_max: 0.05, limit: 100}}
"""


@pytest.fixture
def launch() -> Iterator[Constellation]:
    """A launch whose agents run, with the policy of restarts that is shipped."""
    with Constellation(LAUNCH, picky=PICKY) as constellation:
        constellation.await_running("picky")
        constellation.await_running("ticking")
        yield constellation


def letters(launch: Constellation, role: str = "picky") -> list[dict[str, Any]]:
    told = launch.space.read(f"_/dead_letters/{role}", {})
    return [*told.get("letters", ())]


def test_what_kills_a_process_is_set_aside_and_the_role_goes_on(launch):
    """A segmentation fault and exits on one value each, in a row: a letter for each, and the next is handled."""
    poison = ["segv", "exit", "leave"]
    for value in [1, *poison, 2]:
        launch.space.write("number", value)
    eventually(lambda: launch.space.read("taken") == [1, 2], 2 * PATIENCE)
    assert [letter["value"] for letter in letters(launch)] == poison
    assert {letter["attempts"] for letter in letters(launch)} <= {3, 4}, "some with others"
    assert launch.space.read("_/errors/picky")["changes"][0]["slot"] == "number"
    assert launch.space.read("_/dead_letters/picky")["in_a_row"] == 3
    code, _, errors = launch.ask("swap", "picky", "--fresh")
    assert code == 0, errors
    launch.space.delete("number")
    launch.space.write("number", 3)
    eventually(lambda: launch.space.read("taken")[-1] == 3)
    assert len(letters(launch)) == 3


@pytest.mark.parametrize("count", [2, 5])
def test_bad_values_in_a_row_do_not_exhaust_the_restarts(launch, count):
    """Two, or five, right after each other, within a minute: the role works on the sixth."""
    for _ in range(count):
        launch.space.write("number", "raise")
    launch.space.write("number", 7)
    eventually(lambda: launch.space.read("taken") == [7], 3 * PATIENCE)
    assert len(letters(launch)) == count
    eventually(lambda: launch.space.read("launch/test")["roles"]["picky"]["state"] == "running", PATIENCE)


def test_who_fails_at_everything_is_given_up(launch):
    """Twelve bad values and no good one: it does not go through them all."""
    for _ in range(12):
        launch.space.write("number", "raise")
    eventually(lambda: launch.space.read("launch/test")["roles"]["picky"]["state"] == "gave up", 3 * PATIENCE)
    assert 6 <= len(letters(launch)) < 12


def test_a_death_for_a_timer_blames_no_change(launch):
    """What waits while a timer's handler kills the process four times is handled by the fifth."""
    before = launch.space.read("_/roles/ticking")["epoch"]
    launch.space.write("deadly", True)
    eventually(lambda: launch.space.read("dying"), PATIENCE)
    launch.space.write("news", 1)
    eventually(lambda: launch.space.read("_/roles/ticking")["epoch"] > before + 4, PATIENCE)
    launch.space.delete("deadly")
    eventually(lambda: launch.space.read("heard") == 1, PATIENCE)
    assert letters(launch, "ticking") == []
