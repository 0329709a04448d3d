"""Networks as TFLite files: what is in one, read without TensorFlow.

A TFLite file is a FlatBuffer: tables whose fields are found by offsets. Numbers of fields, types and operators are
those of its schema (tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3). Weights may be sparse: zeros are
left out, and the operator DENSIFY stands for filling them in.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.files.artifact import ArtifactError

Array = NDArray[Any]

ADD, CONCATENATE, CONVOLUTION, DEPTHWISE, DEPTH_TO_SPACE, DEQUANTIZE = 0, 2, 3, 4, 5, 6
SIGMOID, MAX_POOL, RESHAPE, RESIZE, PAD, DENSIFY = 14, 17, 22, 23, 34, 124
"""Operators, by their numbers in the schema."""

_IDENTIFIER: Final = b"TFL3"
_TYPES: Final = {0: "<f4", 1: "<f2", 2: "<i4"}
_SPARSE: Final = 1  # the format of a dimension whose places are listed
_LISTS: Final = {1: "<i4", 2: "<u2", 3: "<u1"}  # of numbers in a description of sparse weights


@dataclass(frozen=True)
class FlatTable:
    """A table of a FlatBuffer; a field that is not there has its default.

    Attributes:
        content: The whole file.
        place: Where the table begins.
    """

    content: bytes
    place: int

    def _field(self, number: int) -> int:
        """Where a field is; 0 if it is not there."""
        layout = self.place - self._at("<i", self.place)
        offset = 4 + 2 * number
        found = self._at("<H", layout + offset) if offset < self._at("<H", layout) else 0
        return self.place + found if found else 0

    def _at(self, kind: str, place: int) -> int:
        number: int = struct.unpack_from(kind, self.content, place)[0]
        return number

    def number(self, field: int, kind: str = "<i", default: int = 0) -> int:
        """A field that is a number, of a kind of `struct`."""
        place = self._field(field)
        return self._at(kind, place) if place else default

    def table(self, field: int) -> "FlatTable | None":
        """A field that is a table."""
        place = self._field(field)
        return FlatTable(self.content, place + self._at("<I", place)) if place else None

    def _list(self, field: int) -> tuple[int, int]:
        """How long a field that is a list is, and where its first element."""
        place = self._field(field)
        if not place:
            return 0, 0
        place += self._at("<I", place)
        return self._at("<I", place), place + 4

    def tables(self, field: int) -> Iterator["FlatTable"]:
        """A field that is a list of tables."""
        count, first = self._list(field)
        for place in range(first, first + 4 * count, 4):
            yield FlatTable(self.content, place + self._at("<I", place))

    def array(self, field: int, kind: str) -> Array:
        """A field that is a list of numbers, of a kind of NumPy."""
        count, first = self._list(field)
        return np.frombuffer(self.content, kind, count, first)


@dataclass(frozen=True)
class Operator:
    """A step of a network.

    Attributes:
        kind: One of the operators above.
        inputs: Numbers of the tensors that it takes.
        output: Number of the tensor that it makes.
        options: Its options; None if it has none.
    """

    kind: int
    inputs: tuple[int, ...]
    output: int
    options: FlatTable | None

    def option(self, field: int, default: int = 0) -> int:
        """An option that is a byte."""
        return self.options.number(field, "<b", default) if self.options else default

    def option32(self, field: int, default: int = 0) -> int:
        """An option that is a number of 32 bits."""
        return self.options.number(field, "<i", default) if self.options else default


@dataclass(frozen=True)
class TFLite:
    """A network of one graph.

    Attributes:
        shapes: Of its tensors, by number.
        constants: The tensors that are weights, by number; sparse ones are filled in.
        operators: In the order in which they are done.
        inputs: Numbers of the tensors that it takes.
        outputs: Numbers of those that it gives.
    """

    shapes: tuple[tuple[int, ...], ...]
    constants: dict[int, Array]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @classmethod
    def read(cls, content: bytes, name: str) -> Self:
        """What is in a file.

        Args:
            content: Of the file.
            name: Of the file, for the message.

        Raises:
            ArtifactError: It is no TFLite file, it is damaged, or it has weights of a type that is not known here.
        """
        if content[4:8] != _IDENTIFIER:
            raise ArtifactError(f"{name} is no TFLite file: it has {content[4:8]!r} where {_IDENTIFIER!r} belongs")
        try:
            return cls._read(FlatTable(content, struct.unpack_from("<I", content)[0]))
        except (struct.error, IndexError, StopIteration, ValueError) as error:
            raise ArtifactError(f"{name} is damaged, or not of the kind that is read here ({error})") from error

    @classmethod
    def _read(cls, model: FlatTable) -> Self:
        codes = [max(code.number(0, "<b"), code.number(3)) for code in model.tables(1)]
        buffers = list(model.tables(4))
        graph = next(model.tables(2))
        tensors = list(graph.tables(0))
        return cls(
            shapes=tuple(tuple(map(int, tensor.array(0, "<i4"))) for tensor in tensors),
            constants={
                number: _weights(tensor, buffer.array(0, "<u1"))
                for number, tensor in enumerate(tensors)
                if len((buffer := buffers[tensor.number(2, "<I")]).array(0, "<u1"))
            },
            operators=tuple(
                Operator(
                    codes[step.number(0, "<I")],
                    tuple(map(int, step.array(1, "<i4"))),
                    int(step.array(2, "<i4")[0]),
                    step.table(4),
                )
                for step in graph.tables(3)
            ),
            inputs=tuple(map(int, graph.array(1, "<i4"))),
            outputs=tuple(map(int, graph.array(2, "<i4"))),
        )


def _weights(tensor: FlatTable, content: Array) -> Array:
    kind = tensor.number(1, "<b")
    if kind not in _TYPES:
        raise ValueError(f"a tensor is of type {kind}; valid are {', '.join(map(str, _TYPES))}")
    values = content.view(_TYPES[kind])
    shape = tuple(map(int, tensor.array(0, "<i4")))
    sparsity = tensor.table(6)
    return values.reshape(shape) if sparsity is None else dense(values, shape, *_rows(sparsity))


def dense(values: Array, shape: tuple[int, ...], starts: Array, places: Array) -> Array:
    """Sparse weights, filled in: compressed rows, a row being all along the last dimension.

    Args:
        values: (n,) those that are in the file, row by row.
        shape: Of the tensor.
        starts: (rows + 1,) where in the values each row begins, and where the last one ends.
        places: (n,) of each value in its row.
    """
    filled = np.zeros((len(starts) - 1, shape[-1]), values.dtype)
    filled[np.repeat(np.arange(len(starts) - 1), np.diff(starts).astype(np.intp)), places] = values
    return filled.reshape(shape)


def _rows(sparsity: FlatTable) -> tuple[Array, Array]:
    """Where rows start, and the places in them; no other kind of sparsity is known here."""

    def listed(dimension: FlatTable, field: int) -> Array:
        found = dimension.table(field + 1)  # of a union: its kind, and then itself
        return found.array(0, _LISTS[dimension.number(field, "<B")]) if found else np.zeros(0, np.int32)

    *others, last = sparsity.tables(2)
    plain = np.array_equal(sparsity.array(0, "<i4"), np.arange(len(others) + 1))
    if not plain or last.number(0, "<b") != _SPARSE or any(one.number(0, "<b") == _SPARSE for one in others):
        raise ValueError("a tensor is sparse in another way than by rows")
    return listed(last, 2), listed(last, 4)
