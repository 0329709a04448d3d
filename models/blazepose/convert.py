"""TFLite -> ONNX: the same network, its weights in float16, its preprocessing inside.

TFLite has channels last, ONNX has them second: weights are turned here, once, and pictures at the beginning of the
network. Weights stay what they are in the TFLite file, float16; onnxruntime makes floats of them when it opens the
network, and computes with these. TFLite's activations (ReLU, ReLU6) are parts of the operators before them.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.blazepose import tflite
from models.blazepose.tflite import Array, Operator, TFLite

if TYPE_CHECKING:
    import onnx

_OPSET: Final = 18
_FORMAT: Final = 8  # of the file; with it, onnxruntime from 2023 on runs the network
_SAME: Final = 0  # TFLite's padding that keeps the size, divided by the stride
_RELU, _RELU6 = 1, 3  # TFLite's activations
_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels: from last to second, and back


def convert(network: TFLite, outputs: Sequence[tuple[str, int]], low: float) -> bytes:
    """A network as ONNX; the same network gives the same bytes. It takes seconds.

    Args:
        network: What TFLite has. It takes one picture (1, h, w, 3), float.
        outputs: Name and number, as TFLite counts them, of each tensor that is wanted; what only others need is
            left out.
        low: What a black pixel (0) becomes; a white one (255) becomes 1.

    Raises:
        ValueError: It has an operator that is not known here.
    """
    return _Converter(network).convert(outputs, low)


class _Converter:
    def __init__(self, network: TFLite) -> None:
        self._network = network
        self._made = {step.output: step for step in network.operators}
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._known: dict[int, str] = {}

    def convert(self, outputs: Sequence[tuple[str, int]], low: float) -> bytes:
        from onnx import TensorProto, checker, helper

        (given,) = self._network.inputs
        self._known[given] = self._prepare(low)
        wanted = {number for _, number in outputs}
        for step in self._needed(wanted):
            self._known[step.output] = self._translate(step)
        for name, number in outputs:
            picture = len(self._network.shapes[number]) == 4
            options: dict[str, Any] = {"perm": _LAST} if picture else {}
            self._nodes.append(
                helper.make_node(
                    "Transpose" if picture else "Identity", [self._known[number]], [name], name=name, **options
                )
            )
        shapes = self._network.shapes
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, shapes[given])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[number]) for name, number in outputs],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_FORMAT)
        checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _needed(self, wanted: Iterable[int]) -> list[Operator]:
        """The steps that outputs need, in their order; those that only unpack weights are none."""
        open_, found = list(wanted), set()
        while open_:
            number = open_.pop()
            if number in self._made and number not in found and self._constant(number) is None:
                found.add(number)
                open_ += self._made[number].inputs
        return [step for step in self._network.operators if step.output in found]

    def _constant(self, number: int) -> Array | None:
        """Weights, dense, of the type that they have in the file; None if the tensor is none of these."""
        step = self._made.get(number)
        if step is not None and step.kind in (tflite.DENSIFY, tflite.DEQUANTIZE):
            return self._constant(step.inputs[0])
        return self._network.constants.get(number)

    def _add(self, kind: str, inputs: Sequence[str], **options: Any) -> str:
        """Adds a node; the name of what it gives."""
        from onnx import helper

        name = f"{kind.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **options))
        return name

    def _keep(self, values: Array) -> str:
        """Adds weights; their name."""
        from onnx import numpy_helper

        name = f"weights{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _number(self, value: float) -> str:
        """Adds a number; its name."""
        return self._keep(np.array(value, np.float32))

    def _float(self, values: Array) -> str:
        """Adds weights; the name of what is made of them, float32."""
        from onnx import TensorProto

        return self._add("Cast", [self._keep(values.astype(np.float16))], to=TensorProto.FLOAT)

    def _prepare(self, low: float) -> str:
        from onnx import TensorProto

        floats = self._add("Cast", ["image"], to=TensorProto.FLOAT)
        scaled = self._add("Mul", [floats, self._number((1.0 - low) / 255.0)])
        moved = self._add("Add", [scaled, self._number(low)]) if low else scaled
        return self._add("Transpose", [moved], perm=_FIRST)

    def _translate(self, step: Operator) -> str:
        translators = {
            tflite.ADD: self._sum,
            tflite.CONCATENATE: self._concatenation,
            tflite.CONVOLUTION: self._convolution,
            tflite.DEPTHWISE: self._convolution,
            tflite.DEPTH_TO_SPACE: self._rearranged,
            tflite.SIGMOID: lambda step: self._add("Sigmoid", [self._known[step.inputs[0]]]),
            tflite.MAX_POOL: self._pool,
            tflite.RESHAPE: self._reshaped,
            tflite.RESIZE: self._resized,
            tflite.PAD: self._padded,
        }
        if step.kind not in translators:
            raise ValueError(f"operator {step.kind} of TFLite is not known here")
        return translators[step.kind](step)

    def _activated(self, name: str, kind: int) -> str:
        if kind == _RELU:
            return self._add("Relu", [name])
        if kind == _RELU6:
            return self._add("Clip", [name, self._number(0.0), self._number(6.0)])
        if kind:
            raise ValueError(f"activation {kind} of TFLite is not known here; valid: 0, {_RELU}, {_RELU6}")
        return name

    def _sum(self, step: Operator) -> str:
        return self._activated(self._add("Add", [self._known[each] for each in step.inputs]), step.option(0))

    def _concatenation(self, step: Operator) -> str:
        return self._add("Concat", [self._known[each] for each in step.inputs], axis=step.option32(0))

    def _convolution(self, step: Operator) -> str:
        given, weights, bias = step.inputs
        kernel, offset = self._constant(weights), self._constant(bias)
        assert kernel is not None
        assert offset is not None
        by_channel = step.kind == tflite.DEPTHWISE
        strides = [step.option32(2, 1), step.option32(1, 1)]
        inputs = [self._known[given], self._float(kernel.transpose((3, 0, 1, 2) if by_channel else _FIRST))]
        made = self._add(
            "Conv",
            [*inputs, self._float(offset)],
            group=kernel.shape[3] if by_channel else 1,
            kernel_shape=kernel.shape[1:3],
            strides=strides,
            pads=self._pads(step, kernel.shape[1:3], strides),
        )
        return self._activated(made, step.option(4 if by_channel else 3))

    def _pads(self, step: Operator, kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
        """Zeros on top, left, below, right; where they are odd, TFLite has one more below and right."""
        if step.option(0) != _SAME:
            return [0, 0, 0, 0]
        before, after = (self._network.shapes[number][1:3] for number in (step.inputs[0], step.output))
        sizes = zip(before, after, kernel, strides, strict=True)
        wanted = [max(0, (made - 1) * stride + side - given) for given, made, side, stride in sizes]
        return [*(each // 2 for each in wanted), *(each - each // 2 for each in wanted)]

    def _pool(self, step: Operator) -> str:
        kernel, strides = (step.option32(4), step.option32(3)), (step.option32(2), step.option32(1))
        pads = self._pads(step, kernel, strides)
        made = self._add("MaxPool", [self._known[step.inputs[0]]], kernel_shape=kernel, strides=strides, pads=pads)
        return self._activated(made, step.option(5))

    def _rearranged(self, step: Operator) -> str:
        return self._add("DepthToSpace", [self._known[step.inputs[0]]], blocksize=step.option32(0), mode="DCR")

    def _reshaped(self, step: Operator) -> str:
        """TFLite's order of numbers counts: it has the channels last."""
        given = self._known[step.inputs[0]]
        if len(self._network.shapes[step.inputs[0]]) == 4:
            given = self._add("Transpose", [given], perm=_LAST)
        return self._add("Reshape", [given, self._keep(np.array(self._network.shapes[step.output], np.int64))])

    def _resized(self, step: Operator) -> str:
        if not step.option(3) or step.option(2):
            raise ValueError("TFLite resizes here relative to other places than the middles of pixels")
        size = np.array(self._network.shapes[step.output], np.int64)[list(_FIRST)]
        return self._add("Resize", [self._known[step.inputs[0]], "", "", self._keep(size)], mode="linear")

    def _padded(self, step: Operator) -> str:
        """Zeros around; padding (n, 2) is turned as the pictures are."""
        sides = self._constant(step.inputs[1])
        assert sides is not None
        pads = sides[list(_FIRST)].T.ravel().astype(np.int64)
        return self._add("Pad", [self._known[step.inputs[0]], self._keep(pads)])
