"""Proprioception: the posture that the robot feels, as a point on the map of postures."""

from agents.body.posture import NotAPostureError, read_posture
from agentspace import EMPTY, Agent, Parameter, SlotName
from models.postures import decoders


class Proprioception(Agent):
    """Encoders -> latent of the posture, by the encoder of an autoencoder of postures."""

    encoders = SlotName("icub/encoders", "posture, float64 (10,) degrees: right arm, then left arm")
    proprio = SlotName("proprio", "float64 (latent,)")
    identifier = SlotName("proprio/space", "str: of which decoder these are latents; others mean other postures")
    refused_posture = SlotName("proprio/refused", "str: why the last bad posture was refused")
    variant = Parameter("wide", "which autoencoder, of latent 2 if not said; free: joints", choices=decoders.NAMES)
    validity = Parameter(1.0, "seconds for which the latent is valid", minimum=0.01)

    def prepare(self) -> None:
        """Loads the autoencoder."""
        self._autoencoder = decoders.load(self.variant)
        self._space = decoders.space(self.variant)

    def init(self) -> None:
        """Says which latents these are, and waits for a posture."""
        self.write(self.identifier, self._space)
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
