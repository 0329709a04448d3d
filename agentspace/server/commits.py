"""The commits of handlers: read and checked in steps if they are large, and carried out at once all the same.

A commit is whole or not at all. So what can be done before its acts is done before; what is over is let go after.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Final

from agentspace.core.board import Board
from agentspace.core.change import Batch, Refused
from agentspace.core.role import State
from agentspace.core.slot import Erase, Put
from agentspace.server.caller import Caller
from agentspace.server.contents import act_in, state_in
from agentspace.wire import from_client, from_server
from agentspace.wire.format import pack_decision
from agentspace.wire.gradual import SMALL
from agentspace.wire.parcel import Stored

Job = Generator[None]  #: what is to be done yet, in steps; see `agentspace.server.jobs`
FEW: Final = 32  #: acts that are read at once
_AT_ONCE: Final = 256  # changes that are let go at once


def checked(values: Iterable[Stored], then: Callable[[], Job | None]) -> Job:
    """Does something when values have been checked."""
    for stored in values:
        yield from stored.validating()
    yield from then() or ()


def commit(caller: Caller, message: from_client.Commit, frames: list[bytes]) -> Job | None:
    """Carries a commit out, if it is small; else gives its job."""
    if len(message.acts) > FEW or sum(map(len, frames)) > SMALL:
        return _committing(caller, message, frames)
    board, process = caller.filling(message), caller.process
    supply = iter(frames)
    acts = [act_in(process, act, supply) for act in message.acts]
    state = None if message.kept is None else state_in(process, message.kept, frames)
    if not process.share.fits:
        caller.check_room(message.space, acts, message.role if state else "")
    for act in acts:
        if isinstance(act, Put):
            act.value.validate()
    if state is not None:
        state.value.validate()
    return _commit_now(caller, message, board, acts, state)


def _committing(caller: Caller, message: from_client.Commit, frames: list[bytes]) -> Job:
    """The steps of a large commit; the last one carries it out."""
    supply, acts = iter(frames), list[Put[Stored] | Erase]()
    board = caller.filling(message)
    for act in message.acts:
        acts.append(act_in(caller.process, act, supply))
        board.present.expect(acts[-1].name)
        if not len(acts) % FEW:
            yield
    state = None if message.kept is None else state_in(caller.process, message.kept, frames)
    if not caller.process.share.fits:
        caller.check_room(message.space, acts, message.role if state else "")
    values = [act.value for act in acts if isinstance(act, Put)]
    yield from checked(values if state is None else [*values, state.value], lambda: None)
    yield from _commit_now(caller, message, caller.filling(message), acts, state) or ()


def _commit_now(
    caller: Caller,
    message: from_client.Commit,
    board: Board[Stored],
    acts: list[Put[Stored] | Erase],
    state: State[Stored] | None,
) -> Job | None:
    """Carries a commit out; a job, if it takes longer to tell of it, or if much is over with it."""
    now, mailbox, missed = caller.registry.now, board.roles[message.role].mailbox, max(0, message.missed)
    handled = mailbox.outstanding
    decisions = board.commit(message.role, message.epoch, message.ack, acts, now, state, missed, message.took)
    caller.outbox.deliver()
    answer = None
    if decisions and Refused in map(type, decisions):
        packed = [pack_decision(decision) for decision in decisions]
        answer = caller.answer_last(from_server.Decided(message.call, packed))
    if handled is not None and handled is not mailbox.outstanding and len(handled.changed) > _AT_ONCE:
        return _letting_go(answer or (), handled)
    return answer


def _letting_go(answer: Iterable[None], handled: Batch[Stored]) -> Job:
    """The steps after which nothing is left of a batch that was handled: values that were written over since."""
    yield from answer
    while handled.changed or handled.values:
        for _ in range(min(_AT_ONCE, len(handled.changed))):
            handled.changed.popitem()
        for _ in range(min(_AT_ONCE, len(handled.values))):
            handled.values.pop()
        yield
