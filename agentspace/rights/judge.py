"""What each message of a client needs, and whether the holder of a key may send it.

Pure, and total: a message that is not in the table is refused. That a role is acted in by the process that fills
it, the server checks besides, for everybody.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from agentspace.core.life import LAUNCHES, ORDERS
from agentspace.rights.right import Need, Rights, Verb
from agentspace.wire import from_client
from agentspace.wire.format import Message

_OPERATED: Final = (LAUNCHES, ORDERS)  # written by launches, and by those who give them orders


def refusal(rights: Rights, message: Message) -> str | None:
    """Why a message of the holder of a key is refused; None if it is not."""
    needs = NEEDS.get(type(message))
    if needs is None:
        return f"key {rights.name!r} may not send {type(message).__name__}: no right covers it"
    return next((rights.why_not(need) for need in needs(message) if not rights.allow(need)), None)


def _nothing(message: Any) -> Iterable[Need]:
    """Whoever comes in may say that he is here, ready for more, or about to go."""
    return ()


def _write(message: from_client.Write | from_client.Delete) -> Iterable[Need]:
    return (*([Need(Verb.ACT, message.role)] if message.epoch else []), _change(message.name))


def _change(slot: str) -> Need:
    for prefix in _OPERATED:
        if slot.startswith(prefix):
            return Need(Verb.OPERATE, slot.removeprefix(prefix))
    return Need(Verb.WRITE, slot)


def _commit(message: from_client.Commit) -> Iterable[Need]:
    yield Need(Verb.ACT, message.role)
    for act in message.acts:
        named = type(act) is list and act and type(act[0]) is str
        yield _change(act[0]) if named else Need(Verb.WRITE, None)


def _read(message: from_client.Read) -> Iterable[Need]:
    return (Need(Verb.READ, message.mask),)


def _follow(message: from_client.Follow) -> Iterable[Need]:
    return (Need(Verb.TRIGGER, message.mask),)


def _attach(message: from_client.Attach) -> Iterable[Need]:
    return (Need(Verb.ACT, message.role), *([] if message.kind is None else [Need(Verb.TRIGGER, message.mask)]))


def _act(message: Any) -> Iterable[Need]:
    return (Need(Verb.ACT, message.role),)


def _stand_by(message: from_client.StandBy) -> Iterable[Need]:
    return (Need(Verb.ACT, message.role), *([] if message.number else [Need(Verb.SWAP, message.role)]))


def _swap(message: Any) -> Iterable[Need]:
    return (Need(Verb.SWAP, message.role),)


def _stop(message: from_client.Stop) -> Iterable[Need]:
    return (Need(Verb.STOP, None if message.role == "*" else message.role),)


def _operate(message: from_client.Configure) -> Iterable[Need]:
    return (Need(Verb.OPERATE, message.role),)


def _drive(message: Any) -> Iterable[Need]:
    """The time is everybody's: who moves it operates all roles."""
    return (Need(Verb.OPERATE, None),)


NEEDS: Final[dict[type[Message], Callable[[Any], Iterable[Need]]]] = {
    from_client.Hello: _nothing,
    from_client.Beat: _nothing,
    from_client.Bye: _nothing,
    from_client.HangUp: _nothing,
    from_client.Before: _nothing,
    from_client.Seen: _nothing,
    from_client.Release: _nothing,
    from_client.Write: _write,
    from_client.Delete: _write,
    from_client.Commit: _commit,
    from_client.Read: _read,
    from_client.Follow: _follow,
    from_client.Attach: _attach,
    from_client.Join: _act,
    from_client.Running: _act,
    from_client.Collect: _act,
    from_client.Leave: _act,
    from_client.AtFault: _act,
    from_client.Configured: _act,
    from_client.HandOver: _act,
    from_client.Prepared: _act,
    from_client.StandBy: _stand_by,
    from_client.SuccessorLost: _act,
    from_client.RequestSwap: _swap,
    from_client.Stop: _stop,
    from_client.Configure: _operate,
    from_client.Idle: _act,
    from_client.Advance: _drive,
    from_client.Conduct: _drive,
}
