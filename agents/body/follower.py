"""The rules of a motor, with time passed in: follow fresh targets without a jump, hold the pose without one."""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import numpy as np

from models.arrays import Floats
from models.icub.kinematics import JOINTS

LONGEST_GAP: Final = 0.25
"""Seconds between two commands of one movement; after a longer one (a stopped process) it starts anew."""
CARRIED: Final = 0.43
"""Of its speed: that of all joints while the torso turns, which carries the arms. So no hand is faster than an arm
alone can make it: 809 mm/s at 60 degrees per second, of all eight joints 1848 (the worst of 2000 postures)."""


class MotorState(StrEnum):
    """The states of a motor."""

    WAITING = "waiting"  #: the robot does not say where it is: nothing is commanded
    HOLD = "hold"  #: no fresh target: the robot keeps the posture that it had
    FOLLOW = "follow"  #: it goes to the target, or is there


class Follower:
    """Turns targets that come when they like into commands that never jump.

    A command starts from where the robot is and moves towards the target at no more than `speed`. When no target
    was heard of for `patience`, or as long as the last one is valid, or it is told to hold, one last command says
    "stay where you are".

    Args:
        speed: Degrees per second, of every joint; less while the torso turns.
        patience: Seconds.

    Attributes:
        state: What it does now.
    """

    def __init__(self, speed: float, patience: float) -> None:
        self.state = MotorState.WAITING
        self._speed = speed
        self._patience = patience
        self._target: Floats | None = None
        self._until = 0.0
        self._command: Floats = np.zeros(0)
        self._commanded = 0.0

    def ask(self, target: Floats, now: float, validity: float = 0.0) -> None:
        """A fresh target (n,), degrees, within the limits.

        Args:
            target: See above.
            now: Seconds.
            validity: Seconds for which it shall be followed, if that is longer than `patience`.
        """
        self._target, self._until = target, now + max(self._patience, validity)

    def hold(self) -> None:
        """Holds the pose now, until there is a fresh target."""
        self._target = None

    def restart(self) -> None:
        """The last command was not carried out: the next one starts from where the robot is."""
        self._commanded = -math.inf

    def command(self, encoders: Callable[[], Floats | None], now: float) -> Floats | None:
        """The command for now (n,), degrees; None if there is nothing new to say.

        Args:
            encoders: Where the robot is, or None if that is not known.
            now: Seconds.
        """
        if self._target is not None and now > self._until:
            self._target = None
        if self._target is None:
            return self._hold(encoders)
        return self._follow(self._target, encoders, now)

    def _hold(self, encoders: Callable[[], Floats | None]) -> Floats | None:
        if self.state is MotorState.HOLD:
            return None
        here = encoders()
        self.state = MotorState.WAITING if here is None else MotorState.HOLD
        return here

    def _follow(self, target: Floats, encoders: Callable[[], Floats | None], now: float) -> Floats | None:
        here = encoders()
        if here is None:
            self.state = MotorState.WAITING
            return None
        if len(here) != len(target):  # another robot has come, with or without a torso
            self._target, self.state = None, MotorState.HOLD
            return here
        is_new = self.state is not MotorState.FOLLOW or len(here) != len(self._command)
        if is_new or now - self._commanded > LONGEST_GAP:
            self.state, self._command, self._commanded = MotorState.FOLLOW, here, now
            return here
        way = self._speed * (now - self._commanded)
        if not np.array_equal(target[len(JOINTS) :], self._command[len(JOINTS) :]):
            way *= CARRIED
        command = self._command + np.clip(target - self._command, -way, way)
        self._commanded = now
        if np.array_equal(command, self._command):
            return None
        self._command = command
        return command
