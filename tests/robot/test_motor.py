"""The motor: what it refuses and clamps, how it follows and holds, and its seam to the drivers."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.body.drivers import DRIVERS, Job, open_driver
from agents.body.follower import LONGEST_GAP, Follower, MotorState
from agents.body.posture import Clamp, NotAPostureError, clamp, read_posture
from agents.motor import Motor
from agentspace import LocalSpace, Trigger
from models.icub.kinematics import JOINT_LIMITS, JOINTS
from tests.support.eventually import eventually
from tests.support.paths import ROOT
from tests.support.recording import recording
from tests.support.waiting import wait

ANGLES = st.lists(st.floats(-400, 400), min_size=10, max_size=10).map(np.array)
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=12) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=3),
)


# --- what a posture is


@pytest.mark.parametrize("value", [[1] * 10, (1.0,) * 10, np.ones(10, np.float32), np.ones(10, np.uint8)])
def test_ten_numbers_are_a_posture(value: Any) -> None:
    """Lists, tuples and arrays of any real type are read as float64."""
    posture = read_posture(value)
    assert posture.dtype == np.float64
    np.testing.assert_array_equal(posture, np.ones(10))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (None, "NoneType"),
        ("0" * 10, "str"),
        (7.0, "float"),
        ({"a": 1}, "dict"),
        ([1.0] * 9, r"shape \(9,\)"),
        (np.zeros((2, 5)), r"shape \(2, 5\)"),
        ([[1], [2, 3]], "not"),
        (["1"] * 10, "'1'"),
        ([None] * 10, "object"),
        ([True] * 10, "bool"),
        (np.ones(10, complex), "complex"),
        ([10**40] * 10, "object"),
        ([0.0] * 9 + [float("nan")], "nan for left_wrist_prosup"),
        ([float("-inf")] + [0.0] * 9, "-inf for right_shoulder_pitch"),
    ],
)
def test_anything_else_is_refused(value: Any, named: str) -> None:
    """The error says what the value is."""
    with pytest.raises(NotAPostureError, match=named):
        read_posture(value)


@given(HOSTILE)
def test_no_value_does_harm(value: Any) -> None:
    """Whatever lies in a slot gives a finite posture or NotAPostureError, with a message that fits a line."""
    message = ""
    try:
        posture = read_posture(value)
    except NotAPostureError as error:
        message = str(error)
    else:
        assert np.isfinite(posture).all()
    assert len(message) < 400


@given(ANGLES)
def test_clamp_reports_exactly_what_it_changed(posture: np.ndarray) -> None:
    """The result is within the limits, changed only where the posture was outside, and every change is told."""
    given_, clamps = clamp(posture, JOINT_LIMITS)
    outside = (posture < JOINT_LIMITS[:, 0]) | (posture > JOINT_LIMITS[:, 1])
    assert (given_ >= JOINT_LIMITS[:, 0]).all()
    assert (given_ <= JOINT_LIMITS[:, 1]).all()
    np.testing.assert_array_equal(given_[~outside], posture[~outside])
    assert clamps == tuple(Clamp(JOINTS[j], posture[j], given_[j]) for j in np.flatnonzero(outside))


# --- following and holding, with time passed in


def anywhere() -> np.ndarray:
    return np.zeros(10)


def nowhere() -> None:
    return None


def test_waits_for_the_robot() -> None:
    """Nothing is commanded to a robot that does not say where it is, target or not."""
    follower = Follower(speed=10.0, patience=1.0)
    assert follower.command(nowhere, 0.0) is None
    follower.ask(np.ones(10), 0.1)
    assert follower.command(nowhere, 0.2) is None
    assert follower.state is MotorState.WAITING


def test_holds_once_when_nobody_asks() -> None:
    """The first thing commanded is where the robot is, once."""
    follower = Follower(speed=10.0, patience=1.0)
    np.testing.assert_array_equal(follower.command(anywhere, 0.0), np.zeros(10))
    assert follower.state is MotorState.HOLD
    assert follower.command(anywhere, 0.1) is None


def test_moves_at_its_speed_and_then_says_nothing() -> None:
    """10 degrees at 20 degrees per second take half a second; then there is nothing to command."""
    follower = Follower(speed=20.0, patience=1.0)
    follower.ask(np.full(10, 10.0), 0.0)
    commands = [follower.command(anywhere, 0.1 * tick) for tick in range(8)]
    assert [None if c is None else round(float(c[0]), 6) for c in commands] == [0, 2, 4, 6, 8, 10, None, None]
    assert follower.state is MotorState.FOLLOW


def test_holds_where_the_robot_is_when_targets_stop() -> None:
    """More than the patience after the last target, one command says: stay where you are now."""
    follower = Follower(speed=20.0, patience=0.3)
    follower.ask(np.full(10, 90.0), 0.0)
    for now in (0.0, 0.1, 0.2, 0.3):
        follower.command(anywhere, now)
    assert follower.state is MotorState.FOLLOW
    np.testing.assert_array_equal(follower.command(lambda: np.full(10, 4.5), 0.31), np.full(10, 4.5))
    assert follower.state is MotorState.HOLD
    assert follower.command(anywhere, 0.4) is None


def test_a_target_that_is_valid_for_longer_is_followed_for_longer() -> None:
    """A validity beyond the patience counts, a shorter one does not: then the pose is held."""
    follower = Follower(speed=20.0, patience=0.3)
    here = np.zeros(10)
    follower.ask(np.full(10, 50.0), 0.0, validity=2.0)
    for now in np.arange(0.0, 2.0, 0.1):
        follower.command(lambda: here, float(now))
        assert follower.state is MotorState.FOLLOW
    follower.command(lambda: here, 2.1)
    assert follower.state is MotorState.HOLD
    follower.ask(np.full(10, 50.0), 3.0, validity=0.1)
    follower.command(lambda: here, 3.2)
    assert follower.state is MotorState.FOLLOW


def test_a_target_that_is_repeated_is_fresh() -> None:
    """The same target asked for again and again keeps it following."""
    follower = Follower(speed=20.0, patience=0.3)
    for tick in range(20):
        follower.ask(np.full(10, 1.0), 0.2 * tick)
        follower.command(anywhere, 0.2 * tick)
        assert follower.state is MotorState.FOLLOW


def test_a_robot_that_falls_silent_gets_no_commands() -> None:
    """While following, lost encoders mean waiting; when they are back, it starts from where the robot is."""
    follower = Follower(speed=20.0, patience=9.0)
    follower.ask(np.full(10, 50.0), 0.0)
    follower.command(anywhere, 0.0)
    follower.command(anywhere, 0.1)
    assert follower.command(nowhere, 0.2) is None
    assert follower.state is MotorState.WAITING
    np.testing.assert_array_equal(follower.command(lambda: np.full(10, -7.0), 0.3), np.full(10, -7.0))


def test_told_to_hold_it_commands_where_the_robot_is_at_once() -> None:
    """Not where it was sent before; once; and a target after that starts from there."""
    follower = Follower(speed=20.0, patience=9.0)
    follower.ask(np.full(10, 90.0), 0.0)
    for now in (0.0, 0.1, 0.2):
        follower.command(anywhere, now)
    follower.hold()
    np.testing.assert_array_equal(follower.command(lambda: np.full(10, 3.0), 0.21), np.full(10, 3.0))
    assert follower.state is MotorState.HOLD
    assert follower.command(lambda: np.full(10, 3.0), 0.3) is None
    follower.ask(np.full(10, 90.0), 0.4)
    np.testing.assert_array_equal(follower.command(lambda: np.full(10, 2.5), 0.4), np.full(10, 2.5))


def test_a_command_that_was_refused_is_not_built_upon() -> None:
    """After a restart the next command is where the robot is, however far the refused ones had gone."""
    follower = Follower(speed=20.0, patience=9.0)
    follower.ask(np.full(10, 90.0), 0.0)
    for now in (0.0, 0.1, 0.2):
        follower.command(anywhere, now)
    follower.restart()
    np.testing.assert_array_equal(follower.command(lambda: np.full(10, 1.0), 0.25), np.full(10, 1.0))
    assert follower.state is MotorState.FOLLOW


HISTORY = st.lists(
    st.tuples(st.floats(0.001, 2.0), *[st.none() | st.floats(-180, 180)] * 2),
    max_size=40,
)


@given(HISTORY)
def test_never_jumps(history: list[tuple[float, float | None, float | None]]) -> None:
    """In any history a command is near to the one before, or is where the robot is.

    A history is a list of (seconds that pass, new target, where the robot is or None if it is silent).
    """
    follower = Follower(speed=30.0, patience=0.5)
    now, heard = 0.0, -np.inf
    before: np.ndarray | None = None
    for seconds, target, place in history:
        now += seconds
        if target is not None:
            follower.ask(np.full(10, target), now)
            heard = now
        here = None if place is None else np.full(10, place)
        command = follower.command(lambda here=here: here, now)
        if command is not None:
            from_robot = here is not None and np.array_equal(command, here)
            near = before is not None and np.abs(command - before).max() <= 30.0 * LONGEST_GAP + 1e-9
            assert from_robot or near
            before = command
        if here is None and now - heard <= 0.5:
            assert command is None
        assert (follower.state is MotorState.FOLLOW) <= (now - heard <= 0.5)


# --- the agent


class Puppet:
    """A robot that is wherever the test says; its slots are those of a simulator."""

    def __init__(self, space: LocalSpace, speed: float = 1000.0, patience: float = 0.2) -> None:
        self.space = space
        space.run(Motor(speed=speed, patience=patience, rate=100.0), "motor")

    def appears(self, angle: float = 0.0) -> None:
        self.space.write("icub/limits", JOINT_LIMITS)
        self.stands(angle)

    def stands(self, angle: float) -> None:
        self.space.write("icub/encoders", np.full(10, angle))

    def ask(self, value: Any) -> None:
        self.space.write("joints", value)

    def is_in_state(self, state: str) -> None:
        wait(self.space, "motor/state", lambda entry: entry.value == state)

    def target(self, condition: Callable[[np.ndarray], bool]) -> np.ndarray:
        return wait(self.space, "icub/target", lambda entry: condition(entry.value)).value


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    with LocalSpace() as space:
        yield Puppet(space)


def test_agent_waits_then_holds_then_follows_then_holds(puppet: Puppet) -> None:
    """The states of a session, in order, each in the state slot; a hold commands where the robot is."""
    puppet.is_in_state("waiting")
    assert puppet.space.entry("icub/target") is None
    puppet.appears(20.0)
    puppet.is_in_state("hold")
    puppet.target(lambda target: (target == 20.0).all())
    puppet.ask([30.0] * 10)
    puppet.is_in_state("follow")
    puppet.stands(25.0)
    puppet.is_in_state("hold")
    puppet.target(lambda target: (target == 25.0).all())


def test_agent_reaches_the_target_without_a_jump() -> None:
    """Commands go from where the robot is to the target in steps that the speed allows."""
    with LocalSpace() as space:
        puppet = Puppet(space, speed=200.0, patience=5.0)  # it never holds, however late a test asks
        puppet.appears(20.0)
        puppet.is_in_state("hold")
        with space.watch("icub/target", Trigger.EVERY) as watch:
            seen = [20.0]
            until = time.monotonic() + 10.0
            while seen[-1] < 50.0 and time.monotonic() < until:
                puppet.ask([50.0] * 10)
                seen += [float(entry.value[1]) for entry in watch.next(0.02) or ()]
        assert seen[-1] == 50.0
        assert np.diff(seen).max() <= 200.0 * LONGEST_GAP
        assert len(seen) > 5
        assert sorted(seen) == seen


def test_agent_clamps_and_says_so(puppet: Puppet) -> None:
    """What is asked beyond the limits is moved into them; joint, asked and given stand in a slot."""
    puppet.appears()
    puppet.is_in_state("hold")
    asked = np.full(10, 20.0)
    asked[3], asked[5] = 200.0, 9.0
    puppet.ask(asked)
    clamped = wait(puppet.space, "motor/clamped", lambda entry: entry.value is not None).value
    pitch = {"joint": "right_shoulder_pitch", "asked": 20.0, "given": 9.45}
    assert clamped == [pitch, {"joint": "right_elbow", "asked": 200.0, "given": 105.8}]


@pytest.mark.parametrize("bad", ["up", [1.0] * 9, [float("nan")] * 10, np.full(10, np.inf)])
def test_agent_refuses_and_goes_on(puppet: Puppet, bad: Any) -> None:
    """A bad target is reported, moves nothing and is not fresh; the next good one is followed."""
    puppet.appears(20.0)
    puppet.is_in_state("hold")
    puppet.ask(bad)
    refused = wait(puppet.space, "motor/refused", lambda entry: entry.value is not None).value
    assert refused.startswith("joints: a posture is 10 finite angles")
    assert puppet.space.read("motor/state") == "hold"
    puppet.ask([30.0] * 10)
    puppet.target(lambda target: target[1] > 20.0)


def test_agent_holds_on_none_and_follows_again(puppet: Puppet) -> None:
    """None in the joints' slot is no bad value: the robot is told to stay where it is, for as long as it holds."""
    puppet.appears(20.0)
    puppet.is_in_state("hold")
    puppet.ask([30.0] * 10)
    puppet.is_in_state("follow")
    puppet.stands(25.0)
    assert puppet.space.write("joints", None, priority=9.0)
    puppet.is_in_state("hold")
    puppet.target(lambda target: (target == 25.0).all())
    assert not puppet.space.write("joints", [40.0] * 10)
    assert puppet.space.entry("motor/refused") is None
    puppet.space.delete("joints", priority=9.0)
    puppet.ask([40.0] * 10)
    puppet.is_in_state("follow")


def test_agent_starts_from_the_robot_when_others_held_it(puppet: Puppet) -> None:
    """While somebody else holds the robot's target, commands do not run ahead; then they begin where it is."""
    puppet.appears(20.0)
    puppet.is_in_state("hold")
    assert puppet.space.write("icub/target", None, priority=9.0)

    def refused() -> int:
        puppet.space.write("joints", [50.0] * 10)  # fresh all the time
        return int((puppet.space.read("_/loads") or {}).get("motor", {}).get("refused", 0))

    eventually(lambda: refused() > 20)
    with recording(puppet.space, "icub/target") as targets:
        puppet.space.delete("icub/target", priority=9.0)
        eventually(lambda: [entry for entry in targets if entry.value is not None])
    assert next(entry.value[0] for entry in targets if entry.value is not None) == 20.0


def test_agent_does_not_command_a_robot_that_is_gone(puppet: Puppet) -> None:
    """When the encoders are no longer valid the motor waits, and says so."""
    puppet.appears(20.0)
    puppet.is_in_state("hold")
    puppet.ask([30.0] * 10)
    puppet.is_in_state("follow")
    puppet.space.delete("icub/encoders")
    puppet.is_in_state("waiting")
    puppet.stands(10.0)
    puppet.is_in_state("hold")


def test_agent_drives_the_robot_that_it_is_told(puppet: Puppet) -> None:
    """The parameter `robot` is the first part of the slot names."""
    puppet.space.run(Motor(robot="other", state="other/state"), "second")
    puppet.space.write("other/limits", JOINT_LIMITS)
    puppet.space.write("other/encoders", np.full(10, 5.0))
    wait(puppet.space, "other/target", lambda entry: (entry.value == 5.0).all())
    told = puppet.space.entry("icub/target")  # the first motor may follow the encoders that the second passes on
    assert told is None or told.writer.role == "motor"


def test_agent_passes_on_what_others_look_for_elsewhere(puppet: Puppet) -> None:
    """Encoders and limits of a robot whose slots have other names are told in the motor's, and expire with it."""
    puppet.space.run(Motor(robot="sim", state="other/state", speed=1000.0), "second")
    puppet.space.write("sim/limits", JOINT_LIMITS)
    puppet.space.write("sim/encoders", np.full(10, 7.0))
    entry = wait(puppet.space, "icub/encoders", lambda entry: entry.value is not None and entry.value[0] == 7.0)
    assert entry.time_left is not None
    np.testing.assert_array_equal(wait(puppet.space, "icub/limits", lambda e: True).value, JOINT_LIMITS)
    puppet.space.delete("sim/encoders")
    wait(puppet.space, "icub/encoders", lambda entry: entry.kind == "expired")


# --- the seam


def test_unknown_driver_is_named() -> None:
    """The error names the driver that was asked for and those that there are."""
    with pytest.raises(ValueError, match=r"'hydraulic'.*mujoco"):
        open_driver("hydraulic", Job(Motor(), "icub"))


def test_a_driver_without_options_says_so() -> None:
    """What is not valid is named."""
    with pytest.raises(ValueError, match="the driver mujoco has no options, but was given control"):
        open_driver("mujoco", Job(Motor(), "icub", options={"control": "direct"}))


def test_every_driver_has_the_whole_protocol() -> None:
    """Each name of the registry opens, and its driver has all methods."""
    with LocalSpace() as space:
        motor = Motor()
        motor.bind(space.join("motor"), __import__("logging").getLogger(), Path())
        for name in DRIVERS:
            driver = open_driver(name, Job(motor, "icub"))
            assert driver.limits() is None
            assert driver.encoders() is None
            driver.command(np.zeros(10))
            driver.close()


def test_a_motor_loads_nothing_heavy() -> None:
    """Neither the simulation nor a machine-learning library is imported for driving a robot."""
    script = (
        "import sys, agents.motor, agents.body.drivers.mujoco\n"
        "print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    heavy = ["mujoco", "cv2", "torch", "trimesh", "onnxruntime"]
    done = subprocess.run(
        [sys.executable, "-c", script, *heavy],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
