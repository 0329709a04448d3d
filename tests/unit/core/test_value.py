"""Values: what a slot can hold, and that it survives its journey."""

from __future__ import annotations

import collections
import enum
import json
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values import value as value_module
from agentspace.core.values.value import MAX_DEPTH, check, copy_containers, flaw, freeze
from agentspace.errors import ValueTypeError
from agentspace.wire import codec
from agentspace.wire.codec import decode, encode
from tests.support.examples import examples
from tests.support.values import same
from tests.unit.core.any_values import VALUES, arrays, decode_safely


@examples(500)
@given(VALUES)
def test_every_value_survives_its_journey(value):
    """What is encoded is decoded to the same: types, dtypes, shapes and bits, however nested."""
    assert same(decode(encode(value)), value)


@examples(400)
@given(arrays())
def test_every_array_survives_and_keeps_its_order(array):
    """Any dtype, shape and memory order; Fortran arrays stay Fortran; the copy is read-only and contiguous."""
    result = decode(encode(array))
    assert same(result, array)
    assert not result.flags.writeable
    assert result.flags.c_contiguous == array.flags.c_contiguous or not array.flags.contiguous
    assert result.flags.c_contiguous or result.flags.f_contiguous


@examples(300)
@given(VALUES)
def test_freezing_is_a_copy_of_the_same(value):
    """A frozen value equals the original, and every array in it is read-only and shares no memory with it."""
    frozen = freeze(value)
    assert same(frozen, value)

    def compare(left: Any, right: Any) -> None:
        if isinstance(left, np.ndarray):
            assert not left.flags.writeable
            assert not np.shares_memory(left, right)
        elif isinstance(left, dict):
            assert left is not right
            for key in left:
                compare(left[key], right[key])
        elif isinstance(left, list | tuple):
            for items in zip(left, right, strict=True):
                compare(*items)

    compare(frozen, value)


@examples(300)
@given(VALUES)
def test_arrays_can_travel_beside_the_message(value):
    """With every array taken out by reference and resolved at the other end, the value is the same."""
    payloads: list[bytes] = []

    def share(array: np.ndarray) -> int | None:
        if array.size % 2:
            return None
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        payloads.append(array.tobytes("F" if fortran else "C"))
        return len(payloads) - 1

    def resolve(index: int, nbytes: int) -> np.ndarray:
        assert len(payloads[index]) == nbytes
        return np.frombuffer(payloads[index], np.uint8)

    assert same(decode(encode(value, share), resolve), value)


@examples(200)
@given(st.lists(arrays(), min_size=2, max_size=4), st.binary(max_size=8))
def test_what_came_before_makes_no_difference(stream, tail):
    """Streams of arrays, mixed and repeated, are encoded and decoded as each array would be alone."""
    for _ in range(2):
        for array in stream:
            data = encode(array)
            assert same(decode(data), array)
            cut = data[: len(data) - len(tail)] + tail  # the same length, perhaps other elements
            decode_safely(cut)


def test_what_is_remembered_of_streams_is_bounded(monkeypatch):
    """However many shapes and dtypes pass by, only so many are remembered, and all arrive as they were."""
    monkeypatch.setattr(codec, "_KEPT", 3)  # private: a bound that is soon reached
    monkeypatch.setattr(value_module, "_FIXED", set())  # private: as above
    monkeypatch.setattr(value_module, "_FIXED_KEPT", 3)  # private: as above
    # private: what must not grow has no other way to be seen
    codec._FORMS.clear(), codec._HEADS_OUT.clear()
    for size in range(1, 20):
        for dtype in ("<f4", ">i2", f"V{size}"):
            array = np.frombuffer(bytes(size * np.dtype(dtype).itemsize), dtype)
            assert same(decode(encode(array)), array)
            # private: as above
            assert max(map(len, (codec._FORMS, codec._HEADS_OUT, value_module._FIXED))) <= 3


def test_streams_of_both_orders_do_not_mix():
    """Arrays of one dtype and shape, in C and in Fortran order by turns, keep their elements and their order."""
    for n in range(4):
        c = np.arange(6.0 * n, 6.0 * n + 6).reshape(2, 3)
        for array in (c, np.asfortranarray(c)):
            result = decode(encode(array))
            assert same(result, array)
            assert result.flags.f_contiguous == array.flags.f_contiguous


def test_same_reference_may_mean_another_payload_each_time():
    """Messages of arrays by reference are alike while their payloads differ: none is taken for the one before."""
    data = encode(np.zeros(50_000, np.uint8), lambda array: 0)
    for n in range(4):
        payload = np.full(50_000, n, np.uint8)
        assert same(decode(data, lambda index, nbytes, payload=payload: payload), payload)


def test_many_tuples_side_by_side_are_not_deep():
    """Depth is what is inside of each other, not how much there is."""
    value = [(n, (n, np.float32(n))) for n in range(300)]
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize("char", [c for c in np.typecodes["All"] if c not in "OTpP"])
@pytest.mark.parametrize("order", "<>")
def test_every_type_of_number_in_either_byte_order(char, order):
    """All of NumPy's fixed-size types, little and big-endian, as arrays, 0-d arrays and scalars."""
    kind = np.dtype(char).newbyteorder(order)
    if kind.itemsize == 0:
        kind = np.dtype(f"{kind.str}3") if kind.kind != "V" else np.dtype("V3")
    size = 6 * kind.itemsize
    raw = (
        bytes(n % 2 for n in range(size))
        if kind.kind != "U"
        else np.full(size // 4, 0x10001, order + "u4").tobytes()
    )
    array = np.frombuffer(raw, kind)
    for value in (array, array[0], array[0:1].reshape(()), array[:0]):
        assert same(decode(encode(value)), value)
        assert same(freeze(value), value)


def test_texts_of_what_are_no_characters_are_refused():
    """NumPy makes them of any numbers; whatever Python does with one fails."""
    text = np.frombuffer(b"\xff" * 12, "U3")[0]
    with pytest.raises(ValueTypeError, match="a text with characters that there are not"):
        check([text])


ODD = {
    "aligned": np.zeros(3, np.dtype([("a", "u1"), ("b", "f8")], align=True)),
    "nested record": np.zeros(2, [("a", [("b", "<i2"), ("c", "S3", (2,))]), ("d", "M8[25s]")]),
    "empty record": np.zeros(3, []),
    "zero width text": np.zeros(2, [("a", "S0"), ("b", "U0"), ("c", "V0")]),
    "overlapping": np.zeros(2, {"names": ["a", "b"], "formats": ["<i4", "<i2"], "offsets": [0, 2], "itemsize": 4}),
    "unicode field": np.zeros(2, [("größe", "f4")]),
    "generic time": np.array([1, 2], "m8"),
    "32 dims": np.zeros((1,) * 32, "u1"),
    "64 dims": np.zeros((1,) * 64, "u1"),
    "0-d record": np.zeros((), [("a", "f4")]),
    "raw bytes": np.void(b"abc"),
    "byte string": np.bytes_(b"a\x00b"),
    "no text": np.str_(""),
    "long double": np.longdouble(1) / 3,
    "memory map": None,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_good_values(name, tmp_path):
    """Alignment, overlaps, zero widths, many dimensions, memory maps: all are values."""
    value: Any = ODD[name]
    if name == "memory map":
        value = np.memmap(tmp_path / "map", "f4", "w+", shape=(3, 4))
        value[:] = 5
        assert same(decode(encode(value)), np.asarray(value))
        assert same(freeze(value), np.asarray(value))
        return
    assert same(decode(encode(value)), value)
    assert same(freeze(value), value)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**5000], ids=hex)
def test_integers_have_no_limit(number):
    """At and beyond the limits of 64 bits, and beyond what Python writes in decimal."""
    assert decode(encode(number)) == number


def test_deepest_values_are_still_values():
    """As deep as allowed, of whatever containers, a value travels; one deeper is refused at both ends."""
    for wrap in (lambda v: [v], lambda v: (v,), lambda v: {"k": v}):
        value: Any = np.arange(3)
        for _ in range(MAX_DEPTH):
            value = wrap(value)
        assert same(decode(encode(value)), value)
        assert same(freeze(value), value)
        with pytest.raises(ValueTypeError, match="nested deeper"):
            encode(wrap(value))
        with pytest.raises(ValueTypeError, match="nested deeper"):
            freeze(wrap(value))


def test_decoded_records_are_read_only_too():
    """A NumPy record is a view; what was decoded or frozen cannot be changed through it."""
    record = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])[0]
    for safe in (decode(encode(record)), freeze(record)):
        with pytest.raises(ValueError, match="read-only"):
            safe["a"] = 9


def test_frozen_record_is_cut_off_from_its_array():
    """A record that is taken from an array does not change with the array after it was frozen."""
    records = np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])
    frozen = freeze({"r": [records[0]]})
    records["a"] = 9
    assert frozen["r"][0]["a"] == 1


def test_copied_containers_share_their_arrays():
    """A reader's copy has lists and dicts of its own, and the arrays of everybody."""
    array = freeze(np.arange(3))
    value = {"a": [array, (array,)]}
    copy = copy_containers(value)
    assert same(copy, value)
    copy["a"].append(1)
    copy["b"] = 2
    assert list(value) == ["a"]
    assert len(value["a"]) == 2
    assert copy["a"][0] is array


class Odd:
    """No value."""


class Text(str):
    """A subclass would come back as its base."""

    __slots__ = ()


class Colour(enum.IntEnum):
    """An int that is more than an int."""

    RED = 1


Point = collections.namedtuple("Point", "x y")
UNFIT: dict[str, tuple[Any, list[str]]] = {
    "object": (Odd(), ["value is a", "Odd"]),
    "type": (int, ["value is a type"]),
    "set": ({1}, ["value is a set"]),
    "complex": (1j, ["value is a complex"]),
    "bytearray": (bytearray(b"x"), ["value is a bytearray"]),
    "memoryview": (memoryview(b"x"), ["value is a memoryview"]),
    "range": (range(3), ["value is a range"]),
    "ellipsis": (..., ["value is a ellipsis"]),
    "str subclass": (Text("x"), ["value is a", "Text"]),
    "int subclass": (Colour.RED, ["value is a", "Colour"]),
    "dict subclass": (collections.OrderedDict(), ["value is a collections.OrderedDict"]),
    "named tuple": (Point(1, 2), ["value is a", "Point"]),
    "in list": ([1, Odd()], ["value[1] is a", "Odd"]),
    "in tuple": ((1, 2, Odd()), ["value[2] is a", "Odd"]),
    "in dict": ({"a": {"b c": Odd()}}, ["value['a']['b c'] is a", "Odd"]),
    "deep": ({"a": [(0, {"b": [Odd()]})]}, ["value['a'][0][1]['b'][0] is a", "Odd"]),
    "int key": ({1: 2}, ["value has the key 1, a int"]),
    "bytes key": ([{b"k": 2}], ["value[0] has the key b'k', a bytes"]),
    "None key": ({None: 2}, ["value has the key None"]),
    "str subclass key": ({Text("k"): 2}, ["value has the key 'k'", "Text"]),
    "object array": (np.array([None, 1]), ["value has dtype dtype('O')"]),
    "object field": ([np.zeros(2, [("a", [("b", "O")])])], ["value[0]['a']['b'] has dtype dtype('O')"]),
    "object subarray": (np.zeros(2, [("a", "O", (2,))]), ["value['a'] has dtype dtype('O')"]),
    "variable text": (np.array(["a"], np.dtypes.StringDType()), ["value has dtype StringDType"]),
    "masked array": (np.ma.array([1]), ["MaskedArray"]),
    "recarray": (np.zeros(2, [("a", "i4")]).view(np.recarray), ["recarray"]),
    "titled field": (np.zeros(1, [(("title", "a"), "f4")]), ["value['a'] has a title"]),
    "surrogate": ("a\ud800", ["value is a str that is not valid Unicode"]),
    "surrogate inside": (["\udcff"], ["value[0] is a str that is not valid Unicode"]),
    "surrogate key": ({"x": {"\ud800": 1}}, ["a key of value['x'] is a str that is not valid Unicode"]),
    "msgpack extension": (msgpack.ExtType(1, b""), ["ExtType"]),
    "msgpack time": (msgpack.Timestamp(1), ["Timestamp"]),
}


@pytest.mark.parametrize("act", [check, encode, freeze])
@pytest.mark.parametrize(("value", "parts"), UNFIT.values(), ids=UNFIT)
def test_refusal_names_type_and_place(act, value, parts):
    """What is no value is refused by its writer, with its type and the path to it; encode and freeze agree."""
    with pytest.raises(ValueTypeError) as caught:
        act(value)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("make", [list, dict])
def test_value_inside_itself_is_refused(make):
    """A container that contains itself is an error and no endless recursion."""
    loop = make()
    loop.append(loop) if make is list else loop.update(k=loop)
    for act in (check, encode, freeze):
        with pytest.raises(ValueTypeError, match="contain itself"):
            act(loop)


@examples(300)
@given(VALUES)
def test_a_setting_is_refused_or_can_be_given_to_a_process(value):
    """What has no flaw is plain data: JSON says it, and what it says can be encoded."""
    if not flaw(value):
        json.dumps(value, ensure_ascii=False).encode()
