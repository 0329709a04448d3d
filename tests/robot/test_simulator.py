"""The simulator as an agent on a space."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.body.posture import NotAPostureError
from agents.motor import Motor
from agents.simulator import Simulator
from agentspace import Entry, LocalSpace, Trigger
from models.icub.simulator import REST, Icub
from tests.support.eventually import eventually
from tests.support.recording import recording
from tests.support.waiting import wait

GOAL = np.array([-30.0, 30, 0, 90, 0, -60, 20, 10, 40, 0])


def is_there(entry: Entry) -> bool:
    return entry.value is not None


def is_near(goal: np.ndarray) -> Callable[[Entry], bool]:
    return lambda entry: entry.value is not None and bool(np.abs(entry.value - goal).max() < 0.5)


def test_shows_itself(space: LocalSpace) -> None:
    """Limits, encoders at the start posture and a picture; encoders and picture expire if it falls silent."""
    space.run(Simulator())
    view = wait(space, "icub/view", is_there)
    assert (view.value.shape, view.value.dtype) == ((224, 224, 3), np.uint8)
    encoders = wait(space, "icub/encoders", is_there)
    np.testing.assert_allclose(encoders.value, REST, atol=0.5)
    assert space.read("icub/limits").shape == (10, 2)
    assert space.entry("icub/limits").time_left is None
    for entry in (view, encoders):
        assert 0.0 < entry.time_left <= 0.5


def test_goes_where_the_target_says(space: LocalSpace) -> None:
    """A target is reached within half a degree."""
    space.run(Simulator(fps=0.0, speed=300.0))
    space.write("icub/target", GOAL)
    wait(space, "icub/encoders", is_near(GOAL))
    assert space.entry("icub/view") is None


def test_restarted_robot_goes_where_its_predecessor_was_asked_to_go(space: LocalSpace) -> None:
    """A target that was taken and acknowledged before a restart holds for the successor too."""
    first = space.run(Simulator(fps=0.0, speed=300.0))
    space.write("icub/target", GOAL)
    wait(space, "icub/encoders", is_near(GOAL))
    first.stop()
    wait(space, "_/roles/simulator", lambda entry: entry.value["state"] == "stopped")
    space.run(Simulator(fps=0.0, speed=300.0))
    wait(space, "icub/encoders", lambda entry: entry.writer.epoch == 2 and is_near(GOAL)(entry))


@pytest.mark.alone
def test_keeps_its_rates(space: LocalSpace) -> None:
    """Encoders come at `rate`, pictures at `fps`: no faster, and not much slower while the machine is quiet."""
    space.run(Simulator(rate=50.0, fps=20.0, size=32))
    wait(space, "icub/view", is_there)

    def relative(name: str, rate: float) -> float:
        with space.watch(name, Trigger.EVERY) as watch:
            start, seen = time.monotonic(), 0
            while time.monotonic() < start + 1.5:
                seen += len(watch.next(0.05) or ())
            return seen / (time.monotonic() - start) / rate

    for name, rate in (("icub/encoders", 50.0), ("icub/view", 20.0)):
        assert eventually(lambda name=name, rate=rate: 0.6 < relative(name, rate) < 1.1)


@pytest.mark.parametrize("bad", ["up", [1.0] * 9, [float("nan")] * 10, {"a": 1}, np.ones((3, 3), complex)])
def test_bad_target_is_reported_and_survived(space: LocalSpace, bad: Any) -> None:
    """The report names the slot and what is wrong; the next good target is followed."""
    space.run(Simulator(fps=0.0, speed=300.0))
    space.write("icub/target", bad)
    refused = wait(space, "icub/refused", is_there)
    assert refused.value.startswith("icub/target: a posture is 10 finite angles")
    space.write("icub/target", GOAL)
    wait(space, "icub/encoders", is_near(GOAL))


@pytest.mark.alone
def test_none_stops_it_where_it_is(space: LocalSpace) -> None:
    """In full motion None brakes every joint within three degrees; the next target moves it again.

    The way begins with the first encoders that are told after None was accepted: they may be those of a period
    that was under way, as long as the machine was busy. All periods after it know of None.
    """
    space.run(Simulator(fps=0.0, speed=240.0, rate=100.0))
    start = wait(space, "icub/encoders", is_there).value
    space.write("icub/target", GOAL)
    wait(space, "icub/encoders", lambda entry: entry.value is not None and np.abs(entry.value - start).max() > 15)
    with recording(space, "icub/*") as seen:

        def after() -> list[np.ndarray]:
            later = itertools.dropwhile(lambda entry: entry.name != "icub/target", list(seen))
            return [entry.value for entry in later if entry.name == "icub/encoders"]

        assert space.write("icub/target", None, priority=9.0)
        eventually(lambda: len(after()) > 50)
    postures = np.array(after())
    assert np.abs(postures - postures[0]).max() < 3.0
    assert np.abs(postures[-1] - GOAL).max() > 10.0
    assert space.entry("icub/refused") is None
    space.delete("icub/target", priority=9.0)
    space.write("icub/target", GOAL)
    wait(space, "icub/encoders", is_near(GOAL))


def test_scene_can_be_changed_while_it_runs(space: LocalSpace) -> None:
    """The slot `icub/scene` changes what it names; a bad one is reported and changes nothing."""
    space.run(Simulator(size=32))
    bright = wait(space, "icub/view", is_there).value.mean()
    space.write("icub/scene", {"light": 0.5})
    wait(space, "icub/view", lambda entry: entry.value is not None and entry.value.mean() < 0.7 * bright)
    space.write("icub/scene", {"light": "off", "azimuth": 3.0})
    assert wait(space, "icub/refused", is_there).value.startswith("icub/scene: light")
    space.write("icub/scene", {"light": 1.0})
    back = wait(space, "icub/view", lambda entry: entry.value is not None and entry.value.mean() > 0.9 * bright)
    assert abs(back.value.mean() - bright) < 1.0


def test_mirror_flips_the_picture(space: LocalSpace) -> None:
    """With `mirror` the picture is the flipped one of the same posture."""
    space.run(Simulator(mirror=True, start=GOAL.tolist(), size=64))
    with Icub(size=64, start=GOAL) as robot:
        np.testing.assert_array_equal(wait(space, "icub/view", is_there).value, robot.render()[:, ::-1])


def test_slots_can_be_renamed(space: LocalSpace) -> None:
    """Two simulators stand side by side when a launch file renames the slots of one."""
    names = ("target", "scene", "encoders", "limits", "view")
    space.run(Simulator(fps=0.0, speed=300.0), "robot")
    space.run(Simulator(fps=0.0, speed=300.0, **{name: f"demonstrator/{name}" for name in names}), "demonstrator")
    space.write("demonstrator/target", GOAL)
    wait(space, "demonstrator/encoders", is_near(GOAL))
    np.testing.assert_allclose(wait(space, "icub/encoders", is_there).value, REST, atol=0.5)


def test_bad_start_is_an_error() -> None:
    """A start posture of the wrong length ends the agent at once, with the reason."""
    with LocalSpace() as space:
        agent = Simulator(start=[1.0, 2.0])
        agent.bind(space.join("simulator"), __import__("logging").getLogger("test"), agent.project)
        with pytest.raises(NotAPostureError, match=r"shape \(2,\)"):
            agent.prepare()
        agent.close()


def test_bad_name_on_yarp_is_an_error() -> None:
    """A name that no port can have ends the agent at once; the message says how names begin."""
    with LocalSpace() as space:
        agent = Simulator(yarp=True, yarp_name="icubSim")
        agent.bind(space.join("simulator"), __import__("logging").getLogger("test"), agent.project)
        agent.prepare()
        with pytest.raises(ValueError, match="begins with '/', as /icubSim does: 'icubSim'"):
            agent.init()
        agent.close()


def test_motor_moves_it_and_holds(space: LocalSpace) -> None:
    """Motor and simulator together: targets that are repeated are reached; when they stop, the pose stays."""
    space.run(Simulator(fps=0.0, speed=300.0))
    space.run(Motor(speed=300.0, patience=0.3))
    wait(space, "motor/state", lambda entry: entry.value == "hold")
    until = time.monotonic() + 20.0
    while not is_near(GOAL)(wait(space, "icub/encoders", is_there)) and time.monotonic() < until:
        space.write("joints", GOAL)
        wait(space, "icub/encoders", is_there)
    wait(space, "motor/state", lambda entry: entry.value == "hold")
    np.testing.assert_allclose(wait(space, "icub/encoders", is_there).value, GOAL, atol=0.5)
