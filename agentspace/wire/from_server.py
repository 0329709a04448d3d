"""The messages from a server to its clients; `from_client` has the others."""

from typing import Final

from agentspace.wire.format import Message, message

CUT_OFF: Final = "cut off: "  #: how the text of a `Failed` begins after which the connection is closed


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
    lost: int
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
    """The number of a swap, or of a change of settings."""

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


@message(78)
class Settings(Message):
    """A change of settings, by name in the frame, to be taken up before the next handler."""

    number: int  # 0: was set before this incarnation began; not to be answered


@message(79)
class Portion(Message):
    """A portion of the next Entries, Changes or Dispatch: names and heads before its own, with their frames."""

    names: list  # type: ignore[type-arg]  # of a Dispatch
    heads: list  # type: ignore[type-arg]  # of a Dispatch: of `newest`


@message(84)
class Moment(Message):
    """The simulated time, before each message with which an incarnation has something to do."""

    time: float  # s
    turn: int  # to be said in the next `Idle`
    alone: bool  # no such message follows: it may begin, or its timer is due


@message(85)
class Advanced(Message):
    """Answers `Advance`."""

    call: int
    time: float  # s


ANSWERS: Final = (Done, Entries, Joined, Numbered, Welcome)  #: what nobody wants who does not wait for it any more
