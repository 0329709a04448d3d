"""Values of each type, and changes of a slot, to be recorded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agentspace import Entry, Kind, Writer

CASES = [
    *(None, True, False, 0, -5, 1 << 80, -(1 << 200), 0.5, math.inf, "", "hello", "žába\n", b"", b"\x00\xff"),
    *([], [1, 2.5], [1 << 2000, 2], (1, (2,), [3]), {"a": {"b": [None, {"c": b"x"}]}, "": ()}),
    *(
        np.float32(1.5),
        np.int8(-3),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.str_("text"),
        np.datetime64("2026-01-02"),
    ),
    np.arange(5488, dtype=np.float32),
    np.array(2.5),
    np.zeros((0, 3)),
    np.arange(24, dtype=np.int64).reshape(2, 3, 4),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([1 << 63, (1 << 64) - 1], np.uint64),
    np.array([1.5, math.nan, -math.inf], np.float16),
    np.array([1 + 2j]),
    np.array(["2026-01-01", "NaT"], "datetime64[D]"),
    np.array([(1, 2.5), (3, 4.5)], [("id", "<i4"), ("x", "<f8")]),
    np.array([b"ab", b"c"]),
    np.array([">f4"], "U4"),
    np.arange(4, dtype=">f4"),
    np.zeros((2, 3), np.uint8),  # too small for an image
    np.zeros((300, 300)),  # too many numbers to show
    {"pictures": np.zeros((50, 48, 48, 3), np.uint8)},
]


def noise(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def entry(value: Any, kind: Kind = Kind.WRITTEN, **changed: Any) -> Entry:
    known: dict[str, Any] = {
        "name": "slot",
        "kind": kind,
        "value": value,
        "revision": 7,
        "priority": 1.5,
        "writer": Writer("role", 3),
        "age": 0.25,
        "time_left": 0.5,
        "latency": 0.125,
    }
    return Entry(**{**known, **changed})
