"""What of the messages of clients goes into the audit log, and in whose name."""

import os
from typing import Any, Final

from agentspace.core.slot import Erase, Put
from agentspace.errors import FencedError, RightsError
from agentspace.server.audit import Audit
from agentspace.server.clients import ClientConnection, ClientProcess
from agentspace.server.keyring import Visitor
from agentspace.wire import from_client
from agentspace.wire.format import Message
from agentspace.wire.parcel import Stored

NOTED: Final = frozenset(
    {
        from_client.Join,
        from_client.Leave,
        from_client.StandBy,
        from_client.SuccessorLost,
        from_client.RequestSwap,
        from_client.Stop,
        from_client.Configure,
        from_client.Conduct,
    }
)
"""Messages that are noted when they were done, and when they were refused."""
_SMALL: Final = 1 << 12  # bytes of an order that is read
_ABOUT: Final = (
    "space",
    "role",
    "name",
    "mask",
    "spec",
    "state",
    "roles",
    "to",
)  # fields; never those with settings or values


def note_done(audit: Audit, process: ClientProcess, message: Message) -> None:
    """Notes a message that was carried out."""
    audit.note(type(message).__name__, who_is(process), _about(message))


def note_order(audit: Audit, process: ClientProcess, act: Put[Stored] | Erase) -> None:
    """Notes an order, or what becomes of one: it is a write."""
    told = act.value.value() if isinstance(act, Put) and len(act.value.data) <= _SMALL else None
    about = {name: told.get(name) for name in ("do", "state")} if isinstance(told, dict) else {}
    audit.note("Order", who_is(process), {"name": act.name, **about})


def note_refused(
    audit: Audit,
    connection: ClientConnection | None,
    visitor: Visitor | None,
    message: Message | None,
    error: Exception,
) -> None:
    """Notes a message that was refused, if it is one of those, or if a right or a seat was missing."""
    if message is None or not (type(message) in NOTED or isinstance(error, RightsError | FencedError)):
        return
    if connection is not None:
        who = who_is(connection.process)
    elif visitor is not None:
        who = {"key": visitor.name, "from": visitor.address}
    else:
        who = {"from": "ipc"}
    audit.note(type(message).__name__, who, _about(message), f"{type(error).__name__}: {error}")


def note_key(audit: Audit, public: str, name: str, address: str) -> None:
    """Notes that a key came in, or was refused, at the port."""
    audit.note("Key", {"key": name or public, "from": address}, {}, None if name else "not authorized")


def note_gone(audit: Audit, connection: ClientConnection, why: str) -> None:
    """Notes that a role has lost who filled it, in another way than by leaving it."""
    seat = connection.seat
    if seat is not None:
        audit.note("Gone", who_is(connection.process), {"space": seat.space, "role": seat.role, "state": why})


def who_is(process: ClientProcess) -> dict[str, Any]:
    """A client: by its key if it came in at the port, else by its process, which is one of this user."""
    by = {"uid": os.getuid()} if process.visitor is None else {"key": process.visitor.name}
    place = "ipc" if process.visitor is None else process.visitor.address
    return {**by, "pid": process.pid, "client": process.name, "from": place}


def _about(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _ABOUT if getattr(message, name, None) is not None}
