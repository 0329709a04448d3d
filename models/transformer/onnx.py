"""The Vision Transformer as ONNX, built by hand from its weights: any language can then run it.

The input is an RGB image (1, H, W, 3) of uint8; the preprocessing, and the positions for H and W, are a part of
the network. See `models.transformer.vision_transformer` for what is computed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from models.files.artifact import write_atomically
from models.onnx.graph import Graph, scalar
from models.transformer.vision_transformer import DEVIATION, EPSILON, MEAN, VisionTransformer

OUTPUTS: Final = ("class_token", "mean", "patches", "attention")
"""(1, d); (1, d); (1, h, w, d); (1, heads, h, w), how much the class token looks at each patch at the end."""


class _Graph(Graph):
    """A graph of tokens (1, t, d)."""

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.config = network.config
        self._weights = {name: value.numpy() for name, value in network.state_dict().items()}

    def shape(self, *sizes: int) -> str:
        """The name of a constant shape."""
        return self.constant(f"shape{len(self.constants)}", np.array(sizes, dtype=np.int64))

    def weight(self, name: str) -> str:
        """The name of the constant with these weights."""
        return self.constant(name, self._weights[name])

    def linear(self, x: str, name: str) -> str:
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self._weights[f"{name}.weight"].T))
        return self.node("Add", [self.node("MatMul", [x, weight]), self.weight(f"{name}.bias")])

    def norm(self, x: str, name: str) -> str:
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=EPSILON)

    def gelu(self, x: str) -> str:
        """X / 2 (1 + erf(x / sqrt 2)), in the order that onnxruntime makes one operation of."""
        gate = self.node("Add", [self.node("Erf", [self.node("Div", [x, "root_two"])]), "one"])
        return self.node("Mul", [self.node("Mul", [x, gate]), "half"])

    def attention(self, x: str, name: str, tokens: int) -> tuple[str, str]:
        """(1, t, d), and what looks at what (1, heads, t, t)."""
        heads, d = self.config.heads, self.config.width
        qkv = self.node("Reshape", [self.linear(x, f"{name}.qkv"), self.shape(1, tokens, 3, heads, d // heads)])
        parts = self.node("Transpose", [qkv], perm=[2, 0, 3, 1, 4])
        q, k, v = (self.node("Gather", [parts, self.index(place)], axis=0) for place in range(3))
        k = self.node("Transpose", [k], perm=[0, 1, 3, 2])
        mixture = self.node("Softmax", [self.node("MatMul", [self.node("Mul", [q, "factor"]), k])], axis=-1)
        y = self.node("Transpose", [self.node("MatMul", [mixture, v])], perm=[0, 2, 1, 3])
        return self.linear(self.node("Reshape", [y, self.shape(1, tokens, d)]), f"{name}.proj"), mixture

    def index(self, place: int) -> str:
        return self.constant(f"index{len(self.constants)}", np.array(place, dtype=np.int64))

    def block(self, x: str, name: str, tokens: int) -> tuple[str, str]:
        y, mixture = self.attention(self.norm(x, f"{name}.norm1"), f"{name}.attn", tokens)
        x = self.node("Add", [x, y])
        y = self.gelu(self.linear(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        return self.node("Add", [x, self.linear(y, f"{name}.mlp.fc2")]), mixture

    def piece(self, x: str, start: int, end: int, axis: int) -> str:
        return self.node("Slice", [x, self.shape(start), self.shape(end), self.shape(axis)])

    def stem(self, x: str) -> str:
        """From pixels (1, 3, H, W) to a map (1, d, h, w)."""
        patch, name = self.config.patch, "patch_embed.proj"
        if self.config.stem == "conv":
            for index in range(patch.bit_length() - 1):
                x = self.halving(x, f"patch_embed.halvings.{index}")
            patch = 1
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("Conv", inputs, kernel_shape=[patch, patch], strides=[patch, patch])

    def halving(self, x: str, name: str) -> str:
        """See `models.transformer.stem.Halving`."""
        inputs = [x, self.weight(f"{name}.conv.weight"), self.weight(f"{name}.conv.bias")]
        x = self.node("Conv", inputs, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        x = self.norm(self.node("Transpose", [x], perm=[0, 2, 3, 1]), f"{name}.norm")
        return self.gelu(self.node("Transpose", [x], perm=[0, 3, 1, 2]))

    def begin(self, h: int, w: int, positions: str) -> str:
        """From the image (1, H, W, 3) to tokens that know where they are (1, 1 + h w, d)."""
        from onnx import TensorProto

        x = self.node("Cast", ["image"], to=TensorProto.FLOAT)
        x = self.node("Div", [self.node("Sub", [x, "middle"]), "deviation"])
        x = self.node("Transpose", [x], perm=[0, 3, 1, 2])
        x = self.node("Reshape", [self.stem(x), self.shape(1, self.config.width, h * w)])
        x = self.node("Transpose", [x], perm=[0, 2, 1])
        return self.node("Add", [self.node("Concat", [self.weight("cls_token"), x], axis=1), positions])


def build(network: VisionTransformer, height: int = 224, width: int = 224) -> bytes:
    """The network as ONNX.

    Args:
        network: with its weights.
        height: of the images, pixels; a multiple of the patch.
        width: likewise.

    Raises:
        ValueError: a size that is no multiple of the patch.
    """
    config = network.config
    if height < 1 or width < 1 or height % config.patch or width % config.patch:
        raise ValueError(f"images of {height}x{width} pixels; valid are multiples of {config.patch}")
    h, w, d = height // config.patch, width // config.patch, config.width
    tokens = 1 + h * w
    graph = _Graph(network)
    numbers = {"one": 1.0, "half": 0.5, "root_two": 2**0.5, "factor": (d // config.heads) ** -0.5}
    for name, value in numbers.items():
        graph.constant(name, scalar(value))
    graph.constant("middle", 255 * np.array(MEAN, dtype=np.float32))
    graph.constant("deviation", 255 * np.array(DEVIATION, dtype=np.float32))
    x = graph.begin(h, w, graph.constant("positions", network.positions(h, w).detach().numpy()))
    for index in range(config.depth):
        x, mixture = graph.block(x, f"blocks.{index}", tokens)
    x = graph.norm(x, "norm")
    graph.node("Reshape", [graph.piece(x, 0, 1, 1), graph.shape(1, d)], "class_token")
    places = graph.piece(x, 1, tokens, 1)
    graph.node("ReduceMean", [places], "mean", axes=[1], keepdims=0)
    graph.node("Reshape", [places, graph.shape(1, h, w, d)], "patches")
    seen = graph.piece(graph.piece(mixture, 0, 1, 2), 1, tokens, 3)
    graph.node("Reshape", [seen, graph.shape(1, config.heads, h, w)], "attention")
    shapes = dict(zip(OUTPUTS, ([1, d], [1, d], [1, h, w, d], [1, config.heads, h, w]), strict=True))
    return graph.model("vision-transformer", [1, height, width, 3], shapes)


def export(network: VisionTransformer, path: Path, height: int = 224, width: int = 224) -> None:
    """Write the network as an ONNX file; see `build`."""
    write_atomically(path, build(network, height, width))
