"""Proprioception: the posture that the robot feels, as a point on the map of postures."""

from __future__ import annotations

from agents.posture import EMPTY, NotAPostureError, read_posture
from agentspace import Agent, Parameter, SlotName
from models import autoencoder


class Proprioception(Agent):
    """Encoders -> latent of the posture, by the encoder of an autoencoder of postures."""

    encoders = SlotName("icub/encoders", "posture, float64 (10,) degrees: right arm, then left arm")
    proprio = SlotName("proprio", "float64 (latent,)")
    refused_posture = SlotName("proprio/refused", "str: why the last bad posture was refused")
    variant = Parameter("wide", "which autoencoder; a latent of 2 if its name has none", choices=autoencoder.NAMES)
    validity = Parameter(1.0, "seconds for which the latent is valid", minimum=0.01)

    def prepare(self) -> None:
        """Loads the autoencoder."""
        self._autoencoder = autoencoder.load(self.variant)

    def init(self) -> None:
        """Waits for a posture."""
        self.attach_trigger(self.encoders)

    def sense_select_act(self) -> None:
        """Feels the newest posture."""
        value = self.read(self.encoders, EMPTY)
        if value is EMPTY:
            return
        try:
            latent = self._autoencoder.encode(read_posture(value))
        except NotAPostureError as error:
            self.write(self.refused_posture, f"{self.encoders}: {error}")
            return
        self.write(self.proprio, latent, validity=self.validity)
