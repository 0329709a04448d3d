"""The segments of shared memory that messages lend to their receivers."""

from collections.abc import Callable
from typing import Any, Final

from agentspace.wire.format import Message
from agentspace.wire.from_server import Changes, Dispatch, Entries, Joined, Portion, TakeBack, TakeOver

LENDING: Final = frozenset({Changes, Dispatch, Entries, Joined, Portion, TakeBack, TakeOver})  #: messages that may


def segments_of(message: Message) -> list[int]:
    """The segments that a message lends to its receiver."""
    match message:
        case Entries(_, heads) | Changes(_, _, heads):
            return [ref[0] for head in heads for ref in head[9]]
        case Dispatch(_, _, _, newest, every):
            return [ref[0] for head in (*newest, *every) for ref in head[9]]
        case Joined(_, _, [_, refs]) | TakeOver(_, [_, refs]) | TakeBack(_, [_, refs]):
            return [ref[0] for ref in refs]
    return []


def hold(message: Any, holding: Callable[[list[Any]], object]) -> None:
    """Puts what holds them in the place of the segments that one of the `LENDING` lends to its receiver."""
    match message:
        case Dispatch(_, _, _, newest, every):
            heads = [*newest, *every] if every else newest
        case Joined(_, _, kept) | TakeOver(_, kept) | TakeBack(_, kept):
            if kept is not None and kept[1]:
                kept[1] = holding(kept[1])
            return
        case _:
            heads = message.heads
    for head in heads:
        if head[9]:
            head[9] = holding(head[9])
