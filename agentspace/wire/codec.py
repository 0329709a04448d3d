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

import math
import re
import sys
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgpack
import numpy as np

from agentspace.core.values.dtypes import dtype_of
from agentspace.core.values.shown import in_words
from agentspace.core.values.value import FLAT, MAX_DEPTH, Array, Value, check
from agentspace.errors import LimitError, ProtocolError

Share = Callable[[Array], int | None]
Resolve = Callable[[int, int], Array]
Order = Literal["C", "F"]
K = TypeVar("K")
T = TypeVar("T")

SMALL: Final = 32 * 1024  #: bytes; a smaller array travels inside the message in any case
TUPLE, BIGINT, SCALAR, ARRAY, REFERENCE = 1, 2, 3, 4, 5
_HEX: Final = re.compile("-?[0-9a-f]+")
BROKEN: Final = (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
    MemoryError,
    LimitError,
    SystemError,  # what NumPy raises for a str scalar with characters that there are not
    msgpack.UnpackException,
)
"""What bytes that are no value make msgpack, NumPy and the checks raise."""


class _Form(NamedTuple):
    """The bytes before the elements of an array, and their meaning."""

    head: bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Order


_FORMS: dict[int, _Form] = {}  # of arrays that came in, by the length of the whole
_HEADS_OUT: dict[tuple[np.dtype[Any], tuple[int, ...], Order], bytes] = {}  # of arrays that went out
_REFERENCES_OUT: dict[tuple[np.dtype[Any], tuple[int, ...], Order, int], bytes] = {}
_REFERENCES: dict[bytes, tuple[_Form, int, int]] = {}  # that came in, with index and bytes of their payload
_SHORT: Final = 255  # bytes of those
_KEPT: Final = 1024
HELD: Final = 1 << 30  #: bytes at most of extensions that are being decoded: each level of nesting copies its body
_LARGE: Final = 1 << 18  # bytes of an array that is not copied to find its head
_FLAT_HEADS: Final = frozenset(
    bytes([head]) for head in (*range(0x80), 0xC0, *range(0xC2, 0xC7), *range(0xCA, 0xD4), *range(0xE0, 0x100))
)
_MOST_DIMENSIONS: Final = 64  # of NumPy; the product of many would take for ever
_pack: Callable[..., bytes] = msgpack.packb
_unpack: Callable[..., Value] = msgpack.unpackb
_EXTENSION: Final = {
    0xC7: 2,
    0xC8: 3,
    0xC9: 5,
    0xD8: 1,
}  # msgpack's ext 8, 16, 32, fixext 16: where the type stands


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
    if isinstance(value, np.ndarray) and value.nbytes:
        index = share(value) if share is not None and value.nbytes >= SMALL else None
        return _array_bytes(value) if index is None else _reference_bytes(value, index)
    return _Encoder(share).pack(value)


def _order_of(array: Array) -> Order:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _reference_bytes(array: Array, index: int) -> bytes:
    """A reference on its own, which is the same for all arrays of one dtype, shape and order."""
    key = (array.dtype, array.shape, _order_of(array), index)
    reference = _REFERENCES_OUT.get(key)
    if reference is None:
        reference = _Encoder(lambda _: index).pack(array)
        _remember(_REFERENCES_OUT, key, reference)
    return reference


def _array_bytes(array: Array) -> bytes:
    """An array on its own: what comes before its elements is the same for all of one dtype, shape and order."""
    order = _order_of(array)
    key = (array.dtype, array.shape, order)
    head = _HEADS_OUT.get(key)
    if head is None:
        head = array_head(array, order)
        _remember(_HEADS_OUT, key, head)
    if array.nbytes > SMALL and (array.flags.c_contiguous or array.flags.f_contiguous):
        return b"".join((head, array.reshape(-1, order=order).view(np.uint8).data))  # copied once
    return head + array.tobytes(order)


def array_head(array: Array, order: Order) -> bytes:
    """What comes before the elements of an array: found without a copy of many."""
    if array.nbytes < _LARGE:
        whole = _Encoder(None).pack(array)
        return whole[: len(whole) - array.nbytes]
    fields = b"".join(map(_pack, (_dtype_out(array.dtype), list(array.shape), order)))
    body = b"\x94" + fields + b"\xc6" + array.nbytes.to_bytes(4, "big")
    return extension_head(ARRAY, len(body) + array.nbytes) + body


def extension_head(code: int, size: int) -> bytes:
    """What comes before the body of an extension."""
    return b"\xc9" + size.to_bytes(4, "big") + bytes([code])


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
    order = _order_of(array)
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
        if resolve is not None and len(data) <= _SHORT and (known := _REFERENCES.get(data)) is not None:
            bare, index, nbytes = known
            return np.ndarray(bare.shape, bare.dtype, buffer=resolve(index, nbytes), order=bare.order)
        value = _unpack(data) if data[:1] in _FLAT_HEADS else Decoder(resolve).unpack(data)
        if type(value) not in FLAT:
            check(value)
    except ProtocolError:
        raise
    except BROKEN as error:
        raise ProtocolError(f"not a value: {type(error).__name__}: {error}") from None
    if isinstance(value, np.ndarray) and value.nbytes:
        _take_note(data, value)
    return value


def _take_note(data: bytes, array: Array) -> None:
    """The same form of an array is understood more quickly next time."""
    place = _EXTENSION.get(data[0], 0)
    if data[place] == ARRAY:
        remember(data, array)
    elif data[place] == REFERENCE and len(data) <= _SHORT:
        order, index = _unpack(data[place + 1 :])[2:]
        bare = _Form(b"", array.dtype, array.shape, order)
        _remember(_REFERENCES, data, (bare, index, array.nbytes))


def is_familiar(data: bytes) -> bool:
    """Whether bytes are an array like one that was seen before."""
    form = _FORMS.get(len(data))
    return form is not None and data.startswith(form.head)


def remember(data: bytes, array: Array) -> None:
    """Takes note of bytes that are an array, on its own, with its elements at the end."""
    order: Order = "C" if array.flags.c_contiguous else "F"
    _remember(_FORMS, len(data), _Form(data[: len(data) - array.nbytes], array.dtype, array.shape, order))


def _remember(cache: dict[K, T], key: K, item: T) -> None:
    if len(cache) >= _KEPT:
        cache.clear()
    cache[key] = item


class Decoder:
    """The decoder of one value.

    Args:
        resolve: Gives payloads; None: there are none.
        held: Bytes of the extensions that it is in.
    """

    __slots__ = ("_depth", "_held", "_resolve")

    def __init__(self, resolve: Resolve | None, held: int = 0) -> None:
        self._resolve = resolve
        self._depth = 0
        self._held = held

    def unpack(self, body: bytes) -> Value:
        """The value of bytes; see `extend` for the errors."""
        return msgpack.unpackb(body, ext_hook=self.extend, strict_map_key=True, raw=False)

    def extend(self, code: int, body: bytes) -> Value:
        """What an extension means.

        Raises:
            ProtocolError: It is none that there is.
            Exception: One of `BROKEN`, likewise.
        """
        self._depth += 1
        self._held += len(body)
        check_held(self._held)
        if self._depth > MAX_DEPTH + 1:  # each level takes some 50 KB of the C stack, which nobody else guards
            raise ProtocolError(f"extensions are nested deeper than {MAX_DEPTH}")
        fields = self.unpack(body)
        self._depth -= 1
        self._held -= len(body)
        if code == ARRAY:
            return array_in(*_fields(fields, 4))
        if code == TUPLE and type(fields) is list:
            return tuple(fields)
        if code == SCALAR:
            return _scalar_in(*_fields(fields, 2))
        if code == BIGINT and type(fields) is str and _HEX.fullmatch(fields):  # int() takes more than that
            return int(fields, 16)
        if code == REFERENCE and self._resolve is not None:
            dtype, shape, order, index = _fields(fields, 4)
            return array_in(dtype, shape, order, self._resolve(_index(index), _nbytes(_dtype_in(dtype), shape)))
        raise ProtocolError(f"extension type {code} is not known here")


def check_held(size: int) -> None:
    """Whether the extensions that something is in are not too large, in bytes.

    Raises:
        ProtocolError: They are: whoever decodes them copies each.
    """
    if size > HELD:
        raise ProtocolError(f"extensions in extensions of more than {HELD} bytes in all")


def _fields(fields: Value, count: int) -> list[Value]:
    if type(fields) is not list or len(fields) != count:
        raise ProtocolError(f"an extension has {count} fields, not {in_words(fields)}")
    return fields


def _index(index: Value) -> int:
    if type(index) is not int or index < 0:
        raise ProtocolError(f"not the index of a payload: {in_words(index)}")
    return index


def _nbytes(dtype: np.dtype[Any], shape: Value) -> int:
    is_shape = type(shape) is list and len(shape) <= _MOST_DIMENSIONS and all(type(n) is int for n in shape)
    if not is_shape or min(shape, default=0) < 0:
        raise ProtocolError(f"not a shape: {in_words(shape)}")
    return math.prod(shape) * dtype.itemsize


def _scalar_in(dtype: Value, raw: bytes) -> Value:
    array = array_in(dtype, [], "C", raw)
    if array.dtype.kind == "U":
        check_signs(array.dtype, raw)
    return array[()]


def check_signs(dtype: np.dtype[Any], raw: bytes | memoryview) -> None:
    """Whether a text of NumPy, or a piece of one, is a text: NumPy makes one of anything, and Python fails at it.

    Raises:
        ProtocolError: It is none.
    """
    if np.frombuffer(raw, dtype.str[0] + "u4").max(initial=0) > sys.maxunicode:
        raise ProtocolError("a text with characters that there are not")


def array_in(dtype: Value, shape: Value, order: Value, raw: bytes | memoryview | Array) -> Array:
    """The array of the fields that an extension has; its elements lie where they are.

    Raises:
        ProtocolError: They do not make one.
        Exception: One of `BROKEN`, likewise.
    """
    kind = _dtype_in(dtype)
    if order not in ("C", "F") or len(raw) != _nbytes(kind, shape):
        raise ProtocolError(f"{len(raw)} bytes, order {in_words(order, 8)} do not make an array {kind}{shape}")
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


def _dtype_in(dtype: Value) -> np.dtype[Any]:
    if type(dtype) is str:
        try:
            return dtype_of(dtype)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
    if type(dtype) is list and len(dtype) == 2:
        base, shape = dtype
        _nbytes(np.dtype("b"), shape)
        return np.dtype((_dtype_in(base), tuple(shape)))
    if type(dtype) is dict and dtype.keys() == {"names", "formats", "offsets", "itemsize"}:
        spec: Any = {**dtype, "formats": [_dtype_in(field) for field in dtype["formats"]]}
        structured: np.dtype[Any] = np.dtype(spec)
        return structured
    raise ProtocolError(f"not a dtype: {in_words(dtype)}")
