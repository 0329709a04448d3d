"""Hot swaps while a robot moves and learns, in real processes: no joint jumps, no pair is forgotten."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from agentspace import Entry, Trigger
from models.icub.simulator import REST
from tests.support.constellation import Constellation, link_agents
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

SPEED = 60.0  # degrees per second, of the motor; the simulator alone would let joints jump at once
JITTER = 0.08  # seconds by which a sample may come late on a busy machine
OVERSHOOT = 1.0  # degrees
ROBOT = f"""
version: 1
agents:
  icub:
    class: agents.simulator:Simulator
    params: {{fps: 0, size: 64, speed: 2000.0}}
    ready: {{slot: icub/encoders, timeout: 120}}
  motor:
    class: agents.motor:Motor
    params: {{speed: {SPEED}}}
    after: [icub]
"""
AWAY = REST + 40.0 * np.tile([1.0, -1.0, 1.0, 1.0, 1.0], 2)


class Sample(NamedTuple):
    """A posture (10,), degrees, when it was written (s), and by which epoch."""

    time: float
    posture: np.ndarray
    epoch: int


class Samples:
    """Every posture that is written to a slot."""

    def __init__(self, constellation: Constellation, slot: str) -> None:
        self.all: list[Sample] = []
        self._watch = constellation.connect().watch(slot, Trigger.EVERY)
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def __enter__(self) -> Samples:
        return self

    def __exit__(self, *exc: object) -> None:
        self._watch.close()
        self._thread.join()

    def _collect(self) -> None:
        while (entries := self._watch.next()) is not None:
            now = time.monotonic()
            self.all += [sample(entry, now) for entry in entries if entry.value is not None]

    @property
    def epochs(self) -> list[int]:
        """Who wrote, in order."""
        return [one.epoch for one in self.all]

    def check_no_jump(self) -> None:
        """Between any two samples no joint moves by more than its speed allows.

        It is enough to look at the angles less (and plus) what the speed allows: neither may rise (or fall).
        """
        times = np.array([one.time for one in self.all])[:, None]
        postures = np.stack([one.posture for one in self.all])
        rise = postures - SPEED * times
        fall = postures + SPEED * times
        up = rise - np.minimum.accumulate(rise)
        down = np.maximum.accumulate(fall) - fall
        worst = max(up.max(), down.max())
        assert worst < SPEED * JITTER + OVERSHOOT, f"a joint jumped by {worst:.1f} degrees"


def sample(entry: Entry, now: float) -> Sample:
    return Sample(now - entry.age, np.array(entry.value), entry.writer.epoch)


class Targets:
    """Asks for two postures in turn, 30 times a second, so that the robot is always on its way."""

    def __init__(self, constellation: Constellation) -> None:
        self._space = constellation.connect()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Targets:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        for number in itertools.count():
            self._space.write("joints", (AWAY, REST)[number // 45 % 2])
            if self._over.wait(1 / 30):
                break


def goes_on(samples: Samples) -> None:
    """Waits until the robot has moved by some degrees."""
    start = samples.all[-1].posture
    eventually(lambda: np.abs(samples.all[-1].posture - start).max() > 5.0, PATIENCE)


def arrives(constellation: Constellation, posture: np.ndarray) -> bool:
    """Asks for a posture, and whether the robot is there."""
    constellation.space.write("joints", posture)
    here = constellation.space.read("icub/encoders")
    return here is not None and bool(np.abs(here - posture).max() < 2.0)


@pytest.fixture(scope="module")
def robot() -> Any:
    with Constellation(ROBOT, prepare=link_agents) as constellation:
        constellation.await_running("icub", "motor")
        yield constellation


@pytest.mark.alone
@pytest.mark.parametrize("role", ["motor", "icub"])
def test_no_joint_jumps_while_motor_or_robot_is_swapped(robot: Constellation, role: str) -> None:
    """Whoever is swapped: the joints keep to the motor's speed, and the robot follows afterwards."""
    with Samples(robot, "icub/encoders") as encoders, Samples(robot, "icub/target") as targets:
        with Targets(robot):
            eventually(lambda: len(encoders.all) > 10 and len(targets.all) > 10, PATIENCE)
            for _ in range(3):
                goes_on(encoders)
                code, out, err = robot.ask("swap", role)
                assert code == 0, out + err
                assert "gap" in out
            goes_on(encoders)
        seen = encoders.all[:]
        eventually(lambda: arrives(robot, AWAY), PATIENCE)
    moved = np.ptp(np.stack([one.posture for one in seen]), axis=0)
    assert (moved > 20.0).all(), "the joints were on their way all the time"
    encoders.check_no_jump()
    targets.check_no_jump()
    mover, other = (targets, encoders) if role == "motor" else (encoders, targets)
    assert mover.epochs == sorted(mover.epochs), "two epochs never take turns"
    assert len(set(mover.epochs)) == 4
    assert len(set(other.epochs)) == 1


ASSOCIATOR = """
version: 1
agents:
  associator:
    class: agents.associator:Associator
    restart: {policy: on-failure, backoff: 0.1}
"""
OTHER_ASSOCIATOR = '''
from agents.associator import Associator


class Other(Associator):
    """Says that it is another."""

    def init(self):
        super().init()
        self.write("by", "other")
'''
KEYS = np.eye(3, 16, dtype=np.float32)
VALUES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def with_other_associator(folder: Path) -> None:
    link_agents(folder)
    (folder / "other_associator.py").write_text(OTHER_ASSOCIATOR)


def learn(constellation: Constellation, number: int) -> None:
    """Lets the associator acquire a pair."""
    space = constellation.space
    space.write("proprio", VALUES[number])
    space.write("confirm", number)

    def learned() -> bool:
        space.write("features", KEYS[number])  # a picture that was taken after the confirmation
        return bool(space.read("pairs") == number + 1)

    eventually(learned, PATIENCE)


def answers(constellation: Constellation, number: int) -> bool:
    """Whether it answers a key with its value, rather than with another pair's."""
    space = constellation.space
    space.write("features", KEYS[number])
    act = space.read("act")
    return act is not None and int(np.abs(VALUES - act).sum(axis=1).argmin()) == number


def test_pairs_survive_a_swap_to_another_class_and_a_crash() -> None:
    """Three pairs: they are there after a swap, after kill -9, and can be asked for."""
    with Constellation(ASSOCIATOR, prepare=with_other_associator) as small:
        small.await_running("associator")
        small.space.write("features/space", "test/16")
        small.space.write("mode", "acquire")
        for number in range(3):
            learn(small, number)
        values = small.space.read("memory/values")
        report = small.space.swap("associator", "other_associator:Other")
        assert (report.state, small.space.read("by")) == ("done", "other")
        np.testing.assert_array_equal(small.space.read("memory/values"), values)
        os.kill(small.role("associator")["pid"], signal.SIGKILL)
        eventually(lambda: small.role("associator").get("epoch") == 3, PATIENCE)
        small.await_running("associator")
        assert small.role("associator")["class"] == "other_associator:Other"
        assert small.space.read("pairs") == 3
        np.testing.assert_array_equal(small.space.read("memory/values"), values)
        small.space.write("mode", "use")
        for number in range(3):
            eventually(lambda number=number: answers(small, number), PATIENCE)
