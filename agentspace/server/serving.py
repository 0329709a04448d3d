"""The serving of one message: it is read, handled, and answered if something is wrong with it."""

import contextlib
import logging
from typing import Final

from agentspace.errors import AgentspaceError, FencedError, LimitError, ProtocolError
from agentspace.server.audited import NOTED, note_done, note_refused
from agentspace.server.caller import Caller
from agentspace.server.commits import Job
from agentspace.server.handlers import HANDLERS
from agentspace.server.keyring import Visitor
from agentspace.server.lines import ClientLine, Key
from agentspace.server.outbox import Outbox
from agentspace.server.registry import Registry
from agentspace.wire import from_client
from agentspace.wire.format import Message, call_of, parse, parsing
from agentspace.wire.memory import NO_MEMORY

LONG: Final = 1 << 15  #: bytes of a header that is not read at once
LONGEST: Final = 32 << 20  #: bytes of a header: who follows all slots of a space says which ones it knows
_LONG_ONES: Final = frozenset(
    {from_client.Attach, from_client.Commit, from_client.Follow, from_client.Release, from_client.Leave}
)
_LONG_OTHERS: Final = 4 << 20  # bytes of a header of others
_log = logging.getLogger("agentspace.server")


def serve(
    registry: Registry, outbox: Outbox, line: ClientLine, frames: list[bytes], visitor: Visitor | None = None
) -> None:
    """Handles one message; whatever is wrong with it is told to its sender and harms nobody else.

    Args:
        registry: The state of the server.
        outbox: Sends.
        line: On which it came.
        frames: Of the message.
        visitor: The sender, if it came in at the port.
    """
    header, call, message = frames[0] if frames else b"", -1, None
    try:
        if len(header) > LONG:
            if line.key not in registry.connections:
                raise ProtocolError(f"who has not introduced itself says {LONG} bytes at most, and values")
            call = call_of(header)
            job: Job | None = _reading(_caller(registry, outbox, line.key, visitor), frames)
        else:
            message = parse(header)
            if visitor is not None:
                visitor.check(message)
            if type(message) is from_client.Hello:
                outbox.send(*registry.meet(line, message, visitor))
                return
            job = _handle(_caller(registry, outbox, line.key, visitor), message, frames[1:])
    except Exception as error:
        call = getattr(message, "call", call if call >= 0 else call_of(header))
        _refuse(registry, outbox, line, message, call, error, visitor)
        return
    if job is not None:
        connection = registry.connections[line.key]
        caller = Caller(connection, connection.process, registry, outbox)
        call = getattr(message, "call", max(call, 0))
        registry.jobs.begin(connection, _guarded(caller, message, call, job), sum(map(len, frames)))


def _caller(registry: Registry, outbox: Outbox, key: Key, visitor: Visitor | None) -> Caller:
    connection = registry.connections.get(key)
    if connection is None or (registry.leaving and connection.process in registry.leaving):
        raise FencedError("this connection is unknown here: the server was restarted or the client fell silent")
    process = connection.process
    if visitor is not None:
        process.check_is(visitor)
    process.silent_since = registry.real
    return Caller(connection, process, registry, outbox)


def _handle(caller: Caller, message: Message, frames: list[bytes]) -> Job | None:
    kind = type(message)
    if kind is not from_client.Beat:
        caller.process.voice = caller.connection
    handler = HANDLERS.get(kind)
    if handler is None:
        raise ProtocolError(f"{kind.__name__} goes from server to client only")
    job = handler(caller, message, frames)
    if kind in NOTED:
        if job is not None:
            return _noting(caller, message, job)
        note_done(caller.registry.audit, caller.process, message)
    return job


def _noting(caller: Caller, message: Message, job: Job) -> Job:
    """A job that is noted when it is done."""
    yield from job
    note_done(caller.registry.audit, caller.process, message)


def _guarded(caller: Caller, message: Message | None, call: int, job: Job) -> Job:
    """A job; whatever is wrong with it is told to the sender of its message."""
    try:
        yield from job
    except Exception as error:
        line, visitor = caller.connection.line, caller.process.visitor
        _refuse(caller.registry, caller.outbox, line, message, call, error, visitor)


def _reading(caller: Caller, frames: list[bytes]) -> Job:
    """Reads a message whose header is long, and handles it."""
    header = frames[0]
    if len(header) > LONGEST:
        raise LimitError(f"a header has at most {LONGEST} bytes, not {len(header)}")
    message = yield from parsing(header)
    call = getattr(message, "call", 0)
    yield from _guarded(caller, message, call, _handling(caller, message, frames))


def _handling(caller: Caller, message: Message, frames: list[bytes]) -> Job:
    kind, size = type(message), len(frames[0])
    if size > _LONG_OTHERS and kind not in _LONG_ONES:
        raise LimitError(f"the header of {kind.__name__} has at most {_LONG_OTHERS} bytes, not {size}")
    if caller.process.visitor is not None:
        caller.process.visitor.check(message)
    yield from _handle(caller, message, frames[1:]) or ()


def _refuse(
    registry: Registry,
    outbox: Outbox,
    line: ClientLine,
    message: Message | None,
    call: int,
    error: Exception,
    visitor: Visitor | None,
) -> None:
    """Tells the sender of a message what is wrong with it."""
    if isinstance(error, MemoryError):
        error = LimitError(NO_MEMORY)
    if type(message) is from_client.Release and isinstance(error, FencedError):
        with contextlib.suppress(FencedError):
            registry.release(line.key, visitor, [ident for ident in message.segments if type(ident) is int])
    if isinstance(error, AgentspaceError):
        note_refused(registry.audit, registry.connections.get(line.key), visitor, message, error)
        outbox.fail(line, call, error)
    else:
        _log.error("internal error", exc_info=error)
        outbox.fail(line, call, AgentspaceError(f"internal error of the server: {error!r}"))
