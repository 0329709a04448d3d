"""The writing of messages: a header, then a frame for each value that a message carries.

A message is a ZeroMQ multipart. The header is a msgpack array ``[version, code, field, ...]``; values are encoded
as `agentspace.wire.codec` says. `from_client` and `from_server` have the closed set of messages; what is none of
them, to the type of every field, is answered with an error.

pyzmq's `send_multipart` and `recv_multipart` spend most of their time on enum arithmetic and checks in Python:
for three frames 17 us against 8 us here, and several times that in a process that has just been woken. On the
path of every message this decides the latency.
"""

import operator
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Final, TypeVar, dataclass_transform, get_type_hints

import msgpack
import zmq
from zmq.backend import Socket as _Plain

from agentspace.core.change import Change, Decision, Kind, Refused, Writer, Written
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.shown import in_words
from agentspace.errors import ProtocolError
from agentspace.wire.parcel import Ref

VERSION: Final = 2
MAX_MESSAGE: Final = 256 << 20  #: bytes
_START: Final = 32  # bytes that are enough for version, code and call
_PIECE: Final = 1 << 14  # bytes of a long header that are read at once
NOBLOCK: Final = int(zmq.NOBLOCK)
_SNDMORE: Final = int(zmq.SNDMORE)
_RCVMORE: Final = int(zmq.RCVMORE)
_send: Any = _Plain.send
_receive: Any = _Plain.recv
_get: Any = _Plain.get

M = TypeVar("M", bound="Message")
_TYPES: dict[Any, tuple[type, ...]] = {
    int: (int,),
    int | None: (int, type(None)),
    str: (str,),
    str | None: (str, type(None)),
    bytes: (bytes,),
    bool: (bool,),
    float: (float, int),
    float | None: (float, int, type(None)),
    list: (list,),
    list | None: (list, type(None)),
    dict: (dict,),
}


class Message:
    """Base of all messages; a subclass is a dataclass whose fields are the message's, in order."""

    CODE: ClassVar[int]
    FIELDS: ClassVar[tuple[tuple[str, tuple[type, ...]], ...]]
    OPTIONAL: ClassVar[int]  # so many at the end may be left out: other versions do not have them
    GET: ClassVar[Any]  # the values of all fields of a message
    KNOWN: ClassVar[set[tuple[type, ...]]]  # combinations of types that were found right before
    __slots__ = ()

    def pack(self) -> bytes:
        """The header."""
        try:
            packer = _own.packer
        except AttributeError:  # the first message of this thread; a packer for each message would cost a buffer
            packer = _own.packer = msgpack.Packer()
        header: bytes = packer.pack((VERSION, self.CODE, *self.GET(self)))
        return header


def pack_long(kind: type[Message], fields: Iterable[bytes]) -> bytes:
    """The header of a message whose fields are packed already."""
    fields = list(fields)
    start = bytes((0x90 + 2 + len(fields), VERSION))
    return b"".join((start, msgpack.packb(kind.CODE), *fields))


class PackedList:
    """A list that is packed item by item: of a long one, others are served in between."""

    def __init__(self) -> None:
        self._packer = msgpack.Packer(autoreset=False)
        self._count = 0

    def add(self, item: Any) -> None:
        """Its next item."""
        self._packer.pack(item)
        self._count += 1

    def packed(self) -> bytes:
        """All of it."""
        return b"".join((b"\xdd", self._count.to_bytes(4, "big"), self._packer.getbuffer()))


_own = threading.local()
CODES: dict[int, type[Message]] = {}


def _getter(names: list[str]) -> Any:
    if len(names) > 1:
        return staticmethod(operator.attrgetter(*names))
    return staticmethod(lambda message: tuple(getattr(message, name) for name in names))


@dataclass_transform()
def message(code: int) -> Callable[[type[M]], type[M]]:
    """Makes a message of a class, with the code by which it is known on the wire."""

    def register(cls: type[M]) -> type[M]:
        made = dataclass(slots=True)(cls)
        made.CODE = code
        hints = get_type_hints(made)
        made.FIELDS = tuple((f.name, _TYPES[hints[f.name]]) for f in fields(made))  # type: ignore[arg-type]  # is one
        made.OPTIONAL = sum(f.default is not MISSING for f in fields(made))  # type: ignore[arg-type]  # is one
        made.GET = _getter([name for name, _ in made.FIELDS])
        made.KNOWN = set()
        CODES[code] = made
        return made

    return register


def parse(header: bytes) -> Message:
    """The message of a header.

    Raises:
        ProtocolError: It is not one.
    """
    try:
        parts = msgpack.unpackb(header, strict_map_key=True, raw=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not a header: {type(error).__name__}: {error}") from None
    return _message_of(parts)


def parsing(header: bytes) -> Generator[None, None, Message]:
    """The steps to the message of a long header; see `parse`."""
    size = len(header)
    most = {"max_buffer_size": size, "max_array_len": size, "max_map_len": size, "read_size": _PIECE}
    unpacker = msgpack.Unpacker(strict_map_key=True, raw=False, **most)
    try:
        for at in range(0, size, _PIECE):
            unpacker.feed(header[at : at + _PIECE])
            try:
                parts = unpacker.unpack()
            except msgpack.OutOfData:
                yield
                continue
            if unpacker.tell() == size:
                return _message_of(parts)
            break
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not a header: {type(error).__name__}: {error}") from None
    raise ProtocolError(f"not a header: it does not end with its {size} bytes")


def _message_of(parts: Any) -> Message:
    if type(parts) is not list or len(parts) < 2:
        raise ProtocolError("a header is an array [version, code, ...]")
    if parts[0] != VERSION:
        raise ProtocolError(f"protocol version {in_words(parts[0], 20)}; this side speaks {VERSION}")
    cls = CODES.get(parts[1]) if type(parts[1]) is int else None
    if cls is None:
        raise ProtocolError(f"message code {in_words(parts[1], 20)} is not known")
    del parts[:2]
    types = tuple(map(type, parts))
    if types not in cls.KNOWN:
        _check_fields(cls, parts)
        cls.KNOWN.add(types)
    return cls(*parts)


def call_of(header: bytes) -> int:
    """The number of the request in a header that `parse` refuses, if there is one; else 0."""
    try:
        unpacker = msgpack.Unpacker(strict_map_key=True, raw=False)
        unpacker.feed(header[:_START])
        unpacker.read_array_header()
        version, code, call = (unpacker.unpack() for _ in range(3))
        has_call = version == VERSION and CODES[code].FIELDS[0][0] == "call"
        return call if has_call and type(call) is int else 0
    except Exception:  # whatever arrives
        return 0


def _check_fields(cls: type[Message], parts: list[Any]) -> None:
    if not len(cls.FIELDS) - cls.OPTIONAL <= len(parts) <= len(cls.FIELDS):
        raise ProtocolError(f"{cls.__name__} has {len(cls.FIELDS)} fields, not {len(parts)}")
    for value, (name, allowed) in zip(parts, cls.FIELDS, strict=False):
        if type(value) not in allowed:
            raise ProtocolError(f"{cls.__name__}.{name} cannot be {in_words(value, 40)}")


# --- what stands in messages: changes without their values, and decisions

_KINDS: Final = {kind.value: kind for kind in Kind}


def pack_head(change: Change[Any], now: float, refs: list[Ref]) -> list[Any]:
    """A change without its value: name, kind, revision, priority, role, epoch, age, time left, latency, refs."""
    writer = change.writer
    left = None if change.valid_to == FOREVER else max(change.valid_to - now, 0.0)
    return [
        change.name, change.kind, change.revision, change.priority, writer.role, writer.epoch,
        now - change.at, left, change.at - change.origin, refs,
    ]  # fmt: skip


def writer_of(head: list[Any]) -> Writer:
    """The writer of the change of a head."""
    return Writer(head[4], head[5])


def kind_of(head: list[Any]) -> Kind:
    """The kind of the change of a head."""
    return _KINDS[head[1]]


def pack_decision(decision: Decision) -> list[Any]:
    """A decision: ``[name, revision]`` if accepted, else the fields of `Refused`."""
    if isinstance(decision, Written):
        return [decision.name, decision.revision]
    holder = decision.holder
    return [
        decision.name,
        decision.priority,
        holder.role,
        holder.epoch,
        decision.held_priority,
        decision.time_left,
    ]


def unpack_decision(fields: list[Any]) -> Decision:
    """The decision that `pack_decision` made this of."""
    if len(fields) == 2:
        return Written(*fields)
    name, priority, role, epoch, held, left = fields
    return Refused(name, priority, Writer(role, epoch), held, left)


# --- multipart messages on a socket


def send(socket: zmq.Socket[bytes], first: bytes, rest: Iterable[bytes] = (), flags: int = 0) -> None:
    """Sends a message of one or more frames: all of them or none.

    Raises:
        zmq.Again: With `NOBLOCK`, if the queue is full.
    """
    held = first
    for frame in rest:
        _send(socket, held, _SNDMORE | flags)
        held = frame
    _send(socket, held, flags)


def receive(socket: zmq.Socket[bytes], flags: int = 0) -> list[bytes]:
    """The frames of the next message.

    Raises:
        zmq.Again: With `NOBLOCK`, if there is none.
    """
    frames = [_receive(socket, flags)]
    while _get(socket, _RCVMORE):
        frames.append(_receive(socket))
    return frames


def skip(socket: zmq.Socket[bytes]) -> None:
    """Lets go of the frames of a message that are left."""
    while _get(socket, _RCVMORE):
        _receive(socket, 0, False)  # which is not copied
