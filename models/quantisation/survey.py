"""The survey of a network: what its layers get and give, for pictures that it looks at."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Image
from models.files.onnx import open_session

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_PLACES: Final = 3136  # of a picture that are looked at, at most


@dataclass
class Inputs:
    """What one convolution gets.

    Attributes:
        size: Side of its filters.
        stride: In both directions.
        grouped: Whether each channel has a filter of its own.
        moments: (m, m), or (channels, m, m) if grouped: the sum of x x^T over the inputs x (m,) of one output.
        total: (m,) or (channels, m): the sum of them.
        count: How many there were.
    """

    size: int
    stride: int
    grouped: bool
    moments: Floats = field(default_factory=lambda: np.zeros(()))
    total: Floats = field(default_factory=lambda: np.zeros(()))
    count: int = 0

    def add(self, map_: NDArray[np.float32]) -> None:
        """Takes in a map (channels, H, W)."""
        seen = self._windows(map_)
        seen = seen[..., :: -(-seen.shape[-2] // _PLACES), :].astype(np.float64)
        self.moments = self.moments + np.swapaxes(seen, -1, -2) @ seen
        self.total = self.total + seen.sum(axis=-2)
        self.count += seen.shape[-2]

    def _windows(self, map_: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the filter sees at each place: (places, m), or (channels, places, m)."""
        borders = [self._border(side) for side in map_.shape[1:]]
        wide = np.pad(map_, [(0, 0), *borders])
        windows = np.lib.stride_tricks.sliding_window_view(wide, (self.size, self.size), axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride]
        if self.grouped:
            return windows.reshape(len(map_), -1, self.size**2)
        return windows.transpose(1, 2, 0, 3, 4).reshape(-1, len(map_) * self.size**2)

    def _border(self, side: int) -> tuple[int, int]:
        """As ONNX's SAME_UPPER has it."""
        missing = max((-(-side // self.stride) - 1) * self.stride + self.size - side, 0)
        return missing // 2, missing - missing // 2


@dataclass
class Survey:
    """What all layers get and give.

    Attributes:
        inputs: Of each convolution, by its output's name.
        ranges: Lowest and highest value of each output.
    """

    inputs: dict[str, Inputs]
    ranges: dict[str, tuple[float, float]]


def survey(network: "ModelProto", pictures: Iterable[Image]) -> Survey:
    """Lets a network look at pictures (side, side, 3)."""
    from onnx import ModelProto, TensorProto, helper

    nodes = [node for node in network.graph.node if node.op_type in ("Conv", "Add")]
    told = ModelProto()
    told.CopyFrom(network)
    names = sorted(
        {node.output[0] for node in nodes} | {node.input[0] for node in nodes if node.op_type == "Conv"}
    )
    wanted = sorted(names)
    told.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in wanted)
    session = open_session(told.SerializeToString())
    found = Survey({node.output[0]: _inputs(node) for node in nodes if node.op_type == "Conv"}, {})
    for picture in pictures:
        maps = dict(zip(wanted, session.run(wanted, {"image": picture[None]}), strict=True))
        for node in nodes:
            name, given = node.output[0], maps[node.output[0]]
            low, high = found.ranges.get(name, (0.0, 0.0))
            found.ranges[name] = min(low, float(given.min())), max(high, float(given.max()))
            if node.op_type == "Conv":
                found.inputs[name].add(maps[node.input[0]][0])
    return found


def _inputs(node: "NodeProto") -> Inputs:
    from onnx import helper

    said: dict[str, Any] = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    return Inputs(said["kernel_shape"][0], said["strides"][0], said["group"] > 1)
