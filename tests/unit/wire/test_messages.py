"""Messages: what is packed is parsed again, and whatever else is refused by name."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.change import Change, Kind, Refused, Writer, Written
from agentspace.core.values.agenda import FOREVER
from agentspace.errors import ProtocolError
from agentspace.wire import from_client
from agentspace.wire.format import (
    CODES,
    VERSION,
    Message,
    kind_of,
    pack_decision,
    pack_head,
    parse,
    unpack_decision,
    writer_of,
)

CLASSES = sorted(CODES.values(), key=lambda cls: cls.CODE)
PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False),  # which is not equal to itself
        st.text(),
        st.binary(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BY_TYPE = {
    int: st.integers(-(2**63), 2**64 - 1),
    str: st.text(),
    bytes: st.binary(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    list: st.lists(PLAIN, max_size=3),
    dict: st.dictionaries(st.text(), st.integers(0, 2**64 - 1), max_size=3),
    type(None): st.none(),
}


def field(types: tuple[type, ...]) -> st.SearchStrategy[Any]:
    """Values that a field of these types takes."""
    return st.one_of([BY_TYPE[kind] for kind in types])


MESSAGES = st.one_of([st.builds(cls, *[field(types) for _, types in cls.FIELDS]) for cls in CLASSES])
EXAMPLES = {
    cls: cls(
        *[{int: 1, str: "s", bytes: b"b", bool: True, float: 0.5, list: [], dict: {}}[t[0]] for _, t in cls.FIELDS]
    )
    for cls in CLASSES
}


def message_or_refusal(header: bytes) -> None:
    """Checks that bytes give a message, or a ProtocolError and no other."""
    with contextlib.suppress(ProtocolError):
        assert isinstance(parse(header), Message)


@given(MESSAGES)
def test_what_is_packed_is_parsed(message):
    """Every message comes back equal, with every value that its fields take."""
    assert parse(message.pack()) == message


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_refused(data):
    """No bytes do anything but give a message or a ProtocolError."""
    message_or_refusal(data)


@given(PLAIN)
def test_any_plain_data_is_a_message_or_refused(data):
    """Nor does any valid msgpack, as the whole header or as the fields of any message."""
    for header in (data, *([VERSION, cls.CODE, data] for cls in CLASSES)):
        message_or_refusal(msgpack.packb(header))


@given(MESSAGES, st.data())
def test_mutated_messages_are_messages_or_refused(message, data):
    """One byte changed, or the end cut off, does no more."""
    header = bytearray(message.pack())
    place = data.draw(st.integers(0, len(header) - 1))
    header[place] = data.draw(st.integers(0, 255))
    for mutant in (bytes(header), bytes(header[:place])):
        message_or_refusal(mutant)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_wrong_field_is_refused_by_name(cls):
    """A value of a wrong type is refused with the message, the field and the value, each time it comes."""
    good = EXAMPLES[cls]
    wrong: list[Any] = [None, True, 1, 0.5, "s", b"b", [], {}, msgpack.Timestamp(1)]
    for index, (name, types) in enumerate(cls.FIELDS):
        for value in wrong:
            parts = [VERSION, cls.CODE, *[getattr(good, other) for other, _ in cls.FIELDS]]
            parts[2 + index] = value
            header = msgpack.packb(parts)
            if type(value) in types:
                assert getattr(parse(header), name) == value
                continue
            for _ in range(2):
                with pytest.raises(ProtocolError, match=f"{cls.__name__}.{name}"):
                    parse(header)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_number_of_fields_is_checked(cls):
    """One field too few or too many is refused with both numbers; what another version does not have may lack."""
    parts = msgpack.unpackb(EXAMPLES[cls].pack())
    for lacking in range(cls.OPTIONAL + 1):
        parse(msgpack.packb(parts[: len(parts) - lacking]))
    for wrong in ([*parts, 1], parts[: -1 - cls.OPTIONAL]):
        with pytest.raises(ProtocolError, match=rf"{len(cls.FIELDS)}|array"):
            parse(msgpack.packb(wrong))


@pytest.mark.parametrize("version", [0, 1, 255, -1, "2", None, 1.5, [1]])
def test_other_versions_are_refused_with_both(version):
    """The error names the version that came and the one that is spoken here."""
    with pytest.raises(ProtocolError, match=rf"version .*{VERSION}"):
        parse(msgpack.packb([version, from_client.Beat.CODE, 1]))


@pytest.mark.parametrize("code", [0, 62, 63, 255, -1, "1", None, [1], {}])
def test_unknown_codes_are_refused(code):
    """The error names the code."""
    with pytest.raises(ProtocolError, match="code"):
        parse(msgpack.packb([VERSION, code, 1]))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\x93\x01\x0d\xdd\x7f\xff\xff\xff",
        b"\x91" * 2000,
        b"\xdd\x00\x01\x00\x00" * 13_200,
        b"\xdd\x00\x80\x00\x00" * 1000 + bytes(8_400_000),
    ],
    ids=[
        "empty",
        "never used",
        "array",
        "map",
        "str",
        "bin",
        "ext",
        "in a message",
        "deep",
        "deep arrays",
        "long",
    ],
)
def test_declared_lengths_are_not_trusted(header):
    """Lengths that lie are refused at once, however many there are."""
    begin = time.process_time()
    with pytest.raises(ProtocolError):
        parse(header)
    assert time.process_time() - begin < 1.0


def test_keys_of_maps_are_text():
    """A map with another kind of key is refused."""
    with pytest.raises(ProtocolError):
        parse(msgpack.packb([VERSION, from_client.Follow.CODE, 1, "S", "*", "normal", {1: 1}]))


@pytest.mark.parametrize(
    "decision",
    [Written("a", 3), Refused("a", 1.0, Writer("b", 2), 5.0, 0.25), Refused("a", -1.0, Writer("b"), 0.0, None)],
)
def test_decisions_travel(decision):
    """A decision arrives as it was made."""
    assert unpack_decision(msgpack.unpackb(msgpack.packb(pack_decision(decision)))) == decision


@pytest.mark.parametrize(("valid_to", "left"), [(FOREVER, None), (12.5, 2.5), (9.0, 0.0)])
def test_heads_tell_times_from_now(valid_to, left):
    """No clock is shared: age, time left and latency are durations; what has just expired has no time left."""
    change = Change("a", Kind.WRITTEN, 7, b"", Writer("r", 2), 1.5, 8.0, valid_to, 7.5)
    head = pack_head(change, 10.0, [(1, 2, 3, 4)])
    assert head == ["a", "written", 7, 1.5, "r", 2, 2.0, left, 0.5, [(1, 2, 3, 4)]]
    assert (kind_of(head), writer_of(head)) == (Kind.WRITTEN, Writer("r", 2))
