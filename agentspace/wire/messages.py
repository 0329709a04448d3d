"""The messages between a server and its clients: a small closed set, described by the protocol for all languages.

`call` numbers a request; its reply carries the same number.
"""

from agentspace.wire.format import Message, message

# --- from client to server


@message(1)
class Hello(Message):
    """A connection of a client process. Answered with `Welcome`."""

    call: int
    client: bytes  # 16 random bytes, the same for all connections of the process
    name: str  # how its writes are signed when it fills no role
    pid: int
    machine: str  # equal on two processes that can share memory


@message(2)
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


@message(3)
class Delete(Message):
    """Empties a slot. Answered with `Decided`."""

    call: int
    space: str
    role: str
    epoch: int
    name: str
    priority: float
    validity: float | None


@message(4)
class Read(Message):
    """Asks for the slots under a mask; `held`: those delayed or held empty too. Answered with `Entries`."""

    call: int
    space: str
    mask: str
    held: bool


@message(5)
class Join(Message):
    """Fills a role from this connection; the frame holds a dict that it says of itself. Answered with `Joined`."""

    call: int
    space: str
    role: str


@message(6)
class Attach(Message):
    """Adds a trigger of a kind, or takes those of the mask away (no kind). Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    mask: str
    kind: str | None


@message(7)
class Running(Message):
    """`init` is over: dispatch. Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int


@message(8)
class Commit(Message):
    """The acts of a handler, and the batch that it acknowledges. Answered with `Decided` if one was refused."""

    call: int
    space: str
    role: str
    epoch: int
    ack: int | None
    missed: int  # timer ticks
    acts: list  # type: ignore[type-arg]  # [name, validity, priority, delay, refs] or [name, priority, validity]
    kept: list | None  # type: ignore[type-arg]  # [version, refs] of a state to keep, in the last frame


@message(9)
class Leave(Message):
    """Vacates a role. Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    state: str
    error: str | None


@message(10)
class Follow(Message):
    """Follows a mask from this connection. Answered with `Done`, then come `Changes`."""

    call: int
    space: str
    mask: str
    kind: str
    known: dict  # type: ignore[type-arg]  # slot to revision: leave these out of the present content


@message(11)
class Seen(Message):
    """The watcher of this connection is ready for more."""

    batch: int


@message(12)
class Release(Message):
    """Views of these segments are gone."""

    segments: list  # type: ignore[type-arg]  # of int


@message(13)
class Beat(Message):
    """The client is alive. Answered with `Done`."""

    call: int


@message(14)
class Stop(Message):
    """Asks a role to end; ``*``: all, and the server. Answered with `Done`."""

    call: int
    space: str
    role: str


@message(15)
class Bye(Message):
    """The client process is about to end."""


@message(16)
class HangUp(Message):
    """This connection is about to end; the client has others. Answered with `Done`, which is the last message."""

    call: int


@message(17)
class Collect(Message):
    """Dispatches what QUIET triggers have collected, if anything. Answered with `Done`, after the `Dispatch`."""

    call: int
    space: str
    role: str
    epoch: int


@message(18)
class RequestSwap(Message):
    """Asks for another incarnation of a role. Answered with `Numbered`."""

    call: int
    space: str
    role: str
    spec: str | None  # MODULE:CLASS; none for the same class
    settings: dict  # type: ignore[type-arg]  # parameters and slot names to change
    limits: dict  # type: ignore[type-arg]  # step to seconds, where others than usual
    force: bool  # fence a predecessor whose handler does not end in time
    fresh: bool  # hand over no state


@message(19)
class StandBy(Message):
    """Will take a role over; the frame holds a dict that it says of itself. Answered with `Numbered`."""

    call: int
    space: str
    role: str
    number: int  # of the swap that was asked for; 0: of a new one


@message(20)
class Prepared(Message):
    """The successor is prepared; the frame as with `StandBy`. Answered with `Done`, later comes `TakeOver`."""

    call: int
    space: str
    role: str
    number: int


@message(21)
class SuccessorLost(Message):
    """The successor has ended, or cannot be started. Answered with `Done`."""

    call: int
    space: str
    role: str
    number: int
    why: str


@message(22)
class HandOver(Message):
    """A step of handing the role over is done; for SNAPSHOT with a frame that holds the state, if there is one."""

    space: str
    role: str
    epoch: int
    step: str
    kept: list | None  # type: ignore[type-arg]  # [version, refs]
    error: str | None  # why it could not


# --- from server to client


@message(64)
class Welcome(Message):
    """Answers `Hello`."""

    call: int
    server: bytes  # 16 random bytes, others after each start
    meeting: int  # grows when the server had forgotten the client; then its roles and watches are gone
    version: str
    pid: int
    shared: bool  # whether arrays may travel by reference
    lease: float  # seconds without a sign of life after which a client counts as gone


@message(65)
class Failed(Message):
    """A request could not be carried out."""

    call: int
    error: str  # the name of an error of this library
    text: str


@message(66)
class Done(Message):
    """A request was carried out."""

    call: int


@message(67)
class Decided(Message):
    """The decisions on writes and deletes."""

    call: int
    decisions: list  # type: ignore[type-arg]  # see `pack_decision`


@message(68)
class Entries(Message):
    """Slots, with a frame each (empty if there is no value)."""

    call: int
    heads: list  # type: ignore[type-arg]  # see `pack_head`


@message(69)
class Joined(Message):
    """The role is filled; with a frame if a predecessor has kept a state."""

    call: int
    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


@message(70)
class Dispatch(Message):
    """A role's wake-up: names, then NORMAL's newest values and EVERY's changes, with a frame for each head."""

    batch: int
    names: list  # type: ignore[type-arg]
    newest: list  # type: ignore[type-arg]  # heads
    every: list  # type: ignore[type-arg]  # heads


@message(71)
class Changes(Message):
    """A watcher's next changes, with a frame each."""

    batch: int
    overflow: int
    heads: list  # type: ignore[type-arg]


@message(72)
class Recycle(Message):
    """Nobody holds these segments of yours any more."""

    segments: list  # type: ignore[type-arg]


@message(73)
class Stopping(Message):
    """Somebody asked the role of this connection to end, or it is not needed any more."""


@message(74)
class Numbered(Message):
    """The number of a swap."""

    call: int
    number: int


@message(75)
class BeginHandOver(Message):
    """The role is to be handed over: answered with a `HandOver` for each of quiesce, snapshot, release."""


@message(76)
class TakeOver(Message):
    """The successor fills the role from now on; with a frame if there is a state to take over."""

    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


@message(77)
class TakeBack(Message):
    """The predecessor fills the role again: its successor failed, but had learned what comes in a frame."""

    epoch: int
    kept: list | None  # type: ignore[type-arg]  # [version, refs]


def segments_of(message: Message) -> list[int]:
    """The segments that a message lends to its receiver."""
    match message:
        case Entries(_, heads) | Changes(_, _, heads):
            return [ref[0] for head in heads for ref in head[9]]
        case Dispatch(_, _, newest, every):
            return [ref[0] for head in (*newest, *every) for ref in head[9]]
        case Joined(_, _, [_, refs]) | TakeOver(_, [_, refs]) | TakeBack(_, [_, refs]):
            return [ref[0] for ref in refs]
    return []
