"""Values to put into slots, and whether two are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def picture(seed: int, height: int = 224, width: int = 224) -> Any:
    """A smooth picture, like a camera's."""
    cv2 = pytest.importorskip("cv2")
    coarse = np.random.default_rng(seed).normal(size=(7, 7, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(127 + 60 * smooth, 0, 255).astype(np.uint8)


def same(one: Any, other: Any) -> bool:
    """Equal in type, dtype, shape and every bit that means something: so NaN is NaN, and 0.0 is not -0.0."""
    if isinstance(one, np.ndarray | np.generic):
        scalars = isinstance(one, np.generic) and isinstance(other, np.generic)  # one dtype may have two types
        kin = scalars or type(one) is type(other)
        return kin and one.dtype == other.dtype and one.shape == other.shape and _same_bits(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return np.float64(one).tobytes() == np.float64(other).tobytes()
    return bool(one == other)


def _same_bits(one: Any, other: Any) -> bool:
    """Whether two arrays of the same dtype and shape are, but for the padding of records and of long doubles."""
    if one.dtype.names is not None:
        return all(_same_bits(np.asarray(one[name]), np.asarray(other[name])) for name in one.dtype.names)
    if one.dtype.char in "gG":
        return np.array_equal(one, other, equal_nan=True)
    return bool(one.tobytes() == other.tobytes())
