"""An ONNX graph that grows node by node; the networks that are built by hand use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Graph:
    """Nodes and constants; tensors are named after the nodes that make them."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds a constant; returns its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Adds an operation of ONNX; returns the name of what it makes."""
        from onnx import helper

        name = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def model(self, name: str, image: Sequence[int], outputs: Mapping[str, Sequence[int]]) -> bytes:
        """The graph as ONNX, checked.

        Args:
            name: of the network.
            image: shape of its input "image", uint8.
            outputs: shapes of its outputs, float32, by name.
        """
        from onnx import TensorProto, checker, helper

        given = helper.make_tensor_value_info("image", TensorProto.UINT8, image)
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        body = helper.make_graph(self.nodes, name, [given], made, self.constants)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], producer_name="agentspace")
        model.ir_version = 8  # runs on onnxruntime from 2022 on
        checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def scalar(value: float) -> NDArray[np.float32]:
    """A number as a constant."""
    return np.array(value, dtype=np.float32)
