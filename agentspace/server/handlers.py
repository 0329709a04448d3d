"""The handlers of a server, one for each message of a client.

What may take longer than others should wait is returned as a job. Until it has checked what came, nothing is done;
what was true when it began may be so no more.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

from agentspace.core.board import Board
from agentspace.core.change import Change, Writer
from agentspace.core.life import ORDERS
from agentspace.core.role import Beginning
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import Erase, Put
from agentspace.core.swap import Limits, Step, Wish
from agentspace.core.values.introduction import check_introduction
from agentspace.core.values.masks import Mask
from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError
from agentspace.server.audited import note_order
from agentspace.server.caller import Caller
from agentspace.server.clients import ClientConnection
from agentspace.server.commits import Job, checked, commit
from agentspace.server.contents import plain_in, state_in, stored_in, trigger_in
from agentspace.wire import from_client, from_server
from agentspace.wire.format import Message, pack_decision
from agentspace.wire.gradual import SMALL
from agentspace.wire.parcel import Stored

_Handler = Callable[[Caller, Any, list[bytes]], Job | None]
_H = TypeVar("_H", bound=_Handler)
HANDLERS: dict[type[Message], _Handler] = {}
_MANY: Final = 1024  # segments that are released at once


def on(kind: type[Message]) -> Callable[[_H], _H]:
    """Makes a function the handler of a message."""

    def register(handler: _H) -> _H:
        HANDLERS[kind] = handler
        return handler

    return register


on(from_client.Commit)(commit)


@on(from_client.Write)
def _write(caller: Caller, message: from_client.Write, frames: list[bytes]) -> Job | None:
    stored = stored_in(caller.process, message.refs, frames)
    put = Put(message.name, stored, message.validity, message.priority, message.delay)
    if not caller.process.share.fits:
        caller.check_room(message.space, (put,))
    if len(stored.data) > SMALL:
        return checked([stored], lambda: _act(caller, message, put))
    stored.validate()
    return _act(caller, message, put)


@on(from_client.Delete)
def _delete(caller: Caller, message: from_client.Delete, frames: list[bytes]) -> Job | None:
    return _act(caller, message, Erase(message.name, message.priority, message.validity))


def _act(caller: Caller, message: from_client.Write | from_client.Delete, act: Put[Stored] | Erase) -> Job | None:
    caller.connection.check_order(caller.registry.real)
    if message.epoch:
        board, writer = caller.filling(message), Writer(message.role, message.epoch)
        board.roles.check(message.role, message.epoch)
    else:
        board, writer = caller.board(message.space), Writer(caller.process.name)
    decision = board.apply(act, writer, caller.registry.now)
    if message.name.startswith(ORDERS):
        note_order(caller.registry.audit, caller.process, act)
    caller.outbox.deliver()  # whom it wakes comes before who wrote it
    return caller.answer_last(from_server.Decided(message.call, [pack_decision(decision)]))


@on(from_client.Read)
def _read(caller: Caller, message: from_client.Read, frames: list[bytes]) -> Job | None:
    board = caller.board(message.space)
    if message.held:
        return _read_all(caller, board, message)
    change = board.read(message.mask, caller.registry.now)
    board.note_read(message.mask, caller.connection.reader(message.space))
    changes = [] if change is None else [change]
    if not caller.process.shares and any(map(caller.outbox.is_large, changes)):
        return _telling(caller, message.call, changes)
    heads, values = caller.outbox.pack(caller.process, changes)
    caller.answer(from_server.Entries(message.call, heads), values)
    return None


def _read_all(caller: Caller, board: Board[Stored], message: from_client.Read) -> Job:
    yield from caller.outbox.clearing(caller.connection)
    found = yield from board.present.gathering(message.mask, caller.registry.now)
    yield from caller.outbox.telling(caller.connection, from_server.Entries, (message.call,), found)


def _telling(caller: Caller, call: int, changes: list[Change[Stored]]) -> Job:
    yield from caller.outbox.clearing(caller.connection)
    yield from caller.outbox.telling(caller.connection, from_server.Entries, (call,), changes)


@on(from_client.Join)
def _join(caller: Caller, message: from_client.Join, frames: list[bytes]) -> Job:
    info = yield from _info(caller.connection, frames)
    board = caller.board(message.space)
    _check_free(caller, board, message.role)
    acting = board.seats.get(message.role)
    if acting is not None and _is_same(caller, acting, message.before):
        caller.registry.hang_up(acting)
    known = board.roles.get(message.role)
    was_asked = known is not None and known.stop_requested and 0 < known.epoch == message.before
    how = Beginning(message.fresh, tuple(message.settings or ()))
    role = board.claim(message.role, info, caller.registry.now, how)
    board.seats.take(caller.connection, Seat(message.space, message.role, role.epoch))
    caller.outbox.send_settings(caller.connection, 0, role.adjustments.given)
    kept, values = caller.outbox.pack_state(caller.process, role.kept)
    caller.answer(from_server.Joined(message.call, role.epoch, kept), values)
    if was_asked:  # to end, and has not heard it: it was cut off, or the server ended
        board.request_stop(message.role, caller.registry.now, role.epoch)
        caller.outbox.send(caller.connection, from_server.Stopping())


def _is_same(caller: Caller, acting: ClientConnection, epoch: int) -> bool:
    """Whether a process is back on another connection: the one on which it fills a role was cut off, unseen."""
    return acting.process is caller.process and acting.seat is not None and acting.seat.number == epoch


def _check_free(caller: Caller, board: Board[Stored], role: str) -> None:
    """Whether there can be a seat for a role at this connection."""
    connection, visitor = caller.connection, caller.process.visitor
    if visitor is not None and role in board.roles:
        visitor.check_hears(mask for mask, _ in board.roles[role].mailbox.attachments)
    if connection.seat is not None and connection.seat.part is not Part.STANDS_BY:
        raise AgentspaceError(f"this connection already fills role {connection.seat.role!r}")


def _info(connection: ClientConnection, frames: list[bytes]) -> Generator[None, None, dict[str, Any]]:
    info = yield from plain_in(connection.process, frames, "what a role says of itself")
    check_introduction(info)
    return {**info, "pid": connection.process.pid}


@on(from_client.Attach)
def _attach(caller: Caller, message: from_client.Attach, frames: list[bytes]) -> Job:
    board, kind = caller.filling(message), message.kind
    if kind is None:
        board.detach(message.role, message.epoch, message.mask)
    else:
        trigger, now = (message.mask, trigger_in(kind)), caller.registry.now
        yield from board.attaching(message.role, message.epoch, *trigger, now, message.known or ())
    caller.answer(from_server.Done(message.call))


@on(from_client.Running)
def _running(caller: Caller, message: from_client.Running, frames: list[bytes]) -> Job:
    info = (yield from _info(caller.connection, frames)) if frames else None  # clients of before said it only once
    caller.filling(message).running(message.role, message.epoch, caller.registry.now, info)
    caller.answer(from_server.Done(message.call))


@on(from_client.Collect)
def _collect(caller: Caller, message: from_client.Collect, frames: list[bytes]) -> Job | None:
    caller.filling(message).collect(message.role, message.epoch)
    caller.outbox.deliver_collected(message.space, message.role)
    return caller.answer_last(from_server.Done(message.call))


@on(from_client.Leave)
def _leave(caller: Caller, message: from_client.Leave, frames: list[bytes]) -> None:
    state = message.state if message.state in ("stopped", "failed") else "gone"
    board = caller.filling(message)
    role = board.roles.check(message.role, message.epoch)
    role.exit_code, role.signal = message.code, message.signal
    board.vacate(message.role, message.epoch, state, caller.registry.now, message.error)
    acting = board.seats.get(message.role)
    if acting is not None:
        board.seats.leave(acting)
    caller.outbox.deliver()  # a predecessor may have to act again
    caller.answer(from_server.Done(message.call))


@on(from_client.AtFault)
def _at_fault(caller: Caller, message: from_client.AtFault, frames: list[bytes]) -> None:
    caller.filling(message).roles.check(message.role, message.epoch).at = message.batch


@on(from_client.RequestSwap)
def _swap(caller: Caller, message: from_client.RequestSwap, frames: list[bytes]) -> None:
    caller.connection.check_order(caller.registry.real)
    wish = Wish(message.spec, message.settings, message.force, message.fresh, Limits.of(message.limits))
    board = caller.board(message.space)
    if message.role not in board.roles and message.role in board.launched():
        board.swaps.expect(message.role)  # its launch could not start it, or it waits
    number = board.swaps.request(message.role, wish, caller.registry.now)
    caller.outbox.deliver()
    caller.answer(from_server.Numbered(message.call, number))


@on(from_client.StandBy)
def _stand_by(caller: Caller, message: from_client.StandBy, frames: list[bytes]) -> Job:
    info = yield from _info(caller.connection, frames)
    if caller.connection.seat is not None:
        raise AgentspaceError(f"this connection already is for role {caller.connection.seat.role!r}")
    board = caller.board(message.space)
    _check_free(caller, board, message.role)
    number = board.swaps.stand_by(message.role, message.number, info, caller.registry.now, fresh=message.fresh)
    board.seats.take(caller.connection, Seat(message.space, message.role, number, Part.STANDS_BY))
    caller.answer(from_server.Numbered(message.call, number))


@on(from_client.Prepared)
def _prepared(caller: Caller, message: from_client.Prepared, frames: list[bytes]) -> Job:
    info = yield from _info(caller.connection, frames)
    board = caller.board(message.space)
    standing = board.seats.get(message.role, Part.STANDS_BY)
    if standing is not None and standing.process is not caller.process:
        raise FencedError(f"another process stands by for role {message.role!r}")
    _check_free(caller, board, message.role)
    board.swaps.prepared(message.role, message.number, info, caller.registry.now)
    caller.answer(from_server.Done(message.call))
    caller.outbox.deliver()


@on(from_client.SuccessorLost)
def _successor_lost(caller: Caller, message: from_client.SuccessorLost, frames: list[bytes]) -> None:
    board = caller.board(message.space)
    board.swaps.successor_lost(message.role, message.number, message.why, caller.registry.now)
    if caller.connection.seat is not None and caller.connection.seat.part is Part.STANDS_BY:
        board.seats.leave(caller.connection)
    caller.outbox.deliver()
    caller.answer(from_server.Done(message.call))


@on(from_client.Configure)
def _configure(caller: Caller, message: from_client.Configure, frames: list[bytes]) -> Job:
    settings = yield from plain_in(caller.process, frames, "what is set")
    board = caller.board(message.space)
    number, values = board.settings.ask(message.role, settings, caller.registry.now)
    acting = board.seats.get(message.role)
    if acting is not None:
        caller.outbox.send_settings(acting, number, values)
    caller.outbox.deliver()
    caller.answer(from_server.Numbered(message.call, number))


@on(from_client.Configured)
def _configured(caller: Caller, message: from_client.Configured, frames: list[bytes]) -> None:
    board, now = caller.filling(message), caller.registry.now
    board.settings.answered(message.role, message.epoch, message.number, message.error, now)
    caller.outbox.deliver()


@on(from_client.HandOver)
def _hand_over(caller: Caller, message: from_client.HandOver, frames: list[bytes]) -> Job:
    try:
        step = Step(message.step)
    except ValueError:
        raise ProtocolError(f"{message.step!r:.40} is no step of a swap; there are: {', '.join(Step)}") from None
    state, why = state_in(caller.process, message.kept, frames), message.error
    if state is not None:
        try:
            caller.check_room(message.space, role=message.role)
        except LimitError as error:  # then the swap is over
            state, why = None, f"cannot hand over what it knows: {error}"
    if state is not None:
        yield from state.value.validating()
    board = caller.filling(message)
    board.swaps.handed_over(message.role, message.epoch, step, state, why, caller.registry.now)
    caller.outbox.deliver()


@on(from_client.Follow)
def _watch(caller: Caller, message: from_client.Follow, frames: list[bytes]) -> Job:
    caller.registry.end_watch(caller.connection)
    board = caller.board(message.space)
    kind, now = trigger_in(message.kind), caller.registry.now
    number, steps = board.present.watching(message.mask, kind, message.known, now)
    caller.connection.watch = (board, number)
    if Mask(message.mask).exact:
        board.note_read(message.mask, caller.connection.reader(message.space))
    caller.registry.watchers[board.name, number] = caller.connection
    yield from steps
    caller.answer(from_server.Done(message.call))


@on(from_client.Seen)
def _seen(caller: Caller, message: from_client.Seen, frames: list[bytes]) -> None:
    if caller.connection.watch is not None:
        caller.connection.watch[0].seen(caller.connection.watch[1], message.batch)


@on(from_client.Release)
def _release(caller: Caller, message: from_client.Release, frames: list[bytes]) -> Job:
    for at in range(0, len(message.segments), _MANY):
        caller.process.release(i for i in message.segments[at : at + _MANY] if type(i) is int)
        yield


@on(from_client.Beat)
def _beat(caller: Caller, message: from_client.Beat, frames: list[bytes]) -> Job | None:
    caller.outbox.deliver()  # what was accepted before comes before the answer: a watcher may wait for it
    return caller.echo_last(from_server.Done(message.call))


@on(from_client.Bye)
def _bye(caller: Caller, message: from_client.Bye, frames: list[bytes]) -> None:
    caller.registry.drop(caller.process, None)


@on(from_client.HangUp)
def _hang_up(caller: Caller, message: from_client.HangUp, frames: list[bytes]) -> None:
    caller.outbox.part(caller.connection, from_server.Done(message.call))
    caller.registry.hang_up(caller.connection)


@on(from_client.Before)
def _before(caller: Caller, message: from_client.Before, frames: list[bytes]) -> None:
    caller.connection.before = message.time


@on(from_client.Stop)
def _stop(caller: Caller, message: from_client.Stop, frames: list[bytes]) -> Job:
    caller.connection.check_order(caller.registry.real)
    if message.role == "*":
        caller.registry.stop_at = caller.registry.real + caller.registry.lease
        boards = caller.registry.boards.values()
        roles = [(board.name, role) for board in boards for role in board.roles if board.roles[role].is_wanted]
    else:
        roles = [(message.space, message.role)]
    for space, role in roles:
        if message.role == "*" and role not in caller.registry.board(space).roles:
            continue  # forgotten meanwhile
        caller.registry.board(space).request_stop(role, caller.registry.now, message.epoch)
        caller.outbox.deliver()  # who acts, after a swap that ends with this
        acting = caller.registry.board(space).seats.get(role)
        if acting is not None:
            caller.outbox.send(acting, from_server.Stopping())
        yield
    yield from caller.registry.publishing()
    caller.answer(from_server.Done(message.call))
