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


def awkward() -> dict[str, Any]:
    """Values that a slot can hold and that are hard to show, by a name."""
    deep: Any = 0
    for _ in range(60):
        deep = [deep]
    return {
        "long": 10**5000,
        "negative": -(10**5000),
        "nan": {"a": [float("nan"), float("inf")], "b": -float("inf")},
        "deep": deep,
        "wide": {f"key{n}": n for n in range(20_000)},
        "escape": "\x1b]0;title\x07\x1b[2J\x9b31m",
        "escaped_key": {"\x1b[2J": "\u202eabc"},
        "bidi": "abc \u202e cba \u2066",
        "large_text": "x" * 300_000,
        "bytes": bytes(range(256)) * 400,
        "half": np.array(["a\ud800", "b"]),
        "half_scalar": np.str_("\udfff"),
        "no_character": np.ndarray((2,), "<U1", buffer=b"\xff" * 8),
        "long_double": np.array([np.longdouble(1) / 3, np.nan, np.inf], np.longdouble),
        "largest": np.finfo(np.longdouble).max,
        "long_complex": np.clongdouble(1j),
        "half_precision": np.array([[0.1, np.inf]], np.float16),
        "dates": np.array(["2026-11-29", "NaT"], "M8[ns]"),
        "years": np.array([2**62], "M8[Y]"),
        "never": np.datetime64("NaT"),
        "spans": np.array([1, -1], "m8[ms]"),
        "record": np.zeros(2, [("x", "<f8"), ("é", "U3"), ("sub", "i2", (2, 2)), ("raw", "V3")]),
        "one_record": np.zeros(1, [("x", "g"), ("t", "M8[s]")])[0],
        "raw": np.void(b"\0\x1b"),
        "nothing_each": np.zeros(5, "V0"),
        "empty": np.zeros((0, 3)),
        "zero": np.array(3.5),
        "complex": np.array([1 + 2j, complex(np.nan, np.inf)]),
        "flags": np.array([[True], [False]]),
        "picture": np.zeros((9, 9, 3), np.uint8),
        "mirrored": np.zeros((9, 9, 3), np.uint8)[::-1, :, ::-1],
        "sheet": np.zeros((3, 8, 8, 3), np.uint8),
        "thin": np.zeros((8, 70_000), np.uint8),
        "broadcast": np.broadcast_to(np.float32(1), (1000, 1000)),
    }
