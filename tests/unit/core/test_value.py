"""What a slot can hold: round trips of everything, refusals of the rest, and bytes from an enemy."""

from __future__ import annotations

import collections
import enum
import math
import pickle
import subprocess
import sys
import threading
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agentspace.core import value as value_module
from agentspace.core.value import MAX_DEPTH, check, copy_containers, describe, freeze
from agentspace.errors import ProtocolError, ValueTypeError
from agentspace.wire import codec
from agentspace.wire.codec import ARRAY, BIGINT, REFERENCE, SCALAR, TUPLE, Resolve, decode, encode, validate
from tests.support.examples import examples


def same(left: Any, right: Any) -> bool:
    """Equal in type, dtype, shape and every bit (so NaN is NaN and 0.0 is not -0.0)."""
    if isinstance(left, np.ndarray | np.generic):
        kin = isinstance(left, np.ndarray) == isinstance(right, np.ndarray)
        return kin and left.dtype == right.dtype and left.shape == right.shape and same_bits(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    return bool(left == right)


def same_bits(left: Any, right: Any) -> bool:
    """Equal in every bit that means something: not in the padding of records and of long doubles."""
    if left.dtype.names is not None:
        return all(same_bits(np.asarray(left[name]), np.asarray(right[name])) for name in left.dtype.names)
    if left.dtype.char in "gG":
        return np.array_equal(left, right, equal_nan=True)
    return left.tobytes() == right.tobytes()


# --- what hypothesis makes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SIMPLE = hnp.scalar_dtypes() | hnp.byte_string_dtypes() | hnp.unicode_string_dtypes()
SUBARRAYS = st.tuples(SIMPLE, hnp.array_shapes(max_dims=2, max_side=3)).map(np.dtype)


def parts(dtype: np.dtype) -> list[np.dtype]:
    """A dtype and all dtypes inside it."""
    base = dtype.base
    inside = [parts(base.fields[name][0]) for name in base.names or ()]
    return [base, *(part for found in inside for part in found)]


def has_titles(dtype: np.dtype) -> bool:
    """Whether fields have a second name, which is no part of a value."""
    return any(len(field) > 2 for part in parts(dtype) for field in (part.fields or {}).values())


RECORDS = (
    hnp.array_dtypes(subtype_strategy=SIMPLE | SUBARRAYS, max_size=4) | hnp.nested_dtypes(max_itemsize=200)
).filter(lambda dtype: not has_titles(dtype))


@st.composite
def padded_dtypes(draw):
    """Structured dtypes with gaps, in any order, and with a tail."""
    fields = draw(st.lists(SIMPLE, min_size=1, max_size=4))
    offset, offsets = 0, []
    for kind in fields:
        offset += draw(st.integers(0, 5))
        offsets.append(offset)
        offset += kind.itemsize
    names = draw(st.permutations([f"f{n}" for n in range(len(fields))]))
    return np.dtype(
        {
            "names": names,
            "formats": fields,
            "offsets": offsets,
            "itemsize": offset + draw(st.integers(0, 5)),
        }
    )


@st.composite
def arrays(draw):
    """Arrays of all dtypes and shapes: C, Fortran, strided, reversed, transposed, 0-d, empty."""
    dtype = draw(SIMPLE | RECORDS | padded_dtypes())
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    size = math.prod(shape) * dtype.itemsize
    raw = draw(st.binary(min_size=64, max_size=64))
    if any(part.kind in "bU" for part in parts(dtype)):  # where not all bits are allowed
        raw = bytes(64)
    array = np.ndarray(shape, dtype, buffer=bytearray((raw * (size // 64 + 1))[:size]))
    if dtype.kind in "bU":
        array[...] = draw(st.booleans() if dtype.kind == "b" else TEXTS)
    how = draw(st.sampled_from(["as is", "fortran", "strided", "reversed", "transposed", "broadcast"]))
    if how == "fortran":
        return np.asfortranarray(array) if array.ndim else array
    if how == "broadcast":
        return np.broadcast_to(array, (2, *array.shape))
    steps = {"strided": slice(None, None, 2), "reversed": slice(None, None, -1)}
    if how in steps:
        return array[(*[steps[how]] * array.ndim, ...)]
    return array.transpose(draw(st.permutations(range(array.ndim))))


SCALARS = SIMPLE.flatmap(lambda d: hnp.arrays(d, 1)).map(lambda a: a[0])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**300), 2**300) | st.floats() | TEXTS
    | st.binary(max_size=20) | SCALARS | arrays()
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=8,
)


# --- round trips


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
    array = np.frombuffer(bytes(n % 2 for n in range(size)), kind)
    for value in (array, array[0], array[0:1].reshape(()), array[:0]):
        assert same(decode(encode(value)), value)
        assert same(freeze(value), value)


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


# --- refusals


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


# --- bytes from an enemy


def decode_safely(data: bytes, resolve: Resolve | None = None) -> None:
    """Decodes to a value, as its writer would have had to show, or refuses; validating judges the same."""
    try:
        validate(data, resolve)
    except ProtocolError:
        with pytest.raises(ProtocolError):
            decode(data, resolve)
    else:
        check(decode(data, resolve))
        validate(data, resolve)


@examples(1500)
@given(st.binary(max_size=60))
def test_garbage_is_a_value_or_a_protocol_error(data):
    """Whatever bytes come in, the answer is a value or a ProtocolError."""
    decode_safely(data)


@examples(500)
@given(VALUES.map(encode), st.data())
def test_mutated_bytes_are_a_value_or_a_protocol_error(data, draw):
    """Bytes of a good value with some changed, cut off or repeated do no harm either."""
    mutated = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        if not mutated:
            break
        place = draw.draw(st.integers(0, len(mutated) - 1))
        how = draw.draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat"]))
        if how == "flip":
            mutated[place] ^= 1 << draw.draw(st.integers(0, 7))
        elif how == "set":
            mutated[place] = draw.draw(st.integers(0, 255))
        elif how == "cut":
            del mutated[place : place + draw.draw(st.integers(1, 9))]
        elif how == "insert":
            mutated[place:place] = draw.draw(st.binary(max_size=6))
        else:
            mutated[place:place] = mutated[place : place + 9]
    decode_safely(bytes(mutated))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=6)
    | st.binary(max_size=9)
    | st.sampled_from(["<f4", "|O", "O", "|V8", "<U3", "<M8[ns]", "<M8[foo]", "S", "C", "F", "names", "<f3", "T"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["names", "formats", "offsets", "itemsize", "x"]), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
CODES = st.sampled_from([TUPLE, BIGINT, SCALAR, ARRAY, REFERENCE, 0, 6, 127])


@st.composite
def forged(draw):
    """Well-formed messages of extensions with ill-formed contents."""
    dtype = draw(
        st.sampled_from(["<f4", "|O", "|u1", "<U1", "?", "<M8[s]", ["<i2", [2]], ["<i2", [2**31]], ["O", [1]]])
        | PLAIN
        | st.fixed_dictionaries(
            {"names": PLAIN, "formats": st.lists(PLAIN, max_size=2), "offsets": PLAIN, "itemsize": PLAIN}
        )
    )
    shape = draw(st.lists(st.integers(-1, 3) | st.sampled_from([2**31, 2**62, 2**64 - 1]), max_size=4) | PLAIN)
    order = draw(st.sampled_from(["C", "F", "K", None, 1]))
    raw = draw(st.binary(max_size=24) | PLAIN)
    body = draw(
        st.sampled_from(
            [[dtype, shape, order, raw], [dtype, raw], [dtype], raw, "-0x_f", "f" * 50, [raw, raw], {}]
        )
    )
    return msgpack.packb(msgpack.ExtType(draw(CODES), msgpack.packb(body)))


@examples(1000)
@given(forged())
def test_forged_extensions_are_a_value_or_a_protocol_error(data):
    """Extensions with wrong dtypes, shapes, lengths and types inside are refused, or are values after all."""
    decode_safely(data, lambda index, nbytes: np.zeros(min(nbytes, 64), np.uint8))


def wrapped(levels: int) -> bytes:
    """A tuple in a tuple in a tuple..., as an enemy packs it."""
    data = msgpack.packb([])
    for _ in range(levels):
        data = msgpack.packb(msgpack.ExtType(TUPLE, data))
    return data


@pytest.mark.parametrize("levels", [MAX_DEPTH + 2, 300, 3000])
def test_nested_extensions_do_not_overrun_the_stack(levels):
    """Each level of extensions costs the C stack some 50 KB: a message of 10 KB must not end the process."""
    code = "import sys; from agentspace.wire.codec import decode; decode(bytes.fromhex(sys.stdin.read()))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=wrapped(levels).hex(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "ProtocolError: extensions are nested deeper" in done.stderr


def test_deepest_value_fits_into_a_threads_stack():
    """What is allowed to be deep can be decoded in a thread of the usual size too."""
    value: Any = ()
    for _ in range(MAX_DEPTH - 1):
        value = (value,)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(decode(encode(value))))
    thread.start()
    thread.join()
    assert found == [value]


HOSTILE = {
    "nothing": b"",
    "two values": b"\x01\x02",
    "endless list": b"\xdd\xff\xff\xff\xff",
    "endless text": b"\xdb\xff\xff\xff\xff",
    "endless extension": b"\xc9\xff\xff\xff\xff\x04",
    "deep lists": b"\x91" * 5000 + b"\xc0",
    "key that is no text": msgpack.packb({b"k": 1}),
    "number as key": msgpack.packb({1: 1}),
    "list as key": b"\x81\x90\x01",
    "broken text": b"\xa2\xff\xfe",
    "time": msgpack.packb(msgpack.Timestamp(1)),
    "pickle": pickle.dumps([1, 2]),
    "unknown extension": msgpack.packb(msgpack.ExtType(99, b"\xc0")),
    "reference to nothing": msgpack.packb(msgpack.ExtType(REFERENCE, msgpack.packb(["<f4", [1], "C", 0]))),
    "objects": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["|O", [1], "C", b"\x00" * 8]))),
    "object field": msgpack.packb(
        msgpack.ExtType(
            ARRAY,
            msgpack.packb(
                [{"names": ["a"], "formats": ["|O"], "offsets": [0], "itemsize": 8}, [1], "C", b"\x00" * 8]
            ),
        )
    ),
    "too few bytes": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [100], "C", b"\x00" * 8]))),
    "too many bytes": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [1], "C", b"\x00" * 9]))),
    "huge record": msgpack.packb(
        msgpack.ExtType(
            SCALAR,
            msgpack.packb([{"names": [], "formats": [], "offsets": [], "itemsize": 2**64 - 1}, b""]),
        )
    ),
    "deep dtype": msgpack.packb(
        msgpack.ExtType(SCALAR, b"\x92" + b"\x92" * 990 + b"\xa2f4" + b"\x91\x01" * 990 + b"\xc4\x00")
    ),
    "huge empty shape": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [0, 2**63], "C", b""]))),
    "negative shape": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["<f8", [-1, -1], "C", b"\x00" * 8]))),
    "shape of bools": msgpack.packb(msgpack.ExtType(ARRAY, msgpack.packb(["|u1", [True], "C", b"\x00"]))),
    "no character": msgpack.packb(msgpack.ExtType(SCALAR, msgpack.packb(["<U1", b"\xff\xff\xff\xff"]))),
    "no number": msgpack.packb(msgpack.ExtType(BIGINT, msgpack.packb("xyz"))),
    "type of types": msgpack.packb(msgpack.ExtType(SCALAR, msgpack.packb([["<f4"], b""]))),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_protocol_errors(data):
    """False lengths, unknown extensions, objects, references to nothing: refused as what they are."""
    with pytest.raises(ProtocolError):
        decode(data)


@example(["|O", [1]])
@given(PLAIN)
def test_no_dtype_of_objects_can_be_smuggled_in(dtype):
    """However it is written, a dtype that holds Python objects is never made."""
    body = msgpack.packb([dtype, [0], "C", b""])
    try:
        array = decode(msgpack.packb(msgpack.ExtType(ARRAY, body)))
    except ProtocolError:
        return
    assert not array.dtype.hasobject


# --- descriptions


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1, "int"),
        ("x", "str"),
        (b"", "bytes"),
        (True, "bool"),
        ([1, 2], "list(2)"),
        ((), "tuple(0)"),
        ({"a": 1}, "dict(1)"),
        (np.float32(1), "float32"),
        (np.zeros(384, np.float32), "float32[384]"),
        (np.zeros((2, 3)), "float64[2,3]"),
        (np.array(1), "int64[]"),
    ],
)
def test_description_tells_type_and_shape(value, text):
    """A few words on a value for lists of slots."""
    assert describe(value) == text
