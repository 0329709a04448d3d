"""The extractor: pictures -> features, by a network."""

from pathlib import Path
from typing import Any

from agentspace import EMPTY, Agent, Parameter, SlotName
from agentspace.errors import ParameterError
from models.extractors import registry


class NetworkName(Parameter[str]):
    """The name of an extractor; a wrong one is told before anything starts."""

    def parse(self, value: Any) -> str:
        """The name, if there is such an extractor.

        Raises:
            ParameterError: There is none.
        """
        try:
            return registry.check(super().parse(value))
        except ValueError as error:
            raise ParameterError(f"parameter {self.name!r}: {error}") from None


class Extractor(Agent):
    """Picture -> features, by EfficientNet, DINO, HOG or any ONNX file; swap it while the robot goes on."""

    image = SlotName("camera", "RGB image (H, W, 3) uint8; grey and RGBA are taken as well")
    features = SlotName("features", "float32 (n,)")
    identifier = SlotName("features/space", "str: which features these are; others cannot be compared with them")
    refused_image = SlotName("features/refused", "str: why the last bad picture was refused")
    network = NetworkName(registry.DEFAULT, f"which extractor: {', '.join(registry.NAMES)}, onnx:FILE")
    weights = Parameter("", "file with the weights of a Vision Transformer; empty for those that were pulled")
    backend = Parameter("auto", "what runs the network: auto, onnx, onnx-int8, torch, torch-bf16, ...")
    validity = Parameter(1.0, "seconds for which the features of a picture are valid", minimum=0.01, live=True)
    threads = Parameter(0, "of the computation; 0: as many as pay, measured, up to AGENTSPACE_THREADS", minimum=0)

    def prepare(self) -> None:
        """Loads the network."""
        given = self.weights and registry.takes_weights(self.network)  # a swap keeps what its predecessor had set
        weights = Path(self.weights).expanduser() if given else None
        self._network = registry.load(self.network, self.threads, weights, self.backend, self.project)

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
