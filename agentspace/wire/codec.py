"""The encoding of values: msgpack with a closed set of extensions; never pickle.

Extension types (all bodies are msgpack):

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

A robot's values come in streams: arrays of one dtype and shape, whose bytes differ in the elements only, and the
elements may be anything. So an array on its own is known by what comes before them, on both sides.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgpack
import numpy as np

from agentspace.core.value import DTYPE, FLAT, MAX_DEPTH, Array, Value, check
from agentspace.errors import ProtocolError

Share = Callable[[Array], int | None]
Resolve = Callable[[int, int], Array]
Order = Literal["C", "F"]
K = TypeVar("K")
T = TypeVar("T")

SMALL: Final = 32 * 1024  #: bytes; a smaller array travels inside the message in any case
TUPLE, BIGINT, SCALAR, ARRAY, REFERENCE = 1, 2, 3, 4, 5


class _Form(NamedTuple):
    """The bytes before the elements of an array, and their meaning."""

    head: bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Order


_FORMS: dict[int, _Form] = {}  # of arrays that came in, by the length of the whole
_HEADS_OUT: dict[tuple[np.dtype[Any], tuple[int, ...], Order], bytes] = {}  # of arrays that went out
_KEPT: Final = 1024
_HELD: Final = 1 << 30  # bytes at most of extensions that are being decoded: each level of nesting copies its body
_EMPTY: Final = 1 << 20  # elements at most of an array whose elements have no bytes: no message limits them
_FLAT_HEADS: Final = frozenset(
    bytes([head]) for head in (*range(0x80), 0xC0, *range(0xC2, 0xC7), *range(0xCA, 0xD4), *range(0xE0, 0x100))
)
_pack: Callable[..., bytes] = msgpack.packb
_unpack: Callable[..., Value] = msgpack.unpackb
_EXTENSION: Final = {0xC7: 2, 0xC8: 3, 0xC9: 5}  # msgpack's ext 8, 16, 32: where the type stands


def encode(value: Value, share: Share | None = None) -> bytes:
    """The value as bytes.

    Args:
        value: What to encode.
        share: May take an array out of the message: returns the index of its payload, or None to leave it in.

    Raises:
        ValueTypeError: The value is not one that a slot holds.
    """
    if type(value) in FLAT:
        return _pack(value, default=_big, strict_types=True)
    check(value)
    if isinstance(value, np.ndarray) and value.nbytes and (share is None or value.nbytes < SMALL):
        return _array_bytes(value)
    return _Encoder(share).pack(value)


def _array_bytes(array: Array) -> bytes:
    """An array on its own: what comes before its elements is the same for all of one dtype, shape and order."""
    order: Order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    key = (array.dtype, array.shape, order)
    head = _HEADS_OUT.get(key)
    elements = array.tobytes(order)
    if head is None:
        whole = _Encoder(None).pack(array)
        head = whole[: len(whole) - len(elements)]
        _remember(_HEADS_OUT, key, head)
    return head + elements


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
            return _big(item)
        scalar = np.asarray(item)
        return msgpack.ExtType(SCALAR, self.pack([_dtype_out(scalar.dtype), scalar.tobytes()]))


def _big(item: int) -> msgpack.ExtType:
    """An int that msgpack has no place for."""
    return msgpack.ExtType(BIGINT, _pack(f"{item:x}"))


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
    form = _FORMS.get(len(data))
    if form is not None and data.startswith(form.head):
        return np.ndarray(form.shape, form.dtype, buffer=data[len(form.head) :], order=form.order)
    try:
        value = _unpack(data) if data[:1] in _FLAT_HEADS else _Decoder(resolve).unpack(data)
        if type(value) not in FLAT:
            check(value)
    except ProtocolError:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
        MemoryError,
        SystemError,  # what NumPy raises for a str scalar with characters that there are not
        msgpack.UnpackException,
    ) as error:
        raise ProtocolError(f"not a value: {type(error).__name__}: {error}") from None
    if isinstance(value, np.ndarray) and data[_EXTENSION.get(data[0], 0)] == ARRAY and value.nbytes:
        order: Order = "C" if value.flags.c_contiguous else "F"
        _remember(_FORMS, len(data), _Form(data[: len(data) - value.nbytes], value.dtype, value.shape, order))
    return value


def validate(data: bytes, resolve: Resolve | None = None) -> None:
    """Checks that bytes are a value, to the last byte.

    Raises:
        ProtocolError: They are not.
    """
    form = _FORMS.get(len(data))
    if form is None or not data.startswith(form.head):
        decode(data, resolve)


def _remember(cache: dict[K, T], key: K, item: T) -> None:
    if len(cache) >= _KEPT:
        cache.clear()
    cache[key] = item


class _Decoder:
    """Decodes one value."""

    __slots__ = ("_depth", "_held", "_resolve")

    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve = resolve
        self._depth = 0
        self._held = 0

    def unpack(self, body: bytes) -> Value:
        return msgpack.unpackb(body, ext_hook=self._extend, strict_map_key=True, raw=False)

    def _extend(self, code: int, body: bytes) -> Value:
        self._depth += 1
        self._held += len(body)
        if self._held > _HELD:
            raise ProtocolError(f"extensions in extensions of more than {_HELD} bytes in all")
        if self._depth > MAX_DEPTH + 1:  # each level takes some 50 KB of the C stack, which nobody else guards
            raise ProtocolError(f"extensions are nested deeper than {MAX_DEPTH}")
        fields = self.unpack(body)
        self._depth -= 1
        self._held -= len(body)
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
    if not kind.itemsize and math.prod(shape) > _EMPTY:
        raise ProtocolError(f"{math.prod(shape)} elements of no bytes; at most {_EMPTY} are allowed")
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
    if not DTYPE.fullmatch(text):
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
