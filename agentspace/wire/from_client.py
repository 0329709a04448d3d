"""The messages from a client to its server: with those of `from_server` the closed set of the protocol.

`call` numbers a request; its reply carries the same number.
"""

from agentspace.wire.format import Message, message


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
    refs: list  # type: ignore[type-arg]  # of [segment, fd, size, nbytes] or [segment, nbytes]: in shared memory


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
    before: int = 0  # the epoch under which this process filled it, on a connection that was cut off
    fresh: bool = False  # what was kept is forgotten
    settings: list | None = None  # type: ignore[type-arg]  # of str: those that it has in place of what was set


@message(6)
class Attach(Message):
    """Adds a trigger of a kind, or takes those of the mask away (no kind). Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    mask: str
    kind: str | None
    known: list | None = None  # type: ignore[type-arg]  # of str: slots that a server told it of that has ended


@message(7)
class Running(Message):
    """`init` is over: dispatch. A frame holds what it says of itself now, if anything. Answered with `Done`."""

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
    took: float | None = None  # s that a handler ran which only a timer woke


@message(9)
class Leave(Message):
    """Vacates a role. Answered with `Done`."""

    call: int
    space: str
    role: str
    epoch: int
    state: str
    error: str | None
    code: int | None = None
    signal: int | None = None  # for which it ends; none: of its own, or on request


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
    epoch: int | None = None  # only this incarnation of it: another one may follow at once


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
    fresh: bool = False  # a new one hands over no state


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


@message(24)
class AtFault(Message):
    """The `Dispatch` whose handler runs, or failed before a `Leave`. Counts until the next `Commit`."""

    space: str
    role: str
    epoch: int
    batch: int  # 0: none; not said: the outstanding one


@message(23)
class Configure(Message):
    """Asks a role to change live settings; the frame holds them, by name. Answered with `Numbered`."""

    call: int
    space: str
    role: str


@message(25)
class Configured(Message):
    """The incarnation has taken a change of its settings up, or could not. Not answered."""

    space: str
    role: str
    epoch: int
    number: int
    error: str | None  # why it could not


@message(35)
class Idle(Message):
    """In simulated time: the role has nothing to do; before its `Running`: it waits to begin. Not answered."""

    space: str
    role: str
    epoch: int
    turn: int  # the last one that it has had
    due: float | None  # s: when its next timer is


@message(36)
class Advance(Message):
    """Lets the simulated clock go on until then. Answered with `Advanced` when it is there and nobody is busy."""

    call: int
    to: float  # s; 0: only asks for the time


@message(37)
class Conduct(Message):
    """Lets the simulated clock run when these roles wait to begin, in this order. Answered with `Done`."""

    call: int
    space: str
    roles: list  # type: ignore[type-arg]  # of str


@message(30)
class Before(Message):
    """The next order of this connection counts only until then; an order is Write, Delete, Stop or RequestSwap."""

    time: float  # s, on the clock of the server as `_/clock` tells it
