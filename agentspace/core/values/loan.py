"""A loan: an array that its writer fills in place, where its readers will see it, before it is written."""

import math
import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, Self, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from agentspace.core.values.value import DELICATE, MAX_BYTES, Array, check
from agentspace.errors import AgentspaceError, LimitError, ValueTypeError

D = TypeVar("D")
Shape = SupportsIndex | Sequence[SupportsIndex]
_MOST_DIMENSIONS: Final = 32  # that every NumPy has


class Form(NamedTuple):
    """The shape and the dtype of an array that a slot can hold.

    Raises:
        ValueTypeError: One of them is none, or not one that a slot can hold.
        LimitError: There are too many bytes, dimensions, or elements of no bytes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, shape: Shape, dtype: DTypeLike) -> Self:
        """The form of an array with this shape, a number or a tuple of them, and this dtype."""
        sizes, kind = _shape(shape), _dtype(dtype)
        if kind.subdtype is not None:
            kind, inner = kind.subdtype
            sizes += inner
        size = kind.itemsize * math.prod(filter(None, sizes))
        if len(sizes) > _MOST_DIMENSIONS:
            raise LimitError(f"shape {shape!r:.80} has {len(sizes)} dimensions; at most {_MOST_DIMENSIONS}")
        if size > MAX_BYTES:
            raise LimitError(f"shape {shape!r:.80} of {kind} has {size} bytes; at most {MAX_BYTES} are allowed")
        form = cls(sizes, kind)
        if kind.kind in DELICATE or form not in _GOOD:
            check(np.broadcast_to(np.zeros((), kind), sizes))
            if kind.kind not in DELICATE and len(_GOOD) < _GOOD_KEPT:
                _GOOD.add(form)
        return form

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return self.dtype.itemsize * math.prod(self.shape)


def _shape(shape: Shape) -> tuple[int, ...]:
    try:
        each: Any = shape if isinstance(shape, Iterable) else (shape,)
        sizes = tuple(map(operator.index, each))
    except TypeError:
        raise ValueTypeError(f"not a shape: {shape!r:.80}; valid is an int, or a tuple of them") from None
    if min(sizes, default=0) < 0:
        raise ValueTypeError(f"not a shape: {shape!r:.80}; no size is below 0")
    return sizes


def _dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError):
        raise ValueTypeError(f"not a dtype: {dtype!r:.80}; valid is what NumPy knows, like 'uint8'") from None
    if dtype is None:
        raise ValueTypeError("not a dtype: None; valid is what NumPy knows, like 'uint8'")
    return kind


_GOOD: set[Form] = set()  # that were found to be such
_GOOD_KEPT: Final = 1024


class Blank:
    """An array to be filled, and the memory that it lies in.

    Args:
        form: Of the array.
        memory: What it lies in; None: in memory of its own.

    Attributes:
        array: The array; its writer's.
    """

    __slots__ = ("_root", "_users", "array")

    def __init__(self, form: Form, memory: Any = None) -> None:
        self._root = np.ndarray(form.shape, form.dtype, buffer=memory)
        self.array = self._root.view()
        self._users = sys.getrefcount(self._root)

    def finish(self) -> Any:
        """The array as `Session.commit` takes it; nobody can write into it any more."""
        return self.sealed()

    def drop(self) -> None:
        """Nothing is written; the memory may be used again."""
        self.seal()

    def seal(self) -> bool:
        """Makes the array read-only, for ever; False if the writer has left views of it, which are not."""
        self._root.flags.writeable = self.array.flags.writeable = False
        return sys.getrefcount(self._root) <= self._users

    def sealed(self) -> Array:
        """The array, read-only; a copy if somebody could still write into it."""
        content = self._root if self.seal() else self._root.copy()
        content.flags.writeable = False
        return content


class Loan(Generic[D]):
    """An array of a slot that its writer fills in place: what a camera decodes, say, is copied nowhere.

    ::

        with self.loan("camera", (480, 640, 3), "uint8", validity=0.2) as image:
            capture.read(image)

    In the block, the array is writable, and what it holds is undefined. When the block ends well, it is written;
    when an error ends it, nothing is. After it, the array is read-only. So is what readers get, without a copy,
    if it has 32 KiB or more and they are on the same machine. The memory is used again when nobody has the array
    any more, neither a slot, nor a reader, nor the writer. Views of it that the block leaves behind make a copy
    necessary; other things that look at its memory (`memoryview`, a tensor) must not be written to after it.

    Attributes:
        decision: What became of it: Written or Refused. None before; and in an agent's handler, which hears of
            that by `refused`.
    """

    def __init__(self, lend: Callable[[], Blank], write: Callable[[Blank], D]) -> None:
        self._lend = lend
        self._write = write
        self._blank: Blank | None = None
        self._used = False
        self.decision: D | None = None

    def __enter__(self) -> Array:
        if self._used:
            raise AgentspaceError("a loan is for one block; ask for another one")
        self._used = True
        self._blank = self._lend()
        return self._blank.array

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        blank, self._blank = self._blank, None
        if blank is None:
            return
        if kind is None:
            self.decision = self._write(blank)
        else:
            blank.drop()
