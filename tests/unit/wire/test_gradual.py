"""The check of large frames in steps, and payloads put inside: to the same effect as all at once."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given

from agentspace.core.values.value import MAX_DEPTH
from agentspace.errors import ProtocolError
from agentspace.wire import codec, gradual
from agentspace.wire.codec import decode, encode
from agentspace.wire.gradual import inlining, validate, validating
from tests.support.examples import examples
from tests.unit.core.any_values import VALUES

LARGE = 1 << 15
NUMBERS = list(range(50_000))
SAMPLES = {
    "a list": NUMBERS,
    "a dict": {str(number): 1.5 for number in NUMBERS},
    "a tuple": tuple(NUMBERS),
    "texts": ["text " * 9] * 5000,
    "a text": "ä" * LARGE,
    "an array in a dict": {"image": np.zeros(LARGE, np.uint8), "at": 1.5},
    "an array of records": [np.zeros(LARGE, [("name", "S3"), ("at", "<f4", (2,))])],
    "a scalar": np.str_("ä" * LARGE),
    "an int": -(1 << 20 * LARGE),
    "bytes": [b"", bytes(LARGE), b"\1"],
    "lists": [[number] for number in NUMBERS],
    "tuples in tuples": (1, (2, tuple(NUMBERS)), "end"),
    "a large key": {"k" * LARGE: NUMBERS, "b": {}},
}


@pytest.mark.parametrize("value", SAMPLES.values(), ids=SAMPLES)
def test_large_values_are_checked_in_steps(value):
    """What the encoder makes is valid; the check lets go in between, but where it only has to look at a length."""
    codec._FORMS.clear()  # private: what other tests have left
    steps = sum(1 for _ in validating(encode(value)))
    assert steps >= (2 if isinstance(value, str | list | dict | tuple) else 1)


def test_a_step_takes_few_items():
    """No step is longer because there are more items."""
    assert sum(1 for _ in validating(encode(NUMBERS * 2))) > 1.8 * sum(1 for _ in validating(encode(NUMBERS)))


@pytest.mark.parametrize("value", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[: len(d) // 2]])
def test_what_is_cut_off_or_too_long_is_refused(value, change):
    """To the last byte, as when it is decoded."""
    codec._FORMS.clear()  # private: what other tests have left
    with pytest.raises(ProtocolError):
        validate(change(encode(value)))


DEEP = NUMBERS
for _ in range(MAX_DEPTH):
    DEEP = [DEEP]
BAD = {
    "a number that there is not": b"\xdd" + (50_000).to_bytes(4, "big") + bytes(49_999) + b"\xc1",
    "a list that lies": b"\xdd\xff\xff\xff\xff" + bytes(LARGE),
    "a dict that lies": b"\xdf\xff\xff\xff\xff" + bytes(LARGE),
    "a key that is no text": b"\xdf\0\0\x80\0" + bytes(2 * LARGE),
    "a key of bytes": msgpack.packb({bytes(LARGE): 1}),
    "too deep": msgpack.packb(DEEP),
    "half of a character": b"\xdb" + LARGE.to_bytes(4, "big") + b"a" * (LARGE - 1) + b"\xc3",
    "no extension": msgpack.packb([msgpack.ExtType(77, bytes(LARGE)), 1]),
    "a tuple that is none": msgpack.packb(msgpack.ExtType(codec.TUPLE, msgpack.packb(bytes(LARGE)))),
    "an int that is none": msgpack.packb(msgpack.ExtType(codec.BIGINT, msgpack.packb("g" * LARGE))),
    "a text of no characters": msgpack.packb(
        msgpack.ExtType(codec.SCALAR, msgpack.packb([f"<U{LARGE}", b"\xff" * 4 * LARGE]))
    ),
    "an array of objects": msgpack.packb(
        [msgpack.ExtType(codec.ARRAY, msgpack.packb(["|O", [LARGE // 8], "C", bytes(LARGE)]))]
    ),
    "an array without a head": msgpack.packb([msgpack.ExtType(codec.ARRAY, bytes(LARGE))]),
    "a payload that there is not": msgpack.packb(
        [bytes(LARGE), msgpack.ExtType(codec.REFERENCE, msgpack.packb(["|u1", [3], "C", 7]))]
    ),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_wrong_within_a_large_value_is_found(data):
    """What cannot be decoded is refused in steps, too."""
    for check in (decode, validate):
        with pytest.raises(ProtocolError):
            check(data)


def test_what_no_reader_could_decode_is_refused():
    """Extensions in extensions: whoever decodes them copies each, so all together they have a limit."""
    size = codec.HELD // 40
    nested = msgpack.packb(bytes(size))
    for _ in range(41):
        nested = msgpack.packb(msgpack.ExtType(codec.TUPLE, b"\x91" + nested))
    with pytest.raises(ProtocolError, match="extensions in extensions"):
        validate(nested)


@given(VALUES)
@examples(300)
def test_steps_are_as_strict_as_all_at_once(value):
    """With ever so little taken at once, what the encoder makes is valid, and nothing with a byte less or more."""
    data = encode(value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gradual, "SMALL", 16)
        codec._FORMS.clear()  # private: so that each is looked at
        validate(data)
        for wrong in (data[:-1], data + b"\0"):
            codec._FORMS.clear()  # private: likewise
            with pytest.raises(ProtocolError):
                validate(wrong)


@given(VALUES)
@examples(300)
def test_payloads_are_put_inside(value):
    """A frame with its arrays by reference becomes one of the same value, whatever they are in."""
    shared: list[np.ndarray] = []

    def share(array):
        shared.append(np.frombuffer(array.tobytes("F" if _is_fortran(array) else "C"), np.uint8))
        return len(shared) - 1

    data, made = encode(value, share), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gradual, "SMALL", 16)
        for _ in inlining(data, lambda index, nbytes: shared[index], made):
            pass
    assert encode(decode(made[0])) == encode(decode(data, lambda index, nbytes: shared[index]))


def _is_fortran(array):
    return array.flags.f_contiguous and not array.flags.c_contiguous
