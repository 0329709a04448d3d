"""A network of convolutions, as one whose weights and maps are bytes.

Each map becomes x = step * (byte - zero) with a step and a zero of its own, each filter has a step of its own; the
sums are of 32 bits. What limits maps to 0..6 is in their steps. The answer is of floats again.

The first convolutions, `FLOATS`, remain as they are: bytes make half of all errors there, and onnxruntime is
slower with them on maps so large and of so few channels. The preprocessing (x - 127) / 128 is a step of 1/128 and
a zero of 127: two passes over the picture in place of four, with the same result to the bit.

The file says it as ONNX does (QuantizeLinear and DequantizeLinear around what is to be computed in bytes), and
onnxruntime makes of it what the processor can do.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.quantisation.rounding import rounded, steps
from models.quantisation.survey import Survey

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

FLOATS: Final = 2
"""How many convolutions remain as they are."""
_LIMIT: Final = 6.0  # of ReLU6
_PREPROCESSING: Final = ("Cast", "Sub", "Div", "Transpose")
_LEVELS: Final = 255
_BIGGEST: Final = 2.0**30  # of what is added to a sum, so that it has room in 32 bits


class Quantiser:
    """Makes the network of bytes, node by node.

    Args:
        network: Of floats: preprocessing, Conv, Clip to 0..6, Add, AveragePool, Flatten.
        survey: Of it.
    """

    def __init__(self, network: "ModelProto", survey: Survey) -> None:
        from onnx import numpy_helper

        self._network, self._survey = network, survey
        self._weights = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._maps: dict[str, tuple[str, float]] = {}  # by the name of before: name now, step
        self._left = FLOATS

    def made(self) -> bytes:
        """The network of bytes, as a file of ONNX."""
        from onnx import checker, helper

        self._picture()
        for node in self._network.graph.node:
            if node.op_type not in _PREPROCESSING:
                self._take(node)
        graph = self._network.graph
        made = helper.make_graph(self._nodes, "bytes", graph.input, graph.output, self._constants)
        model = helper.make_model(made, opset_imports=self._network.opset_import)
        model.ir_version = self._network.ir_version
        checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _picture(self) -> None:
        (last,) = (node for node in self._network.graph.node if node.op_type == "Transpose")
        self._add("Transpose", ["image"], "pixels", perm=[0, 3, 1, 2])
        names = [
            self._constant("pixels.step", np.float32(1.0 / 128.0)),
            self._constant("pixels.zero", np.uint8(127)),
        ]
        self._add("DequantizeLinear", ["pixels", *names], "pixels.value")
        self._maps[last.output[0]] = "pixels.value", 1.0 / 128.0

    def _take(self, node: "NodeProto") -> None:
        name, kind = node.output[0], node.op_type
        inputs = [self._maps[each][0] if each in self._maps else each for each in node.input]
        if kind == "Conv":
            inputs = [inputs[0], *self._filters(node)]
        if kind == "Clip":
            inputs[1:] = [self._constant(f"{name}.{each:g}", np.float32(each)) for each in (0.0, _LIMIT)]
        self._add(kind, inputs, name, **_attributes(node))
        if kind == "Clip" and self._left == 0:
            self._map(name, 0.0, _LIMIT)
        elif kind == "Add" or (kind == "Conv" and not self._is_clipped(name)):
            self._map(name, *self._survey.ranges[name])

    def _is_clipped(self, name: str) -> bool:
        return any(node.op_type == "Clip" and node.input[0] == name for node in self._network.graph.node)

    def _filters(self, node: "NodeProto") -> list[str]:
        """Weights and what is added to the sums, made up for the mean error of the weights."""
        given, added = (self._weights[name] for name in node.input[1:])
        if self._left > 0:
            self._left -= 1
            return [self._constant(name, self._weights[name]) for name in node.input[1:]]
        seen = self._survey.inputs[node.output[0]]
        flat = given.reshape(len(given), -1).astype(np.float64)
        moments, mean = seen.moments / seen.count, seen.total / seen.count
        step = steps(flat)
        if seen.grouped:
            each = zip(flat, moments, step, strict=True)
            found = np.concatenate([rounded(row[None], of, np.array([one])) for row, of, one in each])
            missing = ((flat - found * step[:, None]) * mean).sum(axis=1)
        else:
            found = rounded(flat, moments, step)
            missing = (flat - found * step[:, None]) @ mean
        return self._bytes(node, found.reshape(given.shape), step, added + missing)

    def _bytes(self, node: "NodeProto", found: Any, step: Any, added: Any) -> list[str]:
        before = self._maps[node.input[0]][1]
        step = np.maximum(step, np.abs(added) / (before * _BIGGEST))  # of a filter near 0 that adds much
        total = step * before
        values = ((found, step), (np.rint(added / total).astype(np.int32), total))
        names = []
        for name, (whole, size) in zip(node.input[1:], values, strict=True):
            parts = [("", whole), (".step", size.astype(np.float32)), (".zero", np.zeros(len(found), whole.dtype))]
            inputs = [self._constant(f"{name}{end}", array) for end, array in parts]
            names.append(f"{name}.value")
            self._add("DequantizeLinear", inputs, names[-1], axis=0)
        return names

    def _map(self, name: str, low: float, high: float) -> None:
        """A map from low to high as bytes, and back."""
        step = np.float32((high - low) / _LEVELS)
        zero = np.uint8(np.clip(np.rint(-low / step), 0, _LEVELS))
        names = [self._constant(f"{name}.step", step), self._constant(f"{name}.zero", zero)]
        self._add("QuantizeLinear", [name, *names], f"{name}.byte")
        self._add("DequantizeLinear", [f"{name}.byte", *names], f"{name}.value")
        self._maps[name] = f"{name}.value", float(step)

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}
