"""What a slot can hold, and how it travels: msgpack with a closed set of extensions; never pickle.

A value is None, bool, int, float, str, bytes, a NumPy scalar or array of a dtype with a fixed size, or a list,
tuple or dict (with str keys) of values. Anything else is refused where it is written, with its type and its
place inside the value. Decoded arrays are read-only: a value on the blackboard belongs to everybody.

Extension types of the encoding (all bodies are msgpack):

====  ==========================================  =================================================
code  body                                        meaning
====  ==========================================  =================================================
1     list                                        tuple
2     str                                         int outside of 64 bits, hexadecimal
3     [dtype, bytes]                              NumPy scalar
4     [dtype, shape, order, bytes]                array; order is "C" or "F"
5     [dtype, shape, order, index]                array by reference: payload `index` of the message
====  ==========================================  =================================================

A dtype is its ``str`` (``"<f4"``), or ``{"names", "formats", "offsets", "itemsize"}`` if it is structured, or
``[dtype, shape]`` for a field that is itself an array.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from agentspace.errors import ProtocolError, ValueTypeError

Value = Any
Array = NDArray[Any]
Share = Callable[[Array], int | None]
Resolve = Callable[[int, int], Array]

MAX_DEPTH = 64
TUPLE, BIGINT, SCALAR, ARRAY, REFERENCE = 1, 2, 3, 4, 5
_FLAT = frozenset({type(None), bool, int, float, bytes})
_ARRAYS = frozenset({np.ndarray, np.memmap})
_DTYPE = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGmMSUVuc]\d*(\[\d*[A-Za-z]+\])?")
_ALLOWED = (
    "None, bool, int, float, str, bytes, NumPy scalars and arrays of fixed-size dtypes, "
    "and lists, tuples and dicts with str keys of these"
)


def check(value: Value) -> None:
    """Refuses what a slot cannot hold.

    Raises:
        ValueTypeError: Names the type and the path to it inside the value.
    """
    _check(value, "value", 0)


def _check(value: Value, path: str, depth: int) -> None:
    kind = type(value)
    if kind in _FLAT:
        return
    if kind is str:
        _check_text(value, path)
    elif kind in _ARRAYS or isinstance(value, np.generic):
        _check_dtype(value.dtype, path)
    elif kind in (list, tuple, dict):
        if depth >= MAX_DEPTH:
            raise ValueTypeError(f"{path[:80]}... is nested deeper than {MAX_DEPTH} (does it contain itself?)")
        _check_items(value, path, depth)
    else:
        raise ValueTypeError(f"{path} is a {_type_name(kind)}; a slot holds {_ALLOWED}")


def _check_items(value: Value, path: str, depth: int) -> None:
    items = value.items() if type(value) is dict else enumerate(value)
    for key, item in items:
        if type(value) is dict:
            if type(key) is not str:
                raise ValueTypeError(f"{path} has the key {key!r}, a {_type_name(type(key))}; keys are str")
            _check_text(key, f"a key of {path}")
        if type(item) not in _FLAT:
            _check(item, f"{path}[{key!r}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueTypeError(f"{path} is a str that is not valid Unicode: {error}") from None


def _check_dtype(dtype: np.dtype[Any], path: str) -> None:
    base = dtype.base
    if base.names is not None:
        for name in base.names:
            _check_dtype(base[name], f"{path}[{name!r}]")
    elif base.hasobject or base.isbuiltin == 2 or not _DTYPE.fullmatch(base.str):
        raise ValueTypeError(f"{path} has dtype {base!r}, which has no fixed size; a slot holds {_ALLOWED}")


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def encode(value: Value, share: Share | None = None) -> bytes:
    """The value as bytes.

    Args:
        value: What to encode.
        share: May take an array out of the message: returns the index of its payload, or None to leave it in.

    Raises:
        ValueTypeError: The value is not one that a slot holds.
    """
    check(value)
    return _Encoder(share).pack(value)


class _Encoder:
    """Not closures: those would refer to each other, and keep payloads alive until the garbage collector runs."""

    __slots__ = ("_share",)

    def __init__(self, share: Share | None) -> None:
        self._share = share

    def pack(self, item: Value) -> bytes:
        packed: bytes = msgpack.packb(item, default=self._extend, strict_types=True)
        return packed

    def _extend(self, item: Value) -> msgpack.ExtType:
        if type(item) is tuple:
            return msgpack.ExtType(TUPLE, self.pack(list(item)))
        if isinstance(item, np.ndarray):
            return _array_out(item, self._share)
        if isinstance(item, int):
            return msgpack.ExtType(BIGINT, self.pack(f"{item:x}"))
        scalar = np.asarray(item)
        return msgpack.ExtType(SCALAR, self.pack([_dtype_out(scalar.dtype), scalar.tobytes()]))


def _array_out(array: Array, share: Share | None) -> msgpack.ExtType:
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    head = [_dtype_out(array.dtype), list(array.shape), order]
    index = share(array) if share is not None else None
    if index is not None:
        return msgpack.ExtType(REFERENCE, msgpack.packb([*head, index]))
    return msgpack.ExtType(ARRAY, msgpack.packb([*head, array.tobytes(order="F" if order == "F" else "C")]))


def decode(data: bytes, resolve: Resolve | None = None) -> Value:
    """The value of bytes that `encode` made.

    Args:
        data: The bytes.
        resolve: Gives the payload with this index and size in bytes, as an array of uint8.

    Raises:
        ProtocolError: The bytes are not a value.
    """
    try:
        value = _Decoder(resolve).unpack(data)
        _check(value, "value", 0)
    except ProtocolError:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
        MemoryError,
        msgpack.UnpackException,
    ) as error:
        raise ProtocolError(f"not a value: {type(error).__name__}: {error}") from None
    return value


class _Decoder:
    """Decodes one value."""

    __slots__ = ("_depth", "_resolve")

    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve = resolve
        self._depth = 0

    def unpack(self, body: bytes) -> Value:
        return msgpack.unpackb(body, ext_hook=self._extend, strict_map_key=True, raw=False)

    def _extend(self, code: int, body: bytes) -> Value:
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:  # each level takes some 50 KB of the C stack, which nobody else guards
            raise ProtocolError(f"extensions are nested deeper than {MAX_DEPTH}")
        fields = self.unpack(body)
        self._depth -= 1
        if code == ARRAY:
            return _array_in(*_fields(fields, 4))
        if code == TUPLE and type(fields) is list:
            return tuple(fields)
        if code == SCALAR:
            dtype, raw = _fields(fields, 2)
            return _array_in(dtype, [], "C", raw)[()]
        if code == BIGINT and type(fields) is str:
            return int(fields, 16)
        if code == REFERENCE and self._resolve is not None:
            dtype, shape, order, index = _fields(fields, 4)
            return _array_in(dtype, shape, order, self._resolve(index, _nbytes(_dtype_in(dtype), shape)))
        raise ProtocolError(f"extension type {code} is not known here")


def _fields(fields: Value, count: int) -> list[Value]:
    if type(fields) is not list or len(fields) != count:
        raise ProtocolError(f"an extension has {count} fields, not {fields!r:.80}")
    return fields


def _nbytes(dtype: np.dtype[Any], shape: Value) -> int:
    if type(shape) is not list or any(type(n) is not int or n < 0 for n in shape):
        raise ProtocolError(f"not a shape: {shape!r:.80}")
    return math.prod(shape) * dtype.itemsize


def _array_in(dtype: Value, shape: Value, order: Value, raw: bytes | Array) -> Array:
    kind = _dtype_in(dtype)
    if order not in ("C", "F") or len(raw) != _nbytes(kind, shape):
        raise ProtocolError(f"{len(raw)} bytes, order {order!r:.8} do not make an array {kind}{shape}")
    return np.ndarray(tuple(shape), kind, buffer=raw, order=order)


def _dtype_out(dtype: np.dtype[Any]) -> Value:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [_dtype_out(base), list(shape)]
    if dtype.names is None:
        return dtype.str
    fields: Any = dtype.fields
    return {
        "names": list(dtype.names),
        "formats": [_dtype_out(fields[name][0]) for name in dtype.names],
        "offsets": [fields[name][1] for name in dtype.names],
        "itemsize": dtype.itemsize,
    }


@functools.lru_cache(maxsize=256)
def _plain_dtype(text: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(text):
        raise ProtocolError(f"not a dtype: {text!r:.80}")
    return np.dtype(text)


def _dtype_in(dtype: Value) -> np.dtype[Any]:
    if type(dtype) is str:
        return _plain_dtype(dtype)
    if type(dtype) is list and len(dtype) == 2:
        base, shape = dtype
        _nbytes(np.dtype("b"), shape)
        return np.dtype((_dtype_in(base), tuple(shape)))
    if type(dtype) is dict and dtype.keys() == {"names", "formats", "offsets", "itemsize"}:
        spec: Any = {**dtype, "formats": [_dtype_in(field) for field in dtype["formats"]]}
        structured: np.dtype[Any] = np.dtype(spec)
        return structured
    raise ProtocolError(f"not a dtype: {dtype!r:.80}")


def describe(value: Value) -> str:
    """A few words on the type of a value: ``float32[384]``, ``str``, ``dict(3)``."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    if isinstance(value, np.generic):
        return str(value.dtype)
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__}({len(value)})"
    return "None" if value is None else type(value).__name__


def freeze(value: Value) -> Value:
    """A copy that its writer can no longer change: arrays are copied and made read-only.

    Raises:
        ValueTypeError: The value is not one that a slot holds.
    """
    check(value)
    return _frozen(value)


def _frozen(value: Value) -> Value:
    if isinstance(value, np.ndarray):
        array = value.copy(order="K")
        array.flags.writeable = False
        return np.asarray(array)
    if isinstance(value, np.void):  # a record is a view of the array that it was taken from
        return _frozen(np.asarray(value))[()]
    return copy_containers(value, _frozen)


def copy_containers(value: Value, leaf: Callable[[Value], Value] | None = None) -> Value:
    """A copy whose lists and dicts are the reader's own; arrays and scalars are shared."""
    each = leaf or copy_containers
    if type(value) is dict:
        return {key: each(item) for key, item in value.items()}
    if type(value) is list:
        return [each(item) for item in value]
    if type(value) is tuple:
        return tuple(each(item) for item in value)
    return value
