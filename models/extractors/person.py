"""Picture of a person -> where their arms point, and whether anybody is there: little of what EfficientNet sees.

The 5 488 features of block 10 also tell who the person is, what they wear, where they stand and what is behind
them; a robot that has learned from one person is lost with another. A small network on top of them, trained on
simulated people (`models.pose.training`), keeps what they have in common: twelve numbers, the directions of the
right upper arm, the right forearm, the left upper arm and the left forearm (x, y, z each, about unit length, in
the root frame of an iCub in that posture: `models.icub.kinematics.arm_directions`). They are features like others:
what the robot should do when it sees them it still learns in one shot, by attention.

The thirteenth number is `PRESENT` where somebody is seen, and falls to `ABSENT` where nobody is: such features are
like no key (their cosine is negative), so that the robot knows that it does not know them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import AnyFloats, Features
from models.extractors.efficientnet import IDENTIFIER, SIZE, EfficientNet
from models.extractors.network import Look
from models.files.artifact import WEIGHTS, checksum, read_arrays, verify, write_arrays
from models.postures.autoencoder import Layer

FILE: Final = WEIGHTS / "person-pose.npz"
COMMAND: Final = "python -m models.pose.training train runs/crowd.npz"
DIRECTIONS: Final = 12
PRESENT: Final = 2.0
ABSENT: Final = -20.0
_DOUBTFUL: Final = 0.5  # of the way from the border between somebody and nobody to nobody, where it is ABSENT
_KIND: Final = "agentspace pose network 1"


@dataclass(frozen=True)
class PoseNetwork:
    """Features (..., 5488) -> directions, and whether anybody is there (..., 13).

    Attributes:
        mean: (5488,) float32, is taken away from the features.
        discriminant: (5488, k) float16, the directions of features that tell postures from people.
        layers: Of a perceptron behind it, with SiLU between them.
        presence: A linear layer (5488, 1) on the features: 1 on average where somebody is, -1 where nobody is.
    """

    mean: NDArray[np.float32]
    discriminant: NDArray[np.float16]
    layers: tuple[Layer, ...]
    presence: Layer

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matrix", self.discriminant.astype(np.float32))

    def __call__(self, features: NDArray[np.floating]) -> Features:
        """Directions of the limbs and presence (..., 13), by features (..., 5488)."""
        there = self.somebody(features)[..., None]
        return np.concatenate([self.directions(features), there], axis=-1)

    def somebody(self, features: NDArray[np.floating]) -> Features:
        """`PRESENT` where somebody is there, towards `ABSENT` (...,) where nobody is."""
        score = (features @ self.presence.weight + self.presence.bias)[..., 0]
        share = np.clip(-score / _DOUBTFUL, 0.0, 1.0)
        return np.asarray(PRESENT + share * (ABSENT - PRESENT), np.float32)

    def places(self, features: NDArray[np.floating]) -> Features:
        """How much each of 7x7 places moves what the arms are said to do: (1, 7, 7), by features (5488,).

        The discriminants are sums over places: the map tells how large the part of each place is. It is a class
        activation map (B. Zhou et al., Learning deep features for discriminative localization, CVPR 2016) over all
        discriminants together.
        """
        x = (np.asarray(features, np.float32) - self.mean).reshape(-1, 49, 1)
        parts = (x * self._matrix.reshape(*x.shape[:2], -1)).sum(axis=0)  # type: ignore[attr-defined]
        return np.asarray(np.linalg.norm(parts, axis=-1).reshape(1, 7, 7), np.float32)

    def directions(self, features: NDArray[np.floating]) -> Features:
        """The directions (..., 12), whether anybody is there or not."""
        x = (np.asarray(features, np.float32) - self.mean) @ self._matrix  # type: ignore[attr-defined]
        for layer in self.layers[:-1]:
            x = x @ layer.weight + layer.bias
            x = x / (1.0 + np.exp(-x))
        return np.asarray(x @ self.layers[-1].weight + self.layers[-1].bias, np.float32)

    def save(self, path: Path) -> None:
        """Writes it as .npz."""
        arrays = {"mean": self.mean.astype(np.float16), "discriminant": self.discriminant}
        for index, layer in enumerate((*self.layers, self.presence)):
            arrays |= {
                f"weight{index}": layer.weight.astype(np.float16),
                f"bias{index}": layer.bias.astype(np.float16),
            }
        write_arrays(path, _KIND, arrays)

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Reads what `save` wrote.

        Raises:
            ArtifactError: The file is missing, damaged or of another kind.
        """
        verify(path, COMMAND)
        arrays = {name: array.astype(np.float64) for name, array in read_arrays(path, _KIND).items()}
        count = sum(name.startswith("weight") for name in arrays)
        layers = tuple(Layer(arrays[f"weight{index}"], arrays[f"bias{index}"]) for index in range(count))
        discriminant = arrays["discriminant"].astype(np.float16)
        return cls(arrays["mean"].astype(np.float32), discriminant, layers[:-1], layers[-1])


def expected(directions: AnyFloats) -> Features:
    """Features (..., 13) of somebody with arms in directions (..., 12), if nothing is seen amiss."""
    there = np.full((*directions.shape[:-1], 1), PRESENT)
    return np.concatenate([directions, there], axis=-1).astype(np.float32)


class PersonExtractor:
    """Pictures -> where the arms of a person point, and whether there is one."""

    count: int = DIRECTIONS + 1
    size: int = SIZE
    gaze: str = "class activation map: how much each of 7x7 places moves what the arms are said to do"
    presence: int | None = DIRECTIONS
    person: str = ""

    def __init__(self, network: PoseNetwork, extractor: EfficientNet, digest: str) -> None:
        self._network = network
        self._extractor = extractor
        self.backend = extractor.backend
        self.identifier = f"{IDENTIFIER}/person/{digest[:8]}"

    @classmethod
    def load(cls, threads: int = 1, path: Path = FILE, backend: str = "auto") -> Self:
        """Loads both networks; see `EfficientNet.load` for threads and backend.

        Raises:
            ArtifactError: A file is missing or damaged.
        """
        return cls(PoseNetwork.load(path), EfficientNet.load(threads=threads, backend=backend), checksum(path))

    def features(self, image: object) -> Features:
        """Features (13,) float32 of an image; see `models.extractors.network.Network`."""
        return self._network(self._extractor.features(image))

    def look(self, image: object) -> Look:
        """The same, and which places of the picture it comes from."""
        features = self._extractor.features(image)
        return Look(self._network(features), self._network.places(features))
