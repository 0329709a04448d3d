"""The messages between a server and its clients, and how they are written.

A message is a ZeroMQ multipart: a header, then one frame for each value that it carries. The header is a msgpack
array ``[version, code, field, ...]``; values are encoded as `agentspace.core.value` says. There is a small closed
set of messages; what is not one of them, to the type of every field, is answered with an error. docs/protocol.md
describes it all for other languages.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform

import msgpack

from agentspace.core.slot import FOREVER, Change, Decision, Kind, Refused, Writer, Written
from agentspace.errors import ProtocolError

VERSION = 2
MAX_MESSAGE = 256 << 20  #: bytes

Ref = tuple[int, int, int, int]
M = TypeVar("M", bound="Message")
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "str": (str,),
    "str | None": (str, type(None)),
    "bytes": (bytes,),
    "bool": (bool,),
    "float": (float, int),
    "float | None": (float, int, type(None)),
    "list": (list,),
    "list | None": (list, type(None)),
    "dict": (dict,),
}


class Message:
    """Base of all messages; a subclass is a dataclass whose fields are the message's, in order."""

    CODE: ClassVar[int]
    FIELDS: ClassVar[tuple[tuple[str, tuple[type, ...]], ...]]
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


_own = threading.local()
_CODES: dict[int, type[Message]] = {}
_KINDS = {kind.value: kind for kind in Kind}


def _getter(names: list[str]) -> Any:
    if len(names) > 1:
        return staticmethod(operator.attrgetter(*names))
    return staticmethod(lambda message: tuple(getattr(message, name) for name in names))


@dataclass_transform()
def _message(code: int) -> Callable[[type[M]], type[M]]:
    """Makes a message of a class, with the code by which it is known on the wire."""

    def register(cls: type[M]) -> type[M]:
        made = dataclass(slots=True)(cls)
        made.CODE = code
        made.FIELDS = tuple((f.name, _TYPES[str(f.type)]) for f in fields(made))  # type: ignore[arg-type]  # is one
        made.GET = _getter([name for name, _ in made.FIELDS])
        made.KNOWN = set()
        _CODES[code] = made
        return made

    return register


# --- from client to server. `call` numbers a request; its reply carries the same number.


@_message(1)
class Hello(Message):
    """A connection of a client process. Answered with `Welcome`."""

    call: int
    client: bytes  # 16 random bytes, the same for all connections of the process
    name: str  # how its writes are signed when it fills no role
    pid: int
    machine: str  # equal on two processes that can share memory


@_message(2)
class Write(Message):
    """Offers the value in the frame. Answered with `Decided`."""

    call: int
    space: str
    role: str
    epoch: int  # 0: fills no role
    name: str
    validity: float | None
    priority: float
    delay: float
    refs: list  # type: ignore[type-arg]  # of [segment, fd, size, nbytes]: payloads in shared memory


@_message(3)
class Delete(Message):
    """Empties a slot. Answered with `Decided`."""

    call: int
    space: str
    role: str
    epoch: int
    name: str
    priority: float
    validity: float | None


@_message(4)
class Read(Message):
    """Asks for the slots under a mask; `held`: those delayed or held empty too. Answered with `Entries`."""

    call: int
    space: str
    mask: str
    held: bool


@_message(5)
class Join(Message):
    """Fills a role from this connection; the frame holds a dict that it says of itself. Answered with `Joined`."""

    call: int
    space: str
    role: str


@_message(6)
class Attach(Message):
    """Adds a trigger of a kind, or takes those of the mask away (no kind). Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    mask: str
    kind: str | None


@_message(7)
class Running(Message):
    """`init` is over: dispatch. Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int


@_message(8)
class Commit(Message):
    """What a handler did and the batch that it acknowledges. Answered with `Decided` if something was refused."""

    call: int
    space: str
    role: str
    epoch: int
    ack: int | None
    missed: int  # timer ticks
    acts: list  # type: ignore[type-arg]  # [name, validity, priority, delay, refs] or [name, priority, validity]
    kept: list | None  # type: ignore[type-arg]  # [version, refs] of a state to keep, in the last frame


@_message(9)
class Leave(Message):
    """Vacates a role. Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    state: str
    error: str | None


@_message(10)
class Watch(Message):
    """Follows a mask from this connection. Answered with `Done`, then come `Changes`."""

    call: int
    space: str
    mask: str
    kind: str
    known: dict  # type: ignore[type-arg]  # slot to revision: leave these out of the present content


@_message(11)
class Seen(Message):
    """The watcher of this connection is ready for more."""

    batch: int


@_message(12)
class Release(Message):
    """Views of these segments are gone."""

    segments: list  # type: ignore[type-arg]  # of int


@_message(13)
class Beat(Message):
    """The client is alive. Answered with `Done`."""

    call: int


@_message(14)
class Stop(Message):
    """Asks a role to end; ``*``: all, and the server. Answered with `Done`."""

    call: int
    space: str
    role: str


@_message(15)
class Bye(Message):
    """The client process is about to end."""


@_message(16)
class HangUp(Message):
    """This connection is about to end; the client has others. Answered with `Done`, which is the last message."""

    call: int


@_message(17)
class Collect(Message):
    """Dispatches what QUIET triggers have collected, if anything. Answered with `Done`, after the `Dispatch`."""

    call: int
    space: str
    role: str
    epoch: int


@_message(18)
class Swap(Message):
    """Asks for another incarnation of a role. Answered with `Numbered`."""

    call: int
    space: str
    role: str
    spec: str | None  # MODULE:CLASS; none for the same class
    settings: dict  # type: ignore[type-arg]  # parameters and slot names to change
    limits: dict  # type: ignore[type-arg]  # step to seconds, where others than usual
    force: bool  # fence a predecessor whose handler does not end in time
    fresh: bool  # hand over no state


@_message(19)
class StandBy(Message):
    """Will take a role over; the frame holds a dict that it says of itself. Answered with `Numbered`."""

    call: int
    space: str
    role: str
    number: int  # of the swap that was asked for; 0: of a new one


@_message(20)
class Prepared(Message):
    """Who stands by is prepared; the frame as with `StandBy`. Answered with `Done`, later comes `Resume`."""

    call: int
    space: str
    role: str
    number: int


@_message(21)
class GiveUp(Message):
    """The successor has ended, or cannot be started. Answered with `Done`."""

    call: int
    space: str
    role: str
    number: int
    why: str


@_message(22)
class Yield(Message):
    """A step of handing the role over is done; for SNAPSHOT with a frame that holds the state, if there is one."""

    space: str
    role: str
    epoch: int
    step: str
    kept: list | None  # type: ignore[type-arg]  # [version, refs]
    error: str | None  # why it could not


# --- from server to client


@_message(64)
class Welcome(Message):
    """Answers `Hello`."""

    call: int
    server: bytes  # 16 random bytes, others after each start
    meeting: int  # grows when the server had forgotten the client; then its roles and watches are gone
    version: str
    pid: int
    shared: bool  # whether arrays may travel by reference
    lease: float  # seconds without a sign of life after which a client counts as gone


@_message(65)
class Failed(Message):
    """A request could not be carried out."""

    call: int
    error: str  # the name of an error of this library
    text: str


@_message(66)
class Done(Message):
    """A request was carried out."""

    call: int


@_message(67)
class Decided(Message):
    """What became of writes and deletes."""

    call: int
    decisions: list  # type: ignore[type-arg]  # see `pack_decision`


@_message(68)
class Entries(Message):
    """Slots, with a frame each (empty if there is no value)."""

    call: int
    heads: list  # type: ignore[type-arg]  # see `pack_head`


@_message(69)
class Joined(Message):
    """The role is filled; with a frame if a predecessor has kept a state."""

    call: int
    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


@_message(70)
class Dispatch(Message):
    """A role's wake-up: names, then NORMAL's newest values and EVERY's changes, with a frame for each head."""

    batch: int
    names: list  # type: ignore[type-arg]
    newest: list  # type: ignore[type-arg]  # heads
    every: list  # type: ignore[type-arg]  # heads


@_message(71)
class Changes(Message):
    """A watcher's next changes, with a frame each."""

    batch: int
    overflow: int
    heads: list  # type: ignore[type-arg]


@_message(72)
class Recycle(Message):
    """Nobody holds these segments of yours any more."""

    segments: list  # type: ignore[type-arg]


@_message(73)
class Stopping(Message):
    """Somebody asked the role of this connection to end, or it is not needed any more."""


@_message(74)
class Numbered(Message):
    """The number of a swap."""

    call: int
    number: int


@_message(75)
class Suspend(Message):
    """The role is to be handed over: answered with a `Yield` for each of quiesce, snapshot, release."""


@_message(76)
class Resume(Message):
    """Who stood by fills the role from now on; with a frame if there is a state to take over."""

    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


@_message(77)
class Reclaim(Message):
    """Who handed the role over fills it again: its successor failed, but had learned what comes in a frame."""

    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


def parse(header: bytes) -> Message:
    """The message of a header.

    Raises:
        ProtocolError: It is not one.
    """
    try:
        parts = msgpack.unpackb(header, strict_map_key=True, raw=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not a header: {type(error).__name__}: {error}") from None
    if type(parts) is not list or len(parts) < 2:
        raise ProtocolError("a header is an array [version, code, ...]")
    if parts[0] != VERSION:
        raise ProtocolError(f"protocol version {parts[0]!r:.20}; this side speaks {VERSION}")
    cls = _CODES.get(parts[1]) if type(parts[1]) is int else None
    if cls is None:
        raise ProtocolError(f"message code {parts[1]!r:.20} is not known")
    del parts[:2]
    types = tuple(map(type, parts))
    if types not in cls.KNOWN:
        _check_fields(cls, parts)
        cls.KNOWN.add(types)
    return cls(*parts)


def _check_fields(cls: type[Message], parts: list[Any]) -> None:
    if len(parts) != len(cls.FIELDS):
        raise ProtocolError(f"{cls.__name__} has {len(cls.FIELDS)} fields, not {len(parts)}")
    for value, (name, allowed) in zip(parts, cls.FIELDS, strict=True):
        if type(value) not in allowed:
            raise ProtocolError(f"{cls.__name__}.{name} cannot be {value!r:.40}")


def pack_head(change: Change[Any], now: float, refs: list[Ref]) -> list[Any]:
    """A change without its value: name, kind, revision, priority, role, epoch, age, time left, latency, refs."""
    writer = change.writer
    left = None if change.valid_to == FOREVER else max(change.valid_to - now, 0.0)
    return [
        change.name, change.kind, change.revision, change.priority, writer.role, writer.epoch,
        now - change.at, left, change.at - change.origin, refs,
    ]  # fmt: skip


def writer_of(head: list[Any]) -> Writer:
    """Who made the change of a head."""
    return Writer(head[4], head[5])


def kind_of(head: list[Any]) -> Kind:
    """What kind of change a head tells."""
    return _KINDS[head[1]]


def segments_of(message: Message) -> list[int]:
    """The segments that a message lends to its receiver."""
    match message:
        case Entries(_, heads) | Changes(_, _, heads):
            return [ref[0] for head in heads for ref in head[9]]
        case Dispatch(_, _, newest, every):
            return [ref[0] for head in (*newest, *every) for ref in head[9]]
        case Joined(_, _, [_, refs]) | Resume(_, [_, refs]) | Reclaim(_, [_, refs]):
            return [ref[0] for ref in refs]
    return []


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
