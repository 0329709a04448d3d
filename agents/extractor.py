"""The extractor: pictures -> features, by a network."""

from __future__ import annotations

from agents.posture import EMPTY
from agentspace import Agent, Parameter, SlotName
from models import extractor as network


class Extractor(Agent):
    """Picture -> features that tell where in it what is (EfficientNet-Lite0, block 10)."""

    image = SlotName("camera", "RGB image (H, W, 3) uint8; grey and RGBA are taken as well")
    features = SlotName("features", "float32 (5488,)")
    identifier = SlotName("features/space", "str: which features these are; others cannot be compared with them")
    refused_image = SlotName("features/refused", "str: why the last bad picture was refused")
    validity = Parameter(1.0, "seconds for which the features of a picture are valid", minimum=0.01)
    threads = Parameter(1, "of the computation", minimum=1)

    def prepare(self) -> None:
        """Loads the network."""
        self._network = network.Extractor.load(threads=self.threads)

    def init(self) -> None:
        """Says which features these are."""
        self.write(self.identifier, self._network.identifier)
        self.attach_trigger(self.image)

    def sense_select_act(self) -> None:
        """Looks at the newest picture."""
        image = self.read(self.image, EMPTY)
        if image is EMPTY:
            return
        try:
            features = self._network.features(image)
        except (TypeError, ValueError) as error:
            self.write(self.refused_image, f"{self.image}: {error}")
            return
        self.write(self.features, features, validity=self.validity)
