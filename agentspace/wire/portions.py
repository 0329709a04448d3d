"""Messages that come in portions: of very many slots, no single message is packed, sent or read in one go."""

from agentspace.wire.format import Message
from agentspace.wire.from_server import Changes, Dispatch, Entries, Portion


class Portions:
    """The portions of one message that have come, at its receiver."""

    def __init__(self) -> None:
        self._portions: list[Portion] = []
        self._frames: list[bytes] = []

    def __bool__(self) -> bool:
        """Whether the message is under way."""
        return bool(self._portions)

    def add(self, portion: Portion, frames: list[bytes]) -> None:
        """One more portion has come."""
        self._portions.append(portion)
        self._frames += frames

    def complete(self, message: Message, frames: list[bytes]) -> list[bytes]:
        """The message itself has come: it has all that its portions have, before its own; gives all frames."""
        if not self._portions or not isinstance(message, Entries | Changes | Dispatch):
            return frames
        heads = [head for portion in self._portions for head in portion.heads]
        if isinstance(message, Dispatch):
            message.names[:0] = [name for portion in self._portions for name in portion.names]
            message.newest[:0] = heads
        else:
            message.heads[:0] = heads
        frames = self._frames + frames
        self.clear()
        return frames

    def clear(self) -> None:
        """The message will not come."""
        self._portions, self._frames = [], []
