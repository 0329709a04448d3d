"""A robot without physics, and eyes without a network: what constellations are tested with in seconds."""

from __future__ import annotations

import time

import numpy as np

from agentspace import Agent, Parameter, SlotName
from models.icub.kinematics import JOINT_LIMITS
from models.icub.simulator import REST
from models.measures import swap_arms

LIMITS = JOINT_LIMITS + np.array([-1.0, 1.0])
SPAN = LIMITS[:, 1] - LIMITS[:, 0]


class StubRobot(Agent):
    """Goes to its target at a constant speed; its picture is one row of ten pixels, as bright as its joints."""

    target = SlotName("icub/target")
    encoders = SlotName("icub/encoders")
    limits = SlotName("icub/limits")
    view = SlotName("icub/view")
    speed = Parameter(1500.0, "degrees per second")
    mirror = Parameter(False, "whether the picture is seen in a mirror, which swaps the arms")

    def init(self) -> None:
        self._posture = REST.copy()
        self._goal = REST.copy()
        self._then = time.monotonic()
        self.write(self.limits, LIMITS)
        self.attach_trigger(self.target)
        self.attach_timer(0.02)

    def sense_select_act(self) -> None:
        if self.target in self.wake.names:
            target = self.read(self.target)  # None: stay
            self._goal = self._posture if target is None else np.clip(target, LIMITS[:, 0], LIMITS[:, 1])
        if self.wake.timer:
            now = time.monotonic()
            way = self.speed * (now - self._then)
            self._then = now
            self._posture = self._posture + np.clip(self._goal - self._posture, -way, way)
            self.write(self.encoders, self._posture, validity=0.5)
            seen = swap_arms(self._posture) if self.mirror else self._posture
            levels = np.rint(255 * np.clip((seen - LIMITS[:, 0]) / SPAN, 0, 1))
            self.write(self.view, np.repeat(levels.astype(np.uint8)[None, :, None], 3, axis=2), validity=0.5)


class StubEyes(Agent):
    """Picture of a `StubRobot` -> features: waves over its pixels, so that near postures have near features."""

    image = SlotName("camera")
    features = SlotName("features")

    def init(self) -> None:
        self._waves = np.random.default_rng(5).normal(size=(10, 256)) * 3.0
        self.write("features/space", "stub/256")
        self.attach_trigger(self.image)

    def sense_select_act(self) -> None:
        image = self.read(self.image)
        if image is not None:
            self.write(self.features, np.cos(image[0, :, 0] / 255 @ self._waves).astype(np.float32), validity=1.0)


def demonstrator() -> StubRobot:
    """The robot that is imitated: it is seen as it is."""
    slots = {name: f"demonstrator/{name}" for name in ("target", "encoders", "limits", "view")}
    return StubRobot(**slots)
