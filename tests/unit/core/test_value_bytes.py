"""Bytes from an enemy: a value or a protocol error."""

from __future__ import annotations

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

from agentspace.core.values.value import MAX_DEPTH, describe
from agentspace.errors import ProtocolError
from agentspace.wire.codec import ARRAY, BIGINT, REFERENCE, SCALAR, TUPLE, decode, encode
from tests.support.examples import examples
from tests.unit.core.any_values import VALUES, decode_safely


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
    **{
        f"a number as Python alone reads it, {text!r}": msgpack.packb(msgpack.ExtType(BIGINT, msgpack.packb(text)))
        for text in ("1_0", "0x1", " 1 ", "+1", "\u0661", "FF", "-", "", "1\n")
    },
    "type of types": msgpack.packb(msgpack.ExtType(SCALAR, msgpack.packb([["<f4"], b""]))),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_protocol_errors(data):
    """False lengths, unknown extensions, objects, references to nothing: refused as what they are."""
    with pytest.raises(ProtocolError):
        decode(data)


@pytest.mark.parametrize("index", [2, -1, True, "0", 1.0, None, 2**63], ids=str)
def test_references_to_payloads_that_there_are_not_are_protocol_errors(index):
    """A value refers to its payloads by number, and to none beyond these."""
    loans = [np.zeros(4, np.uint8)] * 2
    data = msgpack.packb(msgpack.ExtType(REFERENCE, msgpack.packb(["|u1", [4], "C", index])))
    with pytest.raises(ProtocolError):
        decode(data, lambda number, nbytes: loans[number])


@pytest.mark.parametrize(
    "form", [("|u1", [4], "C"), ("<f8", [300, 200, 1], "C"), ("<u2", [2, 70_000], "F")], ids=str
)
@pytest.mark.parametrize("index", [0, 1, 1000])
def test_reference_that_was_seen_before_is_read_with_the_same_care(form, index):
    """Its payload is another one, of that size; where there is none, it is refused as at first."""
    dtype, shape, order = form
    data = msgpack.packb(msgpack.ExtType(REFERENCE, msgpack.packb([dtype, shape, order, index])))
    size = np.dtype(dtype).itemsize * int(np.prod(shape))
    for level in range(3):
        array = decode(
            data, lambda number, nbytes, level=level: np.full(nbytes, level + (number != index), np.uint8)
        )
        assert (array.dtype.str, list(array.shape), array.nbytes) == (dtype, shape, size)
        assert array.flags.f_contiguous if order == "F" else array.flags.c_contiguous
        assert set(array.tobytes()) == {level}
        with pytest.raises(ProtocolError):
            decode(data)
        with pytest.raises(ProtocolError):
            decode(data, lambda number, nbytes: [][number])
        with pytest.raises(ProtocolError):
            decode(data, lambda number, nbytes: np.zeros(nbytes - 1, np.uint8))


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
