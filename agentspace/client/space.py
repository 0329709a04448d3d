"""A space behind a server, as its clients see it: as anybody, and as one incarnation of a role."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agentspace.client.connection import Connection, to_error
from agentspace.client.link import PATIENCE, Link
from agentspace.client.seat import RemoteSeat, pack_acts
from agentspace.client.simulated import DrivenSpace
from agentspace.client.slots import Make
from agentspace.client.watch import LOOK, wake_of
from agentspace.core.change import Decision
from agentspace.core.dead_letters import WakeCause
from agentspace.core.mailbox import Trigger
from agentspace.core.role import USUAL, Beginning, State
from agentspace.core.slot import Erase, Put
from agentspace.core.space import Session, Wake
from agentspace.core.swap import Step
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import check_name
from agentspace.core.values.value import Value
from agentspace.errors import ConnectionLostError, FencedError, SpaceUnreachableError
from agentspace.wire import from_client, from_server
from agentspace.wire.address import Address, parse
from agentspace.wire.codec import decode, encode
from agentspace.wire.format import Message, unpack_decision, writer_of
from agentspace.wire.parcel import Outgoing

_LOST: Final = "%s: the server that woke a handler is gone, and with it what that wrote"
_log = logging.getLogger("agentspace")


def connect(
    address: str | Address = "", name: str | None = None, timeout: float = 0.0, patience: float = PATIENCE
) -> "RemoteSpace":
    """Connects to a space.

    Args:
        address: A name, ``ipc:///path`` or ``tcp://host:port``, each with or without ``#SPACE``.
        name: How writes are signed that no role makes; by default the program's name and process.
        timeout: Seconds to wait for a server that is not there yet.
        patience: Seconds to wait for an answer before the server is out of reach; `math.inf`: a role waits for it.

    Raises:
        SpaceUnreachableError: No server answers.
        AgentspaceError: It is not an address.
    """
    where = parse(address) if isinstance(address, str) else address
    program = Path(sys.argv[0]).stem.replace(" ", "-") or "python"
    return RemoteSpace(Link(where, check_name(name or f"{program}-{os.getpid()}"), timeout, patience), where.space)


class RemoteSpace(DrivenSpace):
    """A space behind a server; made by `connect`. Each thread has a connection of its own."""

    def named(self, name: str) -> "RemoteSpace":
        """Another space of the same server."""
        return RemoteSpace(self._link, check_name(name))

    def join(
        self, role: str, info: dict[str, Any] | None = None, swap: int | None = None, how: Beginning = USUAL
    ) -> Session:
        """Fills a role, or stands by to take it over; see `Space.join`."""
        return RemoteSession(self, role, info or {}, swap, how)

    def close(self) -> None:
        """Lets go of the space."""
        self._link.close()

    def __enter__(self) -> "RemoteSpace":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class RemoteSession(RemoteSpace):
    """A remote space as one incarnation of a role sees it; see `Session`."""

    def __init__(
        self, space: RemoteSpace, role: str, info: dict[str, Any], swap: int | None, how: Beginning
    ) -> None:
        super().__init__(space._link, space.name)
        self.role = role
        self.info = info
        self.epoch = 0
        self.inherited: State[Value] | None = None
        self.on_decisions: Callable[[list[Decision]], None] = lambda decisions: None
        self.failed_at: int | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self._attached = False  # a change may be under way to it
        self.stop_requested = self.handing_over = self._interrupted = self._left = self._runs = False
        self._swap = swap
        self._hurries = False  # it takes a role over, and nothing handles what waits
        self._missed, self._ticked_at = 0, 0.0  # when the last handler began that a timer woke (s)
        self._time: float | None = None  # the simulated time (s); None: it is real
        self._turn = 0  # the number of the last turn in simulated time
        self._on_turn = False  # it has a turn without a wake-up
        self._dispatch: from_server.Dispatch | None = None  # the last one
        self._asked: list[tuple[int, Mapping[str, Any]]] = []
        self._seat = RemoteSeat(self._link, self.name, check_name(role))
        self._own = self._seat.connection
        self._owner = threading.get_ident()
        try:
            self._sit_down(encode(info), how)
        except BaseException:
            self._seat.leave()
            raise

    def _sit_down(self, frame: bytes, how: Beginning) -> None:
        if self._swap is None:
            self._fill(*self._seat.fill(frame, how=how))
        else:
            self._swap = self._seat.stand_by(frame, self._swap, how)

    def _fill(self, joined: from_server.Joined, frames: list[bytes]) -> None:
        while self._own.unasked:  # what was set before comes before the answer
            self._hear(*self._own.unasked.popleft())
        self._act(joined.epoch, joined.kept, frames)

    def come_back(self) -> bool:
        """Fills the role again, if it was cut off; see `Session.come_back`."""
        if self.standing_by or self._left or self._seat.is_known():
            return False
        self._dispatch, self.handing_over = None, False
        self._asked.clear()
        self._fill(*self._seat.fill_again(encode(self.info), self.epoch, self._is_over))
        if self._runs:
            self.running()
        return True

    def _is_over(self) -> bool:
        return self._interrupted or self.stop_requested or self._link.is_closed

    def _call(self, make: Make, patience: float | None = None) -> tuple[Any, list[bytes]]:
        """One request; if the server ended meanwhile, to the next one; an agent waits as long as that takes."""
        while True:
            try:
                return super()._call(make, patience)
            except (ConnectionLostError, FencedError):
                if threading.get_ident() != self._owner or not self.come_back():
                    raise
            except SpaceUnreachableError as silent:
                if not self._link.waits or patience is not None or self._is_over():
                    raise
                _log.warning("%s: %s; waits for it", self.role, silent)

    def _act(self, epoch: int, kept: list[Any] | None, frames: list[bytes]) -> None:
        """It fills the role from now on."""
        self.epoch = epoch
        self._signature = (self.role, epoch)
        self.inherited = None
        if kept is not None:
            self.inherited = State(kept[0], self._link.incoming(kept[1] or None, frames[0]).value())

    def now(self) -> float:
        """The time that its timers and validities count on (s)."""
        return time.monotonic() if self._time is None else self._time

    def await_turn(self) -> None:
        """Waits, in simulated time, until it may begin."""
        if self._time is not None:
            self.receive(None)

    @property
    def standing_by(self) -> bool:
        """It will take the role over from a predecessor."""
        return self.epoch == 0

    def _sign(self) -> tuple[str, int]:
        self._check_acts()
        return self._signature

    def settings_asked(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Changes of settings that were asked for."""
        asked, self._asked = self._asked, []
        return asked

    def settings_taken(self, number: int, error: str | None = None) -> None:
        """Says that a change of settings was taken up, or why not."""
        self._connection().send(from_client.Configured(self.name, self.role, self.epoch, number, error))

    def take_over(self) -> bool:
        """Says that it is prepared and waits for its turn."""
        self._owner = threading.get_ident()
        number = self._swap or 0
        frame = encode(self.info)
        self._own.call(from_client.Prepared(self._own.number(), self.name, self.role, number), (frame,))
        arrived = self._await(from_server.TakeOver)
        if arrived is None:
            return False
        self._act(arrived[0].epoch, arrived[0].kept, arrived[1])
        self._hurries = True
        return True

    def hand_over(self, step: Step, state: State[Any] | None = None, error: str | None = None) -> None:
        """Says that a step of handing over is done."""
        refs, frames = self._pack(state)
        self._own.send(from_client.HandOver(self.name, self.role, self.epoch, step.value, refs, error), frames)

    def rest(self) -> bool:
        """Waits until it is over, or has to act again."""
        arrived = self._await(from_server.TakeBack)
        if arrived is None:
            self._left = True
            self._seat.leave()
            return False
        self.handing_over = False
        self._act(arrived[0].epoch, arrived[0].kept, arrived[1])
        return True

    def _await(self, kind: type[Message]) -> tuple[Any, list[bytes]] | None:
        """The next message of a kind; None if it is asked to end before."""
        while not (self.stop_requested or self._interrupted):
            arrived = self._seat.receive(LOOK)
            if arrived is None:
                self._check()
            elif isinstance(arrived[0], kind):
                return arrived
            else:
                self._hear(*arrived)
        return None

    def _pack(self, state: State[Any] | None) -> tuple[list[Any] | None, tuple[Outgoing, ...]]:
        if state is None:
            return None, ()
        outgoing = self.prepare(state.value)
        return [state.version, outgoing.refs], (outgoing,)

    def _check_acts(self) -> None:
        if self.standing_by:
            raise FencedError(f"role {self.role!r}: who stands by may read, and do nothing else")

    def attach_trigger(self, mask: str, kind: Trigger = Trigger.NORMAL) -> None:
        """Wakes this role when a slot under the mask changes.

        A successor that takes the role over does not wait for the answer: the predecessor's triggers count until
        it runs, and if it does not fill the role any more, it hears so then.
        """
        self._check_acts()
        self._attached = True
        kind_name = Trigger(kind).value
        mask = Mask(mask).text
        self._seat.triggers[mask, Trigger(kind)] = None

        def make(call: int) -> tuple[from_client.Attach]:
            return (from_client.Attach(call, self.name, self.role, self.epoch, mask, kind_name),)

        if self._hurries and threading.get_ident() == self._owner:
            self._own.send(*make(self._own.number()))
        else:
            self._call(make)

    def detach_trigger(self, mask: str) -> None:
        """Takes the triggers of that mask away."""
        self._seat.detach(mask)
        self._call(lambda call: (from_client.Attach(call, self.name, self.role, self.epoch, mask, None),))

    def running(self) -> None:
        """Begins to receive; from now on the calling thread owns the session's connection."""
        self._owner = threading.get_ident()
        self._hurries, self._runs = False, True
        frame = encode(self.info)
        self._call(lambda call: (from_client.Running(call, self.name, self.role, self.epoch), frame))

    def receive(self, timeout: float | None = None) -> Wake | None:
        """The next wake-up."""
        self._owner = threading.get_ident()
        until = float("inf") if timeout is None else time.monotonic() + timeout
        self._check()
        if self._time is not None and timeout != 0.0:
            until = self._idle(self._time, timeout)
        while not (self._interrupted or self.stop_requested or self.handing_over or self._asked):
            left = until - time.monotonic()
            arrived = self._seat.receive(max(0.0, min(left, LOOK)))
            if arrived is not None:
                wake = self._hear(*arrived)
                if wake is not None:
                    return wake
                if self._on_turn:
                    self._on_turn = False
                    return None
            else:
                self._check()
                if left <= 0:
                    return None
        self._interrupted = False
        return None

    def _idle(self, now: float, timeout: float | None) -> float:
        """Says when the next timer is due; the server wakes it then, however long that takes."""
        due = None if timeout is None else now + timeout
        self._own.send(from_client.Idle(self.name, self.role, self.epoch, self._turn, due))
        return float("inf")

    def interrupt(self) -> None:
        """Makes `receive` return."""
        self._interrupted = True
        self._own.wake()

    def prepare(self, value: Value) -> Outgoing:
        """The value as it travels."""
        return self._seat.outgoing(value, here=threading.get_ident() == self._owner)

    def reveal(self, prepared: Any) -> Value:
        """The value that was prepared, or that came with a wake-up."""
        value: Value = prepared.value()
        return value

    def commit(self, wake: Wake | None, acts: Sequence[Put[Any] | Erase], state: State[Any] | None = None) -> None:
        """Carries out a handler's acts together with its acknowledgement."""
        number = wake.number if wake else None
        if number is not None and not (self._dispatch and self._dispatch.batch == number):
            _log.warning(_LOST, self.role)
            return
        if number is None and not acts and state is None and not (wake and wake.timer):
            return
        missed, self._missed = self._missed, 0
        took = None if number is not None or not (wake and wake.timer) else self.now() - self._ticked_at
        packed, frames = pack_acts(acts, self.role)
        kept, more = self._pack(state)
        connection, terms = self._connection(), (number, missed, packed, kept, took)
        message = from_client.Commit(connection.number(), self.name, self.role, self.epoch, *terms)
        if not connection.tell(message, (*frames, *more)):  # `receive` says so
            _log.warning(_LOST, self.role)

    def collect(self) -> None:
        """Lets what QUIET triggers have collected come with the next `receive`."""
        self._call(lambda call: (from_client.Collect(call, self.name, self.role, self.epoch),))

    def ticked(self, missed: int, alone: bool) -> None:
        """A timer's handler begins; missed ticks are reported with its commit."""
        self._missed, self._ticked_at = self._missed + missed, self.now()
        if alone and self._attached:
            self._connection().send(from_client.AtFault(self.name, self.role, self.epoch, 0))

    def causes(self) -> list[WakeCause]:
        """The changes that the last wake-up was about."""
        if self._dispatch is None:
            return []
        heads = [*self._dispatch.newest, *self._dispatch.every]
        told = dict.fromkeys(WakeCause(head[0], head[2], str(writer_of(head))) for head in heads)
        names = {cause.slot for cause in told}
        return [*told, *(WakeCause(name) for name in self._dispatch.names if name not in names)]

    def leave(self, state: str, error: str | None = None) -> None:
        """Vacates the role."""
        self._owner = threading.get_ident()
        self._check()
        try:
            if self.standing_by:
                self.successor_lost(self.role, self._swap or 0, state if error is None else error)
            else:
                if self.failed_at is not None:
                    self._own.send(from_client.AtFault(self.name, self.role, self.epoch, self.failed_at))
                ends = (self.name, self.role, self.epoch, state, error, self.exit_code, self.signal)
                self._call(lambda call: (from_client.Leave(call, *ends),))
        finally:
            self._left = True
            self._seat.leave()

    def _connection(self) -> Connection:
        if self._left:
            raise FencedError(f"epoch {self.epoch} has left role {self.role!r}")
        return self._own if threading.get_ident() == self._owner else self._link.connection()

    def _check(self) -> None:
        """Whether the server still knows this incarnation, as far as its heart has heard."""
        if self._left or self._seat.is_cut_off:
            raise FencedError(f"epoch {self.epoch} fills role {self.role!r} no more: it left, or was silent")
        if self._link.handshake.lost is not None and not self._link.waits:
            raise SpaceUnreachableError(self._link.handshake.lost)

    def _hear(self, message: Message, frames: list[bytes]) -> Wake | None:
        match message:
            case from_server.Dispatch():
                self._dispatch = message
                return self._seat.note(wake_of(self._link, message, frames, self.now()))
            case from_server.Decided():
                self.on_decisions([unpack_decision(decision) for decision in message.decisions])
            case from_server.Moment():
                self._time, self._turn, self._on_turn = message.time, message.turn, message.alone
            case from_server.Stopping():
                self.stop_requested = True
            case from_server.BeginHandOver():
                self.handing_over = True
            case from_server.Settings():
                self._asked.append((message.number, decode(frames[0])))
            case from_server.Failed():
                raise to_error(message)
        return None
