"""The values that a slot can hold.

A value is None, bool, int, float, str, bytes, a NumPy scalar or array of a dtype with a fixed size, or a list,
tuple or dict (with str keys) of values. Anything else is refused where it is written, with its type and its
place inside the value. What is read is read-only as far as arrays go: it belongs to everybody.
"""

import base64
import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agentspace.errors import ValueTypeError

Value = Any
Array = NDArray[Any]


class Empty(Enum):
    """The type of `EMPTY`, its only member."""

    EMPTY = "EMPTY"

    def __repr__(self) -> str:
        return "EMPTY"


EMPTY: Final = Empty.EMPTY
"""The default of a read that tells an empty slot from one that holds None; no slot can hold it."""

MAX_DEPTH: Final = 64
_LONG: Final = 1 << 13  # bits; a longer int is shown in hexadecimal: Python refuses to write it in decimal
FLAT: Final = frozenset({type(None), bool, int, float, bytes})  #: types all of whose values a slot can hold
_ARRAYS: Final = frozenset({np.ndarray, np.memmap})
_FIXED: set[np.dtype[Any]] = set()  # dtypes that were found to have a fixed size
_FIXED_KEPT: Final = 1024
DTYPE: Final = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGmMSUVuc]\d*(\[\d*[A-Za-z]+\])?")
_ALLOWED: Final = (
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
    if kind in FLAT:
        return
    if kind is str:
        _check_text(value, path)
    elif kind in _ARRAYS or isinstance(value, np.generic):
        if value.dtype not in _FIXED:
            _check_dtype(value.dtype, path)
            if len(_FIXED) < _FIXED_KEPT:
                _FIXED.add(value.dtype)
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
        if type(item) not in FLAT:
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
    fields: Any = base.fields
    if base.names is not None:
        for name in base.names:
            if len(fields[name]) > 2:
                raise ValueTypeError(f"{path}[{name!r}] has a title, which does not travel; name it without")
            _check_dtype(base[name], f"{path}[{name!r}]")
    elif base.hasobject or base.isbuiltin == 2 or not DTYPE.fullmatch(base.str):
        raise ValueTypeError(f"{path} has dtype {base!r}, which has no fixed size; a slot holds {_ALLOWED}")


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def describe(value: Value) -> str:
    """A few words on the type of a value: ``float32[384]``, ``str``, ``dict(3)``."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    if isinstance(value, np.generic):
        return str(value.dtype)
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__}({len(value)})"
    return "None" if value is None else type(value).__name__


def size_of(value: Value) -> int:
    """Bytes of what is in a value, without what holds it together: 8 for a number."""
    if isinstance(value, np.ndarray | np.generic):
        return value.nbytes
    if isinstance(value, dict):
        return sum(len(key) + size_of(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    return len(value) if isinstance(value, str | bytes) else 8


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


def to_json(value: Value) -> Any:
    """The value as JSON can say it: arrays as nested lists, bytes as base64, numbers that JSON lacks as text."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return str(value) if value.dtype.kind in "mM" and value.ndim == 0 else to_json(value.tolist())
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if is_long(value):
        return hex(value)
    exact = (
        value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
    )
    return value if exact else str(value)


def is_long(value: Value) -> bool:
    """Whether it is an int that Python refuses to write in decimal."""
    return isinstance(value, int) and value.bit_length() > _LONG


def flaw(value: Any) -> str:
    """The reason why no process can be given a value, or the texts in it, as a setting; empty if one can."""
    match value:
        case str():
            if "\0" in value:
                return f"{value!r} contains the character NUL"
            halves = [sign for sign in value if "\ud800" <= sign <= "\udfff"]
            return f"{value!r} contains half of a character, {halves[0]!r}" if halves else ""
        case dict():
            return next(filter(None, map(flaw, [*value, *value.values()])), "")
        case list() | tuple():
            return next(filter(None, map(flaw, value)), "")
    return ""
