"""What stands in messages and their frames: values, states, acts, kinds of triggers, read with care."""

import itertools
from collections.abc import Generator, Iterator
from typing import Any, Final

from agentspace.core.mailbox import Trigger
from agentspace.core.role import State
from agentspace.core.slot import Erase, Put
from agentspace.core.values.shown import in_words
from agentspace.core.values.value import Value
from agentspace.errors import LimitError, ProtocolError
from agentspace.server.clients import ClientProcess
from agentspace.wire.parcel import Stored

_NUMBER: Final = (float, int)
_LASTS: Final = (type(None), float, int)
_WRITES: Final = frozenset(itertools.product((str,), _LASTS, _NUMBER, _NUMBER, (list,)))
_ERASURES: Final = frozenset(itertools.product((str,), _NUMBER, _LASTS))
MAX_PLAIN: Final = 4 << 20  #: bytes of what the server itself looks into: what a role says of itself, settings


def stored_in(process: ClientProcess, refs: list[Any], frames: list[bytes]) -> Stored:
    """A value that came in; it is to be checked to the last byte, so that no reader can be harmed by it."""
    if len(frames) != 1:
        raise ProtocolError(f"a value is one frame, not {len(frames)}")
    if refs and not process.shares:
        raise ProtocolError("this client cannot share memory with the server")
    fillings = []
    for ref in refs:
        match ref:
            case [int(number), int(fd), int(size), int(nbytes)]:
                fillings.append(process.ledger.borrow(number, fd, size, nbytes))
            case [int(ident), int(nbytes)]:
                fillings.append(process.passed_on(ident, nbytes))
            case _:
                raise ProtocolError(f"not a payload descriptor: {in_words(ref)}")
    return Stored(frames[0], tuple(fillings), process.share)


def plain_in(process: ClientProcess, frames: list[bytes], what: str) -> Generator[None, None, dict[str, Any]]:
    """The steps to a dict that came in."""
    if frames and len(frames[0]) > MAX_PLAIN:
        raise LimitError(f"{what} has at most {MAX_PLAIN} bytes, not {len(frames[0])}")
    stored = stored_in(process, [], frames)
    process.share.check()
    yield from stored.validating()
    value = stored.value()
    if type(value) is not dict:
        raise ProtocolError(f"{what} is a dict, not {in_words(value)}")
    return value


def state_in(process: ClientProcess, kept: list[Any] | None, frames: list[bytes]) -> State[Stored] | None:
    """A state that came with the last frame; it is to be checked, see `stored_in`."""
    match kept:
        case None:
            return None
        case [int(version), list(refs)]:
            return State(version, stored_in(process, refs, frames[-1:]))
    raise ProtocolError(f"not a state: {in_words(kept)}")


def act_in(process: ClientProcess, act: Value, frames: Iterator[bytes]) -> Put[Stored] | Erase:
    """An act; the value of a write is the next of the frames; it is to be checked, see `stored_in`."""
    if type(act) is list and tuple(map(type, act)) in _WRITES:
        name, lasts, priority, delay, refs = act
        return Put(name, stored_in(process, refs, list(itertools.islice(frames, 1))), lasts, priority, delay)
    if type(act) is list and tuple(map(type, act)) in _ERASURES:
        return Erase(*act)
    raise ProtocolError(f"not an act: {in_words(act)}")


def trigger_in(kind: str) -> Trigger:
    """The kind of a trigger that has this name."""
    try:
        return Trigger(kind)
    except ValueError as error:
        raise ProtocolError(str(error)) from None
