"""The summary of a recording, in numbers."""

from dataclasses import dataclass, field

from mcap.records import Metadata

from agentspace.recording.reader import Raw, Recording
from agentspace.recording.schemas import END, LOSS


@dataclass
class SlotSummary:
    """One slot of a recording.

    Attributes:
        name: The slot.
        kinds: How many changes of each kind.
        types: Of its values, in the order of their first appearance.
        writers: Roles, in the same.
        first: When its first change was heard of, in seconds since 1970.
        last: The same of its last.
        size: Bytes of all its messages.
    """

    name: str
    kinds: dict[str, int] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0
    size: int = 0

    @property
    def changes(self) -> int:
        """Of all kinds."""
        return sum(self.kinds.values())


@dataclass
class Summary:
    """The content of a recording.

    Attributes:
        about: What it says of itself.
        end: What it says of its end; empty if it was interrupted.
        started: When it began, in seconds since 1970.
        duration: Seconds.
        lost: Changes that were lost while it was recorded.
        slots: By name.
        damage: What could not be read, in words; empty if nothing.
    """

    about: dict[str, str]
    end: dict[str, str]
    started: float
    duration: float
    lost: int
    slots: dict[str, SlotSummary]
    damage: list[str]


def summarize(recording: Recording) -> Summary:
    """Reads a recording to its end, and says what is in it."""
    end: dict[str, str] = {}
    losses: list[int] = []
    slots: dict[str, SlotSummary] = {}
    last = recording.started

    def note(metadata: Metadata) -> None:
        if metadata.name == END:
            end.update(metadata.metadata)
        elif metadata.name == LOSS:
            losses.append(int(metadata.metadata.get("lost", "0")))

    for raw in recording.raw(note=note):
        _count(slots.setdefault(raw.name, SlotSummary(raw.name)), raw)
        last = max(last, raw.heard)
    last = int(end.get("ended", last))
    begin, span = recording.started / 1e9, (last - recording.started) / 1e9
    found = dict(sorted(slots.items()))
    return Summary(recording.about, end, begin, span, sum(losses), found, list(recording.damage))


def _count(slot: SlotSummary, raw: Raw) -> None:
    message, heard = raw.message, raw.heard / 1e9
    slot.first = slot.first or heard
    slot.last = max(slot.last, heard)
    slot.kinds[message.kind] = slot.kinds.get(message.kind, 0) + 1
    slot.size += message.ByteSize() + len(raw.picture or b"")
    if message.type and message.type not in slot.types:
        slot.types.append(message.type)
    if message.writer not in slot.writers:
        slot.writers.append(message.writer)
