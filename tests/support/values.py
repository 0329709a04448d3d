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
    """Whether two values are equal in every type, dtype and bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return one == other
