"""The segments of shared memory that messages lend to their receivers."""

from agentspace.wire.format import Message
from agentspace.wire.from_server import Changes, Dispatch, Entries, Joined, TakeBack, TakeOver


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
