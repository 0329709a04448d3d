"""The values that a slot can hold.

A value is None, bool, int, float, str, bytes, a NumPy scalar or array of a dtype with a fixed size, or a list,
tuple or dict (with str keys) of values. Anything else is refused where it is written, with its type and its
place inside the value. What is read is read-only as far as arrays go: it belongs to everybody.
"""

import itertools
import math
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agentspace.core.values.dtypes import is_known
from agentspace.errors import LimitError, ValueTypeError

Value = Any
Array = NDArray[Any]
_Path = Any  # to a part of a value: the path to what it is in, and its key or index; the first is a name


class Empty(Enum):
    """The type of `EMPTY`, its only member."""

    EMPTY = "EMPTY"

    def __repr__(self) -> str:
        return "EMPTY"


EMPTY: Final = Empty.EMPTY
"""The default of a read that tells an empty slot from one that holds None; no slot can hold it."""

MAX_DEPTH: Final = 64
MAX_BYTES: Final = 256 << 20  #: of the arrays of a value, whatever memory they share: what a message can have
MAX_ITEMS: Final = 1 << 24  #: of all lists, tuples and dicts of a value, each as often as it stands there
FLAT: Final = frozenset({type(None), bool, int, float, bytes})  #: types all of whose values a slot can hold
_TOP: Final = "value"
_ARRAYS: Final = frozenset({np.ndarray, np.memmap})
MAX_EMPTY: Final = 256  #: elements of no bytes, in an array: nothing else limits how long it is as nested lists
_FIXED: set[np.dtype[Any]] = set()  # dtypes that were found to have a fixed size
_FIXED_KEPT: Final = 1024
DELICATE: Final = "mMV"  #: kinds of dtypes that must not even be compared before they are known to be good
_ALLOWED: Final = (
    "None, bool, int, float, str, bytes, NumPy scalars and arrays of fixed-size dtypes, "
    "and lists, tuples and dicts with str keys of these"
)


def check(value: Value) -> None:
    """Refuses what a slot cannot hold.

    Raises:
        ValueTypeError: Names the type and the path to it inside the value.
        LimitError: It is too large to travel.
    """
    _check(value, _TOP, 0, None)


def check_items(value: Value, depth: int, load: "Extent") -> None:
    """Refuses what a slot cannot hold, in a list or dict that is a piece of a larger one.

    Args:
        value: The piece.
        depth: How many lists, tuples and dicts the larger one is in.
        load: What was found before.

    Raises:
        ValueTypeError, LimitError: See `check`.
    """
    load.add(len(value), 0)
    _check_items(value, _TOP, depth, load)


class Extent:
    """The extent of a value, as far as it was looked at."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.bytes = 0
        self.items = 0

    def add(self, items: int, size: int) -> None:
        """Adds items of lists, tuples and dicts, and bytes of arrays.

        Raises:
            LimitError: They are too many.
        """
        self.items += items
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise LimitError(
                f"the value has arrays of {self.bytes} bytes or more; at most {MAX_BYTES} are allowed"
            )
        if self.items > MAX_ITEMS:
            raise LimitError(f"the value has {self.items} items or more; at most {MAX_ITEMS} are allowed")


def _check(value: Value, path: _Path, depth: int, load: Extent | None) -> None:
    kind = type(value)
    if kind in FLAT:
        return
    if kind is str:
        if not value.isascii():
            _check_text(value, _told(path))
    elif kind in _ARRAYS or isinstance(value, np.generic):
        _check_array(value, _told(path))
        if load is not None or value.nbytes > MAX_BYTES:
            (load or Extent()).add(0, value.nbytes)
    elif kind in (list, tuple, dict):
        if depth >= MAX_DEPTH:
            raise ValueTypeError(
                f"{_told(path)[:80]}... is nested deeper than {MAX_DEPTH} (does it contain itself?)"
            )
        load = load or Extent()
        load.add(len(value), 0)
        _check_items(value, path, depth, load)
    else:
        raise ValueTypeError(f"{_told(path)} is a {_type_name(kind)}; a slot holds {_ALLOWED}")


def _told(path: _Path) -> str:
    """A path as `value['a'][3]`; it is spelled out only where something is wrong."""
    if isinstance(path, str):
        return path
    before, key = path
    return f"{_told(before)}[{key!r:.80}]"


def _check_array(value: Value, path: str) -> None:
    if not value.nbytes and (places := _places(value.shape)) > MAX_EMPTY:
        raise LimitError(f"{path} has {places} elements of no bytes; at most {MAX_EMPTY} are allowed")
    if isinstance(value, np.str_):
        _check_signs(value, path)
    if value.dtype.kind in DELICATE:
        _check_dtype(value.dtype, path)
    elif value.dtype not in _FIXED:
        _check_dtype(value.dtype, path)
        if len(_FIXED) < _FIXED_KEPT:
            _FIXED.add(value.dtype)


def _check_signs(text: np.str_, path: str) -> None:
    """NumPy makes texts of numbers that are no characters; Python fails at these."""
    if np.frombuffer(text.tobytes(), np.uint32).max(initial=0) > sys.maxunicode:
        raise ValueTypeError(f"{path} is a text with characters that there are not")


def _places(shape: tuple[int, ...]) -> int:
    """The number of elements, or of the empty lists in nested lists of that shape.

    >>> _places((2, 3)), _places((5, 2, 0, 1000)), _places((0, 480, 640)), _places(())
    (6, 10, 1, 1)
    """
    return math.prod(itertools.takewhile(bool, shape))


def _check_items(value: Value, path: _Path, depth: int, load: Extent) -> None:
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                of = f"{_told(path)} has the key {key!r:.80}"
                raise ValueTypeError(f"{of}, a {_type_name(type(key))}; keys are str")
            if not key.isascii():
                _check_text(key, f"a key of {_told(path)}")
    for key, item in value.items() if type(value) is dict else enumerate(value):
        if type(item) not in FLAT:
            _check(item, (path, key), depth + 1, load)


def _check_text(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueTypeError(f"{path} is a str that is not valid Unicode: {error}") from None


def _check_dtype(dtype: np.dtype[Any], path: str) -> None:
    base = dtype.base
    fields: Any = base.fields
    if base.names is not None:
        for name in base.names:
            _check_text(name, f"the name of a field of {path}")
            if len(fields[name]) > 2:
                raise ValueTypeError(f"{path}[{name!r}] has a title, which does not travel; name it without")
            if not base[name].itemsize and _places(base[name].shape) > 1:
                raise ValueTypeError(f"{path}[{name!r}] has elements of no bytes: {base[name]}")
            _check_dtype(base[name], f"{path}[{name!r}]")
    elif base.hasobject or base.isbuiltin == 2 or not is_known(base.str):
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


def valid_text(text: str) -> str:
    r"""The text as it can travel, be stored and be shown: halves of characters are spelled out.

    Paths have such halves where a folder's name is no UTF-8, and so have errors that name them.

    >>> valid_text("caf\udce9")
    'caf\\udce9'
    """
    return text.encode(errors="backslashreplace").decode()


def flaw(value: Any, depth: int = 0) -> str:
    """The reason why no process can be given a value, or a part of it, as a setting; empty if one can."""
    if isinstance(value, str):
        return _flaw_of_text(value)
    if isinstance(value, dict | list | tuple):
        if depth >= MAX_DEPTH:
            return f"it contains something that is nested deeper than {MAX_DEPTH}"
        if keys := [key for key in value if isinstance(value, dict) and not isinstance(key, str)]:
            return f"it contains the key {keys[0]!r:.80}, which is no text"
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return next(filter(None, (flaw(part, depth + 1) for part in parts)), "")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return f"it contains {hex(value):.40}, which has more than 64 bits"
    plain = value is None or isinstance(value, bool | int | float)
    return "" if plain else f"it contains a {_type_name(type(value))}, which is no plain data"


def _flaw_of_text(text: str) -> str:
    if "\0" in text:
        return f"{text!r:.80} contains the character NUL"
    halves = [sign for sign in text if "\ud800" <= sign <= "\udfff"]
    return f"{text!r:.80} contains half of a character, {halves[0]!r}" if halves else ""
