"""The handlers of a server, one for each message of a client."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import zmq

from agentspace.core.board import Board
from agentspace.core.change import Refused, Writer
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.role import State
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import Erase, Put
from agentspace.core.swap import Limits, Step, Wish
from agentspace.core.value import Value
from agentspace.errors import AgentspaceError, FencedError, ProtocolError
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.outbox import Outbox
from agentspace.server.registry import Key, Registry
from agentspace.wire import messages
from agentspace.wire.format import Message, pack_decision, parse
from agentspace.wire.parcel import Stored


class Caller(NamedTuple):
    """A connection that a message came from, at the server that it came to."""

    connection: ClientConnection
    process: ClientProcess
    registry: Registry
    outbox: Outbox

    def board(self, space: str) -> Board[Stored]:
        """The board of a space."""
        return self.registry.board(space)

    def answer(self, message: Message, frames: Iterable[bytes] = ()) -> None:
        """Sends the answer."""
        self.outbox.send(self.connection, message, frames)


_Handler = Callable[[Caller, Any, list[bytes]], None]
_H = TypeVar("_H", bound=_Handler)
_HANDLERS: dict[type[Message], _Handler] = {}
_log = logging.getLogger("agentspace.server")


def serve(registry: Registry, outbox: Outbox, key: Key, socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
    """Handles one message; whatever is wrong with it is told to its sender and harms nobody else."""
    call = 0
    try:
        message = parse(frames[0] if frames else b"")
        call = getattr(message, "call", 0)
        if isinstance(message, messages.Hello):
            outbox.send(*registry.meet(key, socket, message))
            return
        connection = registry.connections.get(key)
        if connection is None:
            raise FencedError(
                "this connection is unknown here: the server was restarted or the client fell silent"
            )
        process = connection.process
        process.silent_since = registry.now
        if type(message) is not messages.Beat:
            process.voice = connection
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise ProtocolError(f"{type(message).__name__} goes from server to client only")
        handler(Caller(connection, process, registry, outbox), message, frames[1:])
    except AgentspaceError as error:
        outbox.fail(socket, key[1], call, error)
    except Exception as error:
        _log.exception("internal error")
        outbox.fail(socket, key[1], call, AgentspaceError(f"internal error of the server: {error!r}"))


def _on(kind: type[Message]) -> Callable[[_H], _H]:
    def register(handler: _H) -> _H:
        _HANDLERS[kind] = handler
        return handler

    return register


@_on(messages.Write)
def _write(caller: Caller, message: messages.Write, frames: list[bytes]) -> None:
    stored = _stored(caller.process, message.refs, frames)
    _act(caller, message, Put(message.name, stored, message.validity, message.priority, message.delay))


@_on(messages.Delete)
def _delete(caller: Caller, message: messages.Delete, frames: list[bytes]) -> None:
    _act(caller, message, Erase(message.name, message.priority, message.validity))


def _act(caller: Caller, message: messages.Write | messages.Delete, act: Put[Stored] | Erase) -> None:
    board = caller.board(message.space)
    writer = Writer(caller.process.name)
    if message.epoch:
        board.check(message.role, message.epoch)
        writer = Writer(message.role, message.epoch)
    decision = board.apply(act, writer, caller.registry.now)
    caller.outbox.deliver()  # whom it wakes comes before who wrote it
    caller.answer(messages.Decided(message.call, [pack_decision(decision)]))


@_on(messages.Commit)
def _commit(caller: Caller, message: messages.Commit, frames: list[bytes]) -> None:
    registry = caller.registry
    board = registry.boards.get(message.space) or registry.board(message.space)
    acts = [_unpack_act(caller.process, act, frames) for act in message.acts]
    state = None if message.kept is None else _state(caller.process, message.kept, frames)
    missed = max(0, message.missed)
    decisions = board.commit(message.role, message.epoch, message.ack, acts, registry.now, state, missed)
    caller.outbox.deliver()
    if any(type(decision) is Refused for decision in decisions):
        caller.answer(messages.Decided(message.call, [pack_decision(decision) for decision in decisions]))


@_on(messages.Read)
def _read(caller: Caller, message: messages.Read, frames: list[bytes]) -> None:
    board = caller.board(message.space)
    if message.held:
        slots = board.snapshot(message.mask, caller.registry.now)
        changes = [slot.change for slot in slots if slot.change is not None]
    else:
        change = board.read(message.mask, caller.registry.now)
        board.note_read(message.mask, caller.connection.reader(message.space))
        changes = [] if change is None else [change]
    heads, values = caller.outbox.pack(caller.process, changes)
    caller.answer(messages.Entries(message.call, heads), values)


@_on(messages.Join)
def _join(caller: Caller, message: messages.Join, frames: list[bytes]) -> None:
    info = _introduction(caller.connection, frames)
    board = caller.board(message.space)
    role = board.claim(message.role, info, caller.registry.now)
    board.seats.take(caller.connection, Seat(message.space, message.role, role.epoch))
    kept, values = caller.outbox.pack_state(caller.process, role.kept)
    caller.answer(messages.Joined(message.call, role.epoch, kept), values)


def _introduction(connection: ClientConnection, frames: list[bytes]) -> dict[str, Any]:
    """An incarnation's introduction of itself, for a seat at this connection."""
    if connection.seat is not None and connection.seat.part is not Part.STANDS_BY:
        raise AgentspaceError(f"this connection already fills role {connection.seat.role!r}")
    info = _stored(connection.process, [], frames).value()
    if type(info) is not dict:
        raise ProtocolError(f"what a role says of itself is a dict, not {info!r:.80}")
    return {**info, "pid": connection.process.pid}


@_on(messages.Attach)
def _attach(caller: Caller, message: messages.Attach, frames: list[bytes]) -> None:
    board = caller.board(message.space)
    if message.kind is None:
        board.detach(message.role, message.epoch, message.mask)
    else:
        board.attach(message.role, message.epoch, message.mask, _trigger(message.kind), caller.registry.now)
    caller.answer(messages.Done(message.call))


@_on(messages.Running)
def _running(caller: Caller, message: messages.Running, frames: list[bytes]) -> None:
    caller.board(message.space).running(message.role, message.epoch, caller.registry.now)
    caller.answer(messages.Done(message.call))


@_on(messages.Collect)
def _collect(caller: Caller, message: messages.Collect, frames: list[bytes]) -> None:
    caller.board(message.space).collect(message.role, message.epoch)
    caller.outbox.deliver()
    caller.answer(messages.Done(message.call))


@_on(messages.Leave)
def _leave(caller: Caller, message: messages.Leave, frames: list[bytes]) -> None:
    state = message.state if message.state in ("stopped", "failed") else "gone"
    board = caller.board(message.space)
    board.vacate(message.role, message.epoch, state, caller.registry.now, message.error)
    acting = board.seats.get(message.role)
    if acting is not None:
        board.seats.leave(acting)
    caller.outbox.deliver()  # a predecessor may have to act again
    caller.answer(messages.Done(message.call))


@_on(messages.RequestSwap)
def _swap(caller: Caller, message: messages.RequestSwap, frames: list[bytes]) -> None:
    wish = Wish(message.spec, message.settings, message.force, message.fresh, Limits.of(message.limits))
    number = caller.board(message.space).swaps.request(message.role, wish, caller.registry.now)
    caller.outbox.deliver()
    caller.answer(messages.Numbered(message.call, number))


@_on(messages.StandBy)
def _stand_by(caller: Caller, message: messages.StandBy, frames: list[bytes]) -> None:
    if caller.connection.seat is not None:
        raise AgentspaceError(f"this caller.connection already is for role {caller.connection.seat.role!r}")
    info = _introduction(caller.connection, frames)
    board = caller.board(message.space)
    number = board.swaps.stand_by(message.role, message.number, info, caller.registry.now)
    board.seats.take(caller.connection, Seat(message.space, message.role, number, Part.STANDS_BY))
    caller.answer(messages.Numbered(message.call, number))


@_on(messages.Prepared)
def _prepared(caller: Caller, message: messages.Prepared, frames: list[bytes]) -> None:
    info = _introduction(caller.connection, frames)
    caller.board(message.space).swaps.prepared(message.role, message.number, info, caller.registry.now)
    caller.answer(messages.Done(message.call))
    caller.outbox.deliver()


@_on(messages.SuccessorLost)
def _successor_lost(caller: Caller, message: messages.SuccessorLost, frames: list[bytes]) -> None:
    board = caller.board(message.space)
    board.swaps.successor_lost(message.role, message.number, message.why, caller.registry.now)
    if caller.connection.seat is not None and caller.connection.seat.part is Part.STANDS_BY:
        board.seats.leave(caller.connection)
    caller.outbox.deliver()
    caller.answer(messages.Done(message.call))


@_on(messages.HandOver)
def _hand_over(caller: Caller, message: messages.HandOver, frames: list[bytes]) -> None:
    try:
        step = Step(message.step)
    except ValueError:
        raise ProtocolError(f"{message.step!r:.40} is no step of a swap; there are: {', '.join(Step)}") from None
    state = _state(caller.process, message.kept, frames)
    board = caller.board(message.space)
    board.swaps.handed_over(message.role, message.epoch, step, state, message.error, caller.registry.now)
    caller.outbox.deliver()


@_on(messages.Follow)
def _watch(caller: Caller, message: messages.Follow, frames: list[bytes]) -> None:
    caller.registry.end_watch(caller.connection)
    board = caller.board(message.space)
    number = board.watch(message.mask, _trigger(message.kind), message.known, caller.registry.now)
    caller.connection.watch = (board, number)
    if Mask(message.mask).exact:
        board.note_read(message.mask, caller.connection.reader(message.space))
    caller.registry.watchers[board.name, number] = caller.connection
    caller.answer(messages.Done(message.call))


@_on(messages.Seen)
def _seen(caller: Caller, message: messages.Seen, frames: list[bytes]) -> None:
    if caller.connection.watch is not None:
        caller.connection.watch[0].seen(caller.connection.watch[1], message.batch)


@_on(messages.Release)
def _release(caller: Caller, message: messages.Release, frames: list[bytes]) -> None:
    caller.process.release(ident for ident in message.segments if type(ident) is int)


@_on(messages.Beat)
def _beat(caller: Caller, message: messages.Beat, frames: list[bytes]) -> None:
    caller.outbox.deliver()  # what was accepted before comes before the answer: a watcher may wait for it
    caller.answer(messages.Done(message.call))


@_on(messages.Bye)
def _bye(caller: Caller, message: messages.Bye, frames: list[bytes]) -> None:
    caller.registry.drop(caller.process, None)


@_on(messages.HangUp)
def _hang_up(caller: Caller, message: messages.HangUp, frames: list[bytes]) -> None:
    caller.answer(messages.Done(message.call))
    caller.registry.hang_up(caller.connection)


@_on(messages.Stop)
def _stop(caller: Caller, message: messages.Stop, frames: list[bytes]) -> None:
    if message.role == "*":
        caller.registry.stop_at = caller.registry.now + caller.registry.lease
        filled = [(b.name, r.name) for b in caller.registry.boards.values() for r in b.roles.values() if r.filled]
    else:
        filled = [(message.space, message.role)]
    for space, role in filled:
        caller.registry.board(space).request_stop(role, caller.registry.now)
        caller.outbox.deliver()  # who acts, after a swap that ends with this
        acting = caller.registry.board(space).seats.get(role)
        if acting is not None:
            caller.outbox.send(acting, messages.Stopping())
    caller.registry.publish()
    caller.answer(messages.Done(message.call))


def _stored(process: ClientProcess, refs: list[Any], frames: list[bytes]) -> Stored:
    """A value that came in, checked to the last byte, so that no reader can be harmed by it."""
    if len(frames) != 1:
        raise ProtocolError(f"a value is one frame, not {len(frames)}")
    if refs and not process.shares:
        raise ProtocolError("this client cannot share memory with the server")
    loans = []
    for ref in refs:
        match ref:
            case [int(number), int(fd), int(size), int(nbytes)]:
                loans.append(process.ledger.borrow(number, fd, size, nbytes))
            case _:
                raise ProtocolError(f"not a payload descriptor: {ref!r:.80}")
    stored = Stored(frames[0], tuple(loans))
    stored.validate()
    return stored


def _state(process: ClientProcess, kept: list[Any] | None, frames: list[bytes]) -> State[Stored] | None:
    """A state that came with the last frame."""
    match kept:
        case None:
            return None
        case [int(version), list(refs)]:
            return State(version, _stored(process, refs, frames[-1:]))
    raise ProtocolError(f"not a state: {kept!r:.80}")


def _unpack_act(process: ClientProcess, act: Value, frames: list[bytes]) -> Put[Stored] | Erase:
    match act:
        case [
            str(name),
            None | float() | int() as lasts,
            float() | int() as priority,
            float() | int() as delay,
            list(refs),
        ]:
            return Put(name, _stored(process, refs, [frames.pop(0)] if frames else []), lasts, priority, delay)
        case [str(name), float() | int() as priority, None | float() | int() as lasts]:
            return Erase(name, priority, lasts)
    raise ProtocolError(f"not an act: {act!r:.80}")


def _trigger(kind: str) -> Trigger:
    try:
        return Trigger(kind)
    except ValueError:
        raise ProtocolError(f"{kind!r:.40} is not a kind of trigger; there are: {', '.join(Trigger)}") from None
