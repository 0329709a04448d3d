"""Claims about how the joints of a robot are led, without a robot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.yarp.robot.motion import AT_ONCE, Mode, Motion, MotionError

LIMITS = np.array([[-90.0, 90.0], [0.0, 30.0], [-10.0, 10.0]])
STEP = 0.005  # seconds
ALL = [0, 1, 2]


def made(fastest: float = 100.0, acceleration: float = AT_ONCE) -> Motion:
    motion = Motion(LIMITS, fastest, np.zeros(3))
    motion.set_speeds(ALL, [fastest] * 3)
    motion.set_accelerations(ALL, [acceleration] * 3)
    return motion


def goes(motion: Motion, seconds: float) -> np.ndarray:
    """The way of joints that follow perfectly, (steps, 3) degrees."""
    way = []
    for _ in range(round(seconds / STEP)):
        way.append(motion.advance(STEP))
        motion.measure([], np.zeros(0), np.zeros(0))
    return np.array(way)


def test_motion_takes_the_time_that_its_speed_says() -> None:
    """60 degrees at 20 degrees per second take 3 s, and the motion is done then and no earlier."""
    motion = made()
    motion.set_speeds([0], [20.0])
    motion.move([0], [60.0])
    assert not motion.is_done([0])
    way = goes(motion, 2.9)
    assert way[-1, 0] == pytest.approx(58.0, abs=0.3)
    assert not motion.is_done([0])
    assert motion.is_done([1, 2])
    goes(motion, 0.15)
    assert motion.is_done(ALL)


def test_motion_is_done_only_where_the_joint_stands_at_its_target() -> None:
    """What counts is where the joint is measured to be: one that is blocked, or overshoots, is not done."""
    motion = made()
    motion.move([0], [10.0])
    goes(motion, 1.0)
    motion.measure([0], np.array([9.0]), np.zeros(1))
    assert not motion.is_done([0])
    motion.measure([0], np.array([10.1]), np.array([20.0]))
    motion.measure([0], np.array([10.1]), np.array([20.0]))
    assert not motion.is_done([0])
    motion.measure([0], np.array([10.1]), np.zeros(1))
    assert motion.is_done([0])


@given(
    st.lists(st.tuples(st.floats(-120, 120), st.floats(1, 150), st.floats(5, 5000)), min_size=1, max_size=6),
    st.integers(1, 60),
)
def test_no_limit_is_ever_broken(moves: list[tuple[float, float, float]], steps: int) -> None:
    """Whatever is asked for in the middle of a motion: angle, speed and acceleration stay within their limits."""
    motion = made(fastest=80.0)
    before, pace = np.zeros(3), np.zeros(3)
    for target, speed, acceleration in moves:
        motion.set_speeds(ALL, [speed] * 3)
        motion.set_accelerations(ALL, [acceleration] * 3)
        motion.move(ALL, [target] * 3)
        for _ in range(steps):
            now = motion.advance(STEP)
            assert (now >= LIMITS[:, 0]).all()
            assert (now <= LIMITS[:, 1]).all()
            step = (now - before) / STEP
            assert np.abs(step).max() <= 80.0 + 1e-6
            assert (np.abs(step) - np.abs(pace)).max() <= acceleration * STEP + 1e-6
            before, pace = now, step
    for _ in range(200_000):
        if np.array_equal(motion.advance(0.02), motion.targets):
            break
    np.testing.assert_array_equal(motion.advance(0.02), np.clip([target] * 3, *LIMITS.T))


def test_targets_are_clipped_to_the_limits() -> None:
    """A million degrees mean the end of the range, for targets, streams and velocities."""
    motion = made()
    motion.move(ALL, [1e6, -1e6, 1e6])
    np.testing.assert_array_equal(goes(motion, 2.0)[-1], [90.0, 0.0, 10.0])
    motion.set_modes([0], [Mode.DIRECT])
    motion.follow([0], [-1e6])
    assert goes(motion, 2.0)[-1, 0] == -90.0
    motion.set_modes([1], [Mode.VELOCITY])
    motion.run([1], [1e6])
    way = goes(motion, 0.5)
    assert way[-1, 1] == 30.0
    assert np.diff(way[:, 1]).max() <= 100.0 * STEP + 1e-9
    assert motion.is_done([1])


def test_direct_targets_are_followed_at_once_but_for_the_speed() -> None:
    """In position direct the reference speed does not count, the limit of the joint does."""
    motion = made()
    motion.set_speeds([0], [1.0])
    motion.set_modes([0], [Mode.DIRECT])
    motion.follow([0], [0.4])
    assert motion.advance(STEP)[0] == 0.4
    motion.follow([0], [50.0])
    assert motion.advance(STEP)[0] == pytest.approx(0.4 + 100.0 * STEP)


def test_velocities_ramp_up_and_are_stopped() -> None:
    """The reference acceleration is kept; a stop holds the joint where it is."""
    motion = made(acceleration=100.0)
    motion.set_modes([0], [Mode.VELOCITY])
    motion.run([0], [50.0])
    way = goes(motion, 0.5)
    assert way[-1, 0] == pytest.approx(0.5 * 100.0 * 0.5**2, abs=0.3)
    motion.halt([0])
    np.testing.assert_allclose(goes(motion, 0.2)[:, 0], way[-1, 0])
    assert motion.is_done([0])


def test_commands_that_the_mode_does_not_take_are_refused() -> None:
    """The error names the mode and those that would do; nothing moves."""
    motion = made()
    for command, mode in (
        (motion.move, Mode.DIRECT),
        (motion.move, Mode.IDLE),
        (motion.move, Mode.VELOCITY),
        (motion.follow, Mode.POSITION),
        (motion.run, Mode.POSITION),
    ):
        motion.set_modes([0], [mode])
        with pytest.raises(MotionError, match=f"the mode is {mode}; valid for this: "):
            command([1, 0], [20.0, 20.0])
    np.testing.assert_array_equal(goes(motion, 0.5)[-1], np.zeros(3))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    """NaN and infinity never become a target, a speed or an acceleration."""
    motion = made()
    with pytest.raises(MotionError, match="finite"):
        motion.move([0], [bad])
    with pytest.raises(MotionError, match="finite"):
        motion.shift([0], [bad])
    with pytest.raises(MotionError, match="positive and finite"):
        motion.set_speeds([0], [bad])
    with pytest.raises(MotionError, match="positive and finite"):
        motion.set_accelerations([0], [0.0])


def test_whoever_commanded_last_leads() -> None:
    """`lead` takes over from every mode, at full speed; a client that moves the joint later has it back."""
    motion = made()
    for mode in (Mode.VELOCITY, Mode.DIRECT, Mode.IDLE, Mode.MIXED):
        motion.set_modes([0], [mode])
        motion.lead([0], [40.0])
        assert motion.state().modes[0] is Mode.POSITION
        assert goes(motion, 1.0)[-1, 0] == 40.0
        motion.move([0], [0.0])
        assert goes(motion, 1.0)[-1, 0] == 0.0


def test_held_robot_stands_and_obeys_nobody() -> None:
    """While it is held it stands, shows a fault in every joint, and refuses all; then it obeys again."""
    motion = made()
    motion.move(ALL, [80.0, 30.0, 10.0])
    goes(motion, 0.1)
    motion.hold(True)
    stood = motion.advance(STEP)
    assert set(motion.state().modes) == {Mode.FAULT}
    for refused in (
        lambda: motion.move([0], [0.0]),
        lambda: motion.lead([0], [0.0]),
        lambda: motion.set_modes([0], [Mode.IDLE]),
    ):
        with pytest.raises(MotionError, match="emergency stop"):
            refused()
    np.testing.assert_array_equal(goes(motion, 1.0)[-1], stood)
    motion.hold(False)
    np.testing.assert_array_equal(goes(motion, 1.0)[-1], stood)
    motion.move([0], [0.0])
    assert goes(motion, 1.0)[-1, 0] == 0.0


def test_unknown_mode_is_refused() -> None:
    """The error names it and the valid ones."""
    with pytest.raises(MotionError, match="no control mode 'torq'; valid: idl, pos, posd, vel, mix"):
        made().set_modes([0], ["torq"])
