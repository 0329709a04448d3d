"""Readers of what comes over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import numpy as np

from agentspace.core.values.budget import Budget
from agentspace.core.values.shown import in_full, in_words, json_text, printable, type_text
from agentspace.core.values.value import check
from agentspace.errors import AgentspaceError, ProtocolError
from agentspace.server.contents import act_in, state_in, trigger_in
from agentspace.wire import from_client, gradual
from agentspace.wire.codec import decode, encode
from agentspace.wire.format import call_of, parse
from agentspace.wire.gradual import validate

PAYLOAD = bytes(range(256)) * 4  # what lies in the shared memory of the fuzzer


def value(data: bytes) -> None:
    """A value on its own: what is taken can be shown, and travels on as it is."""
    try:
        found = decode(data)
    except ProtocolError:
        refused = True
    else:
        refused = False
        _check_value(found)
    _check_same_judgement(data, refused)
    if refused:
        raise ProtocolError


def _check_same_judgement(data: bytes, refused: bool) -> None:
    try:
        validate(data)
    except ProtocolError:
        assert refused, "taken, and then found invalid"
    else:
        assert not refused, "refused, and then found valid"
    with patch.object(gradual, "SMALL", 16), suppress(ProtocolError):  # as large values are looked at
        validate(data)
        assert not refused, "refused, and then found valid in steps"


def _check_value(found: Any) -> None:
    check(found)
    line, full, document = in_words(found, 60), in_full(found, 2000), json_text(found)
    assert len(line) <= 60
    assert len(full) <= 2000
    assert printable(line + type_text(found)) == line + type_text(found)
    (line + full + document).encode()
    json.loads(document)
    again = encode(found)
    assert encode(decode(again)) == again


def payloads(data: bytes) -> None:
    """A value with payloads in shared memory, of which there are two."""
    _check_value(decode(data, _payload))


def _payload(index: int, nbytes: int) -> Any:
    memory = (PAYLOAD, PAYLOAD[:64])[index]  # as `Stored` and `Incoming` do it
    if not 0 <= nbytes <= len(memory):
        raise ProtocolError("there is less")
    return np.frombuffer(memory, np.uint8)[:nbytes]


def header(data: bytes) -> None:
    """The header of a message, of a client or of the server; it has a call or it has none."""
    try:
        message = parse(data)
    except ProtocolError:
        assert type(call_of(data)) is int
        raise
    assert parse(message.pack()).pack() == message.pack()


def contents(data: bytes) -> None:
    """What stands in the fields of a message: acts, states, kinds of triggers; each value is a small one."""
    message = parse(data)
    if isinstance(message, from_client.Commit):
        frames = iter([encode(0)] * len(message.acts))
        for act in message.acts:
            act_in(_NOBODY, act, frames)
    if isinstance(message, from_client.Commit | from_client.HandOver):
        state_in(_NOBODY, message.kept, [encode(0)])
    if isinstance(message, from_client.Attach | from_client.Follow) and message.kind is not None:
        trigger_in(message.kind)


class _Nobody:
    """A client that cannot share memory, and may have as many values as it likes."""

    shares = False
    share = Budget().share("nobody")


_NOBODY: Any = _Nobody()


def decoder(data: bytes) -> None:
    """A value on its own, with nothing else done: for many inputs in little time."""
    decode(data)


READERS: dict[str, tuple[Callable[[bytes], None], tuple[type[Exception], ...]]] = {
    "decoder": (decoder, (ProtocolError,)),
    "value": (value, (ProtocolError,)),
    "payloads": (payloads, (ProtocolError,)),
    "header": (header, (ProtocolError,)),
    "contents": (contents, (AgentspaceError,)),
}
