"""Large values: they are checked and written without copies, to the same effect as small ones."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest

from agentspace.core.values.value import MAX_BYTES
from agentspace.errors import LimitError, ProtocolError
from agentspace.wire import codec
from agentspace.wire.codec import decode, encode
from agentspace.wire.gradual import validate

LARGE = 1 << 19
ARRAYS = [
    np.arange(LARGE, dtype=np.uint8),
    np.asfortranarray(np.arange(LARGE, dtype="<f8").reshape(1024, -1)),
    np.arange(LARGE).astype("<M8[ms]"),
    np.zeros(LARGE, [("name", "S3"), ("at", "<f4", (2,))]),
    np.zeros((1024, 2048), np.uint8)[:, ::2],
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_large_array_is_what_msgpack_says(array, monkeypatch):
    """Its bytes are those that the encoder of all values makes, and it is valid without being decoded."""
    data = encode(array)
    assert data == encode(array) == codec._Encoder(None).pack(array)  # private: the measure
    codec._FORMS.clear()  # private: what other tests have left
    with monkeypatch.context() as patched:
        patched.setattr(codec, "decode", None)
        validate(data)
    assert np.array_equal(decode(data), array)


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[:6] + b"\x93" + d[7:]])
def test_large_array_that_lies_is_refused(change):
    """Too short, too long, or another number of fields: that is seen without a copy, too."""
    codec._FORMS.clear()  # private: what other tests have left
    with pytest.raises(ProtocolError):
        validate(change(encode(ARRAYS[0])))


def test_dtypes_of_large_arrays_come_from_the_closed_list():
    """The shortcut is none around what NumPy must not see."""
    body = msgpack.packb(["<m8[0s]", [LARGE], "C", bytes(8 * LARGE)])
    with pytest.raises(ProtocolError):
        validate(msgpack.packb(msgpack.ExtType(codec.ARRAY, body)))


def test_large_bytes_are_valid():
    """Their length is all that has to fit."""
    data = encode(bytes(LARGE))
    validate(data)
    for wrong in (data[:-1], data + b"\0"):
        with pytest.raises(ProtocolError):
            validate(wrong)


def test_what_no_message_can_carry_is_refused_where_it_is_written():
    """A value that could be read by some and not by others is none."""
    with pytest.raises(LimitError, match=f"at most {MAX_BYTES}"):
        encode(np.zeros(MAX_BYTES + 1, np.uint8))
