"""Messages that come in parts: of very many slots, no single message is packed, sent or read in one go."""

from agentspace.wire.format import Message
from agentspace.wire.from_server import Changes, Dispatch, Entries, Part


class Parts:
    """The parts of one message that have come, at its receiver."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._frames: list[bytes] = []

    def __bool__(self) -> bool:
        """Whether the message is under way."""
        return bool(self._parts)

    def add(self, part: Part, frames: list[bytes]) -> None:
        """One more part has come."""
        self._parts.append(part)
        self._frames += frames

    def complete(self, message: Message, frames: list[bytes]) -> list[bytes]:
        """The message itself has come: it has all that its parts have, before its own; gives all frames."""
        if not self._parts or not isinstance(message, Entries | Changes | Dispatch):
            return frames
        heads = [head for part in self._parts for head in part.heads]
        if isinstance(message, Dispatch):
            message.names[:0] = [name for part in self._parts for name in part.names]
            message.newest[:0] = heads
        else:
            message.heads[:0] = heads
        frames = self._frames + frames
        self.clear()
        return frames

    def clear(self) -> None:
        """The message will not come."""
        self._parts, self._frames = [], []
