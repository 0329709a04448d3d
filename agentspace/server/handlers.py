"""What a server does with each message of a client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import zmq

from agentspace.core.board import Erase, Put
from agentspace.core.mailbox import Mask, Trigger
from agentspace.core.role import Kept
from agentspace.core.slot import Refused, Writer
from agentspace.core.swap import Party, Step, Wish, limits
from agentspace.core.value import Value
from agentspace.errors import AgentspaceError, FencedError, ProtocolError
from agentspace.server.clients import Client, Peer, Seat, Stored
from agentspace.server.registry import Hub, Key
from agentspace.wire import messages

_Handler = Callable[[Hub, Peer, Any, list[bytes]], None]
_H = TypeVar("_H", bound=_Handler)
_HANDLERS: dict[type[messages.Message], _Handler] = {}
_log = logging.getLogger("agentspace.server")


def serve(hub: Hub, key: Key, socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
    """Handles one message; whatever is wrong with it is told to its sender and harms nobody else."""
    call = 0
    try:
        message = messages.parse(frames[0] if frames else b"")
        call = getattr(message, "call", 0)
        if isinstance(message, messages.Hello):
            hub.welcome(key, socket, message)
            return
        peer = hub.peers.get(key)
        if peer is None:
            raise FencedError(
                "this connection is unknown here: the server was restarted or the client fell silent"
            )
        peer.client.silent_since = hub.now
        if not isinstance(message, messages.Beat):
            peer.client.voice = peer
        handler = _HANDLERS.get(type(message))
        if handler is None:
            raise ProtocolError(f"{type(message).__name__} goes from server to client only")
        handler(hub, peer, message, frames[1:])
    except AgentspaceError as error:
        hub.fail(socket, key[1], call, error)
    except Exception as error:
        _log.exception("internal error")
        hub.fail(socket, key[1], call, AgentspaceError(f"internal error of the server: {error!r}"))


def _on(kind: type[messages.Message]) -> Callable[[_H], _H]:
    def register(handler: _H) -> _H:
        _HANDLERS[kind] = handler
        return handler

    return register


@_on(messages.Write)
def _write(hub: Hub, peer: Peer, message: messages.Write, frames: list[bytes]) -> None:
    stored = _stored(peer.client, message.refs, frames)
    _act(hub, peer, message, Put(message.name, stored, message.validity, message.priority, message.delay))


@_on(messages.Delete)
def _delete(hub: Hub, peer: Peer, message: messages.Delete, frames: list[bytes]) -> None:
    _act(hub, peer, message, Erase(message.name, message.priority, message.validity))


def _act(hub: Hub, peer: Peer, message: messages.Write | messages.Delete, act: Put[Stored] | Erase) -> None:
    board = hub.board(message.space)
    writer = Writer(peer.client.name)
    if message.epoch:
        board.check(message.role, message.epoch)
        writer = Writer(message.role, message.epoch)
    decision = board.apply(act, writer, hub.now)
    hub.deliver()  # whom it wakes comes before who wrote it
    hub.send(peer, messages.Decided(message.call, [messages.pack_decision(decision)]))


@_on(messages.Commit)
def _commit(hub: Hub, peer: Peer, message: messages.Commit, frames: list[bytes]) -> None:
    board = hub.board(message.space)
    board.check(message.role, message.epoch).missed += max(0, message.missed)
    rest = list(frames)
    acts = [_unpack_act(peer.client, act, rest) for act in message.acts]
    kept = _kept(peer.client, message.kept, rest)
    decisions = board.commit(message.role, message.epoch, message.ack, acts, hub.now, kept)
    hub.deliver()
    if any(isinstance(decision, Refused) for decision in decisions):
        hub.send(
            peer, messages.Decided(message.call, [messages.pack_decision(decision) for decision in decisions])
        )


@_on(messages.Read)
def _read(hub: Hub, peer: Peer, message: messages.Read, frames: list[bytes]) -> None:
    board = hub.board(message.space)
    if message.held:
        slots = board.snapshot(message.mask, hub.now)
        changes = [slot.change for slot in slots if slot.change is not None]
    else:
        change = board.read(message.mask, hub.now)
        board.note_read(message.mask, peer.reader(message.space))
        changes = [] if change is None else [change]
    heads, values = hub.pack(peer.client, changes)
    hub.send(peer, messages.Entries(message.call, heads), values)


@_on(messages.Join)
def _join(hub: Hub, peer: Peer, message: messages.Join, frames: list[bytes]) -> None:
    info = _introduction(peer, frames)
    role = hub.board(message.space).claim(message.role, info, hub.now)
    hub.seat(peer, Seat(message.space, message.role, role.epoch))
    kept, values = hub.pack_kept(peer.client, role.kept)
    hub.send(peer, messages.Joined(message.call, role.epoch, kept), values)


def _introduction(peer: Peer, frames: list[bytes]) -> dict[str, Any]:
    """What an incarnation says of itself, for a seat at this connection."""
    if peer.seat is not None and peer.seat.party is not Party.STANDS_BY:
        raise AgentspaceError(f"this connection already fills role {peer.seat.role!r}")
    info = _stored(peer.client, [], frames).value()
    if type(info) is not dict:
        raise ProtocolError(f"what a role says of itself is a dict, not {info!r:.80}")
    return {**info, "pid": peer.client.pid}


@_on(messages.Attach)
def _attach(hub: Hub, peer: Peer, message: messages.Attach, frames: list[bytes]) -> None:
    board = hub.board(message.space)
    if message.kind is None:
        board.detach(message.role, message.epoch, message.mask)
    else:
        board.attach(message.role, message.epoch, message.mask, _trigger(message.kind), hub.now)
    hub.send(peer, messages.Done(message.call))


@_on(messages.Running)
def _running(hub: Hub, peer: Peer, message: messages.Running, frames: list[bytes]) -> None:
    hub.board(message.space).running(message.role, message.epoch, hub.now)
    hub.send(peer, messages.Done(message.call))


@_on(messages.Collect)
def _collect(hub: Hub, peer: Peer, message: messages.Collect, frames: list[bytes]) -> None:
    hub.board(message.space).collect(message.role, message.epoch)
    hub.deliver()
    hub.send(peer, messages.Done(message.call))


@_on(messages.Leave)
def _leave(hub: Hub, peer: Peer, message: messages.Leave, frames: list[bytes]) -> None:
    state = message.state if message.state in ("stopped", "failed") else "gone"
    hub.board(message.space).vacate(message.role, message.epoch, state, hub.now, message.error)
    seated = hub.seats.get((message.space, message.role, Party.ACTS))
    if seated is not None:
        hub.unseat(seated)
    hub.deliver()  # a predecessor may have to act again
    hub.send(peer, messages.Done(message.call))


@_on(messages.Swap)
def _swap(hub: Hub, peer: Peer, message: messages.Swap, frames: list[bytes]) -> None:
    wish = Wish(message.spec, message.settings, message.force, message.fresh, limits(message.limits))
    number = hub.board(message.space).swaps.request(message.role, wish, hub.now)
    hub.deliver()
    hub.send(peer, messages.Numbered(message.call, number))


@_on(messages.StandBy)
def _stand_by(hub: Hub, peer: Peer, message: messages.StandBy, frames: list[bytes]) -> None:
    if peer.seat is not None:
        raise AgentspaceError(f"this connection already is for role {peer.seat.role!r}")
    info = _introduction(peer, frames)
    number = hub.board(message.space).swaps.stand_by(message.role, message.number, info, hub.now)
    hub.seat(peer, Seat(message.space, message.role, number, Party.STANDS_BY))
    hub.send(peer, messages.Numbered(message.call, number))


@_on(messages.Prepared)
def _prepared(hub: Hub, peer: Peer, message: messages.Prepared, frames: list[bytes]) -> None:
    info = _introduction(peer, frames)
    hub.board(message.space).swaps.prepared(message.role, message.number, info, hub.now)
    hub.send(peer, messages.Done(message.call))
    hub.deliver()


@_on(messages.GiveUp)
def _give_up(hub: Hub, peer: Peer, message: messages.GiveUp, frames: list[bytes]) -> None:
    hub.board(message.space).swaps.give_up(message.role, message.number, message.why, hub.now)
    if peer.seat is not None and peer.seat.party is Party.STANDS_BY:
        hub.unseat(peer)
    hub.deliver()
    hub.send(peer, messages.Done(message.call))


@_on(messages.Yield)
def _yield(hub: Hub, peer: Peer, message: messages.Yield, frames: list[bytes]) -> None:
    try:
        step = Step(message.step)
    except ValueError:
        raise ProtocolError(f"{message.step!r:.40} is no step of a swap; there are: {', '.join(Step)}") from None
    kept = _kept(peer.client, message.kept, list(frames))
    hub.board(message.space).swaps.yielded(message.role, message.epoch, step, kept, message.error, hub.now)
    hub.deliver()


@_on(messages.Watch)
def _watch(hub: Hub, peer: Peer, message: messages.Watch, frames: list[bytes]) -> None:
    hub.end_watch(peer)
    board = hub.board(message.space)
    number = board.watch(message.mask, _trigger(message.kind), message.known, hub.now)
    peer.watch = (board, number)
    if Mask(message.mask).exact:
        board.note_read(message.mask, peer.reader(message.space))
    hub.watchers[board.name, number] = peer
    hub.send(peer, messages.Done(message.call))


@_on(messages.Seen)
def _seen(hub: Hub, peer: Peer, message: messages.Seen, frames: list[bytes]) -> None:
    if peer.watch is not None:
        peer.watch[0].seen(peer.watch[1], message.batch)


@_on(messages.Release)
def _release(hub: Hub, peer: Peer, message: messages.Release, frames: list[bytes]) -> None:
    peer.client.release(ident for ident in message.segments if type(ident) is int)


@_on(messages.Beat)
def _beat(hub: Hub, peer: Peer, message: messages.Beat, frames: list[bytes]) -> None:
    hub.send(peer, messages.Done(message.call))


@_on(messages.Bye)
def _bye(hub: Hub, peer: Peer, message: messages.Bye, frames: list[bytes]) -> None:
    hub.drop(peer.client, None)


@_on(messages.HangUp)
def _hang_up(hub: Hub, peer: Peer, message: messages.HangUp, frames: list[bytes]) -> None:
    hub.send(peer, messages.Done(message.call))
    hub.hang_up(peer)


@_on(messages.Stop)
def _stop(hub: Hub, peer: Peer, message: messages.Stop, frames: list[bytes]) -> None:
    if message.role == "*":
        hub.stop_at = hub.now + hub.lease
        filled = [(b.name, r.name) for b in hub.boards.values() for r in b.roles.values() if r.filled]
    else:
        filled = [(message.space, message.role)]
    for space, role in filled:
        hub.board(space).request_stop(role, hub.now)
        hub.deliver()  # who acts, after a swap that ends with this
        seated = hub.seats.get((space, role, Party.ACTS))
        if seated is not None:
            hub.send(seated, messages.Stopping())
    hub.publish()
    hub.send(peer, messages.Done(message.call))


def _stored(client: Client, refs: list[Any], frames: list[bytes]) -> Stored:
    """A value that came in, checked to the last byte, so that no reader can be harmed by it."""
    if len(frames) != 1:
        raise ProtocolError(f"a value is one frame, not {len(frames)}")
    if refs and not client.shares:
        raise ProtocolError("this client cannot share memory with the server")
    loans = []
    for ref in refs:
        match ref:
            case [int(number), int(fd), int(size), int(nbytes)]:
                loans.append(client.ledger.borrow(number, fd, size, nbytes))
            case _:
                raise ProtocolError(f"not a payload descriptor: {ref!r:.80}")
    stored = Stored(frames[0], tuple(loans))
    stored.validate()
    return stored


def _kept(client: Client, kept: list[Any] | None, frames: list[bytes]) -> Kept[Stored] | None:
    """A state that came with the last frame."""
    match kept:
        case None:
            return None
        case [int(version), list(refs)]:
            return Kept(version, _stored(client, refs, frames[-1:]))
    raise ProtocolError(f"not a state: {kept!r:.80}")


def _unpack_act(client: Client, act: Value, frames: list[bytes]) -> Put[Stored] | Erase:
    match act:
        case [
            str(name),
            None | float() | int() as lasts,
            float() | int() as priority,
            float() | int() as delay,
            list(refs),
        ]:
            return Put(name, _stored(client, refs, [frames.pop(0)] if frames else []), lasts, priority, delay)
        case [str(name), float() | int() as priority, None | float() | int() as lasts]:
            return Erase(name, priority, lasts)
    raise ProtocolError(f"not an act: {act!r:.80}")


def _trigger(kind: str) -> Trigger:
    try:
        return Trigger(kind)
    except ValueError:
        raise ProtocolError(f"{kind!r:.40} is not a kind of trigger; there are: {', '.join(Trigger)}") from None
