"""The dtypes that travel: a closed list, read by hand; nothing else that arrives reaches the parser of NumPy.

A time with the multiplier 0 (``<m8[0s]``), say, ends the process as soon as it is compared.
"""

import functools
import re
from typing import Any, Final

import numpy as np

_FORM: Final = re.compile(r"([<>|=]?)([a-zA-Z])(\d{1,10})(?:\[(\d{0,10})([a-zA-Z]{1,2})\])?", re.ASCII)
_SIZES: Final = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 16),
    "c": (8, 16, 32),
    "m": (8,),
    "M": (8,),
}  #: bytes of each kind
_WIDTHS: Final = {"S": 1, "U": 4, "V": 1}  #: bytes of each element of what has any length
_TIMES: Final = frozenset("mM")
_UNITS: Final = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"))
_MOST: Final = (1 << 31) - 1  #: bytes of an element, and units of a time


def is_known(text: str) -> bool:
    """Whether a text as ``np.dtype.str`` gives it names a dtype of fixed size.

    >>> [is_known(text) for text in ("<f4", "|S3", "<M8[25s]", "<m8[0s]", "|O", "<f3", "datetime64")]
    [True, True, True, False, False, False, False]
    """
    form = _FORM.fullmatch(text)
    if form is None:
        return False
    _, kind, size, count, unit = form.groups()
    if kind in _WIDTHS:
        return unit is None and _is_number(size, 0) and int(size) * _WIDTHS[kind] <= _MOST
    if size.startswith("0") or int(size) not in _SIZES.get(kind, ()):
        return False
    return unit is None or (kind in _TIMES and unit in _UNITS and (not count or _is_number(count, 1)))


@functools.lru_cache(maxsize=256)
def dtype_of(text: str) -> np.dtype[Any]:
    """The dtype of that name.

    Raises:
        ValueError: It names none that travels, or none of this machine (``<f16``).
    """
    if not is_known(text):
        raise ValueError(f"not a dtype: {text!r:.80}")
    try:
        return np.dtype(text)
    except TypeError:
        raise ValueError(f"not a dtype of this machine: {text!r:.80}") from None


def _is_number(text: str, least: int) -> bool:
    return str(int(text)) == text and least <= int(text) <= _MOST
