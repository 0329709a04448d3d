"""Linear layers of small networks, as they are computed with NumPy, and as arrays of an .npz file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyFloats = NDArray[np.floating]


@dataclass(frozen=True)
class Layer:
    """One linear layer: x W + b, with W (inputs, outputs) and b (outputs,)."""

    weight: AnyFloats
    bias: AnyFloats

    def __call__(self, x: AnyFloats) -> AnyFloats:
        """Outputs (..., outputs) of inputs (..., inputs)."""
        return np.asarray(x @ self.weight + self.bias)


def pack(name: str, layers: Sequence[Layer], weights: type[np.floating] = np.float32) -> dict[str, AnyFloats]:
    """Layers as arrays by name.

    Args:
        name: Of the network that they are of.
        layers: In their order.
        weights: What weights become; biases become float32.
    """
    arrays: dict[str, AnyFloats] = {}
    for index, layer in enumerate(layers):
        arrays[f"{name}{index}.weight"] = layer.weight.astype(weights)
        arrays[f"{name}{index}.bias"] = layer.bias.astype(np.float32)
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]], name: str, kind: type[np.floating]) -> tuple[Layer, ...]:
    """The layers that `pack` made arrays of, as another kind of floats.

    Raises:
        KeyError: There are none, or one is missing.
    """
    count = sum(key.startswith(name) and key.endswith(".weight") for key in arrays)
    return tuple(
        Layer(*(arrays[f"{name}{index}.{part}"].astype(kind) for part in ("weight", "bias")))
        for index in range(max(count, 1))
    )
