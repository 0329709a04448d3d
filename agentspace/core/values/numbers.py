"""The numbers of a write: priority, validity, delay. Pure."""

import math
import sys
from numbers import Real
from typing import Final

from agentspace.errors import WriteError

_MOST: Final = sys.float_info.max


def check_write(priority: float, validity: float | None, delay: float) -> None:
    """Checks the numbers of a write.

    Raises:
        WriteError: One of them is not a finite number in its range.
    """
    if type(priority) is type(delay) is float and (validity is None or type(validity) is float):
        lasts = 1.0 if validity is None else validity
        if -_MOST <= priority <= _MOST and 0.0 <= delay <= _MOST and 0.0 < lasts <= _MOST:
            return  # nearly always
    _check_number("priority", priority, -math.inf)
    _check_number("delay", delay, 0.0)
    if validity is not None:
        _check_number("validity", validity, 0.0)
        if validity == 0:
            raise WriteError("validity is 0 seconds: give a positive number, or None for ever")


def _check_number(what: str, number: float, minimum: float) -> None:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise WriteError(f"{what} is a number, not {type(number).__name__}: {number!r}")
    try:
        finite = math.isfinite(number)
    except OverflowError:  # an int beyond all floats
        finite = False
    if not finite or number < minimum:
        least = "" if minimum == -math.inf else f" of at least {minimum:g}"
        raise WriteError(f"{what} is {number!r}; it must be a finite number{least}")
