"""Which part of which slot a text names."""

import numpy as np
import pytest

from agentspace.cli.slots.part import PartError, find_part

SLOTS = {"arm", "arm.speed", "left/arm.v2", "list"}


def _part(text: str, value: object) -> object:
    found = find_part(text, SLOTS.__contains__)
    assert found is not None
    return found.of(value)


@pytest.mark.parametrize(
    ("text", "slot", "path"),
    [
        ("arm", "arm", ""),
        ("arm.speed", "arm.speed", ""),
        ("arm.speed.x", "arm.speed", ".x"),
        ("arm.mode", "arm", ".mode"),
        ("left/arm.v2[0].x", "left/arm.v2", "[0].x"),
        ("unknown[3]", "unknown", "[3]"),
        ("unknown[1:2, 0]", "unknown", "[1:2, 0]"),
    ],
)
def test_a_slot_that_there_is_comes_first(text, slot, path):
    """Of the longest name; an element may be of one that there is not yet."""
    found = find_part(text, SLOTS.__contains__)
    assert (found.slot, found.path) == (slot, path)


@pytest.mark.parametrize(
    "text", ["unknown", "unknown.x", "a*[3]", "le?t.x", ".x", "[3]", "ar[mn]", "a[!x]", "arm.", "a..b"]
)
def test_names_and_masks_are_no_parts(text):
    """Nothing there of that name, or a mask."""
    assert find_part(text, SLOTS.__contains__) is None


def test_parts_of_values():
    """Fields of dicts and records, elements and slices of lists and arrays, one within the other."""
    value = {"arms": [{"v": 1.5}, {"v": 2.5}], "x y": {"z": (7, 8)}}
    assert _part("arm.arms[1].v", value) == 2.5
    assert _part("arm.arms[-1]", value) == {"v": 2.5}
    assert _part("arm.x y.z[0]", value) == 7
    assert _part("list[1:]", [1, 2, 3]) == [2, 3]
    assert _part("list[::2]", [1, 2, 3]) == [1, 3]
    picture = np.arange(12).reshape(3, 4)
    assert _part("list[1, 2]", picture) == 6
    assert np.array_equal(_part("list[0:2, -1]", picture), [3, 7])
    record = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
    assert _part("list[0].b", record) == 2.5


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [
        ("arm.mood", {"mode": 1}, "no field 'mood': did you mean 'mode'"),
        ("arm.mode", 3, "no field 'mode': the value is int"),
        ("arm[3]", [1, 2], r"no element \[3\]: the value is list\(2\)"),
        ("arm[0]", "text", r"no element \[0\]: the value is str"),
        ("arm[0, 1]", [[1, 2]], r"write \[1\]\[2\]"),
        ("arm[5, 0]", np.zeros((2, 2)), r"no element \[5, 0\]"),
        ("arm[0, 0, 0]", np.zeros((2, 2)), r"no element \[0, 0, 0\]"),
        ("arm[::0]", [1], "no element"),
    ],
)
def test_a_part_that_there_is_not_is_told(text, value, why):
    """With what there is."""
    with pytest.raises(PartError, match=why):
        _part(text, value)


def test_what_is_no_place_is_told():
    """In brackets stands an index or a slice."""
    with pytest.raises(PartError, match="is no place: write an index"):
        find_part("arm[x]", SLOTS.__contains__)
