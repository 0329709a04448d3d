"""Whatever the decoder accepts, also what no encoder of ours would write, can be shown and recorded."""

from __future__ import annotations

import math

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspace.errors import ProtocolError
from agentspace.recording.packing import pack, unpack
from agentspace.wire import codec
from agentspace.wire.codec import decode, encode
from agentspace.wire.gradual import validate
from tests.support.examples import examples
from tests.unit.core.test_shown import check_shown
from tests.unit.inspect.test_any_value import check_inspectors, entry_of

NUMBERS = "|b1 |i1 >i2 <u4 >u8 <f2 >f4 <f8 <f16 <c8 <c16 <c32"
OTHERS = "<U0 <U1 >U3 |S0 |S1 |S9 |V0 |V1 |V16 <M8 <m8 <M8[Y] <M8[25s] >M8[as] <m8[ps] <M8[M]"
PLAIN = st.sampled_from(f"{NUMBERS} {OTHERS}".split())
SHAPES = st.lists(st.integers(0, 3), max_size=3)


def records(parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Structured dtypes whose fields lie anywhere, over each other, too, and arrays of a dtype."""
    names = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    fields = st.lists(st.tuples(names, parts, st.integers(0, 20)), max_size=3, unique_by=lambda field: field[0])
    whole = st.tuples(fields, st.integers(0, 90)).map(
        lambda made: {
            "names": [name for name, _, _ in made[0]],
            "formats": [part for _, part, _ in made[0]],
            "offsets": [offset for _, _, offset in made[0]],
            "itemsize": made[1],
        }
    )
    return whole | st.tuples(parts, SHAPES).map(list)


DTYPES = st.recursive(PLAIN, records, max_leaves=4)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """An array or scalar of any dtype and any bytes, alone or in a container, as a message brings it."""
    dtype, shape = draw(DTYPES), draw(SHAPES)
    try:
        size = codec._dtype_in(dtype).itemsize  # private: so that the bytes fit
    except (ProtocolError, ValueError, TypeError):
        size = 1
    raw = draw(st.binary(min_size=size * math.prod(shape), max_size=size * math.prod(shape)))
    if draw(st.booleans()):
        item = msgpack.ExtType(codec.ARRAY, msgpack.packb([dtype, shape, draw(st.sampled_from("CF")), raw]))
    else:
        item = msgpack.ExtType(codec.SCALAR, msgpack.packb([dtype, raw[:size].ljust(size, b"\xff")]))
    return msgpack.packb(draw(st.sampled_from([item, [item, 1], {"a": item}])))


@given(frames())
@settings(examples(600))
def test_whatever_is_accepted_can_be_shown_and_recorded(frame: bytes) -> None:
    """Words, text, JSON, dashboard, page and recording are total over the decoder; a recording has every bit."""
    try:
        validate(frame)
    except ProtocolError:
        return
    value = decode(frame)
    check_shown(value)
    check_inspectors(value)
    message, picture = pack(entry_of(value))
    assert encode(unpack(message, picture and picture.data)) == encode(value) == encode(decode(encode(value)))
