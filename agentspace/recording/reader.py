"""Reading a recording: the changes in it, in their order."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from google.protobuf.message import DecodeError
from mcap.reader import make_reader
from mcap.records import Channel, McapRecord, Message, Metadata, Schema

from agentspace.core.change import Kind, Writer
from agentspace.core.values.masks import Mask
from agentspace.core.values.value import Value
from agentspace.errors import AgentspaceError, RecordingError
from agentspace.recording import packing
from agentspace.recording.records import READ_ERRORS, Records, Whole
from agentspace.recording.schemas import ABOUT, CHANGE, FORMAT, FURTHER, IMAGE, SLOT, Change

_DIGITS: Final = 20  #: of a time in nanoseconds since 1970


@dataclass(frozen=True)
class Recorded:
    """A change of a slot, as it was recorded.

    Attributes:
        name: The slot.
        kind: What happened.
        value: The value; None for every kind but WRITTEN.
        time: When it happened, in seconds since 1970.
        revision: Of the slot.
        priority: With which it was written or deleted.
        validity: Seconds for which it was meant to hold; None for ever.
        writer: Who did it.
        latency: Seconds from the root cause to this.
    """

    name: str
    kind: Kind
    value: Value
    time: float
    revision: int
    priority: float
    validity: float | None
    writer: Writer
    latency: float


class Raw(NamedTuple):
    """A change whose value has not been decoded yet; times in nanoseconds since 1970."""

    name: str
    time: int
    heard: int
    message: Any
    picture: bytes | None

    @property
    def ends(self) -> float:
        """When what was written runs out; inf if never."""
        return self.time + 1e9 * float(self.message.validity)

    def decoded(self) -> Recorded:
        """With its value.

        Raises:
            RecordingError: The value cannot be read.
        """
        message = self.message
        try:
            value, kind = packing.unpack(message, self.picture), Kind(message.kind)
        except (AgentspaceError, ValueError) as error:
            raise RecordingError(f"a change of {self.name!r} cannot be read: {error}") from None
        validity = None if math.isinf(message.validity) else message.validity
        writer = Writer(message.writer, message.epoch)
        told = message.revision, message.priority, validity, writer, message.latency
        return Recorded(self.name, kind, value, self.time / 1e9, *told)


class Recording:
    """A file that `Recorder` made, whole or interrupted.

    Args:
        path: The file.

    Attributes:
        path: The file.
        about: What it says of itself.
        started: When it began, in nanoseconds since 1970.
        damage: What could not be read by the last pass through the file; empty if nothing.

    Raises:
        RecordingError: It cannot be read, is not MCAP, or holds no slots.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.damage: list[str] = []
        self.about = self._read_about()
        began = self.about.get("started", "0")
        if not (began.isascii() and began.isdigit() and len(began) <= _DIGITS):
            raise RecordingError(f"{self.path} is damaged: it began at {began!r:.80}, which is no time")
        self.started = int(began)

    def changes(self, masks: Sequence[str] = ("*", "_*")) -> Iterator[Recorded]:
        """The changes of the slots under some masks, in the order in which they were heard of."""
        return (raw.decoded() for raw in self.raw(masks))

    def raw(
        self, masks: Sequence[str] = ("*", "_*"), note: Callable[[Metadata], None] = lambda metadata: None
    ) -> Iterator[Raw]:
        """The same; their values have not been decoded yet.

        Args:
            masks: Which slots.
            note: Hears of the records of metadata.
        """
        joined = _Joined([Mask(mask) for mask in masks])
        records = Records(self.path)
        try:
            for record in records:
                if isinstance(record, Metadata):
                    note(record)
                elif (raw := joined.add(record)) is not None:
                    yield raw
        except DecodeError as error:
            raise RecordingError(f"{self.path}: a change cannot be read: {error}") from None
        finally:
            self.damage = records.damage

    def slots(self) -> list[str]:
        """The names of the recorded slots; from the index of the file, if it has one."""
        try:
            with self.path.open("rb") as file:
                whole: Any = Whole(file)
                index = make_reader(whole).get_summary()
        except READ_ERRORS:
            index = None
        channels = [] if index is None else list(index.channels.values())
        if not channels or any(channel.topic == FURTHER for channel in channels):
            return sorted({raw.name for raw in self.raw()})
        return sorted({channel.metadata.get(SLOT, "") for channel in channels} - {""})

    def _read_about(self) -> dict[str, str]:
        for record in Records(self.path):
            if isinstance(record, Metadata) and record.name == ABOUT:
                form = record.metadata.get("format")
                if form == FORMAT:
                    return dict(record.metadata)
                raise RecordingError(f"{self.path} has format {form!r}; this version reads format {FORMAT!r}")
            if isinstance(record, Schema | Channel | Message):
                break
        raise RecordingError(f"{self.path} is MCAP, but holds no slots of a space. {_held(self.path)}")


class _Joined:
    """Joins the records of a file to changes.

    Args:
        masks: Which slots.
    """

    def __init__(self, masks: Sequence[Mask]) -> None:
        self._masks = masks
        self._schemas: dict[int, str] = {}
        self._channels: dict[
            int, tuple[str, str]
        ] = {}  # slot and schema, of the wanted ones; no slot: it is in the messages
        self._pictures: dict[str, Message] = {}  # the newest of each slot

    def add(self, record: McapRecord) -> Raw | None:
        """Takes a record; gives the change that is complete with it."""
        if isinstance(record, Message):
            slot, schema = self._channels.get(record.channel_id, ("", ""))
            if schema == IMAGE:
                self._pictures[slot or CompressedImage.FromString(record.data).frame_id] = record
            elif schema == CHANGE:
                return self._change(slot, record)
        elif isinstance(record, Schema):
            self._schemas[record.id] = record.name
        elif isinstance(record, Channel):
            slot = record.metadata.get(SLOT, "")
            if record.topic == FURTHER or (slot and self._wants(slot)):
                self._channels[record.id] = slot, self._schemas.get(record.schema_id, "")
        return None

    def _wants(self, slot: str) -> bool:
        return any(mask.matches(slot) for mask in self._masks)

    def _change(self, slot: str, record: Message) -> Raw | None:
        message = Change.FromString(record.data)
        name = slot or message.slot
        picture = self._pictures.pop(name, None)
        if not name or (name != slot and not self._wants(name)):
            return None
        data = None
        if message.image and picture is not None and picture.sequence == record.sequence:
            data = CompressedImage.FromString(picture.data).data
        return Raw(name, record.publish_time, record.log_time, message, data)


def read(path: Path | str, masks: Sequence[str] = ("*",)) -> Iterator[Recorded]:
    """The changes in a recording, in the order in which they were heard of.

    Args:
        path: The file.
        masks: Which slots.

    Raises:
        RecordingError: The file cannot be read, is not MCAP, or holds no slots.
    """
    return Recording(path).changes(masks)


def _held(path: Path) -> str:
    """The content of another program's file, in words."""
    schemas: dict[int, str] = {}
    topics: dict[int, str] = {}
    counts: Counter[int] = Counter()
    for record in Records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record.name
        elif isinstance(record, Channel):
            topics[record.id] = f"{record.topic} ({schemas.get(record.schema_id) or 'no schema'})"
        elif isinstance(record, Message):
            counts[record.channel_id] += 1
    if not topics:
        return "It holds nothing"
    shown = [f"{topic}: {counts[number]} messages" for number, topic in list(topics.items())[:20]]
    return "It holds " + ", ".join(shown) + (", ..." if len(topics) > 20 else "")
