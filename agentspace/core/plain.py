"""Values as JSON can say them: for programs, and for whoever only looks."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from agentspace.core.value import Value

_LONG = 1 << 13  # bits; a longer int is shown in hexadecimal: Python refuses to write it in decimal


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
