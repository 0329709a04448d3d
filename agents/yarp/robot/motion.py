"""The motion of a robot's joints: modes, targets, speeds, when it is done. Pure; time is passed in.

The last command of a joint leads it. While the robot is `held` (an emergency stop), none does.
"""

import threading
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.arrays import Floats

AT_ONCE: Final = 1e9
"""An acceleration (degrees per second^2) that is no limit."""
SPEED: Final = 10.0
"""Reference speed of every joint at the beginning, degrees per second, as on the iCub."""
ACCELERATION: Final = 1000.0
"""Reference acceleration at the beginning, degrees per second^2."""
NEAR: Final = 0.25
"""A motion is done when the joint is that near to its target, degrees..."""
STILL: Final = 1.0
"""...and no faster than this, degrees per second."""

Axes = Sequence[int] | NDArray[np.int_]


class Mode(StrEnum):
    """The control modes of a joint; the values are those of YARP."""

    IDLE = "idl"
    POSITION = "pos"
    DIRECT = "posd"
    VELOCITY = "vel"
    MIXED = "mix"
    FAULT = "hwfa"


SETTABLE: Final = tuple(mode for mode in Mode if mode is not Mode.FAULT)
_MOVES: Final = (Mode.POSITION, Mode.MIXED)
_RUNS: Final = (Mode.VELOCITY, Mode.MIXED)


class MotionError(ValueError):
    """A command cannot be obeyed; the message says why, and what is valid."""


class JointState(NamedTuple):
    """The state of the joints; arrays (n,), degrees and seconds; copies.

    Attributes:
        positions: Measured.
        velocities: Measured.
        accelerations: Of the way on which they are led.
        modes: Of each joint; all `FAULT` while the robot is held.
    """

    positions: Floats
    velocities: Floats
    accelerations: Floats
    modes: tuple[Mode, ...]


class Motion:
    """The joints of a robot; its methods may be called by any thread.

    Args:
        limits: Lowest and highest angle of each joint (n, 2), degrees.
        fastest: Limit of every joint, degrees per second.
        start: Where they are (n,), degrees.

    Attributes:
        limits: See above.
        fastest: See above.
        speeds: Reference speeds (n,).
        accelerations: Reference accelerations (n,).
        targets: Where each joint goes (n,).
        runs: Velocities that were commanded (n,); 0 for a joint that goes to a target.
    """

    def __init__(self, limits: Floats, fastest: float, start: ArrayLike) -> None:
        self.limits, self.fastest = limits, fastest
        count = len(limits)
        self._lock = threading.Lock()
        self._way = np.clip(np.asarray(start, np.float64), *limits.T)  # where each joint shall be now
        self._pace = np.zeros(count)  # how fast the way goes
        self._change = np.zeros(count)  # how fast the pace changes
        self._positions, self._velocities = self._way.copy(), np.zeros(count)
        self._before = self._positions  # measured before
        self._held = False
        self.targets = self._way.copy()
        self.runs = np.zeros(count)
        self.speeds = np.full(count, min(SPEED, fastest))
        self.accelerations = np.full(count, ACCELERATION)
        self._cruise, self._thrust = self.speeds.copy(), self.accelerations.copy()  # of the present motion
        self._running = np.zeros(count, bool)  # led by a velocity
        self._modes = [Mode.POSITION] * count

    def advance(self, seconds: float) -> Floats:
        """Goes on; gives where each joint shall be now (n,), degrees."""
        with self._lock:
            gap = self.targets - self._way
            arriving = np.sign(gap) * np.minimum(self._cruise, np.sqrt(2.0 * self._thrust * np.abs(gap)))
            wanted = np.where(self._running, self.runs, arriving)
            change = self._thrust * seconds
            pace = np.clip(wanted, self._pace - change, self._pace + change)
            step = pace * seconds
            there = ~self._running & (np.abs(step) >= np.abs(gap)) & (step * gap >= 0.0)
            way = np.clip(np.where(there, self.targets, self._way + step), *self.limits.T)
            pace[there | (way != self._way + step)] = 0.0
            self._change = (pace - self._pace) / seconds
            self._way, self._pace = way, pace
            return way.copy()

    def measure(self, axes: Axes, positions: Floats, velocities: Floats) -> None:
        """Hears where joints are and how fast they move, degrees (per second); others are as led."""
        with self._lock:
            self._before = self._positions
            self._positions, self._velocities = self._way.copy(), self._pace.copy()
            self._positions[axes], self._velocities[axes] = positions, velocities

    def state(self) -> JointState:
        """The state of the joints now."""
        with self._lock:
            modes = (Mode.FAULT,) * len(self._modes) if self._held else tuple(self._modes)
            return JointState(self._positions.copy(), self._velocities.copy(), self._change.copy(), modes)

    def is_done(self, axes: Axes) -> bool:
        """Whether joints stand at their targets (a joint that is led by a velocity: whether it stands).

        They were there at two measurements, so that a client finds them there in the last state, too.
        """
        with self._lock:
            axes = np.asarray(axes, int)
            off = np.maximum(np.abs(self._positions - self.targets), np.abs(self._before - self.targets))
            near = off <= NEAR
            still = (np.abs(self._velocities) <= STILL) & (self._pace == 0.0)
            return bool((still & (near | self._running))[axes].all())

    def move(self, axes: Axes, targets: ArrayLike) -> None:
        """Goes to targets, clipped to the limits, with the reference speeds; in the modes position and mixed.

        Raises:
            MotionError: Another mode, a number that is not finite, or the robot is held.
        """
        with self._lock:
            self._check(axes, targets, _MOVES)
            axes = np.asarray(axes, int)
            self._cruise[axes], self._thrust[axes] = self.speeds[axes], self.accelerations[axes]
            self._aim(axes, targets)

    def shift(self, axes: Axes, distances: ArrayLike) -> None:
        """Goes on from where the joints are, by distances in degrees; errors are those of `move`."""
        with self._lock:
            targets = self._positions[np.asarray(axes, int)] + np.asarray(distances, np.float64)
        self.move(axes, targets)

    def follow(self, axes: Axes, targets: ArrayLike) -> None:
        """Is at targets at once, but for the limits of angle and speed; in the mode position direct.

        Raises:
            MotionError: As `move`.
        """
        with self._lock:
            self._check(axes, targets, (Mode.DIRECT,))
            self._lead(np.asarray(axes, int), targets)

    def run(self, axes: Axes, velocities: ArrayLike) -> None:
        """Moves on and on with velocities, degrees per second; in the modes velocity and mixed.

        Raises:
            MotionError: As `move`.
        """
        with self._lock:
            self._check(axes, velocities, _RUNS)
            axes = np.asarray(axes, int)
            self.runs[axes] = np.clip(np.asarray(velocities, np.float64), -self.fastest, self.fastest)
            self._thrust[axes] = self.accelerations[axes]
            self._running[axes] = True

    def lead(self, axes: Axes, targets: ArrayLike) -> None:
        """Goes to targets with full speed whatever the modes are: they become position.

        Raises:
            MotionError: A number that is not finite, or the robot is held.
        """
        with self._lock:
            self._check(axes, targets, tuple(Mode))
            axes = np.asarray(axes, int)
            for axis in axes:
                self._modes[axis] = Mode.POSITION
            self._lead(axes, targets)

    def halt(self, axes: Axes) -> None:
        """Brakes joints where they are; they hold."""
        with self._lock:
            self._halt(np.asarray(axes, int))

    def hold(self, held: bool) -> None:
        """Stops everything, and obeys nobody until it is told so again (an emergency stop)."""
        with self._lock:
            if held and not self._held:
                self._halt(np.arange(len(self._modes)))
            self._held = held

    @property
    def held(self) -> bool:
        """Whether it is stopped, and obeys nobody."""
        return self._held

    def set_modes(self, axes: Axes, modes: Iterable[str]) -> None:
        """Changes control modes; the joint holds where it is.

        Raises:
            MotionError: There is no such mode, or the robot is held.
        """
        wanted = [Mode.IDLE if mode == "fidl" else mode for mode in modes]
        wrong = [mode for mode in wanted if mode not in SETTABLE]
        if wrong:
            raise MotionError(f"there is no control mode {wrong[0]!r}; valid: {', '.join(SETTABLE)}")
        with self._lock:
            self._check(axes, (), tuple(Mode))
            for axis, mode in zip(axes, wanted, strict=True):
                if self._modes[axis] != mode:
                    self._modes[axis] = Mode(mode)
                    self._halt(np.array([axis]))
                    self._running[axis] = mode == Mode.VELOCITY

    def set_speeds(self, axes: Axes, speeds: ArrayLike) -> None:
        """Sets reference speeds, degrees per second; those above `fastest` mean `fastest`.

        Raises:
            MotionError: A speed is not positive and finite.
        """
        self.speeds[np.asarray(axes, int)] = np.minimum(_positive("speed", speeds), self.fastest)

    def set_accelerations(self, axes: Axes, accelerations: ArrayLike) -> None:
        """Sets reference accelerations, degrees per second^2.

        Raises:
            MotionError: An acceleration is not positive and finite.
        """
        self.accelerations[np.asarray(axes, int)] = np.minimum(_positive("acceleration", accelerations), AT_ONCE)

    def _check(self, axes: Axes, numbers: ArrayLike, modes: tuple[Mode, ...]) -> None:
        if self._held:
            raise MotionError("the robot is held: an emergency stop is in force")
        if not np.isfinite(np.asarray(numbers, np.float64)).all():
            raise MotionError(f"finite numbers are needed, not {numbers!r}")
        for axis in axes:
            if self._modes[axis] not in modes:
                raise MotionError(f"the mode is {self._modes[axis]!s}; valid for this: {', '.join(modes)}")

    def _lead(self, axes: NDArray[np.int_], targets: ArrayLike) -> None:
        self._cruise[axes], self._thrust[axes] = self.fastest, AT_ONCE
        self._aim(axes, targets)

    def _aim(self, axes: NDArray[np.int_], targets: ArrayLike) -> None:
        self.targets[axes] = np.clip(np.asarray(targets, np.float64), *self.limits[axes].T)
        self._running[axes] = False
        self.runs[axes] = 0.0

    def _halt(self, axes: NDArray[np.int_]) -> None:
        self._way[axes] = np.clip(self._positions[axes], *self.limits[axes].T)  # the way runs ahead of the joints
        self._aim(axes, self._way[axes])
        self._pace[axes] = 0.0


def _positive(what: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    if not (np.isfinite(array) & (array > 0.0)).all():
        raise MotionError(f"a reference {what} is positive and finite, not {values!r}")
    return array
