"""Recordings: each value comes back as it was, and is shown to people."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agentspace import Kind
from agentspace.recording import image, packing
from tests.support.entries import CASES, entry, noise
from tests.support.values import picture, same

SHAPES = [(48, 64), (48, 64, 1), (48, 64, 3), (48, 64, 4), (8, 8), (9, 1000, 3)]


@pytest.mark.parametrize("value", CASES, ids=lambda value: repr(value)[:30])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Each type of value has, after packing and unpacking, the same type, dtype, shape and bits."""
    message, made = packing.pack(entry(value))
    assert made is None
    again = type(message).FromString(message.SerializeToString())
    assert same(packing.unpack(again, None), value)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_come_back_as_they_were(shape: tuple[int, ...]) -> None:
    """Grey, RGB and RGBA images are PNG files, and exact; also those that lie in memory in another order."""
    for pixels in (noise(shape), np.asfortranarray(noise(shape)), noise(shape)[::-1]):
        message, made = packing.pack(entry(pixels))
        assert made is not None
        assert made.format == "png"
        assert made.data.startswith(b"\x89PNG")
        back = packing.unpack(message, made.data)
        assert np.array_equal(back, pixels)
        assert back.dtype == np.uint8
        assert not back.flags.writeable


def test_jpeg_is_smaller_and_near() -> None:
    """With a quality, RGB and grey images become JPEG; RGBA stays PNG, because JPEG has no transparency."""
    pixels = picture(1)
    exact, near = image.encode(pixels), image.encode(pixels, 90)
    assert near.format == "jpeg"
    assert 3 * len(near.data) < len(exact.data)
    back = image.decode(near.data, pixels.shape)
    assert np.abs(back.astype(int) - pixels).mean() < 2
    assert image.encode(pixels[:, :, 0], 90).format == "jpeg"
    assert image.encode(noise((20, 20, 4)), 90).format == "png"


def test_what_people_see() -> None:
    """Numbers and lists and arrays of them are numbers; texts are texts; the rest is JSON, or only its type."""

    def seen(value: Any) -> tuple[list[float], str, list[int]]:
        message, _ = packing.pack(entry(value))
        return list(message.numbers), message.text, list(message.shape)

    assert seen(np.arange(6, dtype=np.int16).reshape(2, 3)) == ([0, 1, 2, 3, 4, 5], "", [2, 3])
    assert seen(True) == ([1.0], "", [])
    assert seen([1, 2.5]) == ([1.0, 2.5], "", [])
    assert seen("hello") == ([], "hello", [])
    assert seen({"a": [1, b"x"]}) == ([], '{"a": [1, {"base64": "eA=="}]}', [])
    assert seen(None) == ([], "None", [])
    assert seen(np.zeros((300, 300))) == ([], "float64[300,300]", [300, 300])
    assert seen({"all": np.zeros(30_000)}) == ([], "dict(1)", [])


def test_validity_is_counted_from_the_change() -> None:
    """The recorded validity is what the writer gave, however late the recorder hears of it."""
    assert packing.pack(entry(1))[0].validity == 0.75
    assert packing.pack(entry(1, time_left=None))[0].validity == math.inf
    assert packing.pack(entry(None, Kind.DELETED, time_left=0.0))[0].validity == 0
    assert packing.pack(entry(None, Kind.DELETED, time_left=2.0))[0].validity == 2.25
