"""The motor: takes joint targets, makes them safe, and drives a robot."""

import math
from typing import Any, Final

import numpy as np

from agents.body.drivers import DRIVERS, Driver, Job, load_driver, open_driver
from agents.body.follower import Follower, MotorState
from agents.body.posture import NotAPostureError, clamp, read_target
from agentspace import EMPTY, Agent, Parameter, Refused, SlotName
from models.arrays import Floats
from models.icub.kinematics import JOINTS

FRESH: Final = 1.5
"""Seconds for which its state is valid: when it expires, nobody drives the robot."""
AT_ONCE: Final = 1e9
"""Degrees per second: a robot that plans its way is told its goal."""


class Motor(Agent):
    """Joint targets -> a robot: clamped to its limits, without jumps, holding the pose when they stop coming.

    With `torso` it drives the torso as the arms. Targets of ten angles leave it where it is; without `torso` the
    last three of thirteen are left out.
    """

    joints = SlotName(
        "joints", "targets, float64 (10,) degrees: right arm, left arm; or (13,): torso; None: hold now"
    )
    renew = SlotName("icub/renew", "anything: the rest of a robot without slots goes to its standard posture")
    state = SlotName("motor/state", "str: waiting (for the robot), hold or follow; expires if the motor dies")
    clamped = SlotName("motor/clamped", "the last clamp: list of dicts joint, asked, given (degrees)")
    refused_target = SlotName("motor/refused", "str: why the last bad target was refused")
    command = SlotName("motor/command", "what a robot without slots was told last, float64 (10,) or (13,) degrees")
    robot_state = SlotName(
        "motor/robot", "dict: how such a robot is connected, what is wrong, age of its encoders"
    )
    encoders = SlotName("icub/encoders", "of such a robot: posture, float64 (10,) degrees")
    stamp = SlotName("icub/stamp", "of its encoders: float64 (2,) s of the robot's clock, right arm, left arm")
    limits = SlotName("icub/limits", "of its joints: lowest and highest, float64 (10, 2) degrees")
    torso_encoders = SlotName("icub/torso", "of its torso: yaw, roll and pitch, float64 (3,) degrees")
    torso_limits = SlotName("icub/torso/limits", "of its torso: lowest and highest, float64 (3, 2) degrees")
    torso = Parameter(False, "drive the torso, too")
    driver = Parameter("mujoco", "which kind of robot", choices=tuple(DRIVERS))
    robot = Parameter("icub", "which robot: the first part of its slot names (mujoco) or port names (yarp)")
    options: Parameter[dict[str, Any]] = Parameter({}, "what only this driver has; see agents/body/drivers")
    speed = Parameter(120.0, "limit of every joint, degrees per second", minimum=0.1)
    rate = Parameter(30.0, "commands per second while the robot moves", minimum=1.0)
    patience = Parameter(
        1.0, "seconds without a target until the pose is held; valid ones last longer", minimum=0.05
    )

    _driver: Driver
    _follower: Follower
    _told: MotorState | None
    _told_at: float
    _still: Floats | None

    def prepare(self) -> None:
        """Imports the driver and what it needs."""
        load_driver(self.driver)

    def init(self) -> None:
        """Opens the driver; the robot may come later."""
        self.reclaim()
        self.attach_trigger(self.joints)
        self.attach_trigger(self.renew)
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        """Hears of a target, or lets time pass."""
        now = self.now()
        if self.joints in self.wake.names:
            self._hear(now)
        if self.renew in self.wake.names:
            self._renew()
        command = self._follower.command(self._driver.encoders, now)
        if command is not None:
            self._driver.command(command)
        if self._follower.state is not self._told or now - self._told_at >= FRESH / 3:
            self._told, self._told_at = self._follower.state, now
            self.write(self.state, str(self._told), validity=FRESH)
        self._driver.tell()

    def _hear(self, now: float) -> None:
        value, limits = self.read(self.joints, EMPTY), self._driver.limits()
        if value is None:
            self._follower.hold()
            self._driver.halt()
            self._still = None
            return
        if value is EMPTY or limits is None:  # it expired; or nobody knows yet what this robot can do
            return
        try:
            whole = self._whole(read_target(value), len(limits))
            if whole is None:
                return
            target, clamps = clamp(whole, limits)
        except NotAPostureError as error:
            self.write(self.refused_target, f"{self.joints}: {error}")
            return
        if clamps:
            self.write(self.clamped, [each.as_value() for each in clamps])
        known = self.wake.values.get(self.joints)
        until = known[1] if known is not None else now
        self._follower.ask(target, now, until - now if math.isfinite(until) else 0.0)  # patience, if it has no end

    def _whole(self, target: Floats, count: int) -> Floats | None:
        """A target (10,) or (13,) as one of that many angles; a torso that it says nothing of stays where it is.

        None if it is not known where that is.
        """
        if len(target) >= count:
            self._still = None
            return target[:count]
        if self._still is None:  # where it is now, and not later: it may sag, and must not creep
            here = self._driver.encoders()
            if here is None or len(here) != count:
                return None
            self._still = here[len(JOINTS) :]
        return np.concatenate([target, self._still])

    def _renew(self) -> None:
        value = self.read(self.renew, EMPTY)
        if value is EMPTY or value is None:
            return
        if self.read(self.joints, EMPTY) is None:
            self.write(self.refused_target, "the robot is paused or stopped, and is not renewed")
        else:
            self._driver.renew()

    def refused(self, refusal: Refused) -> None:
        """Begins anew where the robot is when it is free again; something else holds it now."""
        super().refused(refusal)
        if refusal.name not in (self.state, self.clamped, self.refused_target):
            self._follower.restart()

    def release(self) -> None:
        """Before another motor has the robot: it shall stay where it is."""
        here = self._driver.encoders()
        if here is not None:
            self._driver.command(here)
        self._driver.close()

    def reclaim(self) -> None:
        """Gets hold of the robot, and begins from where it is."""
        slots = (self.encoders, self.stamp, self.limits, self.command, self.robot_state)
        torso = (self.torso, self.torso_encoders, self.torso_limits)
        job = Job(self, self.robot, self.speed, self.options, *slots, *torso, self.renew)
        self._still = None
        self._driver = open_driver(self.driver, job)
        self._follower = Follower(AT_ONCE if self._driver.plans else self.speed, self.patience)
        self._told, self._told_at = None, 0.0

    def close(self) -> None:
        """Lets go of the robot, which keeps its posture."""
        if hasattr(self, "_driver"):
            self._driver.close()
