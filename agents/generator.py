"""The generator: a point on the map of postures -> joint angles."""

from typing import Any, Final

import numpy as np

from agentspace import EMPTY, Agent, Parameter, SlotName
from models.postures import decoders

REPEAT: Final = 0.4
"""Seconds after which a posture is repeated while its latent is valid: a motor without targets holds still."""


class Generator(Agent):
    """Latent -> joint targets, by the decoder of an autoencoder of postures."""

    act = SlotName("act", "float (latent,): array, list or tuple")
    joints = SlotName("joints", "targets, float64 (10,) degrees: right arm, then left arm")
    nice = SlotName(
        "act/nice", "float64 (8, latent): the nice postures of the ancestor, as latents of this decoder"
    )
    refused_act = SlotName("act/refused", "str: why the last bad latent was refused")
    variant = Parameter("wide", "which autoencoder, of latent 2 if not said; free: joints", choices=decoders.NAMES)
    validity = Parameter(1.0, "seconds for which a target is valid", minimum=0.01, live=True)

    def prepare(self) -> None:
        """Loads the autoencoder."""
        self._autoencoder = decoders.load(self.variant)
        self._nice = decoders.nice(self._autoencoder)

    def init(self) -> None:
        """Says which postures are nice, and waits for a latent."""
        self.write(self.nice, self._nice)
        self._repeated = self.now()
        self.attach_trigger(self.act)
        self.attach_timer(REPEAT / 2)

    def sense_select_act(self) -> None:
        """Makes a posture of the newest latent; repeats it if there has been no newer one for a while."""
        now = self.now()
        if self.wake.timer and now - self._repeated < REPEAT:
            return
        self._repeated = now
        value = self.read(self.act, EMPTY)
        if value is EMPTY:
            return
        try:
            joints = self._autoencoder.decode(_numbers(value))
        except ValueError as error:
            self.write(self.refused_act, f"{self.act}: {error}")
            return
        self.write(self.joints, joints, validity=self.validity)


def _numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A vector of numbers.

    Raises:
        ValueError: It is something else.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, object)  # a ragged list
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ValueError(f"a latent is a list of numbers, not {value!r:.60}")
    return array.astype(np.float64)
